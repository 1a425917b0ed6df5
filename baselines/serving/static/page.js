"use strict";

// htmx asks the server in the background: the page says when no answer or an error comes.
const NO_ANSWER = "The server does not answer. Start it again, then repeat the query.";
const trouble = () => document.getElementById("trouble");
const say = (text) => {
  trouble().textContent = text;
  trouble().hidden = false;
};

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => say(NO_ANSWER));
}
document.addEventListener("htmx:responseError", (event) => {
  const answer = event.detail.xhr;
  const plain = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
  say(plain ? answer.responseText.trim() : `The server answers with the error ${answer.status}.`);
});
// A query hides the message of the one before. The words of earlier results can be asked for later.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target.id === "results") trouble().hidden = true;
});
