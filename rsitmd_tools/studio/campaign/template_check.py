"""``annotate template --check``: whether the server accepts a labeling page and pull reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from rsitmd_tools.annotation_templates import (
    CAPTION,
    CHOICES,
    HINT,
    IMAGE,
    KEYWORDS,
    MACHINE,
    NOTE,
    RANKING,
    SENTENCE,
    SENTENCE_FIELD,
    SUGGESTED,
    data_fields,
)
from rsitmd_tools.errors import count_of
from rsitmd_tools.studio.api.calls import Refused
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.workspace.settings import AnnotationSettings

ERROR = "error"
WARNING = "warning"
# The fields of task data that push fills.
_FILLED = re.compile(
    rf"({IMAGE}|{NOTE}|{HINT}|{MACHINE}|{SUGGESTED}|filename|category|sha256|{CAPTION}\d{{1,3}}|left|right)"
)
_TYPES = {KEYWORDS: "textarea", SUGGESTED: "choices", RANKING: "choices"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a labeling page.

    Attributes:
        severity: ``error`` if texts would be lost or the server refuses the page, else
            ``warning``.
        message: What is wrong.
    """

    severity: str
    message: str


def check_page(page: str, asked: AnnotationSettings | None = None) -> list[Problem]:
    """Return what ``push`` and ``pull`` would not understand in a labeling page.

    Args:
        page: A labeling configuration, well-formed XML.
        asked: The settings that the page must fit; None to skip this check.
    """
    root = ElementTree.fromstring(page)  # noqa: S314 - expat does not expand external entities
    found = [*_controls(root, asked), *_slots(root, asked), *_choices(root)]
    if asked is not None:
        found += _keywords(root, asked)
    return [*found, *_picture(root), *_fields(page)]


def check_on_server(client: Client, page: str) -> list[Problem]:
    """Let the server validate a labeling page; nothing is changed there.

    Raises:
        RsitmdError: The server cannot be reached, or refuses for another reason.
    """
    try:
        client.post("api/projects/validate/", json={"label_config": page})
    except Refused as error:
        if error.status != 400:
            raise
        return [Problem(ERROR, f"the server refuses it: {error.what.partition(': ')[2]}")]
    return []


def _controls(root: ElementTree.Element, asked: AnnotationSettings | None) -> Iterator[Problem]:
    """Check the controls in which annotators write or choose."""
    read = 0
    for part in root.iter():
        name = part.get("name", "")
        if part.get("toName") is None:
            continue
        kind = "textarea" if SENTENCE_FIELD.fullmatch(name) else _TYPES.get(name)
        if kind is None:
            yield Problem(
                ERROR,
                f"pull does not read the field {name!r}; it reads {SENTENCE}1, {SENTENCE}2, ...,"
                f" {KEYWORDS}, {SUGGESTED} and {RANKING}",
            )
            continue
        read += 1
        if part.tag.lower() != kind:
            yield Problem(ERROR, f"{name!r} is a {part.tag}, but pull expects a {kind}")
            continue
        optional = name == SUGGESTED or (name == KEYWORDS and asked and not asked.keywords_min)
        if not optional and not _required(part):
            yield Problem(WARNING, f"{name!r} is not required: annotators can leave it empty")
        if SENTENCE_FIELD.fullmatch(name) and part.get("maxSubmissions") != "1":
            yield Problem(
                WARNING,
                f'{name!r} lacks maxSubmissions="1": pull joins all its texts to one sentence',
            )
    if not read:
        yield Problem(ERROR, "the page has no field that pull reads: all texts would be lost")


def _slots(root: ElementTree.Element, asked: AnnotationSettings | None) -> Iterator[Problem]:
    names = (part.get("name", "") for part in root.iter() if part.get("toName") is not None)
    slots = sorted(int(found[1]) for found in map(SENTENCE_FIELD.fullmatch, names) if found)
    if slots != list(range(1, len(slots) + 1)):
        shown = ", ".join(f"{SENTENCE}{slot}" for slot in slots)
        yield Problem(ERROR, f"the text areas are not numbered 1, 2, 3, ...: {shown}")
    if slots and asked is not None and len(slots) != asked.sentences_per_annotator:
        areas = count_of(len(slots), "text area")
        yield Problem(
            ERROR,
            f"the page has {areas} for sentences, but annotation.sentences_per_annotator is"
            f" {asked.sentences_per_annotator}; set it to {len(slots)}, or change the page",
        )


def _choices(root: ElementTree.Element) -> Iterator[Problem]:
    """Check the answers of a ranking."""
    for part in _named(root, RANKING, "choices"):
        # The server stores the alias of a choice, if it has one.
        answers = [one.get("alias") or one.get("value") or "" for one in part.iter("Choice")]
        unknown = [answer for answer in answers if answer not in CHOICES]
        if unknown:
            yield Problem(
                ERROR,
                f"{RANKING!r} has the answer {unknown[0]!r}, which `status` does not count; its"
                f" values or aliases must be: {', '.join(CHOICES)}",
            )
        if part.get("choice") == "multiple":
            yield Problem(ERROR, f"{RANKING!r} allows several answers, but pull reads one")


def _keywords(root: ElementTree.Element, asked: AnnotationSettings) -> Iterator[Problem]:
    """Compare the number of keywords that the page allows with the settings."""
    for part in _named(root, KEYWORDS, "textarea"):
        most = part.get("maxSubmissions")
        if most != str(asked.keywords_max):
            has = f"maxSubmissions={most!r}" if most else "no maxSubmissions"
            yield Problem(
                WARNING,
                f"{KEYWORDS!r} has {has}, but annotation.keywords_max is {asked.keywords_max}",
            )
        if _required(part) and not asked.keywords_min:
            yield Problem(
                WARNING,
                f"{KEYWORDS!r} is required, but annotation.keywords_min is 0",
            )


def _named(root: ElementTree.Element, name: str, kind: str) -> Iterator[ElementTree.Element]:
    """Yield the controls of a kind that have a name."""
    for part in root.iter():
        if part.get("name") == name and part.get("toName") and part.tag.lower() == kind:
            yield part


def _required(part: ElementTree.Element) -> bool:
    return part.get("required", "").lower() == "true"


def _picture(root: ElementTree.Element) -> Iterator[Problem]:
    images = [part for part in root.iter() if part.tag == "Image"]
    if [part.get("value") for part in images] != [f"${IMAGE}"]:
        yield Problem(ERROR, f'the page needs one <Image name="{IMAGE}" value="${IMAGE}"/>')
    elif images[0].get("zoom", "").lower() != "true":
        yield Problem(WARNING, 'the image cannot be zoomed; set zoom="true" and zoomControl="true"')


def _fields(page: str) -> Iterator[Problem]:
    fields = data_fields(page)
    for field in fields:
        if not _FILLED.fullmatch(field):
            yield Problem(WARNING, f"push does not fill the field {field!r}: it stays empty")
    if NOTE not in fields:
        yield Problem(
            WARNING,
            f"the page does not show ${NOTE}: annotators cannot read why a sentence was sent back",
        )
    if MACHINE not in fields and re.search(rf'name="{SENTENCE}\d', page):
        yield Problem(
            WARNING,
            f"the page does not show ${MACHINE}: annotators cannot see that a text is from a model",
        )
