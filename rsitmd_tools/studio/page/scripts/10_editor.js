"use strict";
// Reads and fills the editor of Label Studio: which annotation is open, and what its text areas
// hold at this moment.
//
// A text area of the editor (a "control") holds its texts in three places: texts that were added
// (its regions), the new text of a region that is being changed with the pencil (in the page
// alone), and a text that is typed but not yet added. The server's own drafts and its Update know
// the first place only. Everything here counts all three.
window.rsitmd = window.rsitmd || {};

window.rsitmd.editor = (() => {
  const SENTENCE = /^sentence\d+$/;
  const numbers = new WeakMap(); // the numbers of results that only drafts have, by control

  function store() {
    return window.Htx || null;
  }

  // The annotation that a person is writing, or null.
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

  // The task's identity: the key in its data. Its number may name another task tomorrow.
  function imageKey() {
    try {
      return JSON.parse(store().task.data).sha256 || null;
    } catch {
      return null;
    }
  }

  // The address of the image of the task, if it has one.
  function imageAddress(of = annotation()) {
    const image = of && [...of.names.values()].find((object) => object.type === "image");
    return image?.parsedValue || null;
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

  // The element in which a text is typed that is not added yet; none once the most are added.
  function openField(control) {
    return control.showSubmit ? byName(control.name) : undefined;
  }

  // The element in which an added text is being changed, if it is.
  function changeField(control, region) {
    return byName(`${control.name}:${region.id}`);
  }

  function pencil(region) {
    const shown = document.getElementById(`TextAreaRegion-${region.id}`);
    return shown?.parentElement?.querySelector("[aria-label='Edit Region']") || undefined;
  }

  // The control and the region to which an element belongs, if it is one of these fields.
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

  // What was added to every area, by its name: what the server sent, as the task is opened.
  function addedTexts(of = annotation()) {
    return Object.fromEntries(controls(of).map((c) => [c.name, c.regions.map((r) => r._value)]));
  }

  // What every area holds, by its name.
  function allTexts(of = annotation()) {
    return Object.fromEntries(controls(of).map((control) => [control.name, texts(control)]));
  }

  // A result as the server keeps it, with the texts that are typed and not added.
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

  // What would be stored now, in a form that can be compared.
  function state(of = annotation()) {
    return stateOf(completed(of.serializeAnnotation(), of));
  }

  // The same, without what is typed and not added.
  function addedState(of = annotation()) {
    return stateOf(of.serializeAnnotation());
  }

  function stateOf(result) {
    const parts = result.map((part) => [part.from_name, part.value]);
    const kept = parts.filter(([, value]) => !Array.isArray(value?.text) || value.text.length);
    return JSON.stringify(kept.sort((a, b) => String(a[0]).localeCompare(String(b[0]))));
  }

  // Put texts into an area. A sentence takes the place of what the area holds. Keywords are added;
  // with `replace`, those that are not wanted are removed.
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

  // Add every text that is typed and not added, as the editor does at Submit.
  function addTyped() {
    for (const control of controls()) {
      if (control.showSubmit && control._value?.trim()) control.beforeSend();
    }
  }

  // Keep and close every text that is being changed with the pencil.
  function endChanges() {
    const active = document.activeElement;
    if (fieldOf(active)?.region) active.blur(); // the editor keeps a text on blur
    // The editor closes them at any click; this one reaches nothing else.
    document.body.dispatchEvent(new MouseEvent("click", { bubbles: false }));
  }

  return {
    store, annotation, ready, writable, imageKey, imageAddress, person, controls, isSentence,
    openField, changeField, pencil, fieldOf, texts, addedTexts, allTexts, completed,
    state, addedState, stateOf, fill,
    addTyped, endChanges,
  };
})();
