"use strict";
// Intercepts the requests of the editor that send the annotator's text or open the next image.
//
// - Adds typed texts to drafts: the editor sends only added texts.
// - Repeats a request until the server answers, while the editor waits. Without this, the editor
//   drops the request silently, or ends in a state in which it cannot submit.
// - Reports a failed save in a message, and never leads to another page.
window.rsitmd = window.rsitmd || {};

window.rsitmd.requests = (() => {
  const { backup, editor, notice } = window.rsitmd;
  const AGAIN = 2000; // milliseconds
  const LATE = 15000; // milliseconds without an answer until the annotator is informed
  const DOWN = [502, 503, 504]; // answers of a proxy if the server is down
  const KEEPALIVE_MOST = 20000; // characters; the browser allows 64 KiB
  const fetchNow = window.fetch.bind(window);
  const made = new Map(); // drafts created by this page, by task and annotation
  const waiting = new Map(); // numbers of requests without an answer yet, by task and annotation
  const newest = new Map(); // the newest draft that was sent, by task and annotation
  const sent = new WeakSet(); // annotations that were submitted
  let line = Promise.resolve(); // drafts are sent one after the other
  let count = 0; // drafts so far
  let leaving = false;
  let busy = 0; // submits in progress
  let stuck = false; // whether the server could not open the next image

  const NO_ANSWER = "The server does not answer.";
  const NOT_THE_SERVER =
    "The answer does not come from the annotation server. Your network or a proxy may ask you to" +
    " sign in: open this page in another tab, and sign in there.";
  const KEPT =
    "Your text is kept in this browser and is sent as soon as the server answers. Leave this page" +
    " open. You can continue writing.";
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

  function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  // Read the whole answer. Its body can break off after its status was received; the editor would
  // then never save another draft of this annotation.
  async function whole(answer) {
    const body = await answer.arrayBuffer();
    const { status, statusText, headers } = answer;
    return new Response(body.byteLength ? body : null, { status, statusText, headers });
  }

  // Return whether an answer is from the server, which answers these requests in JSON. The sign-in
  // page of a proxy or a network comes with the status 200.
  function isFromServer(answer) {
    return !answer.ok || /json/.test(answer.headers.get("Content-Type"));
  }

  // Send until the server answers.
  //   then: what the annotator reads about it while the server does not answer.
  async function persist(send, then = KEPT) {
    let informed = null; // each message only once, because the annotator can close it
    const inform = (message) => {
      if (informed !== message) notice.show("server", `${message} ${then}`);
      informed = message;
    };
    const late = setTimeout(() => inform(NO_ANSWER), LATE);
    try {
      for (;;) {
        let answer = null;
        try {
          answer = await whole(await send());
        } catch (error) {
          if (error.name === "AbortError") throw error;
        }
        if (answer && isFromServer(answer) && !DOWN.includes(answer.status)) {
          notice.clear("server");
          return answer;
        }
        inform(answer && !isFromServer(answer) ? NOT_THE_SERVER : NO_ANSWER);
        await pause(AGAIN);
      }
    } finally {
      clearTimeout(late);
    }
  }

  function json(value, status) {
    const headers = { "Content-Type": "application/json" };
    return new Response(JSON.stringify(value), { status, headers });
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
    const draft = { url, options, body, from, task: task || String(editor.store()?.task?.id) };
    draft.number = ++count;
    if (from) {
      body.result = editor.completed(body.result, from);
      draft.key = backup.storageKey();
      draft.texts = editor.allTexts(from);
      draft.state = editor.stateOf(body.result);
      backup.send(draft.texts, draft.key);
    }
    // A page that is being closed cannot wait for its turn. But two requests at once would create
    // two drafts; in that case only the copy in this browser is kept. If an earlier change is on its
    // way, the server can handle it last; then the copy has the newest text, too.
    const now = leaving && !unanswered(draft).created;
    draft.turn = now ? deliver(draft) : line.then(() => deliver(draft));
    line = Promise.allSettled([line, draft.turn]);
    return draft.turn;
  }

  function slot(draft) {
    return `${draft.task}/${draft.from?.pk || ""}`;
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
    if (!waiting.has(slot(draft))) waiting.set(slot(draft), { created: 0, changed: 0 });
    return waiting.get(slot(draft));
  }

  // Return whether a newer draft was sent. A page that is being closed sends its draft at once.
  function overtaken(draft) {
    return newest.get(slot(draft))?.number > draft.number;
  }

  // If a draft was created in the meantime, change it instead of creating a second one. An attempt
  // whose answer was lost may have created it.
  async function change(draft) {
    if (draft.options.method.toUpperCase() !== "POST") return;
    const number = made.get(slot(draft)) || (leaving ? undefined : await known(draft));
    if (number) {
      draft.url.pathname = draft.url.pathname.replace(/\/api\/.*$/, `/api/drafts/${number}`);
      draft.options = { ...draft.options, method: "PATCH" };
    }
  }

  async function post(draft) {
    if (overtaken(draft)) {
      await newest.get(slot(draft)).turn.catch(() => null);
      return json({ id: made.get(slot(draft)) || 0 }, 200);
    }
    const body = JSON.stringify(draft.body);
    const keepalive = body.length < KEEPALIVE_MOST; // the request continues after the page is closed
    const kind = draft.options.method.toUpperCase() === "POST" ? "created" : "changed";
    const others = unanswered(draft);
    draft.beside = others.created + others.changed > 0;
    others[kind] += 1;
    try {
      return await fetchNow(draft.url, { ...draft.options, body, keepalive });
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
    const answer = await fetchNow(url, { headers, credentials: "same-origin" });
    if (!answer.ok && !DOWN.includes(answer.status)) return []; // the text itself may be accepted
    const mine = `, ${window.APP_SETTINGS.user.id}`;
    return (await answer.json()).filter(
      (d) => d.created_username?.endsWith(mine) && String(d.annotation || "") === String(pk || ""));
  }

  async function deliver(draft) {
    const send = async () => {
      await change(draft);
      if (!overtaken(draft)) newest.set(slot(draft), draft);
      return post(draft);
    };
    let answer = await persist(send);
    if (answer.status === 404 && draft.options.method === "PATCH") {
      // The draft was submitted in another tab: save the text in a new draft.
      draft.options = { ...draft.options, method: "POST" };
      draft.url = draftsAddress(draft);
      draft.body.draft_id = 0;
      made.delete(slot(draft));
      answer = await persist(send);
    }
    if (!answer.ok) {
      notice.show("draft", refused(answer.status));
      return json({}, 200); // on an error, the editor would leave the page and lose the text
    }
    notice.clear("draft");
    if (overtaken(draft)) return answer;
    const saved = await answer.clone().json();
    if (draft.from) {
      made.set(slot(draft), saved.id);
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

  function isSignedOut(status) {
    return status === 401 || status === 403;
  }

  function refused(status) {
    const kept = "Your text is kept in this browser and is restored when you open this image again.";
    if (isSignedOut(status)) {
      return `You are signed out, so nothing is saved. Sign in again and reload this page. ${kept}`;
    }
    if (status === 404) {
      return `This image no longer exists on the server, so nothing is saved. Ask the campaign lead. ${kept}`;
    }
    return `The server could not save your text (HTTP status ${status}). ${kept}`;
  }

  // ---- submits, updates and skips

  async function submit(url, options) {
    busy += 1;
    if (editor.annotation()) sent.add(editor.annotation());
    const key = backup.storageKey();
    const body = JSON.parse(options.body);
    const [, task] = url.pathname.match(/tasks\/(\d+)/) || [];
    const send = () => fetchNow(url, options);
    const before = task ? null : editor.annotation()?.versions?.result;
    const call = { url, options, body, task, before, persist, send: fetchNow };
    if (!body.was_cancelled) backup.saveSubmitted(key);
    try {
      const { settle, updated } = window.rsitmd.twice;
      let answer = (!body.was_cancelled && (await updated(call))) || (await persist(send));
      if (answer.status === 409 && task) answer = await settle(call);
      if (answer.ok) {
        backup.remove(key);
        made.clear();
        notice.clear("draft");
        if (task) removeOlder(url, options, body.result);
      } else {
        notice.show("draft", refused(answer.status));
      }
      return answer;
    } finally {
      busy -= 1;
    }
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
      await fetchNow(drafts, { ...options, method: "DELETE", body: undefined }).catch(() => null);
    }
  }

  // ---- the next image

  // Without an image the editor shows the end of the queue. With the status 404 it is the end.
  async function act(url, options) {
    if (url.searchParams.get("id") !== "next_task") return fetchNow(url, options);
    const answer = await persist(() => fetchNow(url, options), NEXT);
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

  addEventListener("pagehide", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));

  return {
    json, pause,
    busy: () => busy > 0,
    isStuck: () => stuck,
    isSent: (annotation) => sent.has(annotation),
    leave: (yes) => (leaving = yes),
  };
})();
