"use strict";
// Opens an image once, with the annotation that the annotator has submitted.
//
// Label Studio asks for the task twice, and draws the editor again with the second answer: text that
// was typed in between is lost. So both requests get the same answer. If the list of tasks arrives
// before the task, the editor starts with the task of the list, which has no annotations, and the
// form is empty. So the task that is being opened is left out of the list. If a form is empty
// anyway, load the page again, unless the annotator has already written something.
window.rsitmd = window.rsitmd || {};

window.rsitmd.reopen = (() => {
  const { editor, opened } = window.rsitmd;
  const MOST = 5; // times in a row for one task
  const KEY = "rsitmd reopened";
  const LIST = /\/api\/tasks\/?$/;
  const TASK = /\/api\/tasks\/(\d+)\/?$/;
  const fetchNow = window.fetch;
  let opening = requested(); // the number of the task that is being opened
  let task = null; // the answer of the server with the task that is being opened

  function requested() {
    return Number(new URLSearchParams(location.search).get("task"));
  }

  // Back and Forward open a task in the same window.
  addEventListener("popstate", () => ([opening, task] = [requested(), null]), true);

  window.fetch = async (resource, options = {}) => {
    const url = new URL(resource instanceof Request ? resource.url : resource, location.href);
    const reads = (options.method || "GET").toUpperCase() === "GET";
    if (!opening || !reads) return fetchNow(resource, options);
    if (Number(TASK.exec(url.pathname)?.[1]) === opening) return oneAnswer(() => fetchNow(resource, options));
    const answer = await fetchNow(resource, options);
    return answer.ok && LIST.test(url.pathname) ? withoutOpening(answer) : answer;
  };

  // Return the answer to the first request for the task that is being opened, unless it failed.
  async function oneAnswer(ask) {
    const first = !task;
    task ||= ask();
    const answer = await task.catch(() => null);
    return answer && (first || answer.ok) ? answer.clone() : ask();
  }

  async function withoutOpening(answer) {
    const list = await answer.clone().json();
    if (!Array.isArray(list.tasks)) return answer;
    list.tasks = list.tasks.filter((task) => task.id !== opening);
    return window.rsitmd.requests.json(list, answer.status);
  }

  function isEmpty(open) {
    const texts = Object.values(editor.allTexts()).flat();
    return open === editor.annotation() && !open.pk && !open.draftId && !texts.length;
  }

  // Return whether the annotator has submitted the task, according to the server.
  async function isSubmitted(task) {
    const api = location.pathname.replace(/\/projects\/.*$/, `/api/tasks/${task}/annotations`);
    const answer = await fetch(api, { credentials: "same-origin" });
    if (!answer.ok) return false;
    const me = window.APP_SETTINGS.user.id;
    const own = (a) => (a.completed_by?.id ?? a.completed_by) === me && !a.was_cancelled;
    return (await answer.json()).some(own);
  }

  async function check(open) {
    const task = Number(editor.store().task.id);
    const [last, times] = JSON.parse(sessionStorage.getItem(KEY) || "[0, 0]");
    const before = last === task ? times : 0;
    if (before >= MOST || !(await isSubmitted(task)) || !isEmpty(open)) return;
    sessionStorage.setItem(KEY, JSON.stringify([task, before + 1]));
    location.reload();
  }

  function forget() {
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // The browser does not allow storage: check() has stored nothing.
    }
  }

  opened.listen((open) => {
    opening = null;
    const stream = new URLSearchParams(location.search).has("labeling");
    if (open.pk) forget();
    else if (!stream && !opened.created() && isEmpty(open)) check(open).catch(() => {});
  });
})();
