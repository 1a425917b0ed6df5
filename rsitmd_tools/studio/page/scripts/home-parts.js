// Shared by home.js and queue.js: creation of elements, and texts with counts.
"use strict";

window.rsitmdParts = (() => {
  /** Create an element with properties and children; text is never parsed as HTML. */
  const make = (tag, options = {}, ...children) => {
    const element = document.createElement(tag);
    Object.assign(element, options);
    element.append(...children);
    return element;
  };

  /** Create a link that loads its page; without the attribute, Label Studio changes only the URL. */
  const link = (href, textContent, className = "") => {
    const element = make("a", { href, textContent, className });
    element.dataset.external = "true";
    return element;
  };

  const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  const progress = (project) => {
    const skipped = project.skipped ? `, ${project.skipped} skipped` : "";
    return `${project.done} of ${counted(project.images, "image")} done, ${project.left} left${skipped}`;
  };

  /** Return the tasks that this annotator must change. */
  const waiting = (project) => project.sent_back.filter((entry) => !entry.changed);

  const sentences = (entries) => entries.reduce((sum, entry) => sum + entry.notes.length, 0);

  /** Return the list of sentences sent back, with a link to each image; empty if there are none. */
  const backList = (project) => {
    const back = waiting(project);
    if (back.length === 0) return [];
    const count = sentences(back);
    const entries = back.map((entry) =>
      make(
        "li",
        {},
        link(entry.url, entry.image),
        `: ${entry.notes.join("; ")}`,
      ),
    );
    const which = back.length === 1 ? "the image" : "each image";
    const what = count === 1 ? "the sentence" : "the sentences";
    const lead = `${counted(count, "sentence")} sent back. Open ${which} and change ${what}:`;
    return [make("p", { textContent: lead }), make("ul", {}, ...entries)];
  };

  const unsubmitted = (entries) =>
    `${counted(entries.length, "image")} with unsubmitted changes`;

  /** Return the list of images with changes saved only as drafts; empty if there are none. */
  const unsubmittedList = (project) => {
    const open = project.unsubmitted;
    if (open.length === 0) return [];
    const which = open.length === 1 ? "the image" : "each image";
    const lead = `${unsubmitted(open)}. Open ${which} and press Update:`;
    const entries = open.map((entry) => make("li", {}, link(entry.url, entry.image)));
    return [make("p", { textContent: lead }), make("ul", {}, ...entries)];
  };

  /** Return everything that this annotator still has to do with images that count as done. */
  const openLists = (project) => [...backList(project), ...unsubmittedList(project)];

  /** Replace an element only if the new one differs, so that its links keep the focus. */
  const replace = (old, element, parent) => {
    if (old === null || old.parentElement !== parent) {
      old?.remove();
      parent.append(element);
    } else if (old.outerHTML !== element.outerHTML) {
      old.replaceWith(element);
    }
  };

  return { make, link, counted, progress, waiting, sentences, unsubmitted, openLists, replace };
})();
