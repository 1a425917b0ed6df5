"""Adds the scripts of this package to the pages of the embedded server."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from typing import Any

PREFIX = "/rsitmd/"
END_OF_HEAD = b"</head>"


def scripts() -> dict[str, bytes]:
    """Return the scripts by file name, in the order in which a page loads them."""
    folder = importlib.resources.files("rsitmd_tools.studio.page") / "scripts"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".js")), key=lambda f: f.name)
    return {file.name: file.read_bytes() for file in files}


def add_scripts(page: bytes, names: list[str]) -> bytes:
    """Return an HTML page that loads these scripts, or the same page if it has no head."""
    tags = "".join(f'<script src="{PREFIX}{name}" defer></script>' for name in names)
    return page.replace(END_OF_HEAD, tags.encode() + END_OF_HEAD, 1)


class PageScripts:
    """A Django middleware: serves the scripts and adds them to each HTML page."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self._scripts = scripts()

    def __call__(self, request: Any) -> Any:
        """Answer a request."""
        from django.http import HttpResponse

        name = request.path.removeprefix(PREFIX)
        if request.path.startswith(PREFIX) and name in self._scripts:
            answer = HttpResponse(self._scripts[name], content_type="text/javascript")
            answer["Cache-Control"] = "no-cache"
            return answer
        answer = self._get_response(request)
        html = answer.get("Content-Type", "").startswith("text/html")
        if html and not getattr(answer, "streaming", False):
            answer.content = add_scripts(answer.content, list(self._scripts))
            if answer.has_header("Content-Length"):
                answer["Content-Length"] = str(len(answer.content))
        return answer
