"use strict";
// Reads and fills the Label Studio editor: which annotation is open, and the current content of its
// text areas.
//
// A text area of the editor (a "control") stores text in three places: added texts (its regions),
// the new text of a region that is being changed with the pencil (only in the DOM), and text that
// is typed but not yet added. Label Studio's own drafts and Update use only the first place. The
// functions here use all three.
window.rsitmd = window.rsitmd || {};

window.rsitmd.editor = (() => {
  const SENTENCE = /^sentence\d+$/;
  const numbers = new WeakMap(); // by control: IDs of results that exist only in drafts

  function store() {
    return window.Htx || null;
  }

  // Return the annotation that is open for writing, or null.
  function annotation() {
    const chosen = store()?.annotationStore?.selected;
    return chosen?.type === "annotation" ? chosen : null;
  }

  function ready() {
    return Boolean(annotation()) && !store().isLoading && !store().noTask;
  }

  function writable() {
    const open = annotation();
    return ready() && !open.isReadOnly();
  }

  // Return the key in the task's data, which identifies the task. Task numbers can change.
  function imageKey() {
    try {
      return JSON.parse(store().task.data).sha256 || null;
    } catch {
      return null;
    }
  }

  // Return the editor's object for the task's image, or undefined.
  function image(of = annotation()) {
    return of ? [...of.names.values()].find((object) => object.type === "image") : undefined;
  }

  // Return the URL of the task's image, or null.
  function imageAddress() {
    return image()?.parsedValue || null;
  }

  function person() {
    return window.APP_SETTINGS?.user?.email || null;
  }

  function controls(of = annotation()) {
    if (!of) return [];
    return [...of.names.values()].filter((c) => c.type === "textarea" && !c.perregion);
  }

  function isSentence(control) {
    return SENTENCE.test(control.name);
  }

  function byName(name) {
    return [...document.getElementsByName(name)].find((e) => /^(TEXTAREA|INPUT)$/.test(e.tagName));
  }

  // Return the element for text that is not added yet; undefined at the maximum number of texts.
  function openField(control) {
    return control.showSubmit ? byName(control.name) : undefined;
  }

  // Return the element in which an added text is being changed, if any.
  function changeField(control, region) {
    return byName(`${control.name}:${region.id}`);
  }

  function pencil(region) {
    const shown = document.getElementById(`TextAreaRegion-${region.id}`);
    return shown?.parentElement?.querySelector("[aria-label='Edit Region']") || undefined;
  }

  // Return the control and the region of a field element, or null for other elements.
  function fieldOf(element) {
    if (!element?.name || !/^(TEXTAREA|INPUT)$/.test(element.tagName)) return null;
    for (const control of controls()) {
      if (openField(control) === element) return { control, region: null };
      for (const region of control.regions) {
        if (changeField(control, region) === element) return { control, region };
      }
    }
    return null;
  }

  function texts(control) {
    const added = control.regions.map((r) => changeField(control, r)?.value ?? r._value);
    const typed = control.showSubmit ? control._value || "" : "";
    const same = (text) => text.toLowerCase() === typed.toLowerCase();
    if (!typed.trim() || (control.skipduplicates && added.some(same))) return added;
    return [...added, typed];
  }

  // Return the added texts by control name. Just after opening, this is what the server sent.
  function addedTexts(of = annotation()) {
    return Object.fromEntries(controls(of).map((c) => [c.name, c.regions.map((r) => r._value)]));
  }

  // Return whether a key belongs to a shortcut. On Windows, AltGr is reported as Ctrl and Alt, but it
  // enters letters; so does the Option key of a Mac, reported as Alt.
  function isChord(event) {
    if (event.getModifierState("AltGraph")) return false;
    const option = event.altKey && event.key.length === 1 && event.key > "~";
    return event.ctrlKey || event.metaKey || (event.altKey && !option);
  }

  // Return all texts by control name.
  function allTexts(of = annotation()) {
    return Object.fromEntries(controls(of).map((control) => [control.name, texts(control)]));
  }

  // Return a result in the server's form, including typed texts that are not added yet.
  function completed(result, of = annotation()) {
    const whole = (result || []).map((part) => ({ ...part }));
    for (const control of controls(of)) {
      const now = texts(control);
      const part = whole.find((p) => p.from_name === control.name && p.type === "textarea");
      if (part) {
        part.value = { ...part.value, text: now };
      } else if (now.length) {
        if (!numbers.has(control)) numbers.set(control, Math.random().toString(36).slice(2, 12));
        whole.push({
          value: { text: now },
          id: numbers.get(control),
          from_name: control.name,
          to_name: control.toname,
          type: "textarea",
          origin: "manual",
        });
      }
    }
    return whole;
  }

  // Return what would be stored now, in a comparable form.
  function state(of = annotation()) {
    return stateOf(completed(of.serializeAnnotation(), of));
  }

  // The same, without typed texts that are not added yet.
  function addedState(of = annotation()) {
    return stateOf(of.serializeAnnotation());
  }

  function stateOf(result) {
    const parts = result.map((part) => [part.from_name, part.value]);
    const kept = parts.filter(([, value]) => !Array.isArray(value?.text) || value.text.length);
    return JSON.stringify(kept.sort((a, b) => String(a[0]).localeCompare(String(b[0]))));
  }

  // Put texts into a control. A sentence replaces the current text. Keywords are added; with
  // `replace`, keywords that are not in `wanted` are removed.
  function fill(control, wanted, replace = false) {
    if (isSentence(control) || control.maxsubmissions === "1") {
      const text = wanted[0] || "";
      if (control.regions.length) control.regions[0].setValue(text);
      else control.setValue(text);
      return;
    }
    if (replace) {
      for (const region of [...control.regions]) {
        if (!wanted.includes(region._value)) region.deleteRegion();
      }
    }
    const there = texts(control).map((text) => text.toLowerCase());
    for (const text of wanted) {
      if (!there.includes(text.toLowerCase()) && control.showSubmit) control.addText(text);
    }
  }

  // Insert a letter into the text of a control whose field is not on the page at the moment.
  //   changed: the saved text that is being changed; by default the one that can be typed into.
  //   at: the selection that the letter replaces, as [start, end]; the end of the text by default.
  function insert(control, letter, changed = null, at = null) {
    const region = changed || (control.showSubmit ? null : control.regions[0]);
    const text = (region ? region._value : control._value) || "";
    const [start, end] = at || [text.length, text.length];
    (region || control).setValue(text.slice(0, start) + letter + text.slice(end));
  }

  // Add all typed texts, as the editor does on Submit.
  function addTyped() {
    for (const control of controls()) {
      if (control.showSubmit && control._value?.trim()) control.beforeSend();
    }
  }

  // Close all texts that are being changed with the pencil, and keep the changes.
  function endChanges() {
    const active = document.activeElement;
    if (fieldOf(active)?.region) active.blur(); // the editor saves the text on blur
    // The editor closes them on any click; this click reaches no other element.
    document.body.dispatchEvent(new MouseEvent("click", { bubbles: false }));
  }

  // A browser extension sets the text of a field and reports it, but the editor ignores a report of a
  // text that the field already has: the field would show another text than the one that is saved.
  addEventListener("input", ({ target }) => {
    const here = fieldOf(target);
    const unnoticed = here && !here.region && here.control._value !== target.value;
    if (unnoticed) here.control.setValue(target.value);
  });

  return {
    store, annotation, ready, writable, imageKey, image, imageAddress, person, controls, isSentence,
    openField, changeField, pencil, fieldOf, texts, addedTexts, allTexts, completed,
    state, addedState, stateOf, fill, insert, isChord,
    addTyped, endChanges,
  };
})();
