"use strict";
// Handles the same image in two tabs: the server refuses the second Submit because it already has
// an annotation of this annotator. The annotator chooses which text to keep. The server accepts the
// second Update, which would replace the first one: compare the annotation before.
window.rsitmd = window.rsitmd || {};

window.rsitmd.twice = (() => {
  const { editor, notice } = window.rsitmd;

  function path(url, rest) {
    const other = new URL(url);
    other.pathname = other.pathname.replace(/\/api\/.*$/, `/api/${rest}`);
    return other;
  }

  function plain(options, method) {
    return { method, headers: options.headers, credentials: "same-origin" };
  }

  function listed({ url, options, task, persist, send }) {
    return persist(() => send(path(url, `tasks/${task}/annotations`), plain(options, "GET")));
  }

  // Return the latest annotation of this annotator for the task on the server, or null.
  async function mine(answer) {
    const me = window.APP_SETTINGS.user.id;
    const own = (await answer.json()).filter((a) => (a.completed_by?.id ?? a.completed_by) === me);
    return own.at(-1) || null;
  }

  function sentences(result) {
    const parts = result.filter((part) => part.type === "textarea");
    return parts.flatMap((part) => part.value.text).map((text) => `"${text.trim()}"`).join(", ");
  }

  // The editor hides the image during Submit: show it with the two texts.
  function showImage(box) {
    const address = editor.imageAddress();
    if (!address) return;
    const image = document.createElement("img");
    image.src = address;
    image.alt = "Image of this task";
    image.style.cssText = "display: block; margin: 8px 0 2px; width: min(100%, 55vh); height: auto;";
    box.append(image);
  }

  const SUBMITTED = "You have already submitted this image in another tab or window.";
  const UPDATED =
    "The submitted text was changed after you opened this image, in another tab or by another person.";

  function choose(what, theirs, ours) {
    return new Promise((resolve) => {
      const box = notice.show(
        "twice",
        `${what}\nSubmitted there: ${sentences(theirs)}\nWritten here: ${sentences(ours)}\n` +
          "Which text do you want to keep?",
        [
          ["Keep the text written here", () => resolve(true)],
          ["Keep the submitted text", () => resolve(false)],
        ],
      );
      showImage(box);
      // Focus the box, not a button: both buttons discard a text, so Enter must press neither.
      box.tabIndex = -1;
      box.focus();
    });
  }

  // Return the answer to pass to the editor for its Submit.
  async function settle(call) {
    const { url, options, body, persist, send } = call;
    const list = await listed(call);
    if (!list.ok) return list; // a Submit without this check could create a second annotation
    const there = await mine(list);
    if (!there) {
      // Skipped or deleted in the other tab: this is the only text.
      const { unique_id: _, ...rest } = body;
      return persist(() => send(url, { ...options, body: JSON.stringify(rest) }));
    }
    if (body.was_cancelled) {
      notice.show("twice", "You submitted this image in another tab or window, so it was not skipped.");
      if (body.draft_id) await forget(call);
      return window.rsitmd.requests.json(there, 200);
    }
    const equal = editor.stateOf(there.result) === editor.stateOf(body.result);
    if (equal || !(await choose(SUBMITTED, there.result, body.result))) {
      if (body.draft_id) await forget(call);
      return window.rsitmd.requests.json(there, 200);
    }
    const { result, lead_time, draft_id } = body;
    const text = JSON.stringify({ result, lead_time, draft_id });
    const answer = await persist(() =>
      send(path(url, `annotations/${there.id}`), { ...plain(options, "PATCH"), body: text }));
    if (answer.ok && body.draft_id) await forget(call);
    return answer;
  }

  // Return the answer to pass to the editor for its Update if the text that was submitted in another
  // tab is kept, or if the server refuses the check; null if this Update is sent.
  //   call.before: the result that the server had when this page opened the annotation.
  async function updated(call) {
    const { url, options, body, before, persist, send } = call;
    if (!before) return null;
    const answer = await persist(() => send(url, plain(options, "GET")));
    if (!answer.ok) return answer;
    const there = await answer.json();
    const state = editor.stateOf(there.result);
    const known = [before, body.result].some((result) => editor.stateOf(result) === state);
    if (known || (await choose(UPDATED, there.result, body.result))) return null;
    if (body.draft_id) await forget(call);
    return window.rsitmd.requests.json(there, 200);
  }

  // Remove this tab's draft; otherwise it would remain with the task.
  async function forget({ url, options, body, send }) {
    try {
      await send(path(url, `drafts/${body.draft_id}`), plain(options, "DELETE"));
    } catch {
      // The draft remains; no text is lost.
    }
  }

  return { settle, updated };
})();
