"""Every schema accepts its valid examples, and says what is wrong with the invalid ones.

``NAME.json`` has the examples of ``schemas/NAME.schema.json``. An invalid one is the first valid
one with a change: the value at a path is replaced, or removed if no value is given. It names the
key and the problem that the message must have.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import rsitmd_tools.schemas
from rsitmd_tools.schemas import first_error, iter_errors, load_schema

FOLDER = Path(__file__).parent
SCHEMAS = sorted(
    file.name.removesuffix(".schema.json")
    for file in Path(rsitmd_tools.schemas.__file__).parent.glob("*.schema.json")
)


def examples(name: str) -> dict[str, Any]:
    """Return the examples of a schema."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


INVALID = [
    pytest.param(name, entry, id=f"{name}:{'.'.join(map(str, entry['at']))}:{number}")
    for name in SCHEMAS
    for number, entry in enumerate(examples(name)["invalid"])
]


def changed(document: Any, path: list[Any], **value: Any) -> Any:
    """Return a document with another value at a path, or without one."""
    document = copy.deepcopy(document)
    place = document
    for part in path[:-1]:
        place = place[part]
    if value:
        place[path[-1]] = value["value"]
    else:
        del place[path[-1]]
    return document


def required(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the paths of all required keys of a document."""
    if "$ref" in schema:
        schema = {**root["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    if isinstance(value, dict):
        yield from ([key] for key in schema.get("required", []))
        more = schema.get("additionalProperties")
        for key, inner in value.items():
            below = schema.get("properties", {}).get(key, more if isinstance(more, dict) else {})
            yield from ([key, *path] for path in required(inner, below, root))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, inner in enumerate(value):
            yield from ([index, *path] for path in required(inner, schema["items"], root))


def test_every_schema_has_examples() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize("name", SCHEMAS)
def test_valid_examples_are_accepted(name: str) -> None:
    assert examples(name)["valid"]
    for document in examples(name)["valid"]:
        assert list(iter_errors(document, load_schema(name))) == []


@pytest.mark.parametrize(("name", "entry"), INVALID)
def test_the_message_says_what_is_wrong(name: str, entry: dict[str, Any]) -> None:
    value = {"value": entry["value"]} if "value" in entry else {}
    document = changed(examples(name)["valid"][0], entry["at"], **value)
    error = first_error(document, load_schema(name))
    assert error is not None
    assert error.key == entry["key"]
    assert entry["problem"] in error.message


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_document_without_a_required_key_is_refused(name: str) -> None:
    schema, document = load_schema(name), examples(name)["valid"][0]
    paths = list(required(document, schema, schema))
    assert paths or "required" not in json.dumps(schema)
    for path in paths:
        error = first_error(changed(document, path), schema)
        assert error is not None and error.message == f"has no {path[-1]!r}", path


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("document", [None, [], {}, "text", 7, True])
def test_another_type_of_document_is_refused(name: str, document: Any) -> None:
    schema = load_schema(name)
    python, expected = {"object": (dict, "an object"), "array": (list, "a list")}[schema["type"]]
    if isinstance(document, python):
        return
    error = first_error(document, schema)
    assert error is not None
    assert error.key == "document"
    assert error.message.startswith(f"must be {expected}, not")


def test_each_missing_key_is_named() -> None:
    found = [error.message for error in iter_errors({}, load_schema("dataset"))]
    required = load_schema("dataset")["required"]
    assert len(required) > 1
    assert found == [f"has no {name!r}" for name in required]
