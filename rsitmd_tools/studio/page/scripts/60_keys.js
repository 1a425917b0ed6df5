"use strict";
// Keyboard control of a whole task: the first field has the focus when a task opens, Tab moves
// between fields, Ctrl + Enter submits, and keys typed in a field never trigger page shortcuts.
window.rsitmd = window.rsitmd || {};

window.rsitmd.keys = (() => {
  const { editor, guide, opened, requests } = window.rsitmd;
  const HOLD = 3000; // milliseconds
  const EVERY = 50; // milliseconds between looks at the first field
  const SETTLED = 300; // milliseconds without a change of the first field
  const LONGEST = 30000; // milliseconds that letters wait for the first field
  const NO_FIELD = 1000; // milliseconds that they wait on a page without text fields
  const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];
  let until = 0;
  let touched = false; // whether the annotator has used this page
  let wanted = null; // the annotation whose first field will get the focus
  let waiting = ""; // letters for the first field, typed while the editor draws it
  let image = null; // the image for which they were typed
  let since = 0; // when the first of them was typed
  let inserted = Promise.resolve(); // when the last letters that waited are in the field
  let typed = null; // the text of the first field, if it was typed just after the task opened
  let drawn = { what: null, at: 0 }; // the first field, and when it was drawn

  // Return the Tab stop of a control: the open field, a text being changed, or its pencil.
  function stopOf(control) {
    const field = editor.openField(control);
    if (field) return field;
    const region = control.regions[0];
    return region && (editor.changeField(control, region) || editor.pencil(region));
  }

  function isPencil(element) {
    return element?.getAttribute?.("aria-label") === "Edit Region";
  }

  function focus(control) {
    const stop = stopOf(control);
    stop?.focus();
    if (isPencil(stop)) openPencil(stop);
  }

  // Open a saved text for changes, with the caret at its end.
  function openPencil(pencil) {
    pencil.click();
    return Promise.resolve().then(() => {
      const field = document.activeElement;
      if (editor.fieldOf(field)?.region) field.setSelectionRange(field.value.length, field.value.length);
    });
  }

  // ---- when a task opens

  // The editor draws a task in several steps, and a field that is drawn again loses the focus. So
  // restore the focus for a short time, unless the annotator moves elsewhere.
  function holdFirst() {
    if (!wanted) return;
    if (guide.shown()) {
      guide.focus();
      until = Date.now() + HOLD;
    } else {
      if (isLost()) focusFirst();
      if (Date.now() > until) wanted = null;
    }
  }

  function isLost() {
    return !document.activeElement || document.activeElement === document.body;
  }

  function focusFirst() {
    const [control] = editor.controls();
    const first = control ? stopOf(control) : document.querySelector(".rsitmd-licence input");
    first?.focus();
    const draft = wanted.draftId && !wanted.pk && !wanted.parent_prediction;
    if (draft && isPencil(first)) openPencil(first); // the annotator's own unfinished text
  }

  opened.listen((annotation) => {
    wanted = editor.writable() ? annotation : null;
    until = Date.now() + HOLD;
    drawn = { what: null, at: 0 };
    holdFirst();
  });

  // Insert letters at the end of the text of the first field. Return whether there is one.
  function putInFirst(letters) {
    const [control] = editor.controls();
    const first = control && stopOf(control);
    if (!first) return false;
    first.focus();
    if (!letters) return true;
    // A pencil becomes a field in a microtask, before the next key is handled.
    if (isPencil(first)) inserted = openPencil(first).then(() => insert(letters));
    else insert(letters);
    return true;
  }

  function insert(letters) {
    const field = document.activeElement;
    const before = field?.value;
    document.execCommand("insertText", false, letters);
    if (field?.value !== before) return;
    // The editor has drawn the field again: try again later.
    if (!waiting) [image, since] = [editor.imageKey(), Date.now()];
    waiting = letters + waiting;
  }

  guide.toFirst(putInFirst); // letters that were typed while the guide closed

  // ---- letters typed while the editor draws the first field

  // For some time, the editor draws a saved text again and again. Letters in its field would be
  // lost each time. So they wait until the field remains the same.

  function isDrawing() {
    const [control] = editor.controls();
    if (editor.ready() && !control) return false; // a page without text fields
    if (opened.isNew()) return true; // its text is not restored yet
    if (!wanted) return Boolean(editor.store()?.isLoading) && !requests.busy();
    const region = control?.regions[0];
    const there = editor.ready() && control && stopOf(control);
    const what = there ? region?.id || "empty" : null;
    if (what !== drawn.what) drawn = { what, at: Date.now() };
    return what !== "empty" && Date.now() < drawn.at + (what ? SETTLED : HOLD);
  }

  // Return whether the focus is where the annotator expects letters to go: in the first field.
  function isInFirst() {
    if (isLost()) return true;
    const [control] = editor.controls();
    if (!control) return false;
    return isPencil(document.activeElement)
      ? document.activeElement === stopOf(control)
      : editor.fieldOf(document.activeElement)?.control === control;
  }

  // Keep a key for the first field. Return whether it was kept.
  function keeps({ key, ctrlKey, metaKey, altKey }) {
    if (ctrlKey || metaKey || altKey || !isInFirst()) return false;
    if (!waiting && !isDrawing()) return false;
    if (!editor.imageKey()) return false;
    if (!waiting) [image, since] = [editor.imageKey(), Date.now()];
    if (key === "Backspace" && waiting) waiting = waiting.slice(0, -1);
    else if (key === "Enter" && (waiting || (wanted && !wanted.pk))) waiting += "\n";
    else if (key.length === 1) waiting += key;
    else return false;
    return true;
  }

  function putWaiting() {
    if (!waiting || !editor.ready()) return;
    const letters = waiting;
    const longest = editor.controls().length ? LONGEST : NO_FIELD;
    waiting = "";
    if (image !== editor.imageKey() || Date.now() > since + longest) return;
    if (!putInFirst(letters)) waiting = letters;
  }

  // If the editor has drawn the first field again without what was typed in it, put it back.
  function putBack() {
    if (!typed || !wanted || typed.image !== editor.imageKey()) return;
    if (!editor.writable() || opened.isNew()) return;
    const [control] = editor.controls();
    const first = control && stopOf(control);
    if (!first || (editor.texts(control)[0] || "") === typed.text) return;
    if (isPencil(first)) {
      editor.fill(control, [typed.text]);
    } else {
      first.focus();
      first.select();
      document.execCommand("insertText", false, typed.text);
    }
    window.rsitmd.drafts.changed();
  }

  addEventListener("input", ({ target }) => {
    const here = wanted && editor.fieldOf(target);
    if (!here) typed = null;
    else if (here.control === editor.controls()[0]) {
      typed = { image: editor.imageKey(), text: target.value };
    }
  });

  setInterval(() => {
    putBack();
    if (!isDrawing()) putWaiting();
  }, EVERY);

  // The end of the queue has no task, and lists sentences that were sent back: close the guide that
  // opens automatically. A guide that the annotator opened remains until Enter or Escape.
  function uncoverEnd() {
    if (!editor.store()?.noTask || !guide.shown()) return;
    if (!touched) guide.close();
    else guide.focus();
  }

  setInterval(() => {
    holdFirst();
    uncoverEnd();
  }, 150);
  for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => (touched = true), true);
  addEventListener("pointerdown", () => {
    if (guide.shown()) return;
    wanted = null;
    putWaiting(); // before the click moves the focus
  }, true);

  // ---- keys

  function stop(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function goFrom(event, here, target) {
    const back = event.shiftKey;
    const order = editor.controls();
    const at = here ? order.indexOf(here.control) : order.findIndex((c) => stopOf(c) === target);
    const next = at < 0 ? null : order[at + (back ? -1 : 1)];
    if (!here?.region && (!next || !stopOf(next))) return; // use the browser's own order
    stop(event);
    if (here?.region) editor.endChanges(); // the editor's own Tab discards the new text
    // After the editor redraws: the focused element is gone, or has become a pencil.
    Promise.resolve().then(() => {
      const to = (next && stopOf(next)) || stopOf(here.control);
      to?.focus();
    });
  }

  function onEnter(event, here, target) {
    if (here.region && target.tagName === "INPUT") {
      // A changed keyword: the editor saves it and removes its field.
      setTimeout(() => focusIfLost(here.control));
    } else if (target.tagName === "TEXTAREA") {
      // Insert a line break, also with Shift. The editor would add the text and close the field;
      // the next keys would be lost or trigger shortcuts.
      event.stopImmediatePropagation();
    }
  }

  function focusIfLost(control) {
    if (isLost()) stopOf(control)?.focus();
  }

  // A letter or a space typed on the pencil of a saved sentence opens it, as a field would accept it.
  function onPencil(event, pencil) {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopImmediatePropagation();
    openPencil(pencil);
  }

  addEventListener("keydown", (event) => {
    if (guide.handles(event)) stop(event);
    else if (guide.shown() && event.key === "Escape") guide.pressClose();
    if (event.isComposing || guide.shown()) return;
    putBack();
    if (keeps(event)) {
      stop(event);
    } else if (editor.annotation() && waiting && !MODIFIERS.includes(event.key)) {
      stop(event);
      putWaiting();
      inserted.then(() => act(event));
    } else if (editor.annotation()) {
      act(event);
    }
  }, true);

  function act(event) {
    if (wanted && isLost()) focusFirst(); // the typed text goes into the field
    const target = document.activeElement;
    const here = editor.fieldOf(target);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      if (!here && target.closest("[contenteditable], .lsf-comments")) return;
      stop(event);
      if (!event.repeat && !requests.busy()) window.rsitmd.submit.press();
    } else if (event.key === "Enter" && here) {
      onEnter(event, here, target);
    } else if (event.key === "Tab" && !event.ctrlKey && !event.altKey && !event.metaKey) {
      if (here || isPencil(target)) goFrom(event, here, target);
    } else if (isPencil(target)) {
      onPencil(event, target);
    }
  }

  // The editor handles shortcuts at the document, after it handled keys of a field at its root.
  // Enter and Space on a button press it: do not let shortcuts of the same name prevent that.
  document.body.addEventListener("keydown", (event) => {
    const presses = ["Enter", " "].includes(event.key) && event.target.closest?.("button, a");
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (editor.fieldOf(event.target) || (presses && !chord)) event.stopPropagation();
  });

  return { focus };
})();
