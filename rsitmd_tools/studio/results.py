"""What an annotation says: the sentences and keywords of one result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.annotation_templates import KEYWORDS, SENTENCE

_SLOT = re.compile(rf"{SENTENCE}(\d{{1,3}})")


@dataclass(frozen=True, slots=True)
class Written:
    """What one annotator wrote for one image.

    Attributes:
        sentences: ``(slot, text)``, blank ones left out.
        keywords: Keywords in order, blank ones left out.
        blank: How many areas held nothing but white space.
    """

    sentences: tuple[tuple[int, str], ...]
    keywords: tuple[str, ...]
    blank: int


def parse_result(result: Sequence[Any]) -> Written:
    """Read an annotation's result.

    Line breaks and runs of white space become one space: a sentence is one line. Parts
    that this tool's templates do not have are passed over.
    """
    sentences: list[tuple[int, str]] = []
    keywords: list[str] = []
    blank = 0
    for part in result:
        name, texts = _texts(part)
        slot = _SLOT.fullmatch(name)
        if slot is not None:
            text = _one_line(" ".join(texts))
            blank += not text
            if text:
                sentences.append((int(slot.group(1)), text))
        elif name == KEYWORDS:
            cleaned = [_one_line(text) for text in texts]
            blank += cleaned.count("")
            keywords += [text for text in cleaned if text]
    return Written(tuple(sorted(sentences)), tuple(dict.fromkeys(keywords)), blank)


def as_result(sentences: Sequence[str], keywords: Sequence[str]) -> list[dict[str, Any]]:
    """Return the result that the page would send for these texts."""
    areas = [(f"{SENTENCE}{slot}", [text]) for slot, text in enumerate(sentences, 1)]
    areas.append((KEYWORDS, list(keywords)))
    return [
        {
            "from_name": name,
            "to_name": "image",
            "type": "textarea",
            "value": {"text": texts},
        }
        for name, texts in areas
    ]


def _texts(part: Any) -> tuple[str, list[str]]:
    if not isinstance(part, dict) or not isinstance(part.get("value"), dict):
        return "", []
    text = part["value"].get("text", [])
    texts = [text] if isinstance(text, str) else text
    strings = [t for t in texts if isinstance(t, str)] if isinstance(texts, list) else []
    return str(part.get("from_name", "")), strings


def _one_line(text: str) -> str:
    return " ".join(text.split())
