"""Reading runs: names that tell them apart, and one line for what is malformed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.baselines.evaluated_runs import read_runs
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.report.page import make_report

MakeRun = Callable[..., Path]


def test_names_are_as_short_as_possible_and_distinct(make_run: MakeRun) -> None:
    folders = [make_run("fusion/seed0"), make_run("soft/seed0"), make_run("soft/seed1")]
    assert [run.name for run in read_runs(folders[1:])] == ["seed0", "seed1"]
    assert [run.name for run in read_runs(folders)] == ["fusion/seed0", "soft/seed0", "soft/seed1"]
    assert len(read_runs([folders[0], folders[0]])) == 2


def test_the_files_of_a_run_are_read(make_run: MakeRun) -> None:
    (run,) = read_runs([make_run()])
    assert [row["val_mean_recall"] for row in run.history] == [20, 35.5, 30]
    assert run.examples is not None
    assert run.data_path is not None


def test_reading_runs_needs_no_torch(make_run: MakeRun) -> None:
    script = (
        "import sys; from pathlib import Path; "
        "from rsitmd_tools.baselines.evaluated_runs import read_runs; "
        f"read_runs([Path({str(make_run())!r})]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_lines_that_are_not_numbers_are_left_out_of_the_curves(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "metrics.csv").write_text("epoch,loss,val_mean_recall\n0,nan,1\n1,0.5,2\n")
    assert len(read_runs([folder])[0].history) == 1


def test_a_run_without_validation_has_its_loss_in_the_curves(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "metrics.csv").write_text("epoch,loss,val_mean_recall\n0,1,nan\n1,0.5,nan\n")
    runs = read_runs([folder])
    assert [row["loss"] for row in runs[0].history] == [1, 0.5]
    page = make_report([folder], runs, None).html
    assert "Training loss by epoch" in page and "Validation mean recall by epoch" not in page


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(
        RsitmdError, match=r"is not a run; pass the folder of one run, with run\.json"
    ):
        read_runs([tmp_path])
    with pytest.raises(RsitmdError, match="absent: does not exist"):
        read_runs([tmp_path / "absent"])


def test_a_run_that_is_not_evaluated(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "result.json").unlink()
    with pytest.raises(
        RsitmdError, match="has not been evaluated yet; to evaluate it, run: rsitmd"
    ):
        read_runs([folder])


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("result.json", "{", "result.json: is not JSON"),
        ("result.json", "[]", "result.json: document: must be an object, not "),
        ("run.json", "[]", "run.json: is not an object"),
        ("run.json", "\xff", "run.json: is not JSON"),
        ("examples.json", '{"text_to_image": 3}', "examples.json: "),
        ("metrics.csv", "epoch,loss\n0,1\n", "metrics.csv: line 2 does not contain epoch, loss"),
        ("metrics.csv", "epoch,loss,val_mean_recall\n0,1\n", "metrics.csv: line 2"),
        ("metrics.csv", "epoch,loss,val_mean_recall\n0,1,high\n", "metrics.csv: line 2"),
    ],
)
def test_malformed_files_are_named(make_run: MakeRun, file: str, text: str, line: str) -> None:
    folder = make_run()
    (folder / file).write_text(text)
    with pytest.raises(RsitmdError, match=line) as caught:
        read_runs([folder])
    assert "\n" not in str(caught.value)


def test_confusions_that_are_not_square_are_named(analysed: MakeRun) -> None:
    folder = analysed()
    document = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    document["confusion"] = {"categories": ["a", "b"], "counts": [[1, 2], []]}
    (folder / "analysis.json").write_text(json.dumps(document))
    with pytest.raises(RsitmdError, match=r"confusion\.counts: must have a row and a column"):
        read_runs([folder])


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("mean_recall", 0.62e3, "mean_recall: "),
        ("weights", 5, "weights: "),
        ("interval", {}, "interval"),
        ("gallery", {"images": 0, "texts": 1}, "gallery.images"),
        ("model", None, "model: must be a string, not null"),
    ],
)
def test_a_result_against_the_schema_names_the_key(
    make_run: MakeRun, key: str, value: object, line: str
) -> None:
    folder = make_run()
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    (folder / "result.json").write_text(json.dumps({**document, key: value}))
    with pytest.raises(RsitmdError, match=line):
        read_runs([folder])
