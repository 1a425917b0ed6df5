// Replaces the start page and the list of projects for annotators: they see only their own images.
//
// Label Studio's own pages offer "Create Project" and list the projects of all users. Hiding these
// is a convenience and not access control: the open edition has no roles, and URLs still open them.
"use strict";

(() => {
  const { make, link, progress, openLists, replace } = window.rsitmdParts;
  const POLL_MS = 400; // the page changes its URL without an event
  const GIVE_UP_MS = 5000; // without an answer, show the server's own page

  const STYLE = `
    html.rsitmd-home .lsf-content-wrapper__content main,
    html.rsitmd-home .lsf-projects-page,
    html.rsitmd-restricted button[aria-label="Create new project"] { display: none !important; }
    #rsitmd-home {
      position: absolute; top: 48px; left: 0; right: 0; padding: 24px; max-width: 900px;
      font-size: 16px; line-height: 24px; color: var(--color-neutral-content, #222);
    }
    #rsitmd-home h1 { font-size: 24px; line-height: 32px; margin: 0 0 16px 0; font-weight: 500; }
    #rsitmd-home h2 { font-size: 18px; line-height: 24px; margin: 0 0 4px 0; font-weight: 500; }
    #rsitmd-home section {
      border: 1px solid var(--color-neutral-border, #ddd); border-radius: 8px; padding: 16px;
      margin-bottom: 16px;
    }
    #rsitmd-home p { margin: 4px 0; }
    #rsitmd-home ul { margin: 4px 0; padding: 0 0 0 24px; list-style: disc; }
    #rsitmd-home a { color: var(--color-primary-content, #4c5fa9); text-decoration: underline; }
    #rsitmd-home a.rsitmd-continue {
      display: inline-block; margin-top: 8px; padding: 8px 24px; border-radius: 4px;
      background: #4c5fa9; color: #fff; text-decoration: none;
    }`;

  let state = null; // the latest answer for all projects
  let restricted = false;
  let givenUp = false;

  const isListPage = () => /^\/(projects\/?)?$/.test(location.pathname);

  const card = (project) => {
    const practice = project.kind === "pilot" ? " (practice)" : "";
    const open = openLists(project);
    const next = [];
    if (project.left > 0) next.push(link(project.url, "Continue", "rsitmd-continue"));
    else if (open.length === 0) {
      next.push(make("p", { textContent: "All your images are done. Thank you." }));
    }
    return make(
      "section",
      {},
      make("h2", { textContent: project.title + practice }),
      make("p", { textContent: progress(project) }),
      ...open,
      ...next,
    );
  };

  const licenceCard = (licence) =>
    make(
      "section",
      {},
      make("h2", { textContent: "Before you start" }),
      link(licence.url, "Read and accept the licence of your annotations"),
    );

  const panel = () => {
    const nothing =
      state.projects.length === 0
        ? [make("p", { textContent: "No images are assigned to you yet. Ask the lead of the campaign." })]
        : [];
    return make(
      "div",
      { id: "rsitmd-home" },
      make("h1", { textContent: "Your images" }),
      ...nothing,
      ...state.licences.filter((entry) => !entry.accepted).map(licenceCard),
      ...state.projects.map(card),
    );
  };

  const show = () => {
    const root = document.documentElement;
    const wanted = isListPage() && state !== null && restricted;
    // Hide the lists until the answer arrives, so that they do not flash.
    root.classList.toggle("rsitmd-home", wanted || (isListPage() && state === null && !givenUp));
    root.classList.toggle("rsitmd-restricted", restricted);
    const old = document.getElementById("rsitmd-home");
    if (!wanted) {
      old?.remove();
      return;
    }
    replace(old, panel(), document.body);
  };

  if (!location.pathname.startsWith("/user/")) {
    document.head.append(make("style", { textContent: STYLE }));
    document.addEventListener("rsitmd-queue", (event) => {
      restricted = event.detail.restricted;
      if (event.detail.project === null) state = event.detail;
      show();
    });
    setTimeout(() => {
      givenUp = true;
    }, GIVE_UP_MS);
    setInterval(show, POLL_MS);
    show();
  }
})();
