"""The rules on encoding, markup, code, scripts and control characters look at keywords too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.quality.conftest import FIVE, dataset, record

if TYPE_CHECKING:
    from tests.quality.conftest import Found


@pytest.mark.parametrize(
    ("code", "keyword", "message"),
    [
        ("S115", "cafÃ© terrace", "keyword 'cafÃ© terrace' has wrongly decoded characters"),
        ("S116", "<b>red</b> boat", "keyword '<b>red</b> boat' contains markup: '<b>'"),
        ("S117", "=cmd() boat", "keyword '=cmd() boat' contains '='"),
        ("S118", "red 船", "keyword 'red 船' contains '船'"),
        ("S119", "red\u200b boat", r"keyword 'red\u200b boat' contains U+200B"),
        ("S119", "red\nboat", r"keyword 'red\nboat' contains U+000A"),
    ],
)
def test_a_finding_about_a_keyword_names_it(
    code: str, keyword: str, message: str, found: Found
) -> None:
    data = dataset(record(keywords=["white boat", keyword]), record("port_2.tif"))
    [finding] = found(code, data)
    assert (finding.image, finding.sentence_index) == ("port_1.tif", None)
    assert finding.message == message


def test_a_bus_and_buses_are_the_same_object(found: Found) -> None:
    sentences = ["Yellow buses drive on the street.", *FIVE[1:]]
    assert found("K103", dataset(record(sentences=sentences, keywords=["yellow bus"]))) == []
    sentences[0] = "One yellow bus is on the street."
    assert found("K103", dataset(record(sentences=sentences, keywords=["yellow buses"]))) == []


@pytest.mark.parametrize(
    ("one", "several"),
    [("leaf", "leaves"), ("man", "men"), ("child", "children"), ("axis", "axes"),
     ("potato", "potatoes"), ("canoe", "canoes"), ("toe", "toes"), ("grove", "groves"),
     ("olive", "olives"), ("shoe", "shoes")],
)  # fmt: skip
def test_a_plural_is_the_same_object(one: str, several: str, found: Found) -> None:
    for said, keyword in ((one, several), (several, one)):
        image = record(
            sentences=[f"The {said} can be seen.", *FIVE[1:]], keywords=[f"old {keyword}"]
        )
        assert found("K103", dataset(image)) == []
    [finding] = found("K105", dataset(record(keywords=[f"old {one}", f"old {several}"])))
    assert finding.message == f"keywords 'old {one}' and 'old {several}' name the same object"


def test_composed_and_decomposed_characters_are_the_same(found: Found) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    sentence = f"A small {decomposed} lies beside the road."
    image = record(
        sentences=[sentence, *FIVE[1:]],
        keywords=[f"white {composed}", f"white {decomposed}"],
        split="train",
    )
    assert found("K103", dataset(image)) == []
    assert [f.image for f in found("K104", dataset(image))] == ["port_1.tif"]
    copy = record("port_2.tif", [sentence.replace(decomposed, composed)], split="test")
    assert [f.image for f in found("L103", dataset(image, copy))] == ["port_2.tif"]


def test_a_keyword_has_a_letter(found: Found) -> None:
    keywords = ["- -", "2 3", "- runway 3", "two 3"]
    findings = found("K102", dataset(record(keywords=keywords)))
    assert [finding.message.split("'")[1] for finding in findings] == ["- -", "2 3"]


def test_a_long_keyword_is_shortened(found: Found) -> None:
    [finding] = found("S116", dataset(record(keywords=["<b>" + "x" * 1000])))
    assert len(finding.message) < 120
