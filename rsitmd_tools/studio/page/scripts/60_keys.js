"use strict";
// Keyboard control of a whole task: the first field has the focus when a task opens, Tab moves
// between fields, Ctrl + Enter submits, and keys typed in a field never trigger page shortcuts.
window.rsitmd = window.rsitmd || {};

window.rsitmd.keys = (() => {
  const { changes, editor, guide, opened, requests } = window.rsitmd;
  const { enters, isLost, openPencil } = changes;
  const HOLD = 3000; // milliseconds
  let until = 0;
  let touched = false; // whether the annotator has used this page
  let wanted = null; // the annotation whose first field will get the focus

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

  // ---- when a task opens

  // The editor draws a task in several steps, and a field that is drawn again loses the focus. So
  // restore the focus for a short time, unless the annotator moves elsewhere.
  function holdFirst() {
    if (!wanted) return;
    if (guide.shown()) {
      guide.focus();
      until = Date.now() + HOLD;
    } else {
      if (isLost() && !changes.reopen()) focusFirst();
      if (Date.now() > until) wanted = null;
    }
  }

  function focusFirst() {
    const [control] = editor.controls();
    const first = control ? stopOf(control) : document.querySelector(".rsitmd-licence input");
    first?.focus();
    if (isDraft() && isPencil(first)) openPencil(first); // the annotator's own unfinished text
  }

  function isDraft(of = wanted) {
    return Boolean(of.draftId && !of.pk && !of.parent_prediction);
  }

  // Insert what a key enters into the first text, if its field is not on the page at the moment. The
  // editor may be about to replace the annotation: its copy in this browser is restored then.
  function insertUnseen(event) {
    const [control] = editor.controls();
    if (!control || editor.annotation() !== wanted || wanted.isReadOnly()) return;
    const text = !requests.isSent(wanted) && enters(event, isDraft() && editor.isSentence(control));
    if (!text) return;
    stop(event);
    editor.insert(control, text);
    changes.forget(); // the next key goes to the end too
    window.rsitmd.backup.save();
    window.rsitmd.drafts.changed();
  }

  opened.listen((annotation) => {
    wanted = editor.writable() ? annotation : null;
    until = Date.now() + HOLD;
    holdFirst();
  });

  // Return whether a space at the start of what is typed separates it from a text that is unfinished.
  function continues(control) {
    return isDraft(editor.annotation()) && /\S$/.test(editor.texts(control)[0] || "");
  }

  // Letters that were typed while the guide closed go into the first field, at the end of its text.
  guide.toFirst((typed) => {
    const [control] = editor.controls();
    const first = control && stopOf(control);
    if (!first) return false;
    const letters = continues(control) ? typed : typed.trimStart();
    first.focus();
    const insert = () => document.execCommand("insertText", false, letters);
    if (!letters) return true;
    // Insert before the next key is handled. A pencil becomes a field in a microtask.
    if (isPencil(first)) openPencil(first).then(insert);
    else insert();
    return true;
  });

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
    if (!guide.shown()) wanted = null;
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
  // So does Enter, at once: the editor can replace the pencil before the browser presses it.
  function onPencil(event, pencil) {
    if (event.key === "Enter") stop(event);
    else if (enters(event)) event.stopImmediatePropagation();
    else return;
    openPencil(pencil);
  }

  addEventListener("keydown", (event) => {
    if (guide.handles(event)) stop(event);
    else if (guide.shown() && event.key === "Escape") guide.pressClose();
    if (event.isComposing || !editor.annotation() || guide.shown()) return;
    if (wanted && isLost()) focusFirst(); // the typed text goes into the field
    if (wanted && isLost()) insertUnseen(event);
  }, true);

  // A listener of its own: a pencil that the one above has opened is a field now.
  addEventListener("keydown", (event) => {
    if (!editor.annotation() || guide.shown()) return;
    const target = document.activeElement;
    const here = editor.fieldOf(target);
    if (event.isComposing) {
      // The key is for the input method. The editor would close the field of a saved text.
      if (here) event.stopImmediatePropagation();
      return;
    }
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
  }, true);

  // The editor handles shortcuts at the document, after it handled keys of a field at its root.
  // Enter and Space on a button press it: do not let shortcuts of the same name prevent that.
  document.body.addEventListener("keydown", (event) => {
    const presses = ["Enter", " "].includes(event.key) && event.target.closest?.("button, a");
    if (editor.fieldOf(event.target) || (presses && !editor.isChord(event))) event.stopPropagation();
  });

  return { focus };
})();
