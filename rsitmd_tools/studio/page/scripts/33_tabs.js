"use strict";
// Warns who writes about an image that is open in two tabs: there is one draft, so each tab would
// replace the text of the other, and the tab that is closed first would lose it without a question.
window.rsitmd = window.rsitmd || {};

window.rsitmd.tabs = (() => {
  const { backup, notice, opened } = window.rsitmd;
  const WARNING =
    "This image is open in another tab or window, too. Write in only one of them: each replaces the" +
    " unsubmitted text of the other.";
  if (!window.BroadcastChannel) return {};
  const channel = new BroadcastChannel("rsitmd");
  const me = `${Date.now()} ${Math.random()}`;
  const others = new Set(); // tabs with the same image
  let key = null; // person and image
  let written = false; // whether the annotator wrote in this tab since the image was opened

  function send(kind) {
    if (key) channel.postMessage({ kind, key, from: me });
  }

  function show() {
    if (others.size && written) notice.show("tabs", WARNING);
    else notice.clear("tabs");
  }

  channel.onmessage = ({ data }) => {
    if (data.key !== key) return;
    if (data.kind === "closed") others.delete(data.from);
    else others.add(data.from);
    if (data.kind === "opened") send("open");
    show();
  };

  function open(next) {
    if (next === key) return;
    send("closed");
    others.clear();
    [key, written] = [next, false];
    send("opened");
    show();
  }

  opened.listen(() => open(backup.storageKey()));
  addEventListener("input", () => {
    if (written) return; // the annotator can close the message
    written = true;
    show();
  });
  addEventListener("pagehide", () => send("closed"));
  addEventListener("pageshow", (event) => event.persisted && send("opened"));
  return {};
})();
