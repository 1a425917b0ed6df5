// Shows the annotator's progress on the labeling page, and the next steps after the last image.
//
// The counts come from /rsitmd/queue.json; on the page of a project, they are limited to its
// campaign. Each answer is sent to the other scripts as the document event "rsitmd-queue".
"use strict";

(() => {
  const { make, link, counted, progress, waiting, sentences, unsubmitted, openLists, replace } =
    window.rsitmdParts;
  const ADDRESS = "/rsitmd/queue.json";
  // Requests of Label Studio's page that can change the counts.
  const CHANGES = /\/api\/(dm\/actions|tasks|annotations|projects\/\d+\/next)(?!.*\/drafts)/;
  const POLL_MS = 400; // the page changes its URL and content without an event
  const WAIT_MS = 150; // treat several requests in a row as one change
  const AGAIN_MS = 5000; // after a failed request

  const STYLE = `
    #rsitmd-bar {
      position: fixed; bottom: 1px; left: 50%; transform: translateX(-50%); z-index: 90;
      height: 48px; display: flex; flex-direction: column; justify-content: center;
      font-size: 13px; line-height: 18px; white-space: nowrap; text-align: center;
      color: var(--color-neutral-content, #222);
    }
    #rsitmd-bar.rsitmd-task { left: 60%; } /* the list of tasks takes space on the left */
    #rsitmd-bar a { color: var(--color-primary-content, #4c5fa9); text-decoration: underline; }
    #rsitmd-bar .rsitmd-warn { color: var(--color-negative-content, #b3261e); }
    /* Show Label Studio's messages above the bar, not over it. */
    html.rsitmd-counted [class*=toast-viewport] { bottom: 56px !important; }
    /* Hide Label Studio's count: it counts opened images, not finished ones. */
    html.rsitmd-counted .lsf-current-task__task-count { display: none; }
    html.rsitmd-end .lsf-editor .ant-result-title,
    html.rsitmd-end .lsf-editor .lsf-sub__result { display: none; }
    #rsitmd-end { max-width: 640px; margin: 0 auto; text-align: center; font-size: 16px; line-height: 24px; }
    #rsitmd-end h2 { font-size: 24px; line-height: 32px; margin: 0 0 16px 0; }
    #rsitmd-end ul { text-align: left; margin: 0 0 16px 0; padding: 0 0 0 24px; list-style: disc; }
    #rsitmd-end a { color: var(--color-primary-content, #4c5fa9); text-decoration: underline; }
    @media (max-width: 1023px) {
      /* No space beside the buttons at the bottom: show the counts below the header. */
      #rsitmd-bar, #rsitmd-bar.rsitmd-task {
        top: 48px; bottom: auto; left: 0; right: 0; transform: none; height: auto; padding: 2px 8px;
        white-space: normal; background: var(--color-neutral-surface, #f5f5f5);
        border-bottom: 1px solid var(--color-neutral-border, #ddd);
      }
      html.rsitmd-counted { --rsitmd-strip: 23px; }
      html.rsitmd-counted.rsitmd-two-lines { --rsitmd-strip: 41px; }
      html.rsitmd-counted .lsf-content-wrapper__body {
        padding-top: var(--rsitmd-strip); box-sizing: border-box;
      }
      html.rsitmd-counted .lsf-datamanager {
        height: calc(100vh - var(--header-height) - var(--rsitmd-strip));
      }
    }`;

  let state = null;
  let end = null; // the end-of-queue element that is shown
  let stale = false; // whether the counts may be older than the end of the queue
  let asking = false;
  let askAgain = false;
  let timer = 0;

  /** Return the number of the project on this page; null on other pages. */
  const projectNumber = () => {
    const match = /^\/projects\/(\d+)\/data/.exec(location.pathname);
    return match === null ? null : Number(match[1]);
  };

  const ask = async () => {
    if (asking) {
      askAgain = true;
      return;
    }
    asking = true;
    try {
      const number = projectNumber();
      const address = number === null ? ADDRESS : `${ADDRESS}?project=${number}`;
      const answer = await fetch(address, { credentials: "same-origin" });
      if (answer.ok) {
        state = await answer.json();
        stale = askAgain;
        document.dispatchEvent(new CustomEvent("rsitmd-queue", { detail: state }));
        show();
      }
    } catch {
      // The server is not reachable, or a proxy answers: keep the counts.
    }
    asking = false;
    // The end of the queue shows nothing until it has new counts.
    if (stale && !askAgain) askSoon(AGAIN_MS);
    if (askAgain) {
      askAgain = false;
      ask();
    }
  };

  const askSoon = (wait = WAIT_MS) => {
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
  };

  /** Return the project of this page as {project} or {licence}; empty outside a campaign. */
  const here = () => {
    const number = projectNumber();
    if (number === null || state === null) return {};
    return {
      project: state.projects.find((entry) => entry.id === number),
      licence: state.licences.find((entry) => entry.id === number),
    };
  };

  /** Return Label Studio's element for the end of the queue; null while there are tasks. */
  const endOfQueue = () =>
    document.querySelector(".lsf-root_mode_labelstream .lsf-editor .ant-result");

  const openTask = () => Number(new URLSearchParams(location.search).get("task"));
  /** Return the number of the task on this page, also in the label stream. */
  const shownTask = () => openTask() || Number(window.Htx?.task?.id);
  const licenceOf = (project) =>
    state.licences.find((entry) => entry.campaign === project.campaign && !entry.accepted);

  const linkToNext = (next, entries, count) => {
    const first = count === 1 ? "open it" : "open them";
    return link(next.url, entries[0] === next ? first : "open the next one");
  };

  /** Return the second line of the bar: what to do apart from the next image. */
  const secondLine = (project) => {
    const back = waiting(project);
    const next = back.find((entry) => entry.task !== openTask());
    if (back.length > 0) {
      const where = next === undefined ? ", on this page" : ": ";
      const text = `${counted(sentences(back), "sentence")} sent back${where}`;
      const line = [make("span", { className: "rsitmd-warn", textContent: text })];
      if (next !== undefined) {
        line.push(linkToNext(next, back, sentences(back)));
      }
      return line;
    }
    const changed = project.unsubmitted.filter((entry) => entry.task !== shownTask());
    if (changed.length > 0) {
      const text = `${unsubmitted(changed)}: `;
      const words = make("span", { className: "rsitmd-warn", textContent: text });
      return [words, linkToNext(changed[0], changed, changed.length)];
    }
    const licence = licenceOf(project);
    if (licence) {
      return [link(licence.url, "Read and accept the licence")];
    }
    if (openTask() && project.left > 0) {
      return [link(project.url, "Continue with the next image")];
    }
    return openTask() ? [link("/", "Go to the list of your images")] : [];
  };

  const showBar = (project) => {
    const root = document.documentElement;
    root.classList.toggle("rsitmd-counted", Boolean(project));
    const old = document.getElementById("rsitmd-bar");
    if (!project) {
      root.classList.remove("rsitmd-two-lines");
      old?.remove();
      return;
    }
    const bar = make("div", { id: "rsitmd-bar" }, make("div", { textContent: progress(project) }));
    bar.setAttribute("role", "status");
    bar.classList.toggle("rsitmd-task", openTask() > 0);
    const second = endOfQueue() === null ? secondLine(project) : []; // the end of the queue shows the same text
    if (second.length > 0) bar.append(make("div", {}, ...second));
    root.classList.toggle("rsitmd-two-lines", second.length > 0);
    replace(old, bar, document.body);
  };

  const titleOfEnd = (project) => {
    if (project.left > 0) return "No image is available for you at the moment.";
    if (waiting(project).length > 0) return "All images are done, but there are sentences to change.";
    if (project.unsubmitted.length > 0) {
      return "All images are done, but there are unsubmitted changes.";
    }
    return "All your images are done. Thank you.";
  };

  const endOfProject = (project) => {
    const licence = licenceOf(project);
    const parts = [make("h2", { textContent: titleOfEnd(project) }), ...openLists(project)];
    if (project.left > 0) {
      const others = `Other annotators are working on ${counted(project.left, "image")}. Open this page again later.`;
      parts.push(make("p", { textContent: others }));
    }
    if (licence) {
      const text = "Read and accept the licence";
      parts.push(make("p", {}, link(licence.url, text)));
    }
    if (project.skipped > 0) {
      parts.push(make("p", { textContent: `You skipped ${counted(project.skipped, "image")}.` }));
    }
    return parts;
  };

  const endOfLicence = (licence) => {
    const own = state.projects.find((entry) => entry.campaign === licence.campaign);
    const parts = [make("h2", {
      textContent: licence.accepted ? "You accepted the licence. Thank you." : "The licence is not accepted yet.",
    })];
    if (own) {
      const text = own.left > 0 ? "Continue with your images" : "Go to your images";
      parts.push(make("p", {}, link(own.url, text)));
    }
    return parts;
  };

  const showEnd = ({ project, licence }) => {
    const place = endOfQueue();
    const old = document.getElementById("rsitmd-end");
    const wanted = place !== null && Boolean(project || licence);
    document.documentElement.classList.toggle("rsitmd-end", wanted);
    if (place !== end) {
      end = place;
      if (wanted) {
        stale = true;
        ask();
      }
    }
    // If the next image could not be opened, this is not the end.
    if (!wanted || stale || window.rsitmd.requests.isStuck()) {
      old?.remove();
      return;
    }
    const parts = project ? endOfProject(project) : endOfLicence(licence);
    replace(old, make("div", { id: "rsitmd-end" }, ...parts), place);
  };

  const show = () => {
    const place = here();
    showBar(place.project);
    showEnd(place);
  };

  const signedOut = () => location.pathname.startsWith("/user/");

  if (!signedOut()) {
    document.head.append(make("style", { textContent: STYLE }));
    new PerformanceObserver((list) => {
      if (list.getEntries().some((entry) => CHANGES.test(entry.name))) askSoon();
    }).observe({ type: "resource" });
    let address = location.href;
    setInterval(() => {
      if (location.href !== address) {
        address = location.href;
        askSoon();
      }
      show();
    }, POLL_MS);
    window.addEventListener("focus", () => askSoon());
    ask();
  }
})();
