"""Results are equal if an annotator would see the same."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.studio.page.written import written


def part(name: str, *texts: str, number: str = "a", **rest: Any) -> dict[str, Any]:
    return {"id": number, "from_name": name, "value": {"text": list(texts)}, **rest}


def test_ids_order_and_empty_fields_are_ignored() -> None:
    one = [part("sentence1", "Two ships."), part("keywords", "red quay", "- ship")]
    other = [
        part("keywords", "red quay", "- ship", number="c", origin="manual"),
        part("sentence2"),
        part("sentence1", "Two ships.", number="b"),
    ]
    assert written(one) == written(other)
    assert written([part("sentence1")]) == written([]) == written(None) == []


def test_different_texts_are_different() -> None:
    result = [part("sentence1", "Two ships."), part("keywords", "red quay")]
    for other in (
        [part("sentence1", "Two ships "), part("keywords", "red quay")],
        [part("sentence2", "Two ships."), part("keywords", "red quay")],
        [part("sentence1", "Two ships."), part("keywords", "red quay", "- ship")],
        [part("sentence1", "Two ships.")],
        [*result, {"from_name": "licence", "value": {"choices": ["yes"]}}],
    ):
        assert written(other) != written(result)
