"use strict";
// Shows messages in a box at the top of the page: one per subject, until it is closed or cleared.
window.rsitmd = window.rsitmd || {};

window.rsitmd.notice = (() => {
  // A modal window of Label Studio has its Close button at the top, where the messages would cover it.
  const SHEET = `
    .rsitmd-notices {
      position: fixed; top: 8px; left: 50%; transform: translateX(-50%); z-index: 100000;
      display: flex; flex-direction: column; gap: 6px;
      width: max-content; max-width: min(760px, 92vw);
      max-height: calc(100vh - 16px); overflow: auto;
    }
    body:has(.lsf-modal-ls) .rsitmd-notices { top: auto; bottom: 8px; max-height: 50vh; }`;
  const STYLE = `
    background: #fff1b8; color: #222; border: 1px solid #b38600;
    border-radius: 4px; padding: 8px 12px; font-size: 15px; line-height: 22px;
    box-shadow: 0 2px 8px rgba(0, 0, 0, .3); white-space: pre-line;`;
  const shown = new Map();
  const column = document.createElement("div"); // messages below one another, the newest first
  column.className = "rsitmd-notices";
  const sheet = document.createElement("style"); // in the column: Label Studio can replace the head
  sheet.textContent = SHEET;
  column.append(sheet);

  // Show a message.
  //   subject: a name; a later message with the same subject replaces this one.
  //   buttons: pairs [label, function]; by default one Close button.
  function show(subject, text, buttons = [["Close", null]]) {
    if (shown.get(subject)?.dataset.text === text) return shown.get(subject);
    clear(subject);
    const box = document.createElement("div");
    box.className = "rsitmd-notice";
    box.dataset.subject = subject;
    box.dataset.text = text;
    box.setAttribute("role", "alert");
    box.style.cssText = STYLE;
    const words = document.createElement("div");
    words.textContent = text; // never as HTML: it can contain text of annotators
    box.append(words);
    for (const [label, act] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.style.cssText =
        "margin: 6px 8px 0 0; padding: 2px 12px; border: 1px solid #806000; border-radius: 4px;" +
        "background: #fff; color: #222;";
      button.addEventListener("click", () => {
        clear(subject);
        act?.();
      });
      box.append(button);
    }
    column.prepend(box);
    document.body.append(column); // the last element of the page is above the others
    shown.set(subject, box);
    return box;
  }

  function clear(subject) {
    shown.get(subject)?.remove();
    shown.delete(subject);
  }

  return { show, clear };
})();
