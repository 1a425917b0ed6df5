"""Filters of the report's templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


def place(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the rank of the first relevant item, as text."""
    places = [place for place, entry in enumerate(found, 1) if entry["relevant"]]
    if not places:
        return f"not among the first {len(found)}"
    return f"found {ORDINALS.get(places[0], f'{places[0]}th')}"


def wordings(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the sentences found by an image, equal ones once at the best place.

    Examples of earlier versions list a sentence once for each of its images.
    """
    of_text: dict[str, dict[str, Any]] = {}
    for entry in found:
        first = of_text.setdefault(entry["sentence"], {**entry})
        first["relevant"] = first["relevant"] or entry["relevant"]
    return list(of_text.values())


def stem(filename: str) -> str:
    """Return the file name of an image without its extension."""
    return PurePosixPath(filename).stem


def number(value: float | None, digits: int = 1) -> str:
    """Format a number with thin spaces between thousands; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.{0 if isinstance(value, int) else digits}f}".replace(",", "\u202f")


def significant(value: float, digits: int = 3) -> str:
    """Format a number to significant digits, without an exponent."""
    return f"{Decimal(f'{value:.{digits}g}'):,f}".replace(",", "\u202f")


def flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as ``(key, value)``, with keys joined by dots."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return rows
