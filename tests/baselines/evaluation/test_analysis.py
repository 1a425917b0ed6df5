"""What the report shows of the scores: compared with plain loops over all pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rsitmd_tools.baselines.evaluated_runs import read_runs
from rsitmd_tools.baselines.evaluation import analysis as module
from rsitmd_tools.baselines.evaluation import blocks
from rsitmd_tools.baselines.evaluation.analysis import analysis, confusion, margins
from rsitmd_tools.baselines.evaluation.evaluate import evaluate, evaluate_scores
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.metric import ScoredGallery
from rsitmd_tools.baselines.evaluation.nearest_wrong import of_images, of_texts
from rsitmd_tools.baselines.evaluation.queries import read_queries
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.formats.images import ImageMode
from rsitmd_tools.report import write_report
from rsitmd_tools.report.result_figures import FIGURES, Material
from rsitmd_tools.report.result_figures import margins as figure_of_margins
from rsitmd_tools.report.result_figures import mean_recall as figure_of_mean_recall
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.similarity import compute_prior


@pytest.mark.parametrize("block", [7, 16_000_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_wrong_items_are_those_of_a_loop(
    gallery: Gallery,
    tied: Callable[[int, int, int], npt.NDArray[np.float64]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    block: int,
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    monkeypatch.setattr(blocks, "LEAST_QUERIES", 1)
    scores = tied(seed, gallery.images, gallery.texts)
    scores[seed % 3, seed] = -np.inf
    prior = np.nan_to_num(compute_prior(gallery.part))
    scored = ScoredGallery(scores, gallery, "test", tmp_path)
    texts, images = (f(scores, gallery, scored.prior) for f in (of_texts, of_images))
    for text in range(gallery.texts):
        own = gallery.owners[text]
        others = [image for image in range(gallery.images) if image != own]
        best = max(scores[image, text] for image in others)
        assert scores[texts.other[text], text] == best
        assert texts.other[text] != own
        check(texts.margins[text], scores[own, text], best)
        assert texts.similarities[text] == pytest.approx(prior[texts.other[text], text], abs=1e-6)
    for image in range(gallery.images):
        own = [text for text in range(gallery.texts) if gallery.owners[text] == image]
        others = [text for text in range(gallery.texts) if gallery.owners[text] != image]
        best = max(scores[image, text] for text in others)
        assert images.own[image] in own
        assert images.other[image] in others
        assert scores[image, images.other[image]] == best
        check(images.margins[image], max(scores[image, text] for text in own), best)
        similarity = prior[image, images.other[image]]
        assert images.similarities[image] == pytest.approx(similarity, abs=1e-6)


def check(margin: float, own: float, other: float) -> None:
    if np.isfinite(own) and np.isfinite(other):
        assert margin == own - other
    else:
        assert np.isnan(margin)


@pytest.fixture
def scored(tiny: Dataset, tmp_path: Path) -> ScoredGallery:
    """Right scores, except for what the tests change."""
    gallery = Gallery.of(tiny, "test")
    scores = np.zeros((8, 40), np.float32)
    scores[gallery.owners, np.arange(40)] = 1
    return ScoredGallery(scores, gallery, "test", tmp_path)


def test_a_perfect_model_has_no_error(scored: ScoredGallery) -> None:
    found = analysis(scored)
    assert {point[1] for point in found["margins"]["points"]} == {1.0}
    counts = np.array(found["confusion"]["counts"])
    assert counts.sum() == np.trace(counts) == 40
    for way, queries in (("text_to_image", 40), ("image_to_text", 8)):
        errors = found["false_negatives"][way]
        assert errors == {"queries": queries, "wrong": 0, "likely": 0, "pairs": []}
        assert len(found["easiest"][way]) == module.EASIEST
        assert len({entry["image"] for entry in found["easiest"][way]}) == module.EASIEST


def test_a_wrong_image_with_an_equal_sentence_is_a_likely_false_negative(
    scored: ScoredGallery, tiny: Dataset, tmp_path: Path
) -> None:
    first, second, third = (image for image in list(tiny)[24:27])
    twin = replace(second, sentences=first.sentences)
    data = tiny.with_images(twin if image is second else image for image in tiny)
    scores = scored.scores.copy()
    scores[1, 0] = 2  # finds the twin, whose sentences are equal
    scores[1, 2] = 1  # a tie of both images: right as often as not
    scores[2, 1] = 3  # finds an image that the sentence does not fit
    found = analysis(ScoredGallery(scores, Gallery.of(data, "test"), "test", tmp_path))
    errors = found["false_negatives"]["text_to_image"]
    assert (errors["queries"], errors["wrong"], errors["likely"]) == (40, 2, 1)
    (pair,) = errors["pairs"]
    assert (pair["image"], pair["found"]) == (first.filename, twin.filename)
    assert pair["sentence"] == first.captions[0]
    assert pair["similarity"] >= 0.5
    assert third.filename not in json.dumps(errors)
    # The second image finds a text of the first one: what it says is what its own texts say.
    (pair,) = found["false_negatives"]["image_to_text"]["pairs"]
    assert (pair["image"], pair["found"]) == (twin.filename, first.filename)
    assert pair["sentence"] == first.captions[0]


def test_confusions_are_counted_by_category(scored: ScoredGallery) -> None:
    of_image = [image.category for image in scored.gallery.part]
    scored.scores[:] = 0
    scored.scores[3] = 1  # the fourth image comes first for each text
    found = confusion(scored)
    assert found is not None
    column = found["categories"].index(of_image[3])
    counts = np.array(found["counts"])
    assert counts[:, column].tolist() == [5 * of_image.count(name) for name in found["categories"]]
    assert counts.sum() == 40


def test_without_categories_there_is_no_confusion(scored: ScoredGallery, tmp_path: Path) -> None:
    part = scored.gallery.part
    nameless = part.with_images(replace(image, category=None) for image in part)
    other = ScoredGallery(scored.scores, replace(scored.gallery, part=nameless), "test", tmp_path)
    assert confusion(other) is None


def test_many_points_are_thinned(scored: ScoredGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS", 7)
    scored.scores[0, 0] = np.inf
    found = margins(of_texts(scored.scores, scored.gallery, scored.prior))
    assert found["texts"] == 39
    assert len(found["points"]) == 7


def test_a_run_has_saliency_and_times(tiny: Dataset, run: Path) -> None:
    evaluate(run, tiny)
    found = json.loads(Run(run).analysis_file.read_text())
    assert first_error(found, load_schema("benchmark_analysis")) is None
    assert found["data_sha256"] == tiny.checksum()
    assert len(found["saliency"]) == 6
    assert np.array(found["saliency"][0]["map"]).shape == (16, 16)
    times = found["times"]
    assert times["gallery"] == 8
    # The gallery has fewer images than a batch of 16.
    assert [(row["part"], row["batch"]) for row in times["rows"]] == [
        ("encode image", 1),
        ("encode text", 1),
        ("encode text", 16),
        ("match", 1),
        ("match", 16),
    ]
    assert all(row["milliseconds"] > 0 for row in times["rows"])


def test_scores_from_a_file_have_neither(
    tiny: Dataset, scored: ScoredGallery, tmp_path: Path
) -> None:
    np.save(tmp_path / "mine.npy", scored.scores)
    evaluate_scores(tmp_path / "mine.npy", tiny, output=tmp_path / "out")
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert first_error(found, load_schema("benchmark_analysis")) is None
    assert found["saliency"] is None
    assert found["times"] is None
    left_out = " ".join(write_report([tmp_path / "out"], tmp_path / "report.html").left_out)
    assert "Times (table VII): the scores are from a file, so no time was measured." in left_out
    assert "no run has saliency maps" in left_out
    assert "Margin against similarity" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_of_a_trained_run_has_every_section(
    tiny: Dataset, run: Path, tmp_path: Path
) -> None:
    save_dataset(tiny, tmp_path / "data", "rsitmd", images=ImageMode("copy"))
    data = load_dataset(tmp_path / "data")
    result = evaluate(run, data)
    report = write_report([run], tmp_path / "report.html", tmp_path / "data", tmp_path / "figures")
    assert report.left_out == ["Differences between the runs: there is only one run."]
    assert list(report.figures) == [figure.name for figure in FIGURES]
    material = Material(read_runs([run]))
    ((_, found),) = material.analysed()
    (shown,) = figure_of_margins.compute(material)
    hits = read_queries(run / "queries.csv").text_hits[:, 0]
    # A sentence is wrong if it surely misses its image, and right if it surely hits it.
    assert shown.texts == len(hits) == 40
    assert shown.wrong == pytest.approx(100 * (hits == 0).mean(), abs=100 * (hits % 1 != 0).mean())
    assert found["false_negatives"]["text_to_image"]["wrong"] == (hits == 0).sum()
    assert np.array(found["confusion"]["counts"]).sum() == 40
    (row,) = figure_of_mean_recall.compute(material)
    assert row.value == result["mean_recall"]
    assert row.category == result["category_chance"]["mean_recall"]
