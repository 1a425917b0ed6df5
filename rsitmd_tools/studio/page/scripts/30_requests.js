"use strict";
// Stands between the editor and the server for the requests that carry what a person wrote.
//
// - A draft is completed by the texts that are typed and not added: the editor leaves them out.
// - A server that does not answer is asked again until it does; the editor waits. Without this
//   the editor drops the request without a word, or is left in a state that cannot submit.
// - An answer that says "not saved" is told in plain words, and never leads to another page.
window.rsitmd = window.rsitmd || {};

window.rsitmd.requests = (() => {
  const { backup, editor, notice } = window.rsitmd;
  const AGAIN = 2000; // milliseconds
  const DOWN = [502, 503, 504]; // what a proxy says of a server that is down
  const KEEPALIVE_MOST = 20000; // characters; the browser allows 64 KiB
  const fetchNow = window.fetch.bind(window);
  const made = new Map(); // the drafts that this page has made, by task and annotation
  const making = new Set(); // those on their way
  let line = Promise.resolve(); // drafts go one after the other
  let leaving = false;
  let busy = 0; // submits on their way

  const NO_ANSWER =
    "The server does not answer. What you wrote is kept in this browser. It is sent as soon as" +
    " the server answers. Leave this page open; you can go on writing.";
  const KINDS = [
    ["POST", /\/api\/tasks\/(\d+)\/drafts\/?$/, sendDraft],
    ["POST", /\/api\/tasks\/(\d+)\/annotations\/(\d+)\/drafts\/?$/, sendDraft],
    ["PATCH", /\/api\/drafts\/(\d+)\/?$/, sendDraft],
    ["POST", /\/api\/tasks\/(\d+)\/annotations\/?$/, submit],
    ["PATCH", /\/api\/annotations\/(\d+)\/?$/, submit],
  ];

  window.fetch = (resource, options = {}) => {
    const address = typeof resource === "string" || resource instanceof URL ? resource : null;
    const method = (options.method || "GET").toUpperCase();
    if (address !== null && typeof options.body === "string") {
      const url = new URL(address, location.href);
      for (const [verb, pattern, send] of KINDS) {
        if (verb === method && url.origin === location.origin && pattern.test(url.pathname)) {
          return send(url, options);
        }
      }
    }
    return fetchNow(resource, options);
  };

  function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  // Send until the server answers.
  async function persist(send) {
    for (let tries = 0; ; tries += 1) {
      let answer = null;
      try {
        answer = await send();
      } catch (error) {
        if (error.name === "AbortError") throw error;
      }
      if (answer && !DOWN.includes(answer.status)) {
        notice.clear("server");
        return answer;
      }
      if (tries === 0) notice.show("server", NO_ANSWER); // once: it can be closed
      await pause(AGAIN);
    }
  }

  function json(value, status) {
    const headers = { "Content-Type": "application/json" };
    return new Response(JSON.stringify(value), { status, headers });
  }

  // ---- drafts

  // The annotation whose draft this is; the editor saves one that is not selected too.
  function annotationOf(body, number) {
    const all = editor.store()?.annotationStore?.annotations || [];
    const fits = (a) => (a.draftId || 0) === (body.draft_id || 0) && (!number || String(a.pk) === number);
    const selected = editor.annotation();
    if (selected && fits(selected)) return selected;
    return all.find((a) => a.isDraftSaving && fits(a)) || null;
  }

  function sendDraft(url, options) {
    const body = JSON.parse(options.body);
    const [, task, number] = url.pathname.match(/tasks\/(\d+)(?:\/annotations\/(\d+))?/) || [];
    const from = annotationOf(body, number);
    const draft = { url, options, body, from, task: task || String(editor.store()?.task?.id) };
    if (from) {
      body.result = editor.completed(body.result, from);
      draft.key = backup.place();
      draft.texts = editor.allTexts(from);
      draft.state = editor.stateOf(body.result);
      backup.send(draft.texts, draft.key);
    }
    // A page that is left cannot wait for its turn, but two at once would make two drafts. Then
    // the copy in this browser has to do.
    const now = leaving && !making.has(slot(draft));
    const turn = now ? deliver(draft) : line.then(() => deliver(draft));
    line = Promise.allSettled([line, turn]);
    return turn;
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

  async function post(draft) {
    const body = JSON.stringify(draft.body);
    const keepalive = body.length < KEEPALIVE_MOST; // it goes on when the page is gone
    const makes = draft.options.method.toUpperCase() === "POST";
    if (makes) making.add(slot(draft));
    try {
      return await fetchNow(draft.url, { ...draft.options, body, keepalive });
    } finally {
      if (makes) making.delete(slot(draft));
    }
  }

  // The number of a draft that this person has for the task already: of a page that was left a
  // moment ago. The editor would make a second one, which nobody ever sees again.
  async function known(draft) {
    const own = await ownDrafts(draftsAddress(draft), draft.options, draft.from?.pk);
    return own.at(-1)?.id;
  }

  async function ownDrafts(url, { headers }, pk) {
    try {
      const answer = await fetchNow(url, { headers, credentials: "same-origin" });
      const mine = `, ${window.APP_SETTINGS.user.id}`;
      return (await answer.json()).filter(
        (d) => d.created_username?.endsWith(mine) && String(d.annotation || "") === String(pk || ""));
    } catch {
      return []; // the request itself will tell what is wrong
    }
  }

  async function deliver(draft) {
    // A second draft that was asked for before the first one had a number changes that one.
    if (draft.options.method.toUpperCase() === "POST") {
      const number = made.get(slot(draft)) || (leaving ? undefined : await known(draft));
      if (number) {
        draft.url.pathname = draft.url.pathname.replace(/\/api\/.*$/, `/api/drafts/${number}`);
        draft.options = { ...draft.options, method: "PATCH" };
      }
    }
    let answer = await persist(() => post(draft));
    if (answer.status === 404 && draft.options.method === "PATCH") {
      // Gone: submitted in another tab. The text goes into a draft of its own.
      draft.options = { ...draft.options, method: "POST" };
      draft.url = draftsAddress(draft);
      draft.body.draft_id = 0;
      answer = await persist(() => post(draft));
    }
    if (!answer.ok) {
      notice.show("draft", refused(answer.status));
      return json({}, 200); // the editor would leave the page, and the text with it
    }
    notice.clear("draft");
    const saved = await answer.clone().json();
    if (draft.from) {
      made.set(slot(draft), saved.id);
      if (editor.annotation() === draft.from && draft.from.draftId !== saved.id) {
        draft.from.setDraftId(saved.id);
      }
      backup.confirm(draft.texts, draft.key);
      window.rsitmd.drafts.confirm(draft.from, draft.state);
    }
    return answer;
  }

  function refused(status) {
    const kept = "What you wrote is kept in this browser, and comes back when you open this image.";
    if (status === 401 || status === 403) {
      return `You are signed out: nothing is saved. Sign in again and reload this page. ${kept}`;
    }
    if (status === 404) {
      return `The server has no such image any more: nothing is saved. Ask the lead. ${kept}`;
    }
    return `The server could not save your text (answer ${status}). ${kept}`;
  }

  // ---- submits, updates and skips

  async function submit(url, options) {
    busy += 1;
    const key = backup.place();
    const body = JSON.parse(options.body);
    const [, task] = url.pathname.match(/tasks\/(\d+)/) || [];
    const send = () => fetchNow(url, options);
    if (!body.was_cancelled) backup.hold(key);
    try {
      let answer = await persist(send);
      if (answer.status === 409 && task) {
        answer = await window.rsitmd.twice.settle({ url, options, body, task, persist, send: fetchNow });
      }
      if (answer.ok) {
        backup.drop(key);
        made.clear();
        notice.clear("draft");
        if (task) removeOlder(url, options, body.result);
      }
      return answer;
    } finally {
      busy -= 1;
    }
  }

  // A draft of a page that was left can arrive after the next page has asked for it. It stays
  // behind at Submit; it goes if the annotation holds all of its words.
  async function removeOlder(url, options, result) {
    const drafts = new URL(url);
    drafts.pathname = drafts.pathname.replace(/annotations\/?$/, "drafts");
    for (const draft of await ownDrafts(drafts, options, null)) {
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

  addEventListener("pagehide", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));

  return { json, pause, busy: () => busy > 0, leave: (yes) => (leaving = yes) };
})();
