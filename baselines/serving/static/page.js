"use strict";

// htmx asks the server in the background: the page says when no answer comes.
const trouble = () => document.getElementById("trouble");
const fail = () => { trouble().hidden = false; };

for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, fail);
}
document.addEventListener("htmx:beforeRequest", () => { trouble().hidden = true; });
