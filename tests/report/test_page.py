"""The page: what it shows, what it escapes, what it does without."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.baselines.data.digests import images_checksum
from rsitmd_tools.cli import root
from rsitmd_tools.cli.benchmark.report import command
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import save_dataset
from rsitmd_tools.report import write_report
from rsitmd_tools.report.data import small_images
from rsitmd_tools.similarity import average
from tests.report.pages import Page

MakeRun = Callable[..., Path]


def test_the_page_shows_figures_with_interval_and_chance(make_run: MakeRun, output: Path) -> None:
    write_report([make_run("soft"), make_run("other", model="vsepp", seed=7)], output)
    text = " ".join(Page(output).text.split())
    for shown in (
        *("soft", "AMFMN, soft attention", "VSE++", "2 images, 10 texts", "random"),
        *("41.0", "31.0–51.0", "chance 10.0", "62.00", "52.5–71.5", "chance 20.0"),
        *("found 2nd", "not among the first 2", "Äcker", "resnet18", "margin.kind fixed"),
        *(
            "image->text 1.5, text->image 2.0",
            "71.25 (chance 33.5",
            "7 unverified extra positives",
            "1.5 min",
        ),
        *("The hardest sentences", "rank 2", "Mean recall by category"),
    ):
        assert shown in text
    # A sentence's image and what two runs found by it, an image's own, and for each run the
    # hardest sentence's image beside the one found first.
    assert Page(output).tags["img"] == 1 + 2 * 2 + 1 + 2 * 2
    assert "warning" not in Page(output).html.split("</style>")[1]


def test_the_page_says_which_results_are_means_over_views(make_run: MakeRun, output: Path) -> None:
    write_report([make_run("once", views=1), make_run("turned", views=8)], output)
    assert Page(output).text.count("mean score over 8 rotations and flips") == 1
    assert Page(output).text.count("rotations and flips") == 1


def test_the_page_loads_nothing_external_and_runs_no_script(
    make_run: MakeRun, output: Path
) -> None:
    write_report([make_run()], output)
    page = Page(output)
    assert page.sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert all(link.startswith(("#", "data:,", "data:image/png;base64,")) for link in page.links)
    assert "default-src 'none'" in page.html
    assert not page.handlers
    assert page.tags["script"] == 0
    assert not re.search(r"url\((?!#)|@import", page.html)


def test_every_text_is_escaped(make_run: MakeRun, output: Path, data: Dataset) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    runs = [make_run(hostile, data=hostile, model=hostile), make_run("other")]
    write_report(runs, output)
    page = Page(output)
    assert page.tags["script"] == 0
    assert not page.handlers
    assert page.text.count("<script>alert(1)</script>") == 3
    assert page.text.count(hostile) > 3
    assert data.captions()[0] in page.text


def test_an_average_similarity_of_a_sample_is_marked(
    make_run: MakeRun, output: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(average, "MOST_PAIRS", 1)
    write_report([make_run()], output, data.source)
    assert "average similarity (sample of 1 image)" in Page(output).text


def test_figures_are_well_formed(make_run: MakeRun, output: Path) -> None:
    write_report([make_run("a"), make_run("b", settings={"negatives": "hardest"})], output)
    page = output.read_text(encoding="utf-8")
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    # Loss, recall, lengths, and of one category; the prior and six bars of the dataset.
    assert len(drawings) == 6
    ids: list[str] = []
    for drawing in drawings:
        tree = ET.fromstring(drawing.replace("xlink:href", "href"))
        ids += [value for element in tree.iter() for key, value in element.items() if key == "id"]
    assert len(ids) == len(set(ids))
    assert "var(--series-1)" in page
    assert "#0103" not in page
    assert "relative to the first epoch" in page


def test_the_same_runs_give_the_same_page(make_run: MakeRun, output: Path) -> None:
    run = make_run()
    write_report([run], output)
    write_report([run], output.with_name("again.html"))
    assert output.read_bytes() == output.with_name("again.html").read_bytes()


def test_a_reader_is_warned_of_what_does_not_compare(make_run: MakeRun, output: Path) -> None:
    runs = [
        make_run("first"),
        make_run("elsewhere", trained_on_this_data=False),
        make_run("own", seen_in_training=True),
        make_run("larger", gallery={"images": 9, "texts": 45}, images_without_sentences=1),
        make_run("foreign", data_sha256="a" * 64, training_finished=False),
    ]
    write_report(runs, output)
    text = " ".join(Page(output).text.split())
    assert "trained on other data than evaluated on" in text
    assert text.count("evaluated on images of its training data") == 1
    assert "other gallery than the first run" in text
    assert "left out images without sentences: 1" in text
    assert "evaluated on other data than the first run" in text
    assert "the training is not finished" in text
    assert "differs from the data on which foreign was evaluated" in text


def test_data_that_changed_are_not_shown_unless_named(
    make_run: MakeRun, output: Path, data: Dataset
) -> None:
    run = make_run(data_sha256="a" * 64)
    write_report([run], output)
    assert Page(output).tags["img"] == 0
    assert "The dataset:" not in Page(output).text
    assert "found 2nd" in Page(output).text
    write_report([run], output, data.source)
    assert Page(output).tags["img"] == 6
    assert "differs from the data on which run was evaluated" in Page(output).text


def test_damaged_and_absent_images_leave_a_blank(
    make_run: MakeRun, output: Path, data: Dataset
) -> None:
    assert data.image_folder is not None
    (data.image_folder / "farm_5.tif").write_bytes(b"II*\0broken")
    (data.image_folder / "farm_6.tif").unlink()
    write_report([make_run()], output)
    assert Page(output).tags["img"] == 0
    assert Page(output).html.count('class="blank"') == 6


def test_an_infinite_score_is_a_dash(make_run: MakeRun, output: Path) -> None:
    run = make_run("masked")
    examples = json.loads((run / "examples.json").read_text())
    examples["text_to_image"][0]["found"][1]["score"] = None
    (run / "examples.json").write_text(json.dumps(examples))
    write_report([run], output)
    assert re.findall(r'<p class="score">([^r<]+)</p>', Page(output).html)[:2] == ["0.900", "–"]


def test_equal_sentences_are_one_result(make_run: MakeRun, output: Path) -> None:
    run = make_run()
    examples = json.loads((run / "examples.json").read_text())
    examples["image_to_text"][0]["found"] = [
        {"sentence": "A farm.", "score": 0.9, "relevant": False, "images": 3},
        {"sentence": "A road.", "score": 0.8, "relevant": False},
        # Earlier versions listed a sentence once for each of its images.
        {"sentence": "A farm.", "score": 0.8, "relevant": True},
    ]
    (run / "examples.json").write_text(json.dumps(examples))
    write_report([run], output)
    listed = re.findall(r'<ol class="sentences">(.+?)</ol>', Page(output).html, re.DOTALL)[0]
    assert re.sub(r"<[^>]+>", "", listed).split("\n")[1:-1] == ["✓ A farm. 3 images", "A road."]
    assert "found 1st" in Page(output).text


def test_a_run_without_examples_and_curves_has_its_row(make_run: MakeRun, output: Path) -> None:
    run = make_run(settings={})
    (run / "examples.json").unlink()
    (run / "metrics.csv").unlink()
    write_report([run], output)
    text = Page(output).text
    assert "62.00" in text
    assert "Training" not in text
    assert "Images found" not in text


def test_the_recall_by_category_only_is_shown_if_known(make_run: MakeRun, output: Path) -> None:
    write_report([make_run()], output)
    assert "if only the category were matched" not in Page(output).text
    both = {"r1": 10.0, "r5": 42.3, "r10": 68.9}
    known = {"image_to_text": both, "text_to_image": both, "mean_recall": 46.88}
    write_report([make_run("known", category_chance=known)], output)
    assert "mR if only the category were matched46.88" in "".join(Page(output).text.splitlines())


def test_the_sentence_encoder_is_named(make_run: MakeRun, output: Path) -> None:
    encoder = {"folder": "mini<lm>", "sha256": "3" * 64}
    write_report([make_run(text_weights=encoder), make_run("words")], output)
    page = output.read_text()
    assert page.count("sentence encoder") == 1
    assert f"mini&lt;lm&gt;, sha256 {'3' * 64}" in page


def test_scores_of_anybody_have_a_row(make_run: MakeRun, output: Path) -> None:
    unknown = dict.fromkeys(
        ("weights", "seed", "trained_on_this_data", "training_data_sha256", "checkpoint_sha256")
    )
    scores = {"file": "mine.npy", "sha256": "2" * 64}
    run = make_run("mine", **unknown, model="scores", settings={}, prior=None, scores=scores)
    (run / "run.json").unlink()
    (run / "metrics.csv").unlink()
    write_report([run], output)
    text = Page(output).text
    assert "scores from a file" in text
    assert "the training data are unknown" in text
    assert "mine.npy" in text
    assert "None" not in text


def test_many_runs_repeat_colours(make_run: MakeRun, output: Path) -> None:
    write_report([make_run(f"seed{n}") for n in range(9)], output)
    assert '<tbody class="s7">' in output.read_text()
    assert '<tbody class="s8">' not in output.read_text()


def test_the_command_writes_the_page(make_run: MakeRun, output: Path) -> None:
    done = CliRunner().invoke(command, [str(make_run()), "-o", str(output)])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"report: {output}\n"
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_page_that_cannot_be_written_is_a_one_line_error(
    make_run: MakeRun, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RsitmdError, match="cannot be written"):
        write_report([make_run()], tmp_path / "file" / "report.html")


def test_a_folder_whose_name_is_no_text(make_run: MakeRun, output: Path) -> None:
    folder = make_run()
    renamed = folder.rename(os.fsdecode(bytes(folder) + b"\xff"))
    report = write_report([renamed], output, figures=output.parent)
    assert "mean-recall" in report.figures
    assert r"run\udcff" in Page(output).text


def test_a_dataset_without_sentences_has_no_heat_map(
    make_run: MakeRun, output: Path, data: Dataset
) -> None:
    bare = data.with_images(replace(image, sentences=()) for image in data)
    save_dataset(bare, output.parent / "bare", "rsitmd")
    report = write_report([make_run()], output, output.parent / "bare")
    assert "Heat map of the prior (figure 7)" in " ".join(report.left_out)


def test_the_command_writes_figures_and_says_what_is_left_out(
    analysed: MakeRun, output: Path, tmp_path: Path, data: Dataset
) -> None:
    arguments = [str(analysed()), "-o", str(output), "--figures", str(tmp_path / "figures")]
    done = CliRunner().invoke(command, [*arguments, "--dataset", str(data.source)])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"report: {output}\n"
    assert "note: Differences between the runs: there is only one run.\n" in done.stderr
    assert f"figures: {tmp_path / 'figures'} (12 figures)\n" in done.stderr
    assert len(list((tmp_path / "figures").iterdir())) == 24


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "gone"], "gone: "),
        (["--images", "here"], "--images requires --dataset; add --dataset PATH"),
        (["--input-format", "csv"], "--input-format requires --dataset"),
    ],
)
def test_wrong_options_are_one_line(
    make_run: MakeRun, output: Path, options: list[str], message: str
) -> None:
    done = CliRunner().invoke(command, [str(make_run()), "-o", str(output), *options])
    assert isinstance(done.exception, RsitmdError)
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not output.exists()


def test_figures_that_cannot_be_written_are_a_one_line_error(
    make_run: MakeRun, output: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RsitmdError, match="cannot be written"):
        write_report([make_run()], output, figures=tmp_path / "file" / "figures")
    assert not output.exists()


def test_a_file_that_is_no_page_is_not_replaced(
    make_run: MakeRun, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run()
    before = (run / "result.json").read_bytes()
    (run / "notes.html").write_bytes(before)
    command = ["benchmark", "report", str(run), "-o"]
    for name, message in (
        ("result.json", "is not the name of an HTML page"),
        ("notes.html", "exists and is not an HTML page"),
    ):
        assert root._run([*command, str(run / name)], False) == 2
        assert message in capsys.readouterr().err
        assert (run / name).read_bytes() == before
    for _ in range(2):  # a page is
        assert root._run([*command, str(output)], False) == 0


def test_changed_image_files_are_not_shown_as_those_of_the_evaluation(
    make_run: MakeRun, output: Path, data: Dataset
) -> None:
    checksum = images_checksum(data.select("test"))
    run = make_run(images_sha256=checksum)
    write_report([run], output)
    shown = output.read_text(encoding="utf-8").count("data:image/jpeg")
    assert shown > 0
    for image in data:
        Image.new("RGB", (24, 24), (250, 0, 0)).save(data.image_path(image))
    text = "the image files differ from those of the evaluation of run"
    report = write_report([run], output)
    page = output.read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 0 and "data shown" in page
    assert text in report.left_out and text in page
    report = write_report([run], output, data.source)  # asked for
    assert text in report.left_out
    assert output.read_text(encoding="utf-8").count("data:image/jpeg") == shown


def test_pictures_of_images_with_one_name_are_left_out(tmp_path: Path) -> None:
    images = []
    for number, folder in enumerate(("A", "B")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8), (200 * number, 0, 0)).save(tmp_path / folder / "0.png")
        images.append(ImageRecord("0.png", split=folder, extra={"filepath": folder}))
    both = Dataset("D", tuple(images), tmp_path, "karpathy", tmp_path)
    assert small_images(both, ["0.png"]) == {}
    assert small_images(both.select("B"), ["0.png"])["0.png"].max() == 200
