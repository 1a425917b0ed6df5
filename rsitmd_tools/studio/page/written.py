"""Results of Label Studio in a comparable form."""

from __future__ import annotations

import json
from typing import Any


def written(result: list[dict[str, Any]] | None) -> list[str]:
    """Return the values of a result, without IDs and without empty fields.

    The order is fixed, because a draft and its annotation can list the same texts differently.

    Args:
        result: The result of an annotation or a draft.
    """
    values = [(part.get("from_name"), part.get("value") or {}) for part in result or []]
    return sorted(json.dumps(entry, sort_keys=True) for entry in values if _holds(entry[1]))


def _holds(value: dict[str, Any]) -> bool:
    return any(entry for entry in value.values())
