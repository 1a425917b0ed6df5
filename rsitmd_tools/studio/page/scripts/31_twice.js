"use strict";
// The same image in two tabs: the second Submit is refused by the server, which has an annotation
// of this person for it. The person chooses which text stays; nothing is lost without a question.
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

  // The annotation of this person that the server has for the task, the latest one.
  async function mine({ url, options, task, persist, send }) {
    const answer = await persist(() =>
      send(path(url, `tasks/${task}/annotations`), plain(options, "GET")));
    if (!answer.ok) return null;
    const me = window.APP_SETTINGS.user.id;
    const own = (await answer.json()).filter((a) => (a.completed_by?.id ?? a.completed_by) === me);
    return own.at(-1) || null;
  }

  function sentences(result) {
    const parts = result.filter((part) => part.type === "textarea");
    return parts.flatMap((part) => part.value.text).map((text) => `"${text.trim()}"`).join(", ");
  }

  // The editor hides the image while a Submit is on its way: show it beside the two texts.
  function showImage(box) {
    const address = editor.imageAddress();
    if (!address) return;
    const image = document.createElement("img");
    image.src = address;
    image.alt = "The image of these texts";
    image.style.cssText = "display: block; margin: 8px 0 2px; width: min(100%, 55vh); height: auto;";
    box.append(image);
  }

  function choose(theirs, ours) {
    return new Promise((resolve) => {
      const box = notice.show(
        "twice",
        "You have submitted this image already, in another tab or window.\n" +
          `Submitted there: ${sentences(theirs)}\nWritten here: ${sentences(ours)}\n` +
          "Which one do you want to keep?",
        [
          ["Keep what I wrote here", () => resolve(true)],
          ["Keep what is submitted", () => resolve(false)],
        ],
      );
      showImage(box);
      // Nothing else can be done before. Both buttons throw a text away: Enter must press neither.
      box.tabIndex = -1;
      box.focus();
    });
  }

  // Return the answer that the editor gets for its Submit.
  async function settle(call) {
    const { url, options, body, persist, send } = call;
    const there = await mine(call);
    if (!there) {
      // Skipped or deleted there: this text is the only one.
      const { unique_id: _, ...rest } = body;
      return persist(() => send(url, { ...options, body: JSON.stringify(rest) }));
    }
    const equal = editor.stateOf(there.result) === editor.stateOf(body.result);
    if (equal || !(await choose(there.result, body.result))) {
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

  // Remove this tab's draft: it would stay with the task for ever.
  async function forget({ url, options, body, send }) {
    try {
      await send(path(url, `drafts/${body.draft_id}`), plain(options, "DELETE"));
    } catch {
      // Only the draft remains: no text is lost.
    }
  }

  return { settle };
})();
