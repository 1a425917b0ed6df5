"""``benchmark evaluate``, ``compare``, ``search`` and ``positives`` as a user calls them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.cli.root import _run
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.schemas import first_error, load_schema
from tests import tiny_runs
from tests.forks import Nursery
from tests.namespaces import need_mounts, read_only, shared_memory_of

SETTINGS = (*tiny_runs.SETTINGS, "epochs=1", "batch_size=4")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    dataset = tiny_runs.drawn_dataset(folder / "images", 12, 4, side=32, seed=1)
    save_dataset(dataset, folder, "rsitmd")
    return folder


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        changes = [*SETTINGS, f"seed={seed}"]
        train(load_dataset(data), load_config("vsepp", changes), folder / f"seed-{seed}")
    return folder


def test_resume_without_a_run_says_that_it_starts_a_new_one(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = [part for setting in SETTINGS for part in ("--set", setting)]
    command = ["benchmark", "train", str(data), "--config", "vsepp", *changes, "--resume", "-o"]
    for output, more in ((tmp_path / "one", ()), (tmp_path / "sweep", ("--seeds", "0"))):
        said = f"note: {output} has no run to continue: a new training starts\n"
        for first in (True, False):
            assert _run([*command, str(output), *more], False) == 0
            assert (said in capsys.readouterr().err) is first


@pytest.mark.usefixtures("capsys")
def test_a_run_and_a_folder_of_runs(
    data: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["benchmark", "evaluate", str(runs / "seed-0"), str(data), "--json"], False) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["gallery"] == {"images": 4, "texts": 20}
    assert {"r1", "r5", "r10"} == set(one["image_to_text"]) == set(one["text_to_image"])
    assert _run(["benchmark", "evaluate", str(runs), str(data), "--json", "--trec"], False) == 0
    both = json.loads(capsys.readouterr().out)["runs"]
    assert both["seed-0"]["mean_recall"] == one["mean_recall"]
    assert (runs / "seed-1" / "trec" / "text_to_image.run").exists()
    assert _run(["benchmark", "evaluate", str(runs), str(data)], False) == 0
    text = capsys.readouterr().out
    assert "seed-1:" in text
    assert "gallery: 4 images, 20 texts; hit rate" in text
    assert _run(["benchmark", "compare", str(runs)], False) == 0
    assert "test: 4 images, 20 texts" in capsys.readouterr().out
    assert _run(["benchmark", "compare", str(runs), "--format", "json"], False) == 0
    assert json.loads(capsys.readouterr().out)["systems"][0]["seeds"] == [0, 1]


def test_an_ensemble_of_a_folder_of_runs(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together = tmp_path / "together"
    arguments = ["benchmark", "evaluate", str(runs), str(data), "--ensemble"]
    assert _run([*arguments, "-o", str(together)], False) == 0
    assert "scores are means over 2 runs" in capsys.readouterr().out
    assert len(json.loads((together / "result.json").read_text())["ensemble"]) == 2
    page = tmp_path / "report.html"
    assert _run(["benchmark", "report", str(together), "-o", str(page)], False) == 0
    assert "seed-0 (VSE++, seed 0); seed-1 (VSE++, seed 1)" in page.read_text()
    assert _run(["benchmark", "compare", str(together)], False) == 0
    capsys.readouterr()
    one = ["benchmark", "evaluate", str(runs / "seed-0"), str(data), "--ensemble"]
    for wrong, message in (
        (arguments, "--ensemble requires a folder; set one with -o DIR"),
        ([*arguments, "--maps", "-o", str(together)], "--maps draws the maps of one run"),
        ([*one, "-o", str(together)], "holds one run, and an ensemble needs two"),
    ):
        assert _run(wrong, False) != 0
        assert message in capsys.readouterr().err
    scores = ["benchmark", "evaluate", "--scores", "x.npy", str(data), "--ensemble"]
    assert _run(scores, False) == 2
    assert "--ensemble requires a RUN" in capsys.readouterr().err


def test_a_folder_of_folds_with_maps(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folds = tmp_path / "folds"
    settings = [part for each in SETTINGS for part in ("--set", each)]
    train_them = ["benchmark", "train", str(data), "--config", "amfmn-soft", *settings]
    assert _run([*train_them, "--folds", "2", "-o", str(folds)], False) == 0
    summary = json.loads((folds / "summary.json").read_text())
    for fold in (0, 1):
        (folds / f"fold-{fold}" / "result.json").unlink()
    capsys.readouterr()
    assert _run(["benchmark", "evaluate", str(folds), str(data), "--maps"], False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("fold-")] == ["fold-0:", "fold-1:"]
    found = []
    for fold in (0, 1):
        run = folds / f"fold-{fold}"
        result = json.loads((run / "result.json").read_text())
        assert (result["settings"]["folds"], result["settings"]["fold"]) == (2, fold)
        found.append(result["mean_recall"])
        assert any(f"mean recall: {result['mean_recall']:.2f}" in line for line in lines)
        tested = {image.filename for image in load_dataset(data).select("test")}
        pictures = {file.name for file in (run / "maps").iterdir()}
        assert pictures == {f"{name}.png" for name in tested} | {"sheet.png"}
    assert found == summary["mean_recall"]["values"]


def test_training_images_are_reported(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "seed-0"
    shutil.copytree(runs / "seed-0", run)
    line = "the model was trained on images of train: the figures do not hold for new images"
    assert _run(["benchmark", "evaluate", str(run), str(data)], False) == 0
    assert "was trained on" not in capsys.readouterr().out
    assert _run(["benchmark", "evaluate", str(run), str(data), "--split", "train"], False) == 0
    assert line in capsys.readouterr().out.splitlines()
    assert _run(["benchmark", "compare", str(run)], False) == 0
    assert "seed-0: evaluated on images that it learned from" in capsys.readouterr().out


def test_eight_views(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, turned = tmp_path / "plain", tmp_path / "turned"
    # Two seeds: were it not for the views, they would be one system.
    shutil.copytree(runs / "seed-0", plain)
    shutil.copytree(runs / "seed-1", turned)
    assert _run(["benchmark", "evaluate", str(plain), str(data)], False) == 0
    assert "views" not in capsys.readouterr().out
    assert _run(["benchmark", "evaluate", str(turned), str(data), "--views", "8"], False) == 0
    assert "scores are means over 8 views of each image" in capsys.readouterr().out
    assert _run(["benchmark", "compare", str(plain), str(turned), "--format", "json"], False) == 0
    compared = json.loads(capsys.readouterr().out)
    assert [system["name"] for system in compared["systems"]] == ["plain", "turned"]
    assert "turned: scores are means over 8 views of each image" in compared["notes"]
    assert not any("plain" in note and "views" in note for note in compared["notes"])
    scores = ["--scores", str(tmp_path / "x.npy"), str(data), "--views", "2"]
    assert _run(["benchmark", "evaluate", *scores], False) == 2
    assert "--views requires a RUN" in capsys.readouterr().err


def test_scores_of_another_model(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "mine.npy", np.kron(np.eye(4), np.ones(5)))
    out = tmp_path / "mine"
    command = ["benchmark", "evaluate", "--scores", str(tmp_path / "mine.npy"), str(data)]
    assert _run([*command, "-o", str(out), "--json"], False) == 0
    assert json.loads(capsys.readouterr().out)["mean_recall"] == 100
    # Again is no harm; the result of a run would be lost.
    assert _run([*command, "-o", str(out)], False) == 0
    (out / "run.json").write_text("{}")
    capsys.readouterr()
    kept = (out / "result.json").stat().st_mtime_ns
    assert _run([*command, "-o", str(out)], False) == 1
    assert f"error: {out}: is a run, and holds the result" in capsys.readouterr().err
    assert (out / "result.json").stat().st_mtime_ns == kept
    (out / "run.json").unlink()
    assert _run(["benchmark", "compare", str(out)], False) == 0
    assert _run(["benchmark", "report", str(out), "-o", str(tmp_path / "r.html")], False) == 0
    assert "scores from a file" in (tmp_path / "r.html").read_text()


def test_a_run_that_cannot_be_written_is_refused_before_anything_is_encoded(
    data: Path, runs: Path, tmp_path: Path, training_commands: Nursery
) -> None:
    need_mounts()

    def run(mount: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return training_commands.run("benchmark", *arguments, mount=mount)

    of_both = f"{read_only(data)}\n{read_only(runs)}"
    found = run(of_both, "evaluate", runs, data)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        f"error: {runs / 'seed-0'}: cannot be written (read-only file system); "
        "use another folder for the result with -o DIR\n"
    )
    found = run(of_both, "evaluate", runs, data, "--trec", "-o", tmp_path / "o")
    assert found.returncode == 0, found.stderr
    assert "seed-0:" in found.stdout
    for seed in ("seed-0", "seed-1"):
        files = {file.name for file in (tmp_path / "o" / seed).iterdir()}
        written = {"result.json", "examples.json", "analysis.json", "queries.csv", "trec"}
        assert files == written
    alone = run(of_both, "evaluate", runs / "seed-0", data, "-o", tmp_path / "p")
    assert alone.returncode == 0
    read = f"{of_both}\n{read_only(tmp_path)}"
    table = run(read, "compare", tmp_path / "o", tmp_path / "p")
    assert table.returncode == 0, table.stderr
    search = run(read, "search", runs / "seed-0", data, "--text", "a boat")
    assert search.returncode == 0, search.stderr
    with_memory = f"{shared_memory_of(64)}\n{read}"
    page = ("report", tmp_path / "p", "--data", data, "-o", "/dev/shm/page.html")
    assert run(with_memory, *page).returncode == 0
    refused = run(read, "report", tmp_path / "p", "-o", tmp_path / "page.html")
    assert refused.stderr.splitlines()[-1] == (
        f"error: {tmp_path / 'page.html'}: cannot be written (read-only file system); "
        "choose a folder you may write to"
    )


def test_a_result_is_not_put_into_another_run(
    data: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["benchmark", "evaluate", str(runs / "seed-0"), str(data)]
    assert _run([*command, "-o", str(runs / "seed-1")], False) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "is a run, and holds the result of its own model" in said.err


def test_what_is_optional_never_costs_a_result(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(runs / "seed-0", tmp_path / "run"))
    (run / "result.json").unlink(missing_ok=True)
    shutil.rmtree(run / "trec", ignore_errors=True)
    (run / "trec").write_text("in the way")
    (run / "examples.json").unlink(missing_ok=True)
    (run / "examples.json").mkdir()
    command = ["benchmark", "evaluate", str(run), str(data), "--trec"]
    assert _run([*command, "--json"], False) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == json.loads((run / "result.json").read_text())
    errors = [line for line in said.err.splitlines() if "error" in line]
    assert errors == [
        f"error: {run / 'examples.json'}: cannot be written (is a directory); "
        "use the result, which is complete without this file",
        f"error: {run / 'trec' / 'image_to_text.run'}: cannot be written (file exists); "
        "choose a folder you may write to",
    ]
    assert (run / "queries.csv").is_file()


def test_maps_are_refused_before_anything_is_encoded(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["benchmark", "evaluate", str(runs / "seed-0"), str(data), "--maps"]
    assert _run([*command, "-o", str(tmp_path / "out")], False) == 1
    assert "seed-0: has no saliency maps; leave out --maps" in capsys.readouterr().err
    assert not (tmp_path / "out" / "result.json").exists()


def test_positives_are_read_before_anything_is_encoded(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.json"
    code = _run(
        ["benchmark", "evaluate", str(runs / "seed-0"), str(data), "--positives", str(missing)],
        False,
    )
    assert code == 1
    assert capsys.readouterr().err.startswith(f"error: {missing}: does not exist")  # no progress


def test_search(data: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["benchmark", "search", str(runs / "seed-0"), str(data), "--text", "a zxq boat"]
    assert _run([*command, "-k", "2", "--json"], False) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [set(entry) for entry in found] == [
        {"rank", "image", "score", "category", "sentences"}
    ] * 2
    assert "note: words not in the vocabulary of the model: " in said.err
    assert "zxq" in said.err


def test_search_by_keywords_and_by_image(
    data: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["benchmark", "search", str(runs / "seed-0"), str(data), "--split", "test"]
    page = tmp_path / "page.html"
    asked = ["--keywords", "white plane, ,runway", "-o", str(page), "--json"]
    assert _run([*command, *asked], False) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 4
    assert first_error(found, load_schema("benchmark_search")) is None
    assert page.read_text().count("data:image/jpeg") == 4
    query = next((data / "images").glob("*_12.png"))
    assert _run([*command, "--image", str(query), "-k", "1"], False) == 0
    assert query.name in capsys.readouterr().out
    asked = ["--image", str(query), "--find", "sentences", "-k", "3", "--json"]
    assert _run([*command, *asked], False) == 0
    found = json.loads(capsys.readouterr().out)
    assert first_error(found, load_schema("benchmark_search")) is None
    assert [set(entry) for entry in found] == [
        {"rank", "sentence", "score", "image", "category", "images"}
    ] * 3
    assert _run([*command, "--image", str(query), "--find", "sentences", "-k", "1"], False) == 0
    assert found[0]["sentence"] in capsys.readouterr().out


def test_positives(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, tasks = tmp_path / "p.json", tmp_path / "t.json"
    command = ["benchmark", "positives", str(data), "-o", str(file)]
    assert _run([*command, "--tasks", str(tasks), "--json"], False) == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert len(json.loads(tasks.read_text())) == pairs == len(json.loads(file.read_text())["pairs"])
    (tmp_path / "e.json").write_text("[]")
    assert _run([*command, "--answers", str(tmp_path / "e.json")], False) == 0
    assert f"{pairs} pairs: 0 confirmed, 0 rejected, {pairs} open" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["evaluate"], "RUN and PATH are missing; run: rsitmd benchmark evaluate RUN PATH"),
        (["evaluate", "--scores", "x.npy"], "PATH is missing"),
        (["evaluate", "RUN"], "PATH is missing; run: rsitmd benchmark evaluate RUN PATH"),
        (["evaluate", "--scores", "x.npy", "RUN", "DATA"], "--scores replaces RUN"),
        (["evaluate", "--scores", "x.npy", "DATA", "--maps"], "--maps requires a RUN"),
        (["evaluate", "--scores", "x.npy", "DATA", "--trec"], "--trec requires a folder"),
        (["search", "RUN", "DATA", "--text", " "], "the query is empty"),
        (["search", "RUN", "DATA"], "the query is empty"),
        (["search", "RUN", "DATA", "--keywords", " ,, "], "the query is empty"),
        (["search", "RUN", "DATA", "--image", "q", "--text", "a"], "--image cannot be combined"),
        (
            ["search", "RUN", "DATA", "--text", "a", "--find", "sentences"],
            "--find sentences requires",
        ),
        (
            ["search", "RUN", "DATA", "--text", "a", "-o", "s.txt"],
            "s.txt: is not the name of an HTML page; use a name that ends in .html",
        ),
        (["report", "RUN", "-o", "r.pdf"], "r.pdf: is not the name of an HTML page"),
        (
            ["positives", "DATA", "-o", "p.json", "--tasks", "t", "--answers", "a"],
            "--tasks and --answers cannot be combined",
        ),
        (
            ["positives", "DATA", "-o", "p.json", "--tasks", "./p.json"],
            "--output and --tasks are the same file; use two files",
        ),
        (
            ["positives", "DATA", "-o", "p.json", "--image-address", "https://example.org/"],
            "--image-address requires --tasks; add --tasks FILE",
        ),
        (
            ["suspects", "DATA", "-o", "s.html", "--html", "s.html"],
            "--output and --html are the same file; use two files",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    data: Path, runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    places = {"RUN": str(runs / "seed-0"), "DATA": str(data)}
    given = [places.get(argument, argument) for argument in arguments]
    assert _run(["benchmark", *given], False) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith(f"error: {line}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["evaluate", "RUN", "DATA", "--split", "val"], "no images in split 'val'"),
        (
            ["evaluate", "DATA", "DATA"],
            "error: RUN DATA: contains no run; pass a folder created by",
        ),
        (["evaluate", "absent", "DATA"], "error: RUN absent: does not exist"),
        (["evaluate", "RUN", "absent"], "error: PATH absent: does not exist"),
        (["evaluate", "--scores", "x.npy", "absent"], "error: PATH absent: does not exist"),
        (["search", "DATA", "DATA", "--text", "a ship"], "error: RUN DATA: contains no run"),
        (["search", "RUN", "absent", "--text", "a ship"], "error: PATH absent: does not exist"),
        (["evaluate", "RUN", "DATA", "--positives", "absent.json"], "absent.json"),
        (
            ["evaluate", "--scores", "absent.npy", "DATA"],
            "absent.npy: cannot be read",
        ),
        (["compare", "DATA"], "is not a run"),
        (["positives", "DATA", "-o", "absent/p.json", "--answers", "a.json"], "absent/p.json"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(
    data: Path, runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    places = {"RUN": str(runs / "seed-0"), "DATA": str(data)}
    given = [places.get(argument, argument) for argument in arguments]
    assert _run(["benchmark", *given], False) == 1
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert line.replace("DATA", str(data)) in last
