"""What a result of the server says, in a form that can be compared."""

from __future__ import annotations

import json
from typing import Any


def written(result: list[dict[str, Any]] | None) -> list[str]:
    """Return the values of a result, without its numbers and without fields that are empty.

    A draft and its annotation can hold the same texts in another order.

    Args:
        result: The result of an annotation or of a draft.
    """
    values = [(part.get("from_name"), part.get("value") or {}) for part in result or []]
    return sorted(json.dumps(entry, sort_keys=True) for entry in values if _holds(entry[1]))


def _holds(value: dict[str, Any]) -> bool:
    return any(entry for entry in value.values())
