"""``annotate template --check``: will the server take a page, and will ``pull`` understand it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from rsitmd_tools.annotation_templates import (
    CAPTION,
    HINT,
    IMAGE,
    KEYWORDS,
    MACHINE,
    NOTE,
    RANKING,
    SENTENCE,
    SUGGESTED,
    data_fields,
)
from rsitmd_tools.studio.api.client import Client, Refused

ERROR = "error"
WARNING = "warning"
_SLOT = re.compile(rf"{SENTENCE}(\d{{1,3}})")
# What push puts into each task; other fields stay empty.
_FILLED = re.compile(
    rf"({IMAGE}|{NOTE}|{HINT}|{MACHINE}|{SUGGESTED}|filename|category|sha256|{CAPTION}\d{{1,3}}|left|right)"
)
_TYPES = {KEYWORDS: "textarea", SUGGESTED: "choices", RANKING: "choices"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a page: ``error`` where texts would be lost or the page refused."""

    severity: str
    message: str


def check_page(page: str, sentences: int | None = None) -> list[Problem]:
    """Say what ``push`` and ``pull`` would not understand of a page.

    Args:
        page: A labeling configuration, well-formed XML.
        sentences: How many sentences the settings ask of each annotator, where known.
    """
    root = ElementTree.fromstring(page)  # noqa: S314 - expat expands no external entity
    return [*_controls(root), *_slots(root, sentences), *_picture(root), *_fields(page)]


def check_on_server(client: Client, page: str) -> list[Problem]:
    """Let the server look at a page; nothing is changed there.

    Raises:
        RsitmdError: The server is unreachable, or refuses for another reason.
    """
    from label_studio_sdk.core.api_error import ApiError

    def validate() -> None:
        answer = client.sdk._client_wrapper.httpx_client.request(
            "api/projects/validate/", method="POST", json={"label_config": page}
        )
        if answer.status_code >= 400:
            body: Any = answer.json() if "json" in answer.headers["content-type"] else {}
            reasons = body.get("label_config") or body.get("detail")
            raise ApiError(status_code=answer.status_code, body={"detail": reasons})

    try:
        client.call(validate)
    except Refused as error:
        if error.status != 400:
            raise
        return [Problem(ERROR, f"the server refuses it: {error.what.partition(': ')[2]}")]
    return []


def _controls(root: ElementTree.Element) -> Iterator[Problem]:
    """Look at the fields in which people write or choose."""
    read = 0
    for part in root.iter():
        name = part.get("name", "")
        if part.get("toName") is None:
            continue
        kind = "textarea" if _SLOT.fullmatch(name) else _TYPES.get(name)
        if kind is None:
            yield Problem(
                ERROR,
                f"pull would not read the field {name!r}: it reads {SENTENCE}1, {SENTENCE}2, ...,"
                f" {KEYWORDS}, {SUGGESTED} and {RANKING}",
            )
            continue
        read += 1
        if part.tag.lower() != kind:
            yield Problem(ERROR, f"{name!r} is a {part.tag}: pull reads a {kind} there")
            continue
        if name != SUGGESTED and part.get("required", "").lower() != "true":
            yield Problem(WARNING, f"{name!r} is not required: people can leave it empty")
        if _SLOT.fullmatch(name) and part.get("maxSubmissions") != "1":
            yield Problem(
                WARNING, f"{name!r} has not maxSubmissions=1: pull makes one sentence of all texts"
            )
    if not read:
        yield Problem(ERROR, "it has no field that pull reads: nothing written would be kept")


def _slots(root: ElementTree.Element, sentences: int | None) -> Iterator[Problem]:
    names = (part.get("name", "") for part in root.iter() if part.get("toName") is not None)
    slots = sorted(int(found[1]) for found in map(_SLOT.fullmatch, names) if found)
    if slots != list(range(1, len(slots) + 1)):
        shown = ", ".join(f"{SENTENCE}{slot}" for slot in slots)
        yield Problem(ERROR, f"the areas are not numbered from 1 without a gap: {shown}")
    if slots and sentences is not None and len(slots) != sentences:
        yield Problem(
            ERROR,
            f"it has {len(slots)} areas for sentences, the settings ask for {sentences}:"
            " set annotation.sentences_per_annotator",
        )


def _picture(root: ElementTree.Element) -> Iterator[Problem]:
    images = [part for part in root.iter() if part.tag == "Image"]
    if [part.get("value") for part in images] != [f"${IMAGE}"]:
        yield Problem(ERROR, f'it needs one <Image name="{IMAGE}" value="${IMAGE}"/>')
    elif images[0].get("zoom", "").lower() != "true":
        yield Problem(WARNING, "the picture cannot be zoomed: give it zoom and zoomControl")


def _fields(page: str) -> Iterator[Problem]:
    fields = data_fields(page)
    for field in fields:
        if not _FILLED.fullmatch(field):
            yield Problem(WARNING, f"push fills no field {field!r}: it stays empty")
    if NOTE not in fields:
        yield Problem(
            WARNING, f"it does not show ${NOTE}: a sentence sent back comes without the reason"
        )
    if MACHINE not in fields and re.search(rf'name="{SENTENCE}\d', page):
        yield Problem(
            WARNING,
            f"it does not show ${MACHINE}: people cannot see that a text of prefill is a model's",
        )
