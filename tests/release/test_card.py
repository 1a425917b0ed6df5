"""The dataset card: front matter for the Hub, and answers from the data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rsitmd_tools.formats.rsitmd import FILENAME
from rsitmd_tools.release.card import card
from rsitmd_tools.release.croissant import croissant
from tests.release.conftest import MakeFacts


def front_matter(text: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return found


@pytest.mark.parametrize("title", ['Häfen: "ships"', "- # {{ facts }}", "</script>"])
def test_the_front_matter_is_yaml_with_any_title(make_facts: MakeFacts, title: str) -> None:
    text = card(make_facts(title=title))
    assert front_matter(text)["pretty_name"] == title
    assert f"# {title}, version 1.0.0\n" in text


@pytest.mark.parametrize(
    ("texts", "images", "expected"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", "cc-by-4.0"),
        ("terms.txt", "terms.txt", "other"),
        ("CC-BY-4.0", "", None),
        ("", "", None),
    ],
)
def test_the_hub_is_told_a_licence_that_holds_for_all(
    make_facts: MakeFacts, texts: str, images: str, expected: str | None
) -> None:
    text = card(make_facts(text_licence=texts, image_licence=images))
    assert front_matter(text).get("license") == expected
    assert (f"Texts: {texts}." in text) == bool(texts)


@pytest.mark.libraries
@pytest.mark.parametrize("title", ['Häfen: "ships"', "- # {{ facts }}"])
def test_the_hub_reads_the_card(make_facts: MakeFacts, tmp_path: Path, title: str) -> None:
    hub = pytest.importorskip("huggingface_hub")
    file = tmp_path / "README.md"
    facts = make_facts(title=title, text_licence="CC-BY-4.0", image_licence="CC-BY-4.0")
    file.write_text(card(facts), encoding="utf-8")
    loaded = hub.DatasetCard.load(file)
    assert (loaded.data.pretty_name, loaded.data.license) == (title, "cc-by-4.0")
    assert loaded.data.size_categories == ["n<1K"]
    assert loaded.text.lstrip().startswith(f"# {title}, version 1.0.0\n")


@pytest.mark.parametrize(
    ("images", "expected"), [(8, "n<1K"), (1000, "1K<n<10K"), (2_000_000, "1M<n<10M")]
)
def test_the_class_of_size(make_facts: MakeFacts, images: int, expected: str) -> None:
    text = card(make_facts(images={"train": images, "val": 0, "test": 0}))
    assert front_matter(text)["size_categories"] == [expected]


def test_answers_come_from_the_data_and_other_questions_are_marked(make_facts: MakeFacts) -> None:
    text = card(make_facts(annotators=1, machine_given=3, box=(8.0, 50.0, 9.0, 51.0)))
    assert "1 annotator wrote them" in text
    assert "Yes: 3 sentences were written by annotators who could see a" in text
    assert "between 8.0 and 9.0 degrees of longitude" in text
    assert "farm 4, harbour 4" in text
    assert text.count("**To answer") >= 8
    assert "does not record the place" not in text


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (0, "No known pair of images of one picture or place is in different splits."),
        (1, "1 pair of images of one picture or place is in different splits."),
        (3, "3 pairs of images of one picture or place are in different splits."),
    ],
)
def test_the_card_says_whether_splits_share_pictures(
    make_facts: MakeFacts, pairs: int, expected: str
) -> None:
    assert expected in " ".join(card(make_facts(crossing=pairs)).split())


def test_the_card_says_that_places_were_not_searched(make_facts: MakeFacts) -> None:
    said = "The images were not searched for views of one place."
    assert said not in card(make_facts())
    assert said in card(make_facts(places_searched=False))


def test_nothing_is_claimed_about_imported_sentences(make_facts: MakeFacts) -> None:
    facts = make_facts(annotators=0, imported=True, keywords=0, authors=("The authors of ports",))
    text = card(facts)
    assert "All sentences were imported" in text
    assert "keyword" not in text.split("## Datasheet")[1]
    for claim in ("Label Studio", "Annotators are", "No machine text", "The authors of ports "):
        assert claim not in text.split("## Datasheet")[1]
    assert "rai:dataAnnotationPlatform" not in croissant(facts, {FILENAME: "0" * 64})


def test_annotators_who_are_named_are_not_called_anonymous(make_facts: MakeFacts) -> None:
    assert "are named" in card(make_facts(named=True))
    assert "by number only" in card(make_facts())
