"use strict";
// The guide (Label Studio's "Labeling Instructions"), which covers the page when a project opens,
// often before the task has arrived. Enter and Escape close it, also while the page still loads.
// Letters typed while it is open or closes are kept and go into the first field.
window.rsitmd = window.rsitmd || {};

window.rsitmd.guide = (() => {
  const { editor } = window.rsitmd;
  const CLOSE = "[aria-label='Close modal']";
  const TITLE = "Labeling Instructions";
  const EVERY = 50; // milliseconds between attempts to close the guide
  const WAIT = 30000; // milliseconds to wait for the task
  let letters = "";
  let closing = 0; // the time at which closing began, 0 at other times
  let putInFirst = () => true;

  // Return the modal window that is open, or null. Label Studio has others, which ask questions.
  function shown() {
    return document.querySelector(".lsf-modal-ls");
  }

  function isGuide() {
    return Boolean(shown()?.innerText.includes(TITLE));
  }

  function pressClose() {
    shown()?.querySelector(CLOSE)?.click();
  }

  // Focus the Close button, so that Enter closes a modal window.
  function focus() {
    if (!shown().contains(document.activeElement)) shown().querySelector(CLOSE)?.focus();
  }

  // A window that is still being drawn ignores the button: press until it is gone.
  function close() {
    if (closing) return;
    closing = Date.now();
    step();
  }

  function step() {
    if (isGuide()) pressClose();
    else if (editor.ready() && putInFirst(letters)) closing = 0;
    if (editor.store()?.noTask || Date.now() - closing > WAIT) closing = 0;
    if (closing) setTimeout(step, EVERY);
    else letters = "";
  }

  function accepts() {
    return !editor.store()?.noTask && (!editor.annotation() || editor.writable());
  }

  // Handle a key while the guide is open or closes. Return whether the key was handled.
  function handles(event) {
    const { key, target } = event;
    if (!closing && !isGuide()) return false;
    if (event.isComposing || editor.isChord(event)) return false;
    if (key === "Enter" || key === "Escape") {
      if (key === "Enter" && target.closest?.("a[href]")) return false;
    } else if (key === "Backspace" && closing) {
      letters = letters.slice(0, -1);
    } else if (key.length === 1 && accepts()) {
      letters += key;
    } else {
      return false;
    }
    close();
    return true;
  }

  return { shown, focus, close, pressClose, handles, toFirst: (put) => (putInFirst = put) };
})();
