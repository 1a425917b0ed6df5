"use strict";
// Shows the whole image again after the size of the window or the zoom of the browser has changed.
// The editor keeps the scale of the image, so a smaller window would show only a part of it. An image
// that the annotator has enlarged is not changed.
window.rsitmd = window.rsitmd || {};

(() => {
  const { editor } = window.rsitmd;
  const CALM = 300; // milliseconds after the last change of the size
  let waits = null;
  let whole = false; // whether the whole image was in sight before

  addEventListener("resize", () => {
    if (!waits) whole = editor.image()?.zoomScale <= 1;
    clearTimeout(waits);
    waits = setTimeout(() => {
      waits = null;
      if (whole) editor.image()?.sizeToFit();
    }, CALM);
  }, true);
})();
