"""Results of Label Studio: the sentences and keywords of one annotation."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.annotation_templates import (
    KEYWORDS,
    RANKING,
    SENTENCE,
    SENTENCE_FIELD,
    SUGGESTED,
)

# Letters and symbols without ink: fillers of Hangul, an empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def annotations_of(task: Any) -> list[dict[str, Any]]:
    """Return the annotations of a task as the server sent them.

    Versions of the SDK return them as dictionaries or as objects.
    """
    return [
        annotation if isinstance(annotation, dict) else annotation.model_dump()
        for annotation in task.annotations or []
    ]


@dataclass(frozen=True, slots=True)
class ParsedResult:
    """What one annotator wrote for one image.

    Attributes:
        sentences: ``(slot, text)`` of each sentence with a visible character.
        keywords: Distinct keywords with a visible character, in order: those that were written,
            then the suggested keywords that were selected.
        folded: Number of sentences that were written on several lines.
        choice: The choice on a ranking page, or None.
        unread: Fields that are not read, with the number of their texts.
    """

    sentences: tuple[tuple[int, str], ...]
    keywords: tuple[str, ...]
    folded: int = 0
    choice: str | None = None
    unread: tuple[tuple[str, int], ...] = ()


def parse_result(result: Sequence[Any], renamed: Mapping[str, str] | None = None) -> ParsedResult:
    """Read an annotation's result.

    A line break becomes a space: a sentence is one line. Different texts of one field become one
    sentence.

    Args:
        result: The result as the server sends it.
        renamed: Fields that were renamed on the server: the original names by the new names.
    """
    renamed = renamed or {}
    own = {str(part.get("from_name")) for part in result if isinstance(part, dict)}
    unread: dict[str, int] = {}
    lines: dict[int, dict[str, None]] = {}
    keywords: dict[str, None] = {}
    selected: dict[str, None] = {}
    choice = None
    for part in result:
        name, texts = _texts(part)
        if renamed.get(name, name) not in own:
            name = renamed.get(name, name)
        slot = SENTENCE_FIELD.fullmatch(name)
        if slot is not None:
            written = "\n".join(texts).strip()
            if is_visible(written):
                lines.setdefault(int(slot.group(1)), {})[written] = None
        elif name == KEYWORDS:
            keywords |= dict.fromkeys(filter(is_visible, map(one_line, texts)))
        elif name == SUGGESTED:
            selected |= dict.fromkeys(filter(is_visible, map(one_line, texts)))
        elif name == RANKING and texts:
            choice = texts[0]
        elif any(text.strip() for text in texts):
            unread[name] = unread.get(name, 0) + sum(bool(text.strip()) for text in texts)
    texts_of = {slot: "\n".join(parts) for slot, parts in sorted(lines.items())}
    return ParsedResult(
        tuple((slot, one_line(text)) for slot, text in texts_of.items()),
        tuple(keywords | selected),
        sum(len(text.splitlines()) > 1 for text in texts_of.values()),
        choice,
        tuple(unread.items()),
    )


def stored_result(result: Any) -> str:
    """Return an annotation's result in JSON, as the workspace stores it."""
    return json.dumps(result or [], ensure_ascii=False)


def as_result(sentences: Sequence[str], keywords: Sequence[str]) -> list[dict[str, Any]]:
    """Return the result that the labeling page sends for these texts."""
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
    text = part["value"].get("choices" if part.get("type") == "choices" else "text", [])
    texts = [text] if isinstance(text, str) else text
    strings = [t for t in texts if isinstance(t, str)] if isinstance(texts, list) else []
    return str(part.get("from_name", "")), strings


def is_visible(text: str) -> bool:
    """Return whether a text has a character that is visible on its own.

    White space, control and zero-width characters and lone accents are not.
    """
    invisible = ("Cc", "Cf", "Cs", "Me", "Mn", "Zl", "Zp", "Zs")
    return any(c not in _BLANK and unicodedata.category(c) not in invisible for c in text)


def one_line(text: str) -> str:
    """Join the lines of a text with spaces; white space at the ends of lines is removed."""
    lines = (line.strip() for line in text.splitlines())
    return " ".join(line for line in lines if line)
