"""A written page as tests read it."""

from __future__ import annotations

import html
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.html = file.read_text(encoding="utf-8")
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "src":
                self.sources.append(value or "")
            elif name in {"href", "xlink:href"}:
                self.links.append(value or "")
            elif name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


def words(file: Path) -> str:
    """Return the text of a page, its elements separated by spaces."""
    body = file.read_text(encoding="utf-8").split("<body>")[1]
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", body)).split())
