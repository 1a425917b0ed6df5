"""The numbers behind each figure, and that it can be drawn for a page and for a paper."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun, read_runs
from rsitmd_tools.baselines.losses import dynamic_margin
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.report import style
from rsitmd_tools.report.data import find_data
from rsitmd_tools.report.result_figures import (
    FIGURES,
    category_recall,
    compute_figures,
    confusion,
    dataset_bars,
    draw_for_page,
    loss,
    margins,
    mean_recall,
    prior,
    retrieved,
    saliency,
    times,
    validation_recall,
    write_figures,
)
from rsitmd_tools.report.result_figures.base import Material, Missing

MakeRun = Callable[..., Path]
Floats = npt.NDArray[np.float64]
# Seen by the two frequent kinds of colour blindness: Machado, Oliveira and Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.
DEFICIENCIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def run_with(make_run: MakeRun, name: str, analysis: Any = None, **changes: Any) -> EvaluatedRun:
    folder = make_run(name, **changes)
    if analysis is not None:
        (folder / "analysis.json").write_text(json.dumps(analysis))
    (run,) = read_runs([folder])
    assert analysis is None or run.analysis == analysis
    return run


@pytest.fixture
def material(make_run: MakeRun, data: Dataset, analysis: dict[str, Any]) -> Material:
    """Two runs, the second one without an analysis, and the dataset."""
    dynamic = {"margin": {"kind": "dynamic", "gamma": 0.6, "beta": 5.0}}
    recalls = {"r1": 10.0, "r5": 42.3, "r10": 68.9}
    known = {"mean_recall": 46.9, "image_to_text": recalls, "text_to_image": recalls}
    runs = [
        run_with(make_run, "$first$", analysis, settings=dynamic),
        run_with(make_run, "second", category_chance=known, mean_recall=70.0),
    ]
    names = {image.filename for image in data}
    pixels = {name: np.full((8, 8, 3), 40 + n, np.uint8) for n, name in enumerate(sorted(names))}
    return Material(runs, find_data(data.source, runs), pixels, frozenset({0, 1}))


def test_mean_recall_has_interval_chance_and_category(material: Material) -> None:
    first, second = mean_recall.compute(material)
    assert (first.value, first.low, first.high, first.chance) == (62.0, 52.5, 71.5, 20.0)
    assert (first.category, second.category, second.value) == (None, 46.9, 70.0)


def test_curves_are_those_of_the_history(material: Material, make_run: MakeRun) -> None:
    # The settings differ, so the losses are shares of the first one.
    losses = loss.compute(material)
    assert losses.relative
    for curve, number in zip(losses.curves, (0, 1), strict=True):
        assert curve.colour == number
        assert curve.epochs == [1, 2, 3]
        assert curve.values == pytest.approx([1, 0.5 / 0.9, 0.4 / 0.9])
    alone = loss.compute(Material(material.runs[1:]))
    assert not alone.relative
    assert alone.curves[0].values == [0.9, 0.5, 0.4]
    assert validation_recall.compute(material)[1].values == [20, 35.5, 30]
    folder = make_run("no-validation")
    (folder / "metrics.csv").write_text("epoch,loss,val_mean_recall\n0,1,nan\n")
    with pytest.raises(Missing, match="validation"):
        validation_recall.compute(Material(read_runs([folder])))


def test_margins_are_counted_below_zero_and_below_the_line(material: Material) -> None:
    (found,) = margins.compute(material)
    assert (found.texts, found.wrong) == (4, 25.0)  # a tie is not wrong
    assert found.points == [(0.0, 0.7), (0.5, 0.1), (0.9, -0.2), (0.25, 0.0)]
    # At 0 the loss demands gamma, 0.6; at 0.5 still 0.56.
    assert found.short == 75.0
    assert found.demanded[0] == pytest.approx((0, 0.6))
    assert found.demanded[-1] == pytest.approx((1, 0))


@pytest.mark.parametrize("beta", [-3.0, 0.0, 1e-9, 0.5, 5.0, 800.0])
def test_the_line_is_the_margin_of_the_loss(beta: float) -> None:
    settings = {"margin": {"kind": "dynamic", "gamma": 0.7, "beta": beta}}
    similarity = np.linspace(0, 1, 11)
    expected = dynamic_margin(torch.from_numpy(similarity), 0.7, beta).numpy()
    assert margins.demanded(settings, similarity) == pytest.approx(expected, abs=1e-9)


def test_a_line_is_only_drawn_if_it_is_known() -> None:
    one = np.array([0.5])
    fixed = {"kind": "fixed", "value": 0.2, "gamma": 9, "beta": 9}
    assert margins.demanded({"margin": fixed}, one).tolist() == [0.2]
    assert margins.demanded({"margin": fixed, "loss": "infonce"}, one) is None
    assert margins.demanded({}, one) is None
    assert margins.demanded({"margin": {"kind": "other"}}, one) is None


def test_many_points_and_runs_are_limited(
    make_run: MakeRun, analysis: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(margins, "MOST_POINTS", 3)
    monkeypatch.setattr(margins, "MOST_RUNS", 2)
    runs = [run_with(make_run, f"run-{n}", analysis) for n in range(3)]
    found = margins.compute(Material(runs))
    assert [len(each.points) for each in found] == [3, 3]
    assert found[0].wrong == 25.0  # of all points


def test_saliency_covers_the_images_that_are_at_hand(material: Material, data: Dataset) -> None:
    found = saliency.compute(material)
    first = data.select("test").images[0].filename
    assert [name for name, _ in found.images] == [first]
    ((number, name, maps),) = found.runs
    assert (number, name) == (0, "$first$")
    picture = maps[first].astype(int)
    # Cividis: dark blue where the map is lowest, yellow where it is highest.
    assert picture[0, 0, 2] > picture[0, 0, 0]
    assert picture[-1, -1, 0] > picture[-1, -1, 2] + 50
    with pytest.raises(Missing, match="images are not available"):
        saliency.compute(Material(material.runs, pixels=material.pixels))
    with pytest.raises(Missing, match="no run has an analysis"):
        saliency.compute(Material(material.runs[1:]))


def test_retrieved_images_are_marked_as_in_the_examples(material: Material) -> None:
    found = retrieved.compute(material)
    assert [answer.run for answer in found] == ["$first$", "second"]
    for answer in found:
        assert [right for _, right in answer.found] == [False, True]
        assert all(pixels is not None for pixels, _ in answer.found)
    figure = retrieved.draw(found[:1], style.PAPER)
    framed = [axes.spines["top"].get_visible() for axes in figure.axes]
    assert framed == [False, False, True, False, False, False]
    with pytest.raises(Missing, match="images are not available"):
        retrieved.compute(Material(material.runs))


def test_categories_are_sorted_by_their_mean(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def table(**values: float) -> dict[str, Any]:
        both = dict.fromkeys(("r1", "r5", "r10"), 0)
        ways = {"image_to_text": both, "text_to_image": both}
        return {
            name: {**ways, "mean_recall": value, "images": len(name), "texts": 10}
            for name, value in values.items()
        }

    runs = [
        run_with(make_run, "a", categories=table(farm=10, seaport=60)),
        run_with(make_run, "b", categories=table(farm=90)),
        run_with(make_run, "c", categories={}),
    ]
    found = category_recall.compute(Material(runs))
    assert found.categories == ["seaport", "farm"]  # 60 and 50
    assert found.runs == [(0, "a", [60, 10]), (1, "b", [None, 90])]
    monkeypatch.setattr(category_recall, "MOST_CATEGORIES", 1)
    largest = category_recall.compute(Material(runs))
    assert (largest.categories, largest.left_out) == (["seaport"], 1)
    with pytest.raises(Missing, match="no categories"):
        category_recall.compute(Material(runs[2:]))


def test_confusions_are_shares_of_the_sentences_of_a_category(
    material: Material, analysis: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = confusion.compute(material)
    assert found.run == "$first$"
    assert found.shares.tolist() == [[80, 0, 20], [40, 60, 0], [0, 0, 100]]
    assert confusion.most_frequent(analysis["confusion"], 9) == [
        ("farm", "$a_b$", 2, 5),
        ("$a_b$", "port", 1, 5),
    ]
    monkeypatch.setattr(confusion, "MOST_CATEGORIES", 2)
    fewer = confusion.compute(material)
    assert (fewer.categories, fewer.left_out) == (["$a_b$", "farm"], 1)


def test_times_are_those_of_the_analysis(material: Material) -> None:
    found = times.compute(material)
    assert (found.parts, found.batches) == (["encode image", "match"], [1, 16])
    ((number, name, where, values),) = found.runs
    assert (number, name, where) == (0, "$first$", "CPU, 1 thread")
    assert values == {("encode image", 1): 12.5, ("encode image", 16): 4, ("match", 1): 0.25}


def test_the_bars_are_published_figures_and_the_statistics(material: Material) -> None:
    panels = {panel.title: dict(panel.bars) for panel in dataset_bars.compute(material)}
    assert len(panels) == 6
    assert panels["distinct words"]["RSITMD"] == 3908
    assert panels["average similarity"]["Sydney"] == 0.178
    assert material.data is not None
    own = {title: bars["Äcker"] for title, bars in panels.items()}
    statistics = material.data.statistics
    assert own["images"] == 6
    # One sentence is the same in all six images, four are of each image alone.
    assert own["distinct sentences per image"] == pytest.approx(25 / 6)
    assert own["average similarity"] == statistics["average_similarity"]
    assert own["categories"] == 1


def test_without_a_dataset_its_figures_are_missing(material: Material) -> None:
    for module in (prior, dataset_bars):
        with pytest.raises(Missing, match="--dataset PATH"):
            module.compute(Material(material.runs))


def test_every_figure_is_drawn_for_a_page_and_for_a_paper(
    material: Material, tmp_path: Path
) -> None:
    computed = compute_figures(material)
    assert {name: each.reason for name, each in computed.items()} == dict.fromkeys(computed, "")
    inline = draw_for_page(list(computed.values()))
    assert inline.keys() == {figure.name for figure in FIGURES if figure.in_page}
    for drawing in inline.values():
        ET.fromstring(drawing.replace("xlink:href", "href"))
        assert "#0102" not in drawing and "#0103" not in drawing
    names = write_figures(tmp_path / "a", list(computed.values()), material)
    assert names == [figure.name for figure in FIGURES]
    write_figures(tmp_path / "b", list(computed.values()), material)
    checksum = material.runs[0].result["data_sha256"]
    for name in names:
        text = (tmp_path / "a" / f"{name}.svg").read_text(encoding="utf-8")
        ET.fromstring(text)
        assert checksum in text
        assert "var(--" not in text and "#0103" not in text
        assert (tmp_path / "a" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        for suffix in ("svg", "pdf"):
            file = f"{name}.{suffix}"
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_last_bits_of_a_layout_do_not_change_a_file(tmp_path: Path) -> None:
    for folder, shift in (("a", 0.0), ("b", 1e-12)):
        figure = style.new_figure(2, 2)
        figure.set_layout_engine("none")
        figure.add_axes((0.1 + shift, 0.1, 0.8, 0.8)).plot([0, 1], [0, 1], "o-")
        style.save(figure, tmp_path / folder, "line", "A line", {})
    one, other = ((tmp_path / folder / "line.svg").read_text() for folder in "ab")
    assert one == other
    assert "url(#p" in one


def test_texts_of_any_kind_are_drawn_without_a_warning(
    make_run: MakeRun, analysis: dict[str, Any], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    strange = "港口 $x_{ \x1b[31m\x00 \n <b>&amp;</b> \ud800"
    analysis["confusion"]["categories"][0] = strange
    run = run_with(make_run, "run", analysis)
    examples = dict(run.examples or {})
    examples["text_to_image"] = [{**examples["text_to_image"][0], "query": strange * 300}]
    run = replace(run, examples=examples, name=strange)
    names = [item["image"] for item in examples["text_to_image"][0]["found"]]
    pixels = dict.fromkeys(names, np.zeros((8, 8, 3), np.uint8))
    material = Material([run], pixels=pixels, pictured=frozenset({0}))
    shown = compute_figures(material)
    chosen = [shown[name] for name in ("retrieved", "confusion", "margins", "mean-recall")]
    for drawing in draw_for_page(chosen).values():
        ET.fromstring(drawing.replace("xlink:href", "href"))
    assert len(write_figures(tmp_path, chosen, material)) == 4
    for file in tmp_path.glob("*.svg"):
        ET.fromstring(file.read_text(encoding="utf-8"))
    assert [str(warning.message) for warning in recwarn] == []


def test_registered_figures_have_names_of_their_own() -> None:
    for key in ("name", "title", "label"):
        assert len({getattr(figure, key) for figure in FIGURES}) == len(FIGURES)


def linear(colour: str) -> Floats:
    """Return a colour as linear RGB."""
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: Floats) -> Floats:
    """Return linear RGB as CIE L*a*b*, D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ratio = np.clip(np.array(to_xyz) @ rgb, 0, None) / (0.9505, 1, 1.089)
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def page_colours() -> list[str]:
    sheet = resources.files("rsitmd_tools.report") / "templates" / "report.css"
    return re.findall(r"--series-[0-7]: (#[0-9a-f]{6})", sheet.read_text(encoding="utf-8"))


PALETTES = {
    "paper": list(style.OKABE_ITO),
    "light page": page_colours()[: style.COLOURS],
    "dark page": page_colours()[style.COLOURS :],
}


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("seen_by", ["everybody", *DEFICIENCIES])
def test_colours_of_runs_are_told_apart(seen_by: str, palette: str) -> None:
    colours = PALETTES[palette]
    assert len(colours) == style.COLOURS
    matrix = np.array(DEFICIENCIES.get(seen_by, np.eye(3)))
    seen = [lab(np.clip(matrix @ linear(colour), 0, 1)) for colour in colours]
    distances = {
        pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]]))
        for pair in combinations(range(len(seen)), 2)
    }
    # About ten times the smallest difference that is seen side by side.
    assert min(distances.values()) > 10, min(distances, key=lambda pair: distances[pair])
    looks = {(style.PAPER.marker(n), style.PAPER.dashes(n)) for n in range(style.COLOURS)}
    assert len(looks) == style.COLOURS
