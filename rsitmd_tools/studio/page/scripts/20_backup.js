"use strict";
// A copy in this browser of what is typed and not yet confirmed by the server.
//
// It is made at every key, so it survives what a draft does not: a server that is down, a browser
// that is killed. When the task is opened again, a text that the server lacks comes back into its
// field. The copy belongs to one person and one image (by the key of its content), and is removed
// once the server has the text.
window.rsitmd = window.rsitmd || {};

window.rsitmd.backup = (() => {
  const { editor, notice } = window.rsitmd;
  const PREFIX = "rsitmd text ";
  const DAYS = 30;
  let confirmed = null; // what the server has of the annotation that is open, by area
  let sent = []; // what was sent to it since then; any of it may have arrived

  function place() {
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
    } catch {
      // No room, or no storage allowed: the drafts on the server remain.
    }
  }

  // Copy what stands in the fields now.
  function keep() {
    const key = place();
    if (!key || !confirmed) return;
    const texts = editor.allTexts();
    if (sameTexts(texts, confirmed)) localStorage.removeItem(key);
    else write(key, { texts, known: [confirmed, ...sent], time: Date.now() });
  }

  // Copy what is submitted, though the server has it in a draft: a Submit can fail, and its draft
  // can be gone.
  function hold(key) {
    if (key && key === place()) {
      write(key, { texts: editor.allTexts(), known: [confirmed, ...sent], time: Date.now() });
    }
  }

  // These texts are on their way.
  function send(texts, key) {
    if (key !== place()) return;
    sent.push(texts);
    const copy = read(key);
    if (copy) write(key, { ...copy, known: [confirmed, ...sent] });
  }

  // The server has these texts.
  function confirm(texts, key = place()) {
    if (!key) return;
    if (key === place()) [confirmed, sent] = [texts, []];
    if (sameTexts(read(key)?.texts, texts)) localStorage.removeItem(key);
  }

  function drop(key = place()) {
    if (key) localStorage.removeItem(key);
  }

  function quoted(texts) {
    return texts.map((text) => `"${text.trim()}"`).join(", ");
  }

  // Bring back what the server lacks; ask where it has another text that this browser never saw.
  function restore() {
    notice.clear("backup");
    [confirmed, sent] = [editor.addedTexts(), []];
    const key = place();
    const copy = key && read(key);
    if (!copy || !editor.writable()) return;
    const [asked, missing] = [[], []];
    for (const control of editor.controls()) {
      const ours = copy.texts?.[control.name] || [];
      const theirs = confirmed[control.name];
      if (!same(editor.texts(control), theirs)) continue; // typed since the page was opened
      if (!ours.some((text) => text.trim()) || same(ours, theirs)) continue;
      const older = copy.known?.some((texts) => same(texts?.[control.name], theirs));
      if (older || !theirs.some((text) => text.trim())) {
        missing.push([control, ours]);
      } else {
        asked.push([control, ours]);
      }
    }
    // The server has an older state of these: half a keyword must not stay beside the whole one.
    if (missing.length) put(missing, true);
    else if (!asked.length) drop(key);
    if (asked.length) ask(asked, key);
  }

  function put(fields, replace) {
    for (const [control, ours] of fields) editor.fill(control, ours, replace);
    window.rsitmd.drafts.changed();
  }

  function ask(asked, key) {
    const list = asked.map(([, ours]) => quoted(ours)).join("\n");
    notice.show(
      "backup",
      `This browser keeps another text for this image, which was never saved:\n${list}`,
      [
        ["Use it", () => put(asked, false)],
        ["Throw it away", () => drop(key)],
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
    // The browser allows no storage.
  }
  return { keep, hold, send, confirm, drop, place, restore };
})();
