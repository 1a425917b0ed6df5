"""What the address of a page asks for: parsed once, and written into links."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from rsitmd_tools.errors import WrongUsage, count_of

Asked = TypeVar("Asked", "SearchRequest", "LocateRequest")
MOST_CHARACTERS = 10_000
MOST_RESULTS = 100
RESULTS = 12
WINDOWS = 5


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A query of the search page.

    Attributes:
        text: The sentence.
        keywords: The keywords, separated by commas.
        category: Only images of this category; empty for all.
        k: Maximum number of results.
        like: Index of an image whose like is searched, instead of sentence and keywords.
        saliency: Draw the saliency over the images.
        words: Show the words that mattered without loading them afterwards.
    """

    text: str = ""
    keywords: str = ""
    category: str = ""
    k: int = RESULTS
    like: int | None = None
    saliency: bool = False
    words: bool = False

    @property
    def phrases(self) -> tuple[str, ...]:
        """The keywords."""
        return tuple(each.strip() for each in self.keywords.split(",") if each.strip())

    @property
    def blank(self) -> bool:
        """Whether nothing is searched."""
        return self.like is None and not self.text.strip() and not self.phrases

    def address(self, path: str = "/", /, **changes: Any) -> str:
        """Return the address of this query, or of a changed one."""
        return address(path, replace(self, **changes))


@dataclass(frozen=True, slots=True)
class LocateRequest:
    """A query of the page of a scene.

    Attributes:
        text: The sentence.
        run: Index of the run.
        k: Maximum number of windows.
        x: First column that is shown.
        y: First row that is shown.
        width: Columns that are shown; 0 for all.
        height: Rows that are shown; 0 for all.
        plain: Show the scene without the map.
    """

    text: str = ""
    run: int = 0
    k: int = WINDOWS
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    plain: bool = False

    @property
    def blank(self) -> bool:
        """Whether nothing is located."""
        return not self.text.strip()

    def address(self, path: str = "/locate", /, **changes: Any) -> str:
        """Return the address of this query, or of a changed one."""
        return address(path, replace(self, **changes))


PARAMETERS = frozenset(each.name for of in (SearchRequest, LocateRequest) for each in fields(of))


def address(path: str, request: SearchRequest | LocateRequest) -> str:
    """Return a path with the fields of a request that differ from their defaults."""
    found = {
        each.name: int(value) if isinstance(value, bool) else value
        for each in fields(request)
        if (value := getattr(request, each.name)) != each.default
    }
    return f"{path}?{urlencode(found)}" if found else path


def search_request(
    given: Mapping[str, str], categories: Collection[str], images: int
) -> SearchRequest:
    """Parse the query of a search page.

    Args:
        given: The parameters of the address.
        categories: The categories of the dataset.
        images: The number of its images.

    Raises:
        WrongUsage: A parameter is not usable; the message can be shown to the user.
    """
    asked = given.get("category", "")
    category = _category(asked, categories)
    if category is None:
        raise WrongUsage(f"unknown category {asked[:80]}", hint="choose one from the list")
    like = given.get("like", "")
    return SearchRequest(
        text=_text(given, "text", "the sentence"),
        keywords=_text(given, "keywords", "the list of keywords"),
        category=category,
        k=_number(given, "k", RESULTS, 1, MOST_RESULTS),
        like=_number(given, "like", 0, 0, images - 1) if like else None,
        saliency=_flag(given, "saliency"),
        words=_flag(given, "words"),
    )


def usable_part(parse: Callable[[Mapping[str, str]], Asked], given: Mapping[str, str]) -> Asked:
    """Parse an address without its wrong parameters, so that a form keeps the others.

    Args:
        parse: Parses parameters; it raises WrongUsage if one is wrong, and accepts none.
        given: The parameters of the address.
    """
    kept: dict[str, str] = {}
    # Names that no page reads are not tried: an address has room for 100 000 of them.
    for name, value in given.items():
        if name not in PARAMETERS:
            continue
        with suppress(WrongUsage):
            parse(kept | {name: value})
            kept[name] = value
    return parse(kept)


def locate_request(given: Mapping[str, str], runs: int, width: int, height: int) -> LocateRequest:
    """Parse the query of the page of a scene.

    Args:
        given: The parameters of the address.
        runs: The number of runs.
        width: Width of the scene in pixels.
        height: Height of the scene in pixels.

    Raises:
        WrongUsage: A parameter is not usable; the message can be shown to the user.
    """
    x, y = _number(given, "x", 0, 0, width - 1), _number(given, "y", 0, 0, height - 1)
    return LocateRequest(
        text=_text(given, "text", "the sentence"),
        run=_number(given, "run", 0, 0, runs - 1),
        k=_number(given, "k", WINDOWS, 1, MOST_RESULTS),
        x=x,
        y=y,
        width=_number(given, "width", 0, 0, width - x),
        height=_number(given, "height", 0, 0, height - y),
        plain=_flag(given, "plain"),
    )


def _category(asked: str, categories: Collection[str]) -> str | None:
    """Return a category as the dataset has it; None if it has no such category.

    Browsers change line breaks in the values of a form.
    """
    if not asked or asked in categories:
        return asked
    lines = asked.splitlines()
    return next((name for name in categories if name.splitlines() == lines), None)


def _text(given: Mapping[str, str], name: str, what: str) -> str:
    # One line: what was pasted from several lines is one sentence.
    text = " ".join(given.get(name, "").split())
    if len(text) > MOST_CHARACTERS:
        raise WrongUsage(
            f"{what} has {count_of(len(text), 'character')}, more than {MOST_CHARACTERS}",
            hint="use a shorter one",
        )
    return text


def _number(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = given.get(name, "").strip()
    if not text:
        return default
    # int() also reads other digits, underscores and thousands of digits.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise WrongUsage(
            f"the value of {name} is {text[:20]}, not a whole number from {low} to {high}",
            hint="change the address or the form",
        )
    return int(text)


def _flag(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "") not in ("", "0")
