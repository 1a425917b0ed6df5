"use strict";
// Notifies the other scripts when an annotation is opened: at the start, after Submit and Update,
// and when the annotator opens another task. The editor has no event for this.
window.rsitmd = window.rsitmd || {};

window.rsitmd.opened = (() => {
  const EVERY = 150; // milliseconds
  const listeners = [];
  let last = null;

  function shownWhole() {
    const { editor } = window.rsitmd;
    return editor.controls().every((c) => !c.showSubmit || editor.openField(c));
  }

  function look() {
    const { editor } = window.rsitmd;
    if (!editor.ready()) return;
    const open = editor.annotation();
    if (open === last || !shownWhole()) return;
    last = open;
    for (const notify of listeners) notify(open);
  }

  setInterval(look, EVERY);

  return { listen: (notify) => listeners.push(notify) };
})();
