"""Figure 7: one heat map for each dataset of a report."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.benchmark.report import command
from rsitmd_tools.dataset import Dataset, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.report import write_report
from rsitmd_tools.report.data import find_data
from rsitmd_tools.report.result_figures import prior
from rsitmd_tools.report.result_figures.base import Material, Missing
from rsitmd_tools.report.style import PAGE, inline_svg
from rsitmd_tools.similarity import compute_prior
from tests.report.pages import words

MakeRun = Callable[..., Path]


@pytest.fixture
def make_data(tmp_path: Path, data: Dataset) -> Callable[..., Dataset]:
    """Return a function that writes a dataset like the fixture's with other sentences."""

    def make(name: str, *sentences: str) -> Dataset:
        texts = tuple(map(Sentence, sentences))
        images = [replace(image, sentences=texts, split="test") for image in data]
        folder = tmp_path / name
        folder.mkdir()
        save_dataset(Dataset(name, tuple(images), folder, "rsitmd"), folder, "rsitmd")
        return load_dataset(folder)

    return make


def test_the_map_is_that_of_the_test_split(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    material = Material([], find_data(data.source, []))
    (found,) = prior.compute(material).maps
    assert (found.split, found.map.images) == ("test", 2)
    expected = compute_prior(data.select("test"))
    assert found.map.cells == pytest.approx(expected, abs=1e-6)
    monkeypatch.setattr(prior, "MOST_IMAGES", 1)
    monkeypatch.setattr(prior, "CELLS", 4)
    (small,) = prior.compute(material).maps
    assert (small.map.images, small.map.cells.shape) == (1, (1, 4))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_each_dataset_has_a_map_on_one_scale(
    data: Dataset, make_data: Callable[..., Dataset], count: int
) -> None:
    others = [make_data(f"other_{n}", "A red boat on the sea.") for n in range(1, count)]
    found = prior.compute(Material([], find_data(data.source, []), others=others))
    assert [each.map.name for each in found.maps] == ["Äcker", *(one.name for one in others)]
    figure = prior.draw(found, PAGE)
    images = [axes.images[0] for axes in figure.axes if axes.images and axes.get_title()]
    assert len(images) == count
    assert {image.norm for image in images} == {images[0].norm}
    assert images[0].norm.vmax == max(each.map.cells.max() for each in found.maps) == 1
    ET.fromstring(str(inline_svg(figure, "prior")).replace("xlink:href", "href"))


def test_a_dataset_without_sentences_is_named(
    data: Dataset, make_data: Callable[..., Dataset]
) -> None:
    bare = make_data("bare")
    found = prior.compute(Material([], find_data(data.source, []), others=[bare]))
    assert (len(found.maps), found.bare) == (1, ["bare"])
    other = find_data(bare.source, [])
    assert prior.compute(Material([], other, others=[data])).bare == ["bare"]
    with pytest.raises(Missing, match="none of the datasets has sentences"):
        prior.compute(Material([], other, others=[bare]))


def test_repeated_datasets_of_the_command(
    make_run: MakeRun, output: Path, data: Dataset, make_data: Callable[..., Dataset]
) -> None:
    other = make_data("boats", "A red boat on the sea.")
    sources = [data.source, other.source, data.source]
    options = [part for source in sources for part in ("--dataset", str(source))]
    figures = output.parent / "figures"
    call = [str(make_run()), "-o", str(output), "--figures", str(figures), *options]
    done = CliRunner().invoke(command, call)
    assert done.exit_code == 0, done.output
    text = words(output)
    # Everything else is of the first one, and equal datasets are shown once.
    assert "The dataset: Äcker" in text
    assert text.count(": the test split, ") == 2
    assert "Äcker: the test split, 2 images, mean" in text
    assert f"{other.name}: the test split, 6 images, mean" in text
    assert other.checksum() in (figures / "prior.svg").read_text(encoding="utf-8")


def test_runs_of_several_datasets_show_all_of_them(
    make_run: MakeRun, output: Path, data: Dataset, make_data: Callable[..., Dataset]
) -> None:
    other = make_data("boats", "A red boat on the sea.")
    runs = [make_run("first"), make_run("second", data_sha256=other.checksum())]
    manifest = json.loads((runs[1] / "run.json").read_text())
    (runs[1] / "run.json").write_text(json.dumps({**manifest, "data_path": str(other.source)}))
    write_report(runs, output)
    assert words(output).count(": the test split, ") == 2
    # A dataset that the user names is the only one.
    write_report(runs, output, data.source)
    assert words(output).count(": the test split, ") == 1


def test_a_further_dataset_that_cannot_be_read_is_a_one_line_error(
    make_run: MakeRun, output: Path, data: Dataset
) -> None:
    with pytest.raises(RsitmdError, match="gone") as caught:
        write_report([make_run()], output, data.source, more_data=[Path("gone")])
    assert "\n" not in str(caught.value)
    assert not output.exists()
