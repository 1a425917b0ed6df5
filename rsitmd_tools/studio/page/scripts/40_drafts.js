"use strict";
// Saves drafts while a person writes: a second after the last key, every few seconds while the
// typing goes on, when a field loses the focus, and when the page is left.
//
// The editor saves a draft only after a text was added. It is asked for one here without adding
// the text, so the field stays open, with its caret; 30_requests.js completes the draft.
window.rsitmd = window.rsitmd || {};

window.rsitmd.drafts = (() => {
  const { backup, editor, opened, requests } = window.rsitmd;
  const IDLE = 1000; // milliseconds
  const MOST = 4000; // while the typing goes on
  let saved = null; // the state that the server has, of the annotation `of`
  let of = null;
  let waits = null;
  let since = 0;

  opened.listen((annotation) => {
    of = annotation;
    // Somebody can have typed already: a page that is slow tells late that it is open.
    saved = editor.addedState(annotation);
    backup.restore();
    if (unsaved()) changed();
  });

  function open() {
    const annotation = editor.annotation();
    return annotation && annotation === of && editor.writable() ? annotation : null;
  }

  // Whether something stands in the fields that the server does not have.
  function unsaved() {
    const annotation = open();
    return Boolean(annotation) && editor.state(annotation) !== saved;
  }

  // A field was changed: copy it, and save it soon.
  function changed() {
    if (!open() || requests.busy()) return;
    backup.keep();
    const now = Date.now();
    if (!waits) since = now;
    clearTimeout(waits);
    waits = setTimeout(flush, Math.max(0, Math.min(IDLE, since + MOST - now)));
  }

  // Save now what is not saved.
  function flush() {
    clearTimeout(waits);
    waits = null;
    if (requests.busy() || !unsaved()) return;
    if (of.isDraftSaving) {
      waits = setTimeout(flush, 200); // two at once would make two drafts
      since = Date.now();
    } else {
      of.saveDraft();
    }
  }

  function confirm(annotation, state) {
    if (annotation === of) saved = state;
  }

  // The last moment in which a request can be sent: it goes on when the page is gone.
  function leave() {
    if (requests.busy() || !unsaved()) return;
    requests.leave(true);
    of.saveDraft(); // its request is made when this function has returned
    setTimeout(() => requests.leave(false));
  }

  // Not in the capture phase: the editor has to know the new text first.
  addEventListener("input", changed);
  addEventListener("change", changed);
  addEventListener("click", () => setTimeout(changed), true);
  addEventListener("keyup", (event) => event.key === "Enter" && changed(), true);
  addEventListener("focusout", (event) => {
    if (!open() || !editor.fieldOf(event.target)) return;
    backup.keep();
    // Submit sends the text itself.
    if (event.relatedTarget?.name !== "submit") setTimeout(flush);
  }, true);
  document.addEventListener("visibilitychange", () => document.hidden && flush());
  addEventListener("pagehide", leave);
  addEventListener("beforeunload", (event) => {
    if (!requests.busy() && !unsaved()) return;
    if (open()) backup.keep();
    leave();
    event.preventDefault(); // the browser asks whether to leave
    event.returnValue = "";
  });

  return { changed, flush, confirm, unsaved };
})();
