"use strict";
// Loads an image again that did not load, and says what the annotator can do. The editor does not try
// again, and its message is for the person who installed the server.
window.rsitmd = window.rsitmd || {};

(() => {
  const { editor, notice } = window.rsitmd;
  const EVERY = 1000; // milliseconds between looks at the image
  const AGAIN = 5; // looks between attempts to load it
  // Label Studio's box beside the fields, which explains URLs and CORS, says only what happened.
  const SHEET = `
    .lsf-image > [class^=error--] > * { display: none; }
    .lsf-image > [class^=error--]::before { content: "The image did not load."; }`;
  const sheet = document.createElement("style");
  sheet.textContent = SHEET;
  let failed = null; // the image that did not load
  let looks = 0;

  function explain() {
    document.body.append(sheet); // again for each image: Label Studio can replace the page
    const name = JSON.parse(editor.store().task.data).filename;
    // Skip would remove a text that was submitted.
    const skip = editor.annotation().pk ? "" : "press Skip and ";
    notice.show(
      "image",
      "The image did not load. This page tries to load it again every few seconds, and keeps your" +
        ` text. If the image does not appear, ${skip}tell the lead of the campaign` +
        `${name ? `: ${name}` : "."}`,
    );
  }

  // Ask the server, not the cache of the browser, which can contain a broken file.
  async function load(entity) {
    await fetch(entity.src, { cache: "reload", credentials: "same-origin" }).catch(() => null);
    const probe = new Image();
    probe.src = entity.src;
    await probe.decode();
    if (entity !== failed || !entity.error) return;
    entity.setCurrentSrc(entity.src);
    entity.setDownloaded(true);
    entity.setError(false);
  }

  setInterval(() => {
    const entity = editor.ready() ? editor.image()?.currentImageEntity : null;
    const now = entity?.error ? entity : null;
    if (now !== failed) {
      [failed, looks] = [now, 0];
      if (failed) explain();
      else notice.clear("image");
    }
    if (failed && (looks += 1) % AGAIN === 0) load(failed).catch(() => {});
  }, EVERY);
})();
