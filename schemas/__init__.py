"""JSON Schemas (2020-12) of the files that the tool reads and writes, and their validation."""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rsitmd_tools.errors import printable

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_LONGEST = 120  # characters of a value in a message
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_LIMITS = {
    "exclusiveMaximum": "less than",
    "exclusiveMinimum": "greater than",
    "maximum": "at most",
    "minimum": "at least",
}


@dataclass(frozen=True, slots=True)
class SchemaError:
    """An error in a document.

    Attributes:
        key: The key, such as ``images[3].filename``.
        message: The problem.
        hint: What to do, or None.
    """

    key: str
    message: str
    hint: str | None = None


@functools.cache
def load_schema(name: str) -> dict[str, Any]:
    """Return the schema ``schemas/<name>.schema.json``."""
    file = importlib.resources.files(__name__) / f"{name}.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def first_error(document: Any, schema: dict[str, Any]) -> SchemaError | None:
    """Return the most relevant error of a document, or None if it is valid."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(document))
    return None if error is None else _describe(error)


def iter_errors(document: Any, schema: dict[str, Any]) -> Iterator[SchemaError]:
    """Yield all errors of a document, in the order of the document."""
    for error in _validator(schema).iter_errors(document):
        yield _describe(error)


def _validator(schema: dict[str, Any]) -> Validator:
    import jsonschema  # takes longer than all of our own modules; a worker process needs none

    return jsonschema.Draft202012Validator(schema)


def _describe(error: ValidationError) -> SchemaError:
    key = _key(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        # A schema can also be true or false; one with additionalProperties is an object.
        schema: Any = error.schema
        known = schema.get("properties", {}) if isinstance(schema, dict) else {}
        unknown = sorted(set(error.instance).difference(known))
        full_key = ".".join(filter(None, [key, unknown[0]]))
        return SchemaError(full_key, "unknown key", "valid keys: " + ", ".join(sorted(known)))
    wanted = _wanted(str(error.validator), error.validator_value)
    if wanted is not None:
        return SchemaError(key or "document", f"must be {wanted}, not {_shown(error.instance)}")
    forbidden: Any = error.validator_value
    if error.validator == "not" and "const" in forbidden:
        return SchemaError(key or "document", f"must not be {_shown(error.instance)}")
    if error.validator == "required" and isinstance(error.instance, dict):
        required: Any = error.validator_value
        missing = [name for name in required if name not in error.instance]
        # jsonschema reports each missing key alone, in the order of the schema.
        name = next((name for name in missing if repr(name) in error.message), missing[0])
        return SchemaError(key or "document", f"has no {name!r}", f"add {name!r}")
    return SchemaError(key or "document", _shortened(printable(error.message)))


def _wanted(validator: str, value: Any) -> str | None:
    """Return what a value must be; None if the validator has no short description."""
    if validator == "type":
        types = value if isinstance(value, list) else [value]
        return " or ".join(_TYPES[name] for name in types)
    if validator == "enum":
        return "one of " + ", ".join(map(_shown, value))
    return f"{_LIMITS[validator]} {value}" if validator in _LIMITS else None


def _key(path: Any) -> str:
    key = ""
    for part in path:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _shown(value: Any) -> str:
    return _shortened(json.dumps(value, ensure_ascii=True, default=str))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
