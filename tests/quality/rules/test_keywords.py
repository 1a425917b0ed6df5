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


def test_a_long_keyword_is_shortened(found: Found) -> None:
    [finding] = found("S116", dataset(record(keywords=["<b>" + "x" * 1000])))
    assert len(finding.message) < 120
