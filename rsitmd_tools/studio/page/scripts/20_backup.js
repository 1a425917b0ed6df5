"use strict";
// Keeps a copy in this browser of text that the server has not confirmed yet.
//
// The copy is updated on every key, so it survives a server that is down and a browser that is
// killed, which drafts do not. When the task is opened again, text that the server does not have is
// restored into its field. A copy belongs to one annotator and one image (by the hash of the image),
// and is removed once the server has the text.
window.rsitmd = window.rsitmd || {};

window.rsitmd.backup = (() => {
  const { editor, notice } = window.rsitmd;
  const PREFIX = "rsitmd text ";
  const DAYS = 30;
  let confirmed = null; // texts of the open annotation that the server has, by control
  let sent = []; // texts sent since then; each of them may have arrived
  let allowed = true; // whether the browser stored the last copy

  function storageKey() {
    const [person, image] = [editor.person(), editor.imageKey()];
    return person && image ? PREFIX + JSON.stringify([person, image]) : null;
  }

  function same(one, other) {
    return JSON.stringify(one || []) === JSON.stringify(other || []);
  }

  function sameTexts(one, other) {
    const names = new Set([...Object.keys(one || {}), ...Object.keys(other || {})]);
    return [...names].every((name) => same(one?.[name], other?.[name]));
  }

  function read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  function write(key, copy) {
    try {
      localStorage.setItem(key, JSON.stringify(copy));
      allowed = true;
    } catch {
      allowed = false; // storage is full or not allowed: drafts on the server remain
    }
  }

  function drop(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // The browser does not allow storage, so it has no copy.
    }
  }

  // Return whether this browser keeps the text of the open annotation.
  function keeps() {
    return allowed && Boolean(storageKey());
  }

  // Copy the current text of the fields.
  function save() {
    const key = storageKey();
    if (!key || !confirmed) return;
    const texts = editor.allTexts();
    if (sameTexts(texts, confirmed)) drop(key);
    else write(key, { texts, known: [confirmed, ...sent], time: Date.now() });
  }

  // Copy submitted text even if the server has it in a draft: Submit can fail after the draft was
  // removed.
  function saveSubmitted(key) {
    if (key && key === storageKey()) {
      write(key, { texts: editor.allTexts(), known: [confirmed, ...sent], time: Date.now() });
    }
  }

  // Record texts that are being sent.
  function send(texts, key) {
    if (key !== storageKey()) return;
    sent.push(texts);
    const copy = read(key);
    if (copy) write(key, { ...copy, known: [confirmed, ...sent] });
  }

  // Record that the server has these texts.
  function confirm(texts, key = storageKey()) {
    if (!key) return;
    if (key === storageKey()) [confirmed, sent] = [texts, sent.slice(sent.indexOf(texts) + 1)];
    // If the browser could not store the newest text, the copy is an older one.
    const newest = key === storageKey() && sameTexts(editor.allTexts(), texts);
    if (newest || sameTexts(read(key)?.texts, texts)) drop(key);
  }

  function remove(key = storageKey()) {
    if (key) drop(key);
  }

  function quoted(texts) {
    return texts.map((text) => `"${text.trim()}"`).join(", ");
  }

  // Restore text that the server does not have. Ask if the server has text unknown to this browser.
  function restore() {
    notice.clear("backup");
    [confirmed, sent] = [editor.addedTexts(), []];
    const key = storageKey();
    const copy = key && read(key);
    if (!copy || !editor.writable()) return;
    const [asked, missing] = [[], []];
    for (const control of editor.controls()) {
      const localTexts = copy.texts?.[control.name] || [];
      const serverTexts = confirmed[control.name];
      if (!same(editor.texts(control), serverTexts)) continue; // typed after the page was opened
      if (!localTexts.some((text) => text.trim()) || same(localTexts, serverTexts)) continue;
      const older = copy.known?.some((texts) => same(texts?.[control.name], serverTexts));
      if (older || !serverTexts.some((text) => text.trim())) {
        missing.push([control, localTexts]);
      } else {
        asked.push([control, localTexts]);
      }
    }
    // The server has an older state of these: replace it, so that no half-typed keyword remains.
    if (missing.length) fillFields(missing, true);
    else if (!asked.length) remove(key);
    if (asked.length) ask(asked, key);
  }

  function fillFields(fields, replace) {
    for (const [control, localTexts] of fields) editor.fill(control, localTexts, replace);
    window.rsitmd.drafts.changed();
  }

  function ask(asked, key) {
    const list = asked.map(([, localTexts]) => quoted(localTexts)).join("\n");
    notice.show(
      "backup",
      `This browser has text for this image that was never saved:\n${list}`,
      [
        ["Use this text", () => fillFields(asked, false)],
        ["Discard it", () => remove(key)],
      ],
    );
  }

  function removeOld() {
    const oldest = Date.now() - DAYS * 24 * 3600 * 1000;
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX) && !(read(key)?.time > oldest)) localStorage.removeItem(key);
    }
  }

  try {
    removeOld();
  } catch {
    // The browser does not allow storage.
  }
  return { keeps, save, saveSubmitted, send, confirm, remove, storageKey, restore };
})();
