"""Extra positives: candidates, the file, the way through Label Studio and back."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.metrics.map_at_r import precision
from rsitmd_tools.baselines.evaluation.positives import (
    Pair,
    Rule,
    candidates,
    counted_pairs,
    read_positives,
    relevant_pairs,
    write_positives,
)
from rsitmd_tools.baselines.evaluation.priors import GalleryPrior, gallery_prior
from rsitmd_tools.baselines.evaluation.propose import propose, verify
from rsitmd_tools.baselines.evaluation.verification import read_answers, write_tasks
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

FIRST_AND_THIRD = {(0, 2), (5, 0)}  # "a red boat ." is a sentence of both


@pytest.fixture
def prior(gallery: Gallery, tmp_path: Path) -> GalleryPrior:
    return gallery_prior(gallery, "test", tmp_path)


def found(gallery: Gallery, prior: GalleryPrior, **rule: Any) -> set[tuple[int, int]]:
    pairs = candidates(gallery, prior.prior, prior.rows, prior.columns, Rule(**rule))
    return {(pair.text, pair.image) for pair in pairs}


def test_equal_sentences_are_candidates_except_for_their_own_image(
    gallery: Gallery, prior: GalleryPrior
) -> None:
    assert found(gallery, prior) == FIRST_AND_THIRD
    assert found(gallery, prior, similarity=1.1, shared_keywords=9) == set()
    everything = found(gallery, prior, similarity=0)
    assert len(everything) == 6 * 2
    assert len(found(gallery, prior, similarity=0, most=1)) == 6


def test_shared_keywords_lower_the_bar(gallery: Gallery, prior: GalleryPrior) -> None:
    """The first and the third image share two keywords, whatever their case."""
    pairs = found(gallery, prior, similarity=1.1, shared_keywords=2, with_similarity=0)
    assert pairs == {(0, 2), (4, 0), (5, 0)}
    assert found(gallery, prior, similarity=1.1, shared_keywords=3, with_similarity=0) == set()


def test_extra_positives_count_in_map_at_r(gallery: Gallery) -> None:
    scores = np.zeros((3, 6))
    scores[2, 0] = scores[0, 5] = 1
    pairs = [Pair(0, 2, 0.8, 0), Pair(5, 0, 0.8, 0)]
    measured = precision(scores, gallery, pairs, {})
    assert measured["extra_positives"] == {"verified": False, "pairs": 2, "answered": 0, "rule": {}}
    assert measured["with_extra_positives"]["text_to_image"] > measured["own"]["text_to_image"]
    rejected = [Pair(0, 2, 0.8, 0, False), Pair(5, 0, 0.8, 0, False)]
    measured = precision(scores, gallery, rejected, {})
    assert measured["with_extra_positives"] == measured["own"]


def test_only_a_file_answered_throughout_is_verified() -> None:
    yes, no, unsure = Pair(0, 1, 1, 0, True), Pair(0, 2, 1, 0, False), Pair(1, 0, 1, 0)
    assert counted_pairs([yes, no]) == ([yes], True)
    assert counted_pairs([yes, no, unsure]) == ([yes, unsure], False)
    assert counted_pairs([]) == ([], False)


def test_relevance_is_symmetric(gallery: Gallery) -> None:
    relevant = relevant_pairs(gallery, [Pair(0, 2, 1, 0)])
    assert relevant.to_images == [[0], [1, 2, 3], [4, 5, 0]]
    assert relevant.to_texts == [[0, 2], [1], [1], [1], [2], [2]]


def test_what_is_written_is_read(gallery: Gallery, tmp_path: Path) -> None:
    pairs = [Pair(0, 2, 0.75, 2), Pair(5, 0, 0.5, 0, True)]
    write_positives(tmp_path / "p.json", gallery, pairs, {"similarity": 0.5}, "test")
    assert read_positives(tmp_path / "p.json", gallery) == (pairs, {"similarity": 0.5})


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("split_sha256", "0" * 64, "belongs to other data"),
        ("pairs", [{}], "has no 'sentence_of'"),
        ("rule", None, "rule"),
    ],
)
def test_a_file_of_other_data_or_form_is_refused(
    gallery: Gallery, tmp_path: Path, key: str, value: object, line: str
) -> None:
    file = tmp_path / "p.json"
    write_positives(file, gallery, [Pair(0, 2, 0.75, 2)], {}, "test")
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    with pytest.raises(RsitmdError, match=line):
        read_positives(file, gallery)


@pytest.mark.parametrize(
    "change",
    [{"image": "im 0.png"}, {"image": "im 2.png"}, {"sentence_index": 1}, {"sentence_of": "x"}],
)
def test_a_pair_of_a_sentence_and_its_own_image_is_refused(
    gallery: Gallery, tmp_path: Path, change: dict[str, Any]
) -> None:
    file = tmp_path / "p.json"
    write_positives(file, gallery, [Pair(0, 2, 0.75, 2)], {}, "test")
    document = json.loads(file.read_text())
    document["pairs"][0].update(change)
    file.write_text(json.dumps(document))
    with pytest.raises(RsitmdError, match=r"pairs\[0\] must name a text and a different image"):
        read_positives(file, gallery)


def exported(tasks: Path, answers: list[list[str]]) -> list[dict[str, Any]]:
    """Return tasks as Label Studio exports them, with a choice of each annotator."""
    return [
        {
            **task,
            "annotations": [
                {
                    "was_cancelled": choice == "cancelled",
                    "result": [
                        {"from_name": "fits", "type": "choices", "value": {"choices": [choice]}}
                    ],
                }
                for choice in given
            ],
        }
        for task, given in zip(json.loads(tasks.read_text()), answers, strict=True)
    ]


def test_people_confirm_and_reject(gallery: Gallery, tmp_path: Path) -> None:
    pairs = [Pair(0, 2, 0.7, 2), Pair(5, 0, 0.6, 0), Pair(1, 0, 0.5, 0), Pair(2, 0, 0.5, 0)]
    tasks = tmp_path / "tasks.json"
    write_tasks(tasks, gallery, pairs, "/data/local-files/?d=images/")
    first = json.loads(tasks.read_text())[0]["data"]
    assert first["image"] == "/data/local-files/?d=images/im%203.png"
    assert first["sentence"] == "a red boat ."
    answers = [["yes", "yes", "no"], ["no", "unsure"], ["yes", "no"], ["cancelled"]]
    export = tmp_path / "export.json"
    export.write_text(json.dumps(exported(tasks, answers)))
    said = [pair.verified for pair in read_answers(export, gallery, pairs)]
    assert said == [True, False, None, None]


def test_a_later_export_replaces_the_majority_of_an_earlier_one(
    gallery: Gallery, tmp_path: Path
) -> None:
    decided = [Pair(0, 2, 0.7, 2, True), Pair(5, 0, 0.6, 0, False), Pair(1, 0, 0.5, 0, True)]
    tasks, export = tmp_path / "tasks.json", tmp_path / "export.json"
    write_tasks(tasks, gallery, decided, "")
    export.write_text(json.dumps(exported(tasks, [["yes", "no"], ["no", "yes", "yes"], []])))
    said = [pair.verified for pair in read_answers(export, gallery, decided)]
    assert said == [None, True, True]


@pytest.mark.parametrize("document", [{}, [{}], [{"data": {"pair": [1]}}], [3], [{"data": 3}]])
def test_an_export_of_something_else_is_refused(
    gallery: Gallery, tmp_path: Path, document: object
) -> None:
    (tmp_path / "e.json").write_text(json.dumps(document))
    with pytest.raises(RsitmdError, match=r"list of tasks|has no pair"):
        read_answers(tmp_path / "e.json", gallery, [Pair(0, 2, 0.7, 2)])


def test_from_candidates_to_confirmed_positives(uneven: Dataset, tmp_path: Path) -> None:
    file, tasks, export = (tmp_path / name for name in ("p.json", "tasks.json", "export.json"))
    assert propose(uneven, "test", file, tasks=tasks).pairs == 2
    export.write_text(json.dumps(exported(tasks, [["yes"], ["no"]])))
    counts = verify(uneven, "test", file, export)
    assert (counts.pairs, counts.confirmed, counts.rejected) == (2, 1, 1)
    pairs, _ = read_positives(file, Gallery.of(uneven, "test"))
    assert counted_pairs(pairs)[1]


def test_answers_are_kept_when_candidates_are_found_again(uneven: Dataset, tmp_path: Path) -> None:
    file, tasks, export = (tmp_path / name for name in ("p.json", "tasks.json", "export.json"))
    propose(uneven, "test", file, tasks=tasks)
    export.write_text(json.dumps(exported(tasks, [["yes"], ["no"]])))
    verify(uneven, "test", file, export)
    gallery = Gallery.of(uneven, "test")
    first, rule = read_positives(file, gallery)
    # A pair that another version found, and one that nobody answered.
    texts = [text for text in range(gallery.texts) if gallery.owners[text] != 0]
    more = next(Pair(text, 0, 0.4, 0, True) for text in texts if (text, 0) not in pairs_of(first))
    write_positives(file, gallery, [first[0], more], rule, "test")
    counts = propose(uneven, "test", file)
    assert (counts.pairs, counts.confirmed, counts.rejected) == (3, 2, 0)
    assert set(read_positives(file, gallery)[0]) >= {first[0], more}


def pairs_of(pairs: Sequence[Pair]) -> set[tuple[int, int]]:
    return {(pair.text, pair.image) for pair in pairs}


def test_answers_about_other_data_are_not_overwritten(uneven: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    write_positives(file, Gallery.of(uneven, "test"), [Pair(0, 2, 0.5, 0)], {}, "test")
    other = {**json.loads(file.read_text()), "split_sha256": "0" * 64}
    file.write_text(json.dumps(other))
    propose(uneven, "test", file)  # Nobody answered.
    other["pairs"][0]["verified"] = True
    file.write_text(json.dumps(other))
    with pytest.raises(RsitmdError, match="has answers of annotators about other data"):
        propose(uneven, "test", file)
    assert json.loads(file.read_text()) == other


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("]", ",]"), "is not JSON"),
        (lambda text: text.replace('"verified": true', '"verified": "yes"'), "verified"),
        (lambda text: "[]", "must be an object"),
    ],
)
def test_a_damaged_file_with_answers_is_not_overwritten(
    uneven: Dataset, tmp_path: Path, change: Callable[[str], str], why: str
) -> None:
    """An editor leaves a comma too many, and the answers of weeks would be lost."""
    file, pairs = tmp_path / "p.json", [Pair(0, 2, 0.5, 0, True)]
    write_positives(file, Gallery.of(uneven, "test"), pairs, {}, "test")
    text = change(file.read_text())
    file.write_text(text)
    with pytest.raises(RsitmdError, match=f"exists and is not a file of positives.*{why}"):
        propose(uneven, "test", file)
    assert file.read_text() == text


def test_an_export_without_a_pair_of_the_file_is_refused(gallery: Gallery, tmp_path: Path) -> None:
    tasks, export = tmp_path / "tasks.json", tmp_path / "export.json"
    write_tasks(tasks, gallery, [Pair(0, 2, 0.7, 2)], "")
    export.write_text(json.dumps(exported(tasks, [["yes"]])))
    with pytest.raises(RsitmdError, match="has no task about a pair"):
        read_answers(export, gallery, [Pair(5, 0, 0.6, 0)])


def test_the_template_and_the_reader_use_the_same_field() -> None:
    folder = importlib.resources.files("rsitmd_tools.annotation_templates")
    page = ElementTree.fromstring((folder / "verification.xml").read_text(encoding="utf-8"))
    (choices,) = page.iter("Choices")
    assert choices.get("name") == "fits"
    assert [choice.get("value") for choice in choices] == ["yes", "no", "unsure"]
    fields = {
        part.get("value") for part in page.iter() if (part.get("value") or "").startswith("$")
    }
    assert fields == {"$image", "$sentence"}


def test_label_studio_accepts_the_template_and_its_answers() -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface")
    folder = importlib.resources.files("rsitmd_tools.annotation_templates")
    page = interface.LabelInterface((folder / "verification.xml").read_text(encoding="utf-8"))
    page.validate()
    task = {"data": {"image": "/a.png", "sentence": "a red boat .", "pair": ["a", 0, "b"]}}
    assert page.validate_task(task)
    answer = {
        "from_name": "fits",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": ["unsure"]},
    }
    assert page.validate_annotation({"result": [answer]})
    wrong = {**answer, "value": {"choices": ["perhaps"]}}
    assert not page.validate_annotation({"result": [wrong]})
