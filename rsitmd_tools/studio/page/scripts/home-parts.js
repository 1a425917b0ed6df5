// What the scripts about the queue share: elements, and words for counts.
"use strict";

window.rsitmdParts = (() => {
  /** Make an element with properties and children; text is never read as HTML. */
  const make = (tag, options = {}, ...children) => {
    const element = document.createElement(tag);
    Object.assign(element, options);
    element.append(...children);
    return element;
  };

  /** Make a link that loads its page; without the mark the server's page changes the address alone. */
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

  /** Return the tasks that wait for a change by this person. */
  const waiting = (project) => project.sent_back.filter((entry) => !entry.changed);

  const sentences = (entries) => entries.reduce((sum, entry) => sum + entry.notes.length, 0);

  /** Return what was sent back, with a link to each image; nothing where nothing was. */
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
    `${counted(entries.length, "image")} with changes that are not submitted`;

  /** Return the images with changes that are saved as drafts alone; nothing where there are none. */
  const unsubmittedList = (project) => {
    const open = project.unsubmitted;
    if (open.length === 0) return [];
    const which = open.length === 1 ? "the image" : "each image";
    const lead = `${unsubmitted(open)}. Open ${which} and press Update:`;
    const entries = open.map((entry) => make("li", {}, link(entry.url, entry.image)));
    return [make("p", { textContent: lead }), make("ul", {}, ...entries)];
  };

  /** Return everything that a person has still to do with images that count as done. */
  const openLists = (project) => [...backList(project), ...unsubmittedList(project)];

  /** Put an element in place of an old one, only if it differs: its links keep the focus. */
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
