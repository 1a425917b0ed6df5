"use strict";
// A whole task by keys: the focus stands in the first field when a task opens, Tab goes from field
// to field, Ctrl + Enter submits, and nothing that is typed in a field is a hot key of the page.
window.rsitmd = window.rsitmd || {};

window.rsitmd.keys = (() => {
  const { editor, opened, requests } = window.rsitmd;
  const CLOSE = "[aria-label='Close modal']";
  const HOLD = 3000; // milliseconds
  let until = 0;
  let touched = false; // whether the person has used this page
  let wanted = null; // the annotation whose first field waits for the focus

  // What Tab reaches of a control: the open field, a text that is being changed, or its pencil.
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

  // Open a text that stands there, with the caret at its end.
  function openPencil(pencil) {
    pencil.click();
    Promise.resolve().then(() => {
      const field = document.activeElement;
      if (editor.fieldOf(field)?.region) field.setSelectionRange(field.value.length, field.value.length);
    });
  }

  // ---- when a task opens

  function guide() {
    return document.querySelector(".lsf-modal-ls");
  }

  // The editor draws a task in several steps, and a field that it draws anew loses the focus: so
  // the focus is held for a moment, unless the person goes elsewhere.
  function holdFirst() {
    if (!wanted) return;
    if (guide()) {
      // Enter closes the guide that greets people.
      if (!guide().contains(document.activeElement)) guide().querySelector(CLOSE)?.focus();
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
    if (draft && isPencil(first)) openPencil(first); // a text of one's own, not finished
  }

  opened.listen((annotation) => {
    wanted = editor.writable() ? annotation : null;
    until = Date.now() + HOLD;
    holdFirst();
  });

  // The end of the queue has no task, and what was sent back stands there: the guide that greets
  // people must not hide it. A guide that a person opened there stays until Enter or Escape.
  function uncoverEnd() {
    const close = editor.store()?.noTask && guide()?.querySelector(CLOSE);
    if (!close) return;
    if (!touched) close.click();
    else if (!guide().contains(document.activeElement)) close.focus();
  }

  setInterval(() => {
    holdFirst();
    uncoverEnd();
  }, 150);
  for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => (touched = true), true);
  addEventListener("pointerdown", () => {
    if (!guide()) wanted = null;
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
    if (!here?.region && (!next || !stopOf(next))) return; // the browser's own order
    stop(event);
    if (here?.region) editor.endChanges(); // the editor's own Tab throws the new text away
    // After the editor has redrawn: what had the focus is gone, or has become a pencil.
    Promise.resolve().then(() => {
      const to = (next && stopOf(next)) || stopOf(here.control);
      to?.focus();
    });
  }

  function onEnter(event, here, target) {
    if (here.region && target.tagName === "INPUT") {
      // A keyword that was changed: the editor keeps it and takes its field away.
      setTimeout(() => focusIfLost(here.control));
    } else if (target.tagName === "TEXTAREA") {
      // A line break, with Shift too. The editor would add the text and close the field; what is
      // typed after it would be lost, or be hot keys.
      event.stopImmediatePropagation();
    }
  }

  function focusIfLost(control) {
    if (isLost()) stopOf(control)?.focus();
  }

  // A letter typed on a sentence that stands there changes it, as in a field.
  function onPencil(event, pencil) {
    const letter = event.key.length === 1 && event.key !== " ";
    if (!letter || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopImmediatePropagation();
    openPencil(pencil);
  }

  addEventListener("keydown", (event) => {
    if (guide() && event.key === "Escape") guide().querySelector(CLOSE)?.click();
    if (event.isComposing || !editor.annotation() || guide()) return;
    if (wanted && isLost()) focusFirst(); // what is typed goes into the field
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
  }, true);

  // The editor hears hot keys at the document; it has seen a key in a field before, at its root.
  // Enter and Space on a button press it: the hot keys of the same name would keep them away.
  document.body.addEventListener("keydown", (event) => {
    const presses = ["Enter", " "].includes(event.key) && event.target.closest?.("button, a");
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (editor.fieldOf(event.target) || (presses && !chord)) event.stopPropagation();
  });

  return { focus };
})();
