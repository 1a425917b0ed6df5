"""The page: what an analysis adds, and what is left out with a reason."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.report import write_report
from tests.report.pages import Page, words

MakeRun = Callable[..., Path]


def test_notes_are_below_the_results(analysed: MakeRun, output: Path) -> None:
    note = "not in this table: <b>m1</b> seed 0 (failed: the loss is nan)"
    write_report([analysed()], output, notes=[note])
    text = words(output)
    assert text.index("Results") < text.index(note) < text.index("Text-to-image examples")


def test_an_analysis_has_its_sections(analysed: MakeRun, output: Path) -> None:
    report = write_report([analysed()], output)
    page, text = Page(output), words(output)
    for shown in (
        *("Margin against similarity (figure 11)", "4 sentences, 25.0 % below zero"),
        *("Saliency of MVSA (figure 10)", "The easiest queries", "+0.400"),
        *("Likely false negatives", "sentence to image: 1 of 3 wrong answers to 10 queries"),
        "If the query is an image, the sentence is its first result;",
        *("otherwise the sentence is the query.", "At most 6 pairs are shown"),
        *("first, 0.75", "Confusion between categories", "farm $a_b$ 2 /5"),
        *("Time by part (table VII)", "encode image 1 12.5 16 4 match 1 0.25 16 –"),
        *("Beside four published datasets (figure 9)", "(figure 7)"),
    ):
        assert shown in text
    assert report.left_out == [
        "Differences between the runs: there is only one run.",
        "What the categories alone would give: not every image has a category, or the result is "
        "older than this figure.",
    ]
    ids = re.findall(r'<h2 id="([^"]+)"', page.html)
    assert [link[1:] for link in page.links if re.fullmatch("#[a-z-]+", link)] == ids
    assert page.text.count("<script>alert(1)</script>") == 5
    assert page.tags["script"] == 0
    # Two examples with three images, one hardest, two easiest, two pairs, and one with its map.
    assert page.tags["img"] == 4 + 2 + 2 + 2 * 2 + 2


def test_what_is_left_out_has_a_sentence(
    make_run: MakeRun, analysed: MakeRun, output: Path
) -> None:
    run = make_run(data_sha256="a" * 64)
    (run / "metrics.csv").unlink()
    (run / "examples.json").unlink()
    text = " ".join(write_report([run], output).left_out)
    assert "Curve of the loss: no run has a metrics.csv" in text
    assert "pass it with --dataset PATH" in text
    assert "easiest queries; likely false negatives: no run has an analysis.json" in text
    assert text.count("analysis.json") == 1
    assert "Left out" in Page(output).text
    mixed = write_report([analysed("new"), make_run("old")], output)
    assert (
        "Margins, errors, saliency and times of old: they have no analysis.json: run rsitmd "
        "benchmark evaluate again."
    ) in mixed.left_out


def test_times_have_no_exponents(make_run: MakeRun, analysis: dict[str, Any], output: Path) -> None:
    slow, quick = analysis["times"]["rows"][0], analysis["times"]["rows"][2]
    slow["milliseconds"], quick["milliseconds"] = 1342.7, 0.0000312
    run = make_run()
    (run / "analysis.json").write_text(json.dumps(analysis))
    write_report([run], output)
    page = Page(output).html
    assert "<td>1\u202f340</td>" in page
    assert "<td>0.0000312</td>" in page


def test_an_analysis_of_another_evaluation_is_ignored(analysed: MakeRun, output: Path) -> None:
    report = write_report([analysed("run", split="val")], output)
    assert "analysis.json" in " ".join(report.left_out)
    assert "Likely false negatives" not in Page(output).text.split("Left out")[0]


def test_a_damaged_analysis_is_a_one_line_error(analysed: MakeRun, output: Path) -> None:
    run = analysed()
    document = json.loads((run / "analysis.json").read_text())
    document["margins"]["points"] = "many"
    (run / "analysis.json").write_text(json.dumps(document))
    with pytest.raises(RsitmdError, match=r"analysis.json: margins.points: must be a list"):
        write_report([run], output)
    (run / "analysis.json").write_text("{")
    with pytest.raises(RsitmdError, match=r"analysis\.json"):
        write_report([run], output)


def test_a_dataset_without_images_has_its_texts(
    analysed: MakeRun, output: Path, data: Dataset, tmp_path: Path
) -> None:
    run = analysed()
    assert data.image_folder is not None
    shutil.rmtree(data.image_folder)
    report = write_report([run], output, data.source, tmp_path / "figures")
    page = Page(output)
    assert page.tags["img"] == 0
    assert "Likely false negatives" in page.text
    assert data.captions()[0] in page.text
    reasons = " ".join(report.left_out)
    assert (
        "Pictures of found images (figure 11); saliency (figure 10): the images are not" in reasons
    )
    assert "saliency" not in report.figures
    assert not (tmp_path / "figures" / "saliency.svg").exists()
    assert (tmp_path / "figures" / "margins.pdf").exists()
