"""The labeling pages and the annotators' guide."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rsitmd_tools.annotation_templates import data_fields, guide, labeling_config, works_like
from rsitmd_tools.studio.sync.projects import instructions


@pytest.mark.parametrize("sentences", [1, 5, 20])
def test_a_text_area_for_each_sentence_and_one_for_keywords(sentences: int) -> None:
    page = ElementTree.fromstring(labeling_config(sentences, keywords_min=1, keywords_max=5))
    areas = page.findall(".//TextArea")
    names = [f"sentence{n}" for n in range(1, sentences + 1)]
    assert [area.get("name") for area in areas] == [*names, "keywords"]
    assert {area.get("required") for area in areas} == {"true"}
    assert [area.get("maxSubmissions") for area in areas] == ["1"] * sentences + ["5"]
    shown = [header.get("value") for header in page.findall(".//Header")][:sentences]
    assert all(str(title).endswith(", 4 to 50 words") for title in shown)
    assert page.find(".//Choices").get("value") == "$suggested"  # type: ignore[union-attr]
    # note, hint, whose text stands in the fields, four principles, two examples
    assert len(page.findall(".//Text")) == 9
    image = page.find(".//Image")
    assert image is not None
    assert (image.get("value"), image.get("zoom")) == ("$image", "true")


@pytest.mark.parametrize("template", ["captioning", "correction"])
def test_a_page_that_can_be_prefilled_shows_the_source_of_its_text(template: str) -> None:
    assert "machine" in data_fields(labeling_config(2, 1, 5, template))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (labeling_config(5, 1, 5, "captioning"), "captioning"),
        (labeling_config(5, 1, 5, "correction"), "correction"),
        (labeling_config(5, 1, 5, "keywords"), "keywords"),
        (labeling_config(5, 1, 5, "ranking"), "keywords"),
        # Two captions beside one area: an example, not what the area corrects.
        (
            '<View><Text name="a" value="$caption1"/><Text name="b" value="$caption2"/>'
            '<TextArea name="sentence1" toName="image"/></View>',
            "captioning",
        ),
    ],
)
def test_a_page_works_like_the_included_one_with_its_fields(page: str, expected: str) -> None:
    assert works_like(page) == expected


def test_keywords_may_be_optional() -> None:
    page = ElementTree.fromstring(labeling_config(1, keywords_min=0, keywords_max=3))
    required = {area.get("name"): area.get("required") for area in page.findall(".//TextArea")}
    assert required == {"sentence1": "true", "keywords": "false"}


def test_the_instructions_are_html_without_markdown() -> None:
    shown = instructions(guide())
    page = ElementTree.fromstring(f"<div>{shown}</div>")
    assert page.findtext("h1") == "How to caption an image"
    assert "<strong>Count</strong>" in shown
    assert "**" not in shown
    text = " ".join("".join(page.itertext()).split())
    for words in ('"blue sea"', "Vary your words", "Ctrl + Enter"):
        assert words in text
    assert len(page.findall("ol/li")) == 4


def test_only_the_guide_of_a_connected_server_warns_about_its_pages() -> None:
    own, connected = guide(), guide(embedded=False)
    assert "Shift + Enter" not in own
    assert connected.startswith(own)
    assert "Never press\nShift + Enter" in connected
