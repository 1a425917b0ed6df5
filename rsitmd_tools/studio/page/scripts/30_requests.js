"use strict";
// Intercepts the requests of the editor that send the annotator's text or open the next image.
//
// - Adds typed texts to drafts: the editor sends only added texts.
// - Repeats a request until the server answers, while the editor waits (25_answers.js). Without
//   this, the editor drops the request silently, or ends in a state in which it cannot submit.
// - Sends a draft again that the server refused for the moment.
// - Reports a failed save in a message, and never leads to another page.
window.rsitmd = window.rsitmd || {};

window.rsitmd.requests = (() => {
  const { answers, backup, editor, notice, opened } = window.rsitmd;
  const { ask, deleted, isSignedOut, isTemporary, json, pause, persist } = answers;
  const { refused, unsubmitted, waitAfter } = answers;
  const KEEPALIVE_MOST = 20000; // characters; the browser allows 64 KiB
  const fetchNow = window.fetch.bind(window);
  const made = new Map(); // drafts created by this page, by task and annotation
  const waiting = new Map(); // numbers of requests without an answer yet, by task and annotation
  const latest = new Map(); // the newest draft of the editor, by task and annotation
  const newest = new Map(); // the newest draft that was sent, by task and annotation
  const refusals = new Map(); // refused drafts that are sent again, by task and annotation
  const images = new Map(); // the hash of the image of each task that this page has opened
  const sent = new WeakSet(); // annotations that were submitted
  const included = new WeakMap(); // the newest draft that a submit replaced, by annotation
  let line = Promise.resolve(); // drafts are sent one after the other
  let count = 0; // drafts so far
  let leaving = false;
  let busy = 0; // submits in progress
  let unsent = null; // the annotation whose Submit the server refused, and its image
  let stuck = false; // whether the server could not open the next image

  const DRAFT_ONLY =
    "Your text is saved as a draft, but it is not submitted. Submit this image again.";
  const NEXT = "The next image opens as soon as the server answers. Leave this page open.";
  const KINDS = [
    ["POST", /\/api\/tasks\/(\d+)\/drafts\/?$/, sendDraft],
    ["POST", /\/api\/tasks\/(\d+)\/annotations\/(\d+)\/drafts\/?$/, sendDraft],
    ["PATCH", /\/api\/drafts\/(\d+)\/?$/, sendDraft],
    ["POST", /\/api\/tasks\/(\d+)\/annotations\/?$/, submit],
    ["PATCH", /\/api\/annotations\/(\d+)\/?$/, submit],
    ["POST", /\/api\/dm\/actions\/?$/, act],
  ];

  window.fetch = (resource, options = {}) => {
    const address = typeof resource === "string" || resource instanceof URL ? resource : null;
    const method = (options.method || "GET").toUpperCase();
    if (address !== null && typeof options.body === "string") {
      const url = new URL(address, location.href);
      for (const [verb, pattern, send] of KINDS) {
        if (verb === method && url.origin === location.origin && pattern.test(url.pathname)) {
          return send(url, { ...options, headers: withPerson(options.headers) });
        }
      }
    }
    return fetchNow(resource, options);
  };

  // Another person can sign in in another tab. The server refuses the text of this page then.
  function withPerson(headers) {
    const all = new Headers(headers);
    const number = window.APP_SETTINGS?.user?.id;
    if (number) all.set("X-Rsitmd-Person", number);
    return all;
  }

  // The number of a deleted task can be that of another image now. The server refuses the text then.
  function withImage(headers, image) {
    const all = new Headers(headers);
    // A task that was made by hand can have any value there; a header cannot.
    if (typeof image === "string" && /^[\x21-\x7e]+$/.test(image)) all.set("X-Rsitmd-Image", image);
    return all;
  }

  function openTask() {
    return String(editor.store()?.task?.id);
  }

  // ---- drafts

  // Return the annotation of a draft. The editor also saves annotations that are not selected.
  function annotationOf(body, number) {
    const all = editor.store()?.annotationStore?.annotations || [];
    const matches = (a) => (a.draftId || 0) === (body.draft_id || 0) && (!number || String(a.pk) === number);
    const selected = editor.annotation();
    if (selected && matches(selected)) return selected;
    return all.find((a) => a.isDraftSaving && matches(a)) || null;
  }

  function sendDraft(url, options) {
    const body = JSON.parse(options.body);
    const [, task, number] = url.pathname.match(/tasks\/(\d+)(?:\/annotations\/(\d+))?/) || [];
    const from = annotationOf(body, number);
    const draft = { url, options, body, from, task: task || openTask() };
    draft.image = images.get(draft.task);
    draft.options.headers = withImage(options.headers, draft.image);
    draft.number = ++count;
    draft.slot = `${draft.task}/${from?.pk || ""}`;
    latest.set(draft.slot, draft);
    if (from) {
      draft.key = backup.storageKey();
      complete(draft);
    }
    return queue(draft);
  }

  // Add typed texts to a draft.
  function complete(draft) {
    draft.body.result = editor.completed(draft.body.result, draft.from);
    draft.texts = editor.allTexts(draft.from);
    draft.state = editor.stateOf(draft.body.result);
    backup.send(draft.texts, draft.key);
  }

  function queue(draft) {
    // A page that is being closed cannot wait for its turn. But two requests at once would create
    // two drafts; in that case only the copy in this browser is kept. If an earlier change is on its
    // way, the server can handle it last; then the copy has the newest text, too.
    const now = leaving && !unanswered(draft).created;
    draft.turn = now ? deliver(draft) : line.then(() => deliver(draft));
    line = Promise.allSettled([line, draft.turn]);
    return draft.turn;
  }

  function draftsAddress(draft) {
    const url = new URL(draft.url);
    const pk = draft.from?.pk;
    const path = `/api/tasks/${draft.task}/${pk ? `annotations/${pk}/` : ""}drafts`;
    url.pathname = url.pathname.replace(/\/api\/.*$/, path);
    return url;
  }

  // Return how many requests for drafts of this annotation have no answer yet.
  function unanswered(draft) {
    if (!waiting.has(draft.slot)) waiting.set(draft.slot, { created: 0, changed: 0 });
    return waiting.get(draft.slot);
  }

  // Return whether a newer draft was sent. A page that is being closed sends its draft at once.
  function overtaken(draft) {
    return newest.get(draft.slot)?.number > draft.number;
  }

  // If a draft was created in the meantime, change it instead of creating a second one. An attempt
  // whose answer was lost may have created it.
  async function change(draft) {
    if (draft.options.method.toUpperCase() !== "POST") return;
    const number = made.get(draft.slot) || (leaving ? undefined : await known(draft));
    if (number) {
      draft.url.pathname = draft.url.pathname.replace(/\/api\/.*$/, `/api/drafts/${number}`);
      draft.options = { ...draft.options, method: "PATCH" };
    }
  }

  async function post(draft) {
    if (overtaken(draft)) {
      await newest.get(draft.slot).turn.catch(() => null);
      return json({ id: made.get(draft.slot) || 0 }, 200);
    }
    const body = JSON.stringify(draft.body);
    const keepalive = body.length < KEEPALIVE_MOST; // the request continues after the page is closed
    const kind = draft.options.method.toUpperCase() === "POST" ? "created" : "changed";
    const others = unanswered(draft);
    draft.beside = others.created + others.changed > 0;
    others[kind] += 1;
    try {
      return await ask(draft.url, { ...draft.options, body, keepalive });
    } finally {
      others[kind] -= 1;
    }
  }

  // Return the number of an existing draft of this annotator for the task, for example of a page
  // that was just closed. The editor would create a second draft, which would never be shown.
  async function known(draft) {
    const own = await ownDrafts(draftsAddress(draft), draft.options, draft.from?.pk);
    return own.at(-1)?.id;
  }

  // Fails if the list does not arrive: the whole request is repeated then.
  async function ownDrafts(url, { headers }, pk) {
    const answer = await ask(url, { headers, credentials: "same-origin" });
    if (isTemporary(answer.status)) throw Object.assign(new Error("no list"), { answer });
    if (!answer.ok) return []; // the text itself may be accepted
    const mine = `, ${window.APP_SETTINGS.user.id}`;
    return (await answer.json()).filter(
      (d) => d.created_username?.endsWith(mine) && String(d.annotation || "") === String(pk || ""));
  }

  // While a Submit is on its way, its outcome decides whether a draft is still needed.
  async function isIncluded(draft) {
    while (busy && sent.has(draft.from) && !leaving) await pause(100);
    return draft.number <= (included.get(draft.from) || 0);
  }

  async function deliver(draft) {
    const send = async () => {
      if (await isIncluded(draft)) return json({ id: 0 }, 200);
      await change(draft);
      if (!overtaken(draft)) newest.set(draft.slot, draft);
      return post(draft);
    };
    let answer = await persist(send);
    if (answer.status === 404 && draft.options.method === "PATCH") {
      // The draft was submitted in another tab: save the text in a new draft.
      draft.options = { ...draft.options, method: "POST" };
      draft.url = draftsAddress(draft);
      draft.body.draft_id = 0;
      made.delete(draft.slot);
      answer = await persist(send);
    }
    if (await isIncluded(draft)) {
      await discard(draft, answer);
      return answer;
    }
    if (!answer.ok) {
      await refuse(draft, answer);
      return json({}, 200); // on an error, the editor would leave the page and lose the text
    }
    if (overtaken(draft)) return answer;
    accept(draft);
    if (unsent?.from && unsent.from === draft.from) {
      notice.show("submit", DRAFT_ONLY);
      unsent.from = null; // the annotator can close the message
    }
    const saved = await answer.clone().json();
    if (draft.from) {
      made.set(draft.slot, saved.id);
      if (editor.annotation() === draft.from && draft.from.draftId !== saved.id) {
        draft.from.setDraftId(saved.id);
      }
      // The server may have handled the other request last.
      if (!draft.beside) {
        backup.confirm(draft.texts, draft.key);
        window.rsitmd.drafts.confirm(draft.from, draft.state);
      }
    }
    return answer;
  }

  // Remove a draft that arrived after the Submit that replaced it.
  async function discard(draft, answer) {
    const { id } = answer.ok ? await answer.clone().json() : {};
    const address = new URL(`/api/drafts/${id}`, draft.url);
    const options = { ...draft.options, method: "DELETE", body: undefined };
    if (id) await ask(address, options).catch(() => null);
  }

  // ---- refused drafts

  async function refuse(draft, answer) {
    const repeated = Boolean(draft.from) && isTemporary(answer.status);
    const before = refusals.get(draft.slot);
    clearTimeout(before?.timer);
    const attempts = (before?.attempts || 0) + 1;
    const timer = repeated ? setTimeout(again, waitAfter(answer, attempts), draft) : null;
    refusals.set(draft.slot, { attempts, timer });
    const lost = answer.status === 404 && draft.from?.pk && (await isImageThere(draft));
    notice.show("draft", lost ? deleted() : refused(answer.status, repeated));
  }

  function accept({ slot }) {
    clearTimeout(refusals.get(slot)?.timer);
    refusals.delete(slot);
    if (!refusals.size) notice.clear("draft");
  }

  // Send the newest text of a refused draft, unless a newer draft is on its way.
  async function again(draft) {
    const { drafts } = window.rsitmd;
    refusals.get(draft.slot).timer = null;
    if (latest.get(draft.slot) !== draft) return;
    const open = drafts.isOpen(draft.from);
    if (open) {
      draft.body.result = draft.from.serializeAnnotation();
      complete(draft);
      draft.from.setDraftSaving(true); // no other draft and no Submit at the same time
    }
    await queue(draft).catch(() => null);
    if (!open) return;
    draft.from.setDraftSaving(false);
    drafts.flush(); // text that was typed meanwhile
  }

  // Return whether a refused draft of an annotation is sent again by itself.
  function isWaiting(annotation) {
    return [...refusals].some(([slot, { timer }]) => timer && latest.get(slot).from === annotation);
  }

  // ---- submits, updates and skips

  async function submit(url, options) {
    busy += 1;
    const from = editor.annotation();
    if (from) sent.add(from);
    const key = backup.storageKey();
    const body = JSON.parse(options.body);
    const [, task] = url.pathname.match(/tasks\/(\d+)/) || [];
    const send = () => ask(url, options);
    const image = images.get(task || openTask());
    options.headers = withImage(options.headers, image);
    const before = task ? null : editor.annotation()?.versions?.result;
    const call = { url, options, body, task, before, persist, send: ask };
    if (!body.was_cancelled) backup.saveSubmitted(key);
    try {
      const { settle, updated } = window.rsitmd.twice;
      let answer = (!body.was_cancelled && (await updated(call))) || (await persist(send));
      if (answer.status === 409 && task) answer = await settle(call);
      if (answer.ok) {
        backup.remove(key);
        made.clear();
        notice.clear("submit");
        unsent = null;
        if (from) included.set(from, count);
        for (const [slot, draft] of latest) if (draft.from === from) accept({ slot });
        if (task) removeOlder(url, options, body.result);
      } else {
        const lost = !task && answer.status === 404 &&
          (await isImageThere({ url, options, task: openTask(), image }));
        notice.show("submit", lost ? deleted() : unsubmitted(answer.status));
        unsent = { from: isTemporary(answer.status) ? from : null, image: editor.imageKey() };
      }
      return answer;
    } finally {
      busy -= 1;
    }
  }

  // Return whether a task still shows its image: the status 404 can also mean that only the
  // annotation was deleted.
  async function isImageThere({ url: address, options: { headers }, task, image }) {
    const url = new URL(address);
    url.pathname = url.pathname.replace(/\/api\/.*$/, `/api/tasks/${task}`);
    const answer = await ask(url, { headers, credentials: "same-origin" }).catch(() => null);
    return Boolean(answer?.ok) && (!image || (await answer.json()).data?.sha256 === image);
  }

  // The draft of a closed page can arrive after the next page asked for drafts. Submit does not
  // remove such a draft: remove it here if the annotation contains all of its text.
  async function removeOlder(url, options, result) {
    const drafts = new URL(url);
    drafts.pathname = drafts.pathname.replace(/annotations\/?$/, "drafts");
    for (const draft of await ownDrafts(drafts, options, null).catch(() => [])) {
      const older = (draft.result || []).every((part) => {
        const now = result.find((p) => p.from_name === part.from_name)?.value.text || [];
        const held = (text) => now.some((whole) => whole.includes(text.trim()));
        return (part.value.text || []).every(held);
      });
      if (!older) continue;
      drafts.pathname = drafts.pathname.replace(/\/api\/.*$/, `/api/drafts/${draft.id}`);
      await ask(drafts, { ...options, method: "DELETE", body: undefined }).catch(() => null);
    }
  }

  // ---- the next image

  // Without an image the editor shows the end of the queue. With the status 404 it is the end.
  async function act(url, options) {
    if (url.searchParams.get("id") !== "next_task") return fetchNow(url, options);
    const answer = await persist(() => ask(url, options), () => NEXT);
    stuck = !answer.ok && answer.status !== 404;
    if (stuck) notice.show("next", noNext(answer.status));
    else notice.clear("next");
    return answer;
  }

  function noNext(status) {
    return isSignedOut(status)
      ? "You are signed out. Sign in again and reload this page to open the next image."
      : `The server could not open the next image (HTTP status ${status}). Reload this page.`;
  }

  opened.listen(() => {
    images.set(openTask(), editor.imageKey());
    if (unsent && unsent.image !== editor.imageKey()) notice.clear("submit");
  });
  addEventListener("pagehide", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));

  return {
    json, pause, isWaiting,
    busy: () => busy > 0,
    isStuck: () => stuck,
    isSent: (annotation) => sent.has(annotation),
    leave: (yes) => (leaving = yes),
  };
})();
