"""`rsitmd validate` from the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.cli.options import check_page
from rsitmd_tools.formats import save_dataset
from rsitmd_tools.schemas import first_error, load_schema
from tests.forks import Nursery
from tests.quality.conftest import FIVE, dataset, record

HOSTILE = '=cmd()|<script>alert(1)</script> \x1b[31m "red" boats lie here.'


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rsitmd(commands: Nursery) -> Run:
    """A function that runs ``rsitmd validate`` in a folder."""

    def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        return commands.run("validate", *arguments, folder=cwd)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    place.mkdir()
    images = [
        record("a_1.tif", ["", *FIVE[1:]], split="train"),
        record("b_2.tif", [HOSTILE, "Two  boats lie lie here.", *FIVE[2:]], split="test"),
    ]
    save_dataset(dataset(*images), place, "rsitmd")
    return place


def test_text_and_exit_codes(tmp_path: Path, folder: Path, rsitmd: Run) -> None:
    done = rsitmd("data", cwd=tmp_path)
    assert done.returncode == 1
    assert "  S101 error: sentence 1: the sentence is blank [blank-sentence]" in done.stdout
    assert "2 images, 10 sentences:" in done.stdout
    assert "\x1b" not in done.stdout
    only_info = rsitmd("data", "--select", "S113", cwd=tmp_path)
    assert only_info.returncode == 0
    assert "S113" in only_info.stdout
    assert rsitmd("data", "--select", "S10", "--ignore", "S1", cwd=tmp_path).returncode == 0


def test_json_matches_its_schema(tmp_path: Path, folder: Path, rsitmd: Run) -> None:
    done = rsitmd("data", "--format", "json", cwd=tmp_path)
    document: dict[str, Any] = json.loads(done.stdout)
    assert first_error(document, load_schema("findings")) is None
    blank = [f for f in document["findings"] if "blank" in f["name"] or "blank" in f["message"]]
    assert [(f["code"], f["image"], f["sentence_index"]) for f in blank if f["code"] == "S101"] == [
        ("S101", "a_1.tif", 0)
    ]
    assert document["summary"]["codes"]["S101"] == 1


def test_csv_escapes_formulas_and_control_characters(
    tmp_path: Path, folder: Path, rsitmd: Run
) -> None:
    done = rsitmd("data", "--format", "csv", "-o", "f.csv", cwd=tmp_path)
    assert done.returncode == 1
    text = (tmp_path / "f.csv").read_text(encoding="utf-8")
    assert "\x1b" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert any(row["sentence"].startswith("'=cmd()") for row in rows)
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    named = next(row for row in rows if row["code"] == "S112")
    assert (named["sentence_index"], named["number"], named["annotator"]) == ("1", "2", "")


def test_explain_writes_to_a_file(tmp_path: Path, rsitmd: Run) -> None:
    done = rsitmd("--explain", "S104", "-o", "page.md", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "page.md").read_text().startswith("# S104 ")


def test_explain_needs_no_path(tmp_path: Path, rsitmd: Run) -> None:
    done = rsitmd("--explain", "s104", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("# S104 vague-quantifier")
    assert rsitmd("--explain", "X1", cwd=tmp_path).returncode == 2


def test_fix_diff_baseline_and_settings(tmp_path: Path, folder: Path, rsitmd: Run) -> None:
    before = (folder / "dataset_RSITMD.json").read_bytes()
    shown = rsitmd("data", "--fix", "--diff", cwd=tmp_path)
    assert shown.returncode == 1
    assert "+Two boats lie here." in shown.stdout
    assert (folder / "dataset_RSITMD.json").read_bytes() == before
    done = rsitmd("data", "--fix", cwd=tmp_path)
    assert "1 sentence fixed; the previous text is in data/corrections.jsonl" in done.stdout
    assert rsitmd("data", "--fix", cwd=tmp_path).stdout == "0 sentences fixed\n"
    assert rsitmd("data", "--write-baseline", "known.json", "-o", "x", cwd=tmp_path).returncode == 0
    again = rsitmd("data", "--baseline", "known.json", cwd=tmp_path)
    assert again.returncode == 0
    assert "known findings not shown" in again.stdout


def test_a_renewed_baseline_keeps_the_known_findings(
    tmp_path: Path, folder: Path, rsitmd: Run
) -> None:
    known = tmp_path / "known.json"
    rsitmd("data", "--write-baseline", known, cwd=tmp_path)
    before = known.read_bytes()
    assert json.loads(before)["findings"]
    rsitmd("data", "--baseline", known, "--write-baseline", known, cwd=tmp_path)
    assert known.read_bytes() == before


@pytest.mark.parametrize("mode", [("--statistics",), ("--fix",), ("--diff",)])
@pytest.mark.parametrize(
    "options", [("--write-baseline", "z.json"), ("--against", "data"), ("--format", "csv")]
)
def test_options_that_a_mode_does_not_use_are_refused(
    tmp_path: Path, folder: Path, rsitmd: Run, mode: tuple[str, ...], options: tuple[str, ...]
) -> None:
    done = rsitmd("data", *mode, *options, cwd=tmp_path)
    assert done.returncode == 2 and options[0] in done.stderr
    assert not (tmp_path / "z.json").exists()


def test_statistics_of_several(tmp_path: Path, folder: Path, rsitmd: Run) -> None:
    one = rsitmd("data", "--statistics", "--format", "json", cwd=tmp_path)
    document = json.loads(one.stdout)
    assert first_error(document, load_schema("statistics")) is None
    keys = {"images", "sentences", "keywords", "categories", "category_counts", "average_length",
            "diversity", "distinct_words", "average_similarity", "splits"}  # fmt: skip
    assert keys <= set(document)
    assert set(document["splits"]) == {"train", "test"}
    for kind, expected in (("markdown", "| images | 2 | 2 |"), ("latex", r"images & 2 & 2 \\")):
        done = rsitmd(
            "data", "data", "--statistics", "--format", kind, "--plot", "9.png", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    assert (tmp_path / "9.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ([], 2, "Missing argument"),
        (["data", "data"], 2, "require --statistics"),
        (["data", "--format", "latex"], 2, "--format latex cannot be used for findings"),
        (
            ["data", "--statistics", "--format", "csv"],
            2,
            "--format csv cannot be used for statistics",
        ),
        (["data", "--plot", "9.png"], 2, "--plot requires --statistics; add --statistics"),
        (
            ["data", "--output", "f.json", "--write-baseline", "f.json"],
            2,
            "--output and --write-baseline are the same file; use two files",
        ),
        (["data", "--exclusions", "e.json"], 2, "--exclusions requires --against"),
        (["data", "--statistics", "--unsafe-fixes"], 2, "fixes cannot be combined"),
        (["data", "--statistics", "--select", "D"], 2, "--select cannot be combined with --stat"),
        (["data", "--statistics", "--settings", "s.toml"], 2, "--settings cannot be combined"),
        (["data", "--statistics", "--suspects", "s.json"], 2, "--suspects cannot be combined"),
        (["data", "--fix", "-o", "out.diff"], 2, "--output cannot be combined with fixes"),
        (["data", "--fix", "--baseline", "b.json"], 2, "--baseline cannot be combined with fixes"),
        (["data", "--fix", "--same-place"], 2, "--same-place cannot be combined with fixes"),
        (["data", "-o", "data/dataset_RSITMD.json"], 2, "is read, and would be overwritten"),
        (["data", "--baseline", "b.json", "-o", "b.json"], 2, "is read, and would be"),
        (["lines", "-o", "lines/test_caps.txt"], 2, "is read, and would be overwritten"),
        (
            ["lines", "--against", "data", "-o", "data/dataset_RSITMD.json"],
            2,
            "is read, and would be overwritten",
        ),
        (["data", "--format", "html", "-o", "data/dataset_RSITMD.json"], 2, "not an HTML page"),
        (["nowhere"], 1, "nowhere: does not exist"),
        (["data", "--settings", "none.toml"], 1, "none.toml"),
        (["data", "--baseline", "none.json"], 1, "is not a file of known findings"),
        (["data", "--select", "Q"], 2, "unknown rule"),
    ],
)
def test_usage_errors(
    tmp_path: Path, folder: Path, arguments: list[str], code: int, expected: str, rsitmd: Run
) -> None:
    save_dataset(dataset(record("a_1.tif", split="test")), tmp_path / "lines", "precomp")
    done = rsitmd(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_files_for_later_runs_are_written_even_if_the_page_cannot_be(
    tmp_path: Path, folder: Path, rsitmd: Run
) -> None:
    (tmp_path / "file").touch()
    page = ("--format", "html", "-o", "file/page.html")
    done = rsitmd("data", *page, "--write-baseline", "known.json", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: file/page.html: cannot be written")
    assert (tmp_path / "known.json").is_file()
    plot = ("--statistics", "--plot", "file/plot.png")
    done = rsitmd("data", *plot, cwd=tmp_path)
    assert done.returncode == 1
    assert "sentences" in done.stdout
    assert done.stderr.startswith("error: file/plot.png: cannot be written")


def test_a_page_to_a_pipe_does_not_wait(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_page(tmp_path / "pipe")
