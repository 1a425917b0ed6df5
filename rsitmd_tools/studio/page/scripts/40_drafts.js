"use strict";
// Saves drafts while the annotator types: one second after the last key, every few seconds during
// continuous typing, when a field loses focus, and when the page is closed.
//
// The editor itself saves a draft only after a text was added. This script requests a draft without
// adding the text, so the field stays open and keeps its caret. 30_requests.js completes the draft.
window.rsitmd = window.rsitmd || {};

window.rsitmd.drafts = (() => {
  const { backup, editor, opened, requests } = window.rsitmd;
  const IDLE = 1000; // milliseconds
  const MOST = 4000; // during continuous typing
  let saved = null; // the state of annotation `of` on the server
  let of = null;
  let waits = null;
  let since = 0;

  opened.listen((annotation) => {
    of = annotation;
    // On a slow page, the annotator may have typed before this is called.
    saved = editor.addedState(annotation);
    backup.restore();
    if (unsaved()) changed();
  });

  function open() {
    const annotation = editor.annotation();
    return annotation && annotation === of && editor.writable() ? annotation : null;
  }

  // Return whether the fields contain text that the server does not have.
  function unsaved() {
    const annotation = open();
    return Boolean(annotation) && editor.state(annotation) !== saved;
  }

  // Called after a change: copy the text, and save a draft soon.
  function changed() {
    if (!open() || requests.busy()) return;
    backup.save();
    const now = Date.now();
    if (!waits) since = now;
    clearTimeout(waits);
    waits = setTimeout(flush, Math.max(0, Math.min(IDLE, since + MOST - now)));
  }

  // Save unsaved text now.
  function flush() {
    clearTimeout(waits);
    waits = null;
    if (requests.busy() || requests.isWaiting(of) || !unsaved()) return;
    if (of.isDraftSaving) {
      waits = setTimeout(flush, 200); // two requests at once would create two drafts
      since = Date.now();
    } else {
      of.saveDraft();
    }
  }

  function confirm(annotation, state) {
    if (annotation === of) saved = state;
  }

  // Send a last request; it continues after the page is closed.
  function leave() {
    if (requests.busy() || !unsaved()) return;
    requests.leave(true);
    of.saveDraft(); // the request starts after this function returns
    setTimeout(() => requests.leave(false));
  }

  // Not in the capture phase: the editor must handle the new text first.
  addEventListener("input", changed);
  addEventListener("change", changed);
  addEventListener("click", () => setTimeout(changed), true);
  addEventListener("keyup", (event) => event.key === "Enter" && changed(), true);
  addEventListener("focusout", (event) => {
    if (!open() || !editor.fieldOf(event.target)) return;
    backup.save();
    // Submit sends the text.
    if (event.relatedTarget?.name !== "submit") setTimeout(flush);
  }, true);
  document.addEventListener("visibilitychange", () => document.hidden && flush());
  addEventListener("pagehide", leave);
  addEventListener("beforeunload", (event) => {
    if (!requests.busy() && !unsaved()) return;
    if (open()) backup.save();
    leave();
    event.preventDefault(); // the browser asks before leaving
    event.returnValue = "";
  });

  function isOpen(annotation) {
    return annotation === open();
  }

  return { changed, flush, confirm, isOpen, unsaved };
})();
