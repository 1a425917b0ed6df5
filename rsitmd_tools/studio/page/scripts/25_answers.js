"use strict";
// Judges the answers of the server to the annotator's texts: repeats a request until the server
// answers, and says what the annotator reads about a text that is not saved.
window.rsitmd = window.rsitmd || {};

window.rsitmd.answers = (() => {
  const { backup, notice } = window.rsitmd;
  const fetchNow = window.fetch.bind(window);
  const AGAIN = 2000; // milliseconds
  const AGAIN_MOST = 30000; // the pauses between attempts grow up to this
  const RETRY_AFTER_MOST = 300000;
  const LATE = 15000; // milliseconds without an answer until the annotator is informed
  const ATTEMPT_MOST = 60000; // milliseconds without an answer until a request is sent again
  const DOWN = [502, 503, 504]; // answers of a proxy if the server is down
  const unanswered = new Map(); // messages about requests that the server does not answer

  const NO_ANSWER = "The server does not answer.";
  const NOT_THE_SERVER =
    "The answer does not come from the annotation server. Your network or a proxy may ask you to" +
    " sign in: open this page in another tab, and sign in there.";
  const ONLY_HERE =
    "Your text is only on this page, because this browser cannot store it. Do not close or reload" +
    " this page";

  const GONE =
    "This image no longer exists on the server, so nothing is saved. Ask the campaign lead.";
  const STAYS =
    "Your text stays in this browser for 30 days, and is restored if the lead adds the image again.";
  const DELETED =
    "Your submitted text for this image was deleted on the server, so it cannot be updated.";

  function untilAnswer() {
    const where = backup.keeps()
      ? "Your text is kept in this browser and is sent as soon as the server answers. Leave this page open."
      : `${ONLY_HERE} until the server answers: the text is sent then.`;
    return `${where} You can continue writing.`;
  }

  function json(value, status) {
    const headers = { "Content-Type": "application/json" };
    return new Response(JSON.stringify(value), { status, headers });
  }

  function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  // Return the milliseconds until the next attempt, as the server asks or longer after each attempt.
  function waitAfter(answer, attempts = 1) {
    const asked = answer?.headers.get("Retry-After") || "";
    const wait = /^\d+$/.test(asked) ? 1000 * asked : Date.parse(asked) - Date.now() || 0;
    const growing = Math.min(AGAIN * 2 ** (attempts - 1), AGAIN_MOST);
    return Math.max(growing, Math.min(wait, RETRY_AFTER_MOST));
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

  // Send a request and read its answer. After a laptop has slept or changed its network, a request on
  // the old connection can wait for many minutes: end it, so that it can be sent again.
  async function ask(url, options) {
    const limit = new AbortController();
    const end = () => limit.abort(new DOMException("The server did not answer.", "TimeoutError"));
    const timer = setTimeout(end, ATTEMPT_MOST);
    options.signal?.addEventListener("abort", () => limit.abort());
    try {
      return await whole(await fetchNow(url, { ...options, signal: limit.signal }));
    } finally {
      clearTimeout(timer);
    }
  }

  // Send until the server answers. `send` can throw an error with an `answer` to return.
  //   then: returns what the annotator reads about it while the server does not answer.
  async function persist(send, then = untilAnswer) {
    const request = {};
    const inform = (reason) => {
      const message = `${reason} ${then()}`;
      if (unanswered.get(request) === message) return; // the annotator can close it
      unanswered.set(request, message);
      notice.show("server", message);
    };
    const late = setTimeout(() => inform(NO_ANSWER), LATE);
    try {
      for (;;) {
        let answer = null;
        try {
          answer = await send();
        } catch (error) {
          if (error.name === "AbortError") throw error;
          answer = error.answer || null;
        }
        if (answer && isFromServer(answer) && !DOWN.includes(answer.status)) {
          return answer;
        }
        inform(answer && !isFromServer(answer) ? NOT_THE_SERVER : NO_ANSWER);
        await pause(waitAfter(answer));
      }
    } finally {
      clearTimeout(late);
      ended(request);
    }
  }

  // Clear the message about a request, unless the server does not answer another one either.
  function ended(request) {
    const message = unanswered.get(request);
    unanswered.delete(request);
    if (!unanswered.size) notice.clear("server");
    else if (message) notice.show("server", [...unanswered.values()].at(-1));
  }

  function isSignedOut(status) {
    return status === 401 || status === 403;
  }

  // Return whether the server can accept the same request later.
  function isTemporary(status) {
    return isSignedOut(status) || [408, 425, 429].includes(status) || status >= 500;
  }

  // Return what the annotator reads about a text that the server refused.
  //   repeated: whether the page sends the text again by itself.
  function refused(status, repeated) {
    const kept = repeated
      ? "Your text is kept in this browser and is sent again after a short wait. Leave this page open."
      : "Your text is kept in this browser and is restored when you open this image again.";
    if (status === 404) return `${GONE} ${backup.keeps() ? STAYS : `${ONLY_HERE}.`}`;
    const only = repeated ? `${ONLY_HERE}: the text is sent again after a short wait.` : `${ONLY_HERE}.`;
    return `${reason(status)} ${backup.keeps() ? kept : only}`;
  }

  // Return what the annotator reads about a Submit that the server refused.
  function unsubmitted(status) {
    if (!isTemporary(status)) return refused(status, false);
    const again = isSignedOut(status) ? "Then submit this image again." : "Submit this image again later.";
    const where = backup.keeps() ? "Your text is kept in this browser." : `${ONLY_HERE}.`;
    return `${reason(status)} ${again} ${where}`;
  }

  // Return what the annotator reads about an Update of an annotation that somebody has deleted.
  function deleted() {
    const next = backup.keeps()
      ? "Reload this page: your text is restored. Then submit it."
      : "Copy your text, reload this page, and submit it again.";
    return `${DELETED} ${next}`;
  }

  function reason(status) {
    if (isSignedOut(status)) {
      return "You are signed out, so nothing is saved. Sign in again in another tab.";
    }
    return `The server could not save your text (HTTP status ${status}).`;
  }

  return { ask, deleted, isSignedOut, isTemporary, json, pause, persist, refused, unsubmitted, waitAfter };
})();
