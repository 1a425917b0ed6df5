"use strict";
// Keeps the text of a saved sentence or keyword while it is being changed.
//
// The editor replaces all saved texts when the image arrives and when the size of the image on the
// page changes, for example because the window was resized. The field in which a text was being
// changed is gone then, with the change. So every change is added to the annotation at once, and the
// field is opened again, with the caret at its place.
window.rsitmd = window.rsitmd || {};

window.rsitmd.changes = (() => {
  const { editor } = window.rsitmd;
  const EVERY = 50; // milliseconds
  // The text that is being changed: its field, its place, its text before, its caret, and whether it
  // has been changed since the field was opened.
  let open = null;

  // Return the control and the region of the text that is being changed, or null.
  function place() {
    if (open.image !== editor.imageKey()) return null;
    const control = editor.controls().find((c) => c.name === open.name);
    const region = control?.regions[open.at];
    return region ? { control, region } : null;
  }

  // Return whether no element has the focus.
  function isLost() {
    return !document.activeElement || document.activeElement === document.body;
  }

  // Open a saved text for changes, with the caret at its end or at these positions.
  function openPencil(pencil, caret = null) {
    pencil.click();
    return Promise.resolve().then(() => {
      const field = document.activeElement;
      if (caret && editor.fieldOf(field)?.region) field.setSelectionRange(...caret);
    });
  }

  function isRemoved() {
    return Boolean(open) && !open.field.isConnected && isLost() && editor.writable();
  }

  // Open the field again if the editor has removed it. Return whether it was opened.
  function reopen() {
    const there = isRemoved() && place();
    const pencil = there && editor.pencil(there.region);
    if (pencil) openPencil(pencil, open.caret);
    return Boolean(pencil);
  }

  // Return the text that a key enters, or null; Enter is a line break in a field of several lines.
  function enters(event, lines = false) {
    const { key } = event;
    if (editor.isChord(event)) return null;
    if (key === "Enter") return lines ? "\n" : null;
    return key.length === 1 ? key : null;
  }

  // Insert what a key enters while the page has no field for it. Return whether it was inserted.
  function insertUnseen(event) {
    const there = isRemoved() && place();
    const text = there && enters(event, open.field.tagName === "TEXTAREA");
    if (!text) return false;
    editor.insert(there.control, text, there.region, open.caret);
    if (open.caret) open.caret = [open.caret[0] + 1, open.caret[0] + 1];
    return true;
  }

  addEventListener("focusin", ({ target }) => {
    if (open?.field === target) return; // the window has the focus again
    const here = editor.fieldOf(target);
    if (!here?.region) {
      open = null;
      return;
    }
    const [name, at] = [here.control.name, here.control.regions.indexOf(here.region)];
    const again = open && open.name === name && open.at === at && open.image === editor.imageKey();
    const before = again ? open.before : here.region._value;
    open = { field: target, image: editor.imageKey(), name, at, before, caret: null, changed: false };
    target.setSelectionRange(target.value.length, target.value.length);
    keepFromEnd(target);
  });

  // A moment after it has opened a field, the editor moves the caret to the end, also if a key has
  // moved it or has selected the text. Ignore that: the caret is already there.
  function keepFromEnd(field) {
    const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "selectionStart");
    Object.defineProperty(field, "selectionStart", { get, set() {} });
  }

  // Add the text to the annotation, except a keyword that is already there: the editor refuses it.
  // The whole change is one step of the editor's Undo.
  function store(control, region, text) {
    if (text === region._value || (control.skipduplicates && control.hasResult(text))) return;
    if (open?.changed) editor.annotation().history.setReplaceNextUndoState(true);
    region.setValue(text);
    if (open) open.changed = true;
  }

  // The region of the field can be replaced already, while the field itself is still on the page.
  addEventListener("input", ({ target }) => {
    const here = target === open?.field ? place() : editor.fieldOf(target);
    if (here?.region) store(here.control, here.region, target.value);
    keepCaret();
  });

  function keepCaret() {
    const field = document.activeElement;
    if (open?.field === field) open.caret = [field.selectionStart, field.selectionEnd];
  }

  // The browser reports a moved caret late, so look at each key as well.
  for (const act of ["keydown", "keyup", "selectionchange"]) document.addEventListener(act, keepCaret, true);

  // Return whether the editor closes the field on this key.
  function isLast({ key, ctrlKey, metaKey }) {
    if (key === "Enter") return ctrlKey || metaKey || open.field.tagName === "INPUT";
    return key === "Escape" || key === "Tab";
  }

  addEventListener("keydown", (event) => {
    if (!reopen() && insertUnseen(event)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    if (!open || event.isComposing || !isLast(event)) return;
    const there = event.key === "Escape" && place();
    if (there) store(there.control, there.region, open.before);
    open = null;
  }, true);

  // The editor closes the field on any click outside. The scripts also click, which is not trusted.
  addEventListener("click", ({ isTrusted, target }) => {
    if (isTrusted && target !== open?.field) open = null;
  }, true);

  setInterval(reopen, EVERY);

  return { enters, isLost, openPencil, reopen, forget: () => (open = null) };
})();
