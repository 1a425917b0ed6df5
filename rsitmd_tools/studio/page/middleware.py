"""Django middleware: adds the scripts to the pages of the embedded server and serves them."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from typing import Any

from rsitmd_tools.studio.page.gone import is_gone
from rsitmd_tools.studio.page.queue import is_restricted, projects_of, queue_of

PREFIX = "/rsitmd/"
QUEUE = "queue.json"
END_OF_HEAD = b"</head>"
SCRIPT_TYPE = "application/javascript"
PERSON = "X-Rsitmd-Person"  # the number of the user for whom a page was opened
IMAGE = "X-Rsitmd-Image"  # the key of the image for which a text was written


def scripts() -> dict[str, bytes]:
    """Return the scripts by file name, in loading order."""
    folder = importlib.resources.files("rsitmd_tools.studio.page") / "scripts"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".js")), key=lambda f: f.name)
    return {file.name: file.read_bytes() for file in files}


def add_scripts(page: bytes, names: list[str]) -> bytes:
    """Return an HTML page that loads these scripts; a page without a head is not changed.

    Back and Forward put a page into the open window. Label Studio then runs its scripts again,
    except those with a type that it does not know.
    """
    tags = "".join(
        f'<script src="{PREFIX}{name}" type="{SCRIPT_TYPE}" defer></script>' for name in names
    )
    return page.replace(END_OF_HEAD, tags.encode() + END_OF_HEAD, 1)


class PageScripts:
    """Middleware that serves the scripts and adds them to each HTML page."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self._scripts = scripts()

    def __call__(self, request: Any) -> Any:
        """Answer a request."""
        from django.http import HttpResponse, JsonResponse

        name = request.path.removeprefix(PREFIX)
        if request.path.startswith(PREFIX) and name in self._scripts:
            answer = HttpResponse(self._scripts[name], content_type="text/javascript")
            answer["Cache-Control"] = "no-cache"
            return answer
        if request.path == PREFIX + QUEUE:
            return _queue(request)
        person = request.headers.get(PERSON)
        if person is not None and person != str(request.user.id):
            return JsonResponse({"detail": "somebody else is signed in"}, status=401)
        if person is not None and is_gone(request.method, request.path, request.headers.get(IMAGE)):
            return JsonResponse({"detail": "the server no longer has this"}, status=404)
        _keep_to_own_projects(request)
        answer = self._get_response(request)
        html = answer.get("Content-Type", "").startswith("text/html")
        if html and not getattr(answer, "streaming", False):
            answer.content = add_scripts(answer.content, list(self._scripts))
            if answer.has_header("Content-Length"):
                answer["Content-Length"] = str(len(answer.content))
        return answer


def _queue(request: Any) -> Any:
    """Answer with the open work of the signed-in user, as JSON."""
    from django.http import HttpResponseNotAllowed, JsonResponse

    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    if not request.user.is_authenticated:
        return JsonResponse({"detail": "not signed in"}, status=401)
    requested = request.GET.get("project", "")
    answer = JsonResponse(queue_of(request.user, int(requested) if requested.isdecimal() else None))
    answer["Cache-Control"] = "no-store"
    return answer


def _keep_to_own_projects(request: Any) -> None:
    """Limit the project list of a restricted user to their own projects.

    This changes the request of the page. Programs that send a token get the full list.
    """
    listed = request.method == "GET" and request.path.rstrip("/") == "/api/projects"
    if not listed or "Authorization" in request.headers or not request.user.is_authenticated:
        return
    if is_restricted(request.user):
        own = {str(entry.project.id) for entry in projects_of(request.user)}
        requested = request.GET.get("ids")
        shown = own if requested is None else own & set(requested.split(","))
        request.GET = request.GET.copy()
        # No project has the number 0, so the list is empty.
        request.GET["ids"] = ",".join(sorted(shown, key=int)) or "0"
