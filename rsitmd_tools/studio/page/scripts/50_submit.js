"use strict";
// Before Submit and Update: refuses text of only spaces, and waits for a draft that is being saved
// (it would remain after Submit). Before Skip: asks for confirmation if text would be lost.
window.rsitmd = window.rsitmd || {};

window.rsitmd.submit = (() => {
  const { editor, notice, opened, requests } = window.rsitmd;
  const DRAFT_MOST = 3000; // milliseconds
  const REDRAW_MOST = 10000; // a slow computer redraws the button late
  let passing = false;

  function button() {
    return document.querySelector("button[name=submit]");
  }

  // Return the first missing text as [control, message], or null.
  function missing() {
    for (const control of editor.controls()) {
      const texts = editor.texts(control);
      const typed = control.showSubmit ? control._value : "";
      if (texts.some((text) => text.trim())) continue;
      const spaces = [...texts, typed].some((text) => text);
      if (!control.required && !(spaces && editor.isSentence(control))) continue;
      const message = control.requiredmessage || `Write text in the field ${control.name}.`;
      return [control, spaces ? `This field contains only spaces. ${message}` : message];
    }
    return null;
  }

  // Remove typed spaces beside other texts, or in an optional field.
  function dropSpaces() {
    for (const control of editor.controls()) {
      if (control.showSubmit && control._value && !control._value.trim()) control.setValue("");
    }
  }

  // The message is out of date as soon as the annotator types in a field.
  addEventListener("input", () => notice.clear("missing"), true);

  // Return whether all texts are complete. If not, focus the first incomplete field.
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

  // Press Submit or Update; called on Ctrl + Enter.
  async function press() {
    editor.endChanges();
    await requests.pause(0); // let the editor redraw, including its button
    const until = Date.now() + REDRAW_MOST;
    while (!button() && Date.now() < until) await requests.pause(20); // the page still opens
    if (button()?.disabled && !requests.busy() && !(await enable())) return;
    button()?.click();
  }

  // The editor enables Update only after a text was added or saved as a draft. Text typed just now
  // is neither: add it here. Return whether there is something to update.
  async function enable() {
    const open = editor.annotation();
    if (!open?.draftId && !open?.history.canUndo && !window.rsitmd.drafts.unsaved()) {
      notice.show("missing", "You have not changed anything, so there is nothing to submit.");
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
    // After a click, the editor considers every later draft saved: check first.
    if (!complete()) return stop(event);
    if (editor.annotation().isDraftSaving) {
      stop(event);
      afterDraft(name);
    }
    return undefined;
  }

  // Return whether to skip; ask for confirmation if there is text.
  function maySkip() {
    const open = editor.annotation();
    if (!open || open.skipped) return true;
    if (open.pk) {
      return confirm(
        "You have already submitted this image. If you skip it, your text no longer counts. " +
          "To restore it, open the image, press \"Cancel skip\" and submit it again.\n\n" +
          "Skip the image?",
      );
    }
    // A caption of prefill that nobody has changed is not the annotator's text.
    const own = open.draftId || window.rsitmd.drafts.unsaved();
    const written = Object.values(editor.allTexts()).flat().some((text) => text.trim());
    return !own || !written || confirm("Skip discards the text that you wrote.\n\nSkip the image?");
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
    if (editor.fieldOf(event.target)) return; // shortcuts do not work in fields
    if (skip && editor.annotation() && (requests.busy() || !maySkip())) stop(event);
  }, true);

  opened.listen(() => notice.clear("missing"));

  return { press };
})();
