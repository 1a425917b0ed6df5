"use strict";
// Before Submit, Update and Skip: texts of spaces alone are refused, a draft on its way is waited
// for (it would be left behind), and Skip asks where a text would not count any more.
window.rsitmd = window.rsitmd || {};

window.rsitmd.submit = (() => {
  const { editor, notice, opened, requests } = window.rsitmd;
  const DRAFT_MOST = 3000; // milliseconds
  const REDRAW_MOST = 1000;
  let passing = false;

  function button() {
    return document.querySelector("button[name=submit]");
  }

  // What is missing, as [control, message], or null.
  function missing() {
    for (const control of editor.controls()) {
      const texts = editor.texts(control);
      const typed = control.showSubmit ? control._value : "";
      if (texts.some((text) => text.trim())) continue;
      const spaces = [...texts, typed].some((text) => text);
      if (!control.required && !(spaces && editor.isSentence(control))) continue;
      const message = control.requiredmessage || `Write something in ${control.name}.`;
      return [control, spaces ? `There are only spaces. ${message}` : message];
    }
    return null;
  }

  // Spaces beside texts, or in a field that may be empty, are nothing to store.
  function dropSpaces() {
    for (const control of editor.controls()) {
      if (control.showSubmit && control._value && !control._value.trim()) control.setValue("");
    }
  }

  // Whether it may go on; otherwise the field that lacks a text has the focus.
  function complete() {
    const found = missing();
    if (!found) {
      notice.clear("missing");
      dropSpaces();
      return true;
    }
    const [control, message] = found;
    notice.show("missing", message);
    window.rsitmd.keys.focus(control);
    return false;
  }

  // Press Submit or Update, as Ctrl + Enter does.
  async function press() {
    editor.endChanges();
    await requests.pause(0); // the editor redraws, and its button with it
    if (button()?.disabled && !requests.busy() && !(await enable())) return;
    button()?.click();
  }

  // The editor enables Update after a text was added or saved as a draft. A text that was typed a
  // moment ago is neither: add it here. Return whether there is something to update.
  async function enable() {
    const open = editor.annotation();
    if (!open?.draftId && !open?.history.canUndo && !window.rsitmd.drafts.unsaved()) {
      notice.show("missing", "Nothing was changed here, so there is nothing to submit.");
      return false;
    }
    if (!complete()) return false;
    editor.addTyped();
    const until = Date.now() + REDRAW_MOST;
    while (button()?.disabled && Date.now() < until) await requests.pause(20);
    return true;
  }

  async function afterDraft(name) {
    const until = Date.now() + DRAFT_MOST;
    while (editor.annotation()?.isDraftSaving && Date.now() < until) await requests.pause(50);
    passing = true;
    document.querySelector(`button[name=${name}]`)?.click();
    passing = false;
  }

  function stop(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function onSubmit(event, name) {
    if (requests.busy()) return stop(event);
    if (passing) return undefined;
    // The editor takes every later draft for settled once it was clicked: check first.
    if (!complete()) return stop(event);
    if (editor.annotation().isDraftSaving) {
      stop(event);
      afterDraft(name);
    }
    return undefined;
  }

  // Whether a person wants to skip, where a text is written.
  function maySkip() {
    const open = editor.annotation();
    if (!open || open.skipped) return true;
    if (open.pk) {
      return confirm(
        "You have submitted this image already. If you skip it, your text does not count any " +
          "more. To bring it back, open the image, press \"Cancel skip\", and submit it again.\n\n" +
          "Skip the image?",
      );
    }
    const written = Object.values(editor.allTexts()).flat().some((text) => text.trim());
    return !written || confirm("Skip throws away what you wrote here.\n\nSkip the image?");
  }

  function skipButton(target) {
    return target.closest?.("button[aria-label=skip-task]");
  }

  addEventListener("click", (event) => {
    if (!editor.annotation()) return;
    const pressed = event.target.closest?.("button[name=submit], button[name=submit-option]");
    if (pressed) onSubmit(event, pressed.name);
    else if (skipButton(event.target) && (requests.busy() || !maySkip())) stop(event);
  }, true);

  addEventListener("keydown", (event) => {
    const skip = event.key === " " && (event.ctrlKey || event.metaKey);
    if (editor.fieldOf(event.target)) return; // no hot key there
    if (skip && editor.annotation() && (requests.busy() || !maySkip())) stop(event);
  }, true);

  opened.listen(() => notice.clear("missing"));

  return { press };
})();
