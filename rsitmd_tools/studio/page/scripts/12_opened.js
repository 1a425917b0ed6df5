"use strict";
// Notifies the other scripts when an annotation is opened: at the start, after Submit and Update,
// and when the annotator opens another task. The editor has no event for this.
//
// When a slow page opens an image that the annotator has submitted, Label Studio can select a new,
// empty annotation. The submitted one is selected instead, so that the text is there and can be
// updated.
window.rsitmd = window.rsitmd || {};

window.rsitmd.opened = (() => {
  const EVERY = 150; // milliseconds
  const CREATE = "[aria-label='Create an annotation']";
  const listeners = [];
  let last = null;
  let creates = false; // whether the annotator pressed Create for this image
  let image = null;

  function shownWhole() {
    const { editor } = window.rsitmd;
    return editor.controls().every((c) => !c.showSubmit || editor.openField(c));
  }

  // Return the annotation that the annotator submitted, if the open one is new and empty.
  function submitted(open) {
    const { editor } = window.rsitmd;
    const texts = Object.values(editor.allTexts()).flat();
    if (creates || open.pk || open.draftId || open.parent_prediction || texts.length) return null;
    const all = editor.store().annotationStore.annotations;
    return all.filter((a) => a.pk && a.user?.email === editor.person()).at(-1) || null;
  }

  // Notify of a new annotation; before a key, also while its fields are still drawn.
  function look(whole = true) {
    const { editor } = window.rsitmd;
    if (!editor.ready()) return;
    const open = editor.annotation();
    if (image !== editor.imageKey()) [image, creates] = [editor.imageKey(), false];
    if (open === last || (whole && !shownWhole())) return;
    const own = submitted(open);
    if (own) {
      editor.store().annotationStore.selectAnnotation(own.id);
      return;
    }
    last = open;
    for (const notify of listeners) notify(open);
  }

  addEventListener("click", (event) => {
    const pressed = event.target.closest?.(CREATE);
    if (!pressed) return;
    creates = true;
    pressed.blur(); // otherwise a space typed next would press it again
  }, true);

  setInterval(look, EVERY);
  // Before a key or a click reaches a new annotation, the other scripts have restored its text.
  for (const act of ["keydown", "pointerdown"]) addEventListener(act, () => look(false), true);

  return { listen: (notify) => listeners.push(notify), created: () => creates };
})();
