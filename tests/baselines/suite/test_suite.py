"""A suite in this process: what is kept, what is repeated, what is reported."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rsitmd_tools.baselines.run import OWN_CACHE
from rsitmd_tools.baselines.sentence_folder import folder_checksum
from rsitmd_tools.baselines.suite import calibrate, work
from rsitmd_tools.baselines.suite.calibrate import Cost
from rsitmd_tools.baselines.suite.folder import SuiteFolder
from rsitmd_tools.baselines.suite.plan import PlannedRun, plan_runs
from rsitmd_tools.baselines.suite.suite import Suite, SuiteOptions, SuiteResult
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.similarity import write_prior
from tests.baselines.common import change_image, copied
from tests.baselines.sentence_encoders import write_encoder
from tests.baselines.suite.conftest import CHANGES, CONFIGS

CPU = SuiteOptions(device="cpu")
COST = Cost(1, 1, 1, "all")


@pytest.fixture(autouse=True)
def quick_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The costs are known; the tests of the command calibrate."""
    monkeypatch.setattr(calibrate, "_measure", lambda *_: COST)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were trained or continued, with the calls of the real training."""
    names: list[str] = []

    def counted(dataset: Any, config: Any, folder: Path, *more: Any, **named: Any) -> Path:
        names.append(f"{folder.parent.name} {config.seed}")
        return train(dataset, config, folder, *more, **named)

    monkeypatch.setattr(work, "train", counted)
    return names


def run(
    dataset: Dataset, plan: list[PlannedRun], out: Path, options: SuiteOptions = CPU
) -> tuple[SuiteResult, list[str]]:
    """Run a suite; return its result and the lines of its progress."""
    lines: list[str] = []
    result = Suite(dataset, plan, out, options, lines.append).run(lines.append)
    return result, lines


def rows(out: Path) -> list[dict[str, Any]]:
    """Read OUT/results.jsonl."""
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_a_whole_suite(
    tmp_path: Path, tiny: Dataset, plan: list[PlannedRun], trained: list[str]
) -> None:
    out = tmp_path / "s"
    result, lines = run(tiny, plan, out)
    found = rows(out)
    assert [(r["config"], r["seed"], r["fold"]) for r in found] == [
        (name, seed, None) for name in CONFIGS for seed in (0, 1)
    ]
    assert all(0 < r["mean_recall"] <= 100 for r in found)
    assert not result.failed and not result.left and result.comparison is not None
    assert [system["name"] for system in result.comparison["systems"]] == list(CONFIGS)
    means = [system["mean_recall"]["mean"] for system in result.comparison["systems"]]
    assert means[0] == pytest.approx(sum(r["mean_recall"] for r in found[:2]) / 2, abs=1e-3)
    table, tex = (out / "table.md").read_text(), (out / "table.tex").read_text()
    assert "| vsepp | 2 |" in table and "Holm" in table and r"\toprule" in tex
    assert any("4 runs on tiny" in line for line in lines)
    assert any("m1 seed 1: test mR" in line and "4 of 4 runs finished" in line for line in lines)
    assert trained == ["vsepp 0", "m1 0", "vsepp 1", "m1 1"]
    assert not (out / OWN_CACHE).exists()
    # Nothing is left to do, and the files are the same.
    before = (out / "results.jsonl").read_bytes()
    _, lines = run(tiny, plan, out)
    assert len(trained) == 4 and any("4 finished, 0 left" in line for line in lines)
    assert (out / "results.jsonl").read_bytes() == before
    # A configuration and a seed are added; a damaged result is evaluated again.
    result_file = out / "runs" / "vsepp" / "seed-0" / "result.json"
    result_file.write_text("{")
    more = plan_runs(CONFIGS, CHANGES, [0, 1, 2])
    run(tiny, more, out)
    assert trained[4:] == ["vsepp 0", "vsepp 2", "m1 2"]
    assert (out / "results.jsonl").read_bytes().startswith(before.splitlines(keepends=True)[0])
    assert len(rows(out)) == 6
    assert run(tiny, more, out)[0].runs == [out / "runs" / name for name in CONFIGS]
    # The table and the report show what was asked for, not all that is there.
    result, _ = run(tiny, plan_runs(["vsepp"], CHANGES, [1]), out)
    assert result.runs == [out / "runs" / "vsepp" / "seed-1"]
    assert [(r["config"], r["seed"]) for r in rows(out)] == [("vsepp", 1)]


def test_the_table_says_which_models_read_no_keywords(tmp_path: Path, tiny: Dataset) -> None:
    bare = tiny.with_images(replace(image, keywords=()) for image in tiny)
    result, _ = run(bare, plan_runs(["m1", "m2"], CHANGES, [0]), tmp_path / "s")
    assert result.comparison is not None
    note = "m2: trained on sentences only (text=sentence, query=sentence), because the data have"
    (found,) = [line for line in result.comparison["notes"] if "sentences only" in line]
    assert found == f"{note} no keywords"
    assert "m2: trained on sentences only" in (tmp_path / "s" / "table.md").read_text()


def test_folds(tmp_path: Path, tiny: Dataset) -> None:
    plan = plan_runs(["vsepp"], CHANGES, [0], 2)
    result, _ = run(tiny, plan, tmp_path / "s")
    assert [(r["seed"], r["fold"]) for r in rows(tmp_path / "s")] == [(0, 0), (0, 1)]
    assert result.comparison is not None
    assert [len(system["runs"]) for system in result.comparison["systems"]] == [2]
    with pytest.raises(RsitmdError, match="is a suite with folds"):
        run(tiny, plan_runs(["vsepp"], CHANGES, [0]), tmp_path / "s")


def test_others_go_on_when_a_run_fails(
    tmp_path: Path, tiny: Dataset, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(dataset: Any, config: Any, folder: Path, *more: Any, **named: Any) -> Path:
        if folder.parent.name == "vsepp" and config.seed == 1:
            raise RuntimeError("a kernel failed\nat line 3")
        return train(dataset, config, folder, *more, **named)

    monkeypatch.setattr(work, "train", breaks)
    out = tmp_path / "s"
    result, lines = run(tiny, plan, out)
    assert [(r["config"], r["seed"]) for r in rows(out)] == [("vsepp", 0), ("m1", 0), ("m1", 1)]
    assert [outcome.run.label for outcome in result.failed] == ["vsepp seed 1"]
    assert "vsepp seed 1 failed: RuntimeError: a kernel failed" in lines
    assert "not in this table: vsepp seed 1 (failed" in (out / "table.md").read_text()
    assert len(result.notes) == 1
    assert result.notes[0].startswith("not in this table: vsepp seed 1 (failed: RuntimeError")
    assert (out / OWN_CACHE).exists()
    monkeypatch.setattr(work, "train", train)
    result, _ = run(tiny, plan, out)
    assert not result.failed and len(rows(out)) == 4
    assert "not in this table" not in (out / "table.md").read_text()


def test_a_full_disk_stops_the_suite_and_the_next_one_continues(
    tmp_path: Path,
    tiny: Dataset,
    plan: list[PlannedRun],
    monkeypatch: pytest.MonkeyPatch,
    trained: list[str],
) -> None:
    save = torch.save

    def full(value: Any, stream: Any) -> None:
        if len(trained) < 2:
            save(value, stream)
            return
        with open("/dev/full", "wb") as disk:  # the errors of torch and of the system
            save(value, disk)

    monkeypatch.setattr(torch, "save", full)
    out = tmp_path / "s"
    with pytest.raises(RsitmdError, match=r"m1 seed 0 failed: .*no space left") as error:
        run(tiny, plan, out)
    assert str(error.value).count("free some space and run the same command again") == 1
    assert str(error.value).endswith("again")  # without --resume, which a suite does not have
    assert trained == ["vsepp 0", "m1 0"] and len(rows(out)) == 1
    assert not list(out.rglob("*partial*"))
    monkeypatch.setattr(torch, "save", save)
    run(tiny, plan, out)
    assert trained[2:] == ["m1 0", "vsepp 1", "m1 1"] and len(rows(out)) == 4


def test_costs_of_other_configurations_are_kept(
    tmp_path: Path, tiny: Dataset, plan: list[PlannedRun]
) -> None:
    out = tmp_path / "s"
    run(tiny, plan, out)
    times = out / "times.json"
    document = json.loads(times.read_text())
    assert set(document["costs"]) == set(CONFIGS)
    _, lines = run(tiny, [each for each in plan if each.name == CONFIGS[0]], out)
    assert not any("calibrating" in line for line in lines)
    assert json.loads(times.read_text()) == document
    for damaged in ([1], 3, None, {"m1": 7}):
        times.write_text(json.dumps(document | {"costs": damaged}))
        run(tiny, plan, out)
        assert set(json.loads(times.read_text())["costs"]) == set(CONFIGS)


def test_a_budget_that_no_run_fits(tmp_path: Path, tiny: Dataset, plan: list[PlannedRun]) -> None:
    with pytest.raises(RsitmdError, match="no run fits into the budget"):
        run(tiny, plan, tmp_path / "s", replace(CPU, budget=1))


def test_what_the_budget_leaves_is_named(
    tmp_path: Path, tiny: Dataset, plan: list[PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = iter([Cost(0, 0, 0, ""), Cost(1e6, 0, 0, "")])
    monkeypatch.setattr(calibrate, "_measure", lambda *_: next(costs))
    out = tmp_path / "s"
    result, _ = run(tiny, plan, out, replace(CPU, budget=10_000))
    assert [r["config"] for r in rows(out)] == ["vsepp"]
    assert [left.label for left in result.left] == ["m1 seed 0", "vsepp seed 1", "m1 seed 1"]
    assert "m1 seed 0 (beyond the budget)" in (out / "table.md").read_text()


def folders(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Yield folders that are no suite, with what is said of them."""
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "thesis.txt").touch()
    yield thesis, "is not the folder of a suite"
    for number, (text, message) in enumerate(
        [
            ("{", "is not JSON"),
            ("[]", "does not contain data"),
            ('{"data": 1, "data_sha256": 1, "folds": 0, "configs": 3}', "configs"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "suite.json").write_text(text)
        yield folder, message


def test_folders_that_are_no_suite(tmp_path: Path, tiny: Dataset, plan: list[PlannedRun]) -> None:
    for folder, message in folders(tmp_path):
        before = sorted(folder.iterdir())
        with pytest.raises(RsitmdError, match=message):
            run(tiny, plan, folder)
        assert sorted(folder.iterdir()) == before


def test_a_suite_of_other_data_or_settings(
    tmp_path: Path, tiny: Dataset, plan: list[PlannedRun]
) -> None:
    place = SuiteFolder(tmp_path / "s")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / ".suite.json.partial-1").touch()  # of a killed writer
    with place.opened(plan, tiny):
        pass
    weights = tmp_path / "w"
    weights.write_text("w")
    smaller = tiny.with_images(tiny.images[1:])
    for dataset, changed, message in (
        (smaller, plan, r"is a suite of other data \(tiny\)"),
        (tiny, plan_runs(CONFIGS, [*CHANGES, "lr=1"], [0]), r"other settings of vsepp \(lr\)"),
        (tiny, plan_runs(CONFIGS, [*CHANGES, f"weights={weights}"], [0]), r"vsepp \(weights\)"),
        (tiny, plan_runs(CONFIGS, CHANGES, [0], 2), "is a suite without folds"),
    ):
        with pytest.raises(RsitmdError, match=message), place.opened(changed, dataset):
            pass
    # Another configuration may have other settings.
    with place.opened(plan_runs(["m3"], [*CHANGES, "lr=1"], [0]), tiny):
        pass
    recorded = json.loads(place.record_file.read_text())["configs"]
    assert list(recorded) == [*CONFIGS, "m3"] and recorded["m3"]["lr"] == 1


def test_the_sentence_encoder_of_a_suite_may_move_but_not_change(
    tmp_path: Path, tiny: Dataset
) -> None:
    place, encoder = SuiteFolder(tmp_path / "s"), write_encoder(tmp_path / "encoder")

    def plan_with(folder: Path) -> list[PlannedRun]:
        return plan_runs(["vsepp"], [*CHANGES, f"text_weights={folder}"], [0])

    result, _ = run(tiny, plan_with(encoder), place.folder)
    assert not result.failed
    checksum = rows(place.folder)[0]["text_weights"]["sha256"]
    assert checksum == folder_checksum(encoder)
    place.check(plan_with(encoder.rename(tmp_path / "moved")), tiny)
    with pytest.raises(RsitmdError, match=r"other settings of vsepp \(text_weights\)"):
        place.check(plan_with(write_encoder(tmp_path / "other", seed=1)), tiny)
    with pytest.raises(RsitmdError, match=r"other settings of vsepp \(text_weights\)"):
        place.check(plan_runs(["vsepp"], CHANGES, [0]), tiny)


def test_a_suite_with_another_file_of_a_backbone(tmp_path: Path, tiny: Dataset) -> None:
    file = tmp_path / "tiny.json"
    file.write_text("{}")
    place = SuiteFolder(tmp_path / "s")
    plan = plan_runs(["clip-linear"], [f"backbone={file}"], [0])
    with place.opened(plan, tiny):
        pass
    place.check(plan, tiny)
    file.write_text('{"quick_gelu": true}')
    with pytest.raises(RsitmdError, match=r"other settings of clip-linear \(backbone file\)"):
        place.check(plan, tiny)


def test_a_suite_with_another_prior_of_the_release(tmp_path: Path, tiny: Dataset) -> None:
    """Seeds with other margins would be averaged as one system."""
    place, data = SuiteFolder(tmp_path / "s"), replace(tiny, source=tmp_path)
    plan, released = plan_runs(["m1", "vsepp"], CHANGES, [0]), tmp_path / "prior" / "train.npy"
    train_part = data.select("train")
    write_prior(train_part, released)
    with place.opened(plan, data):
        pass
    write_prior(train_part, released)  # the same prior, made again
    place.check(plan, data)
    write_prior(train_part, released, "paper")
    with pytest.raises(RsitmdError, match=r"is a suite with other settings of m1 \(prior\)"):
        place.check(plan, data)
    place.check(plan_runs(["vsepp"], CHANGES, [0, 1]), data)  # its margin is fixed
    record = json.loads(place.record_file.read_text())
    del record["configs"]["m1"]["prior"]  # as earlier versions wrote it
    place.record_file.write_text(json.dumps(record))
    place.check(plan, data)


def test_a_suite_of_other_image_files(
    tmp_path: Path, tiny: Dataset, plan: list[PlannedRun]
) -> None:
    place, own = SuiteFolder(tmp_path / "s"), copied(tiny, tmp_path / "own")
    with place.opened(plan, own):
        pass
    place.check(plan, tiny)
    change_image(own)
    with pytest.raises(RsitmdError, match="is a suite of other image files"):
        place.check(plan, own)
    record = json.loads(place.record_file.read_text())
    del record["images_sha256"]  # as earlier versions wrote it
    place.record_file.write_text(json.dumps(record))
    place.check(plan, own)


@pytest.mark.parametrize("split", ["train", "test"])
def test_image_files_that_change_while_a_suite_runs(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    """Runs on other pictures are not averaged with the others."""
    own, plan = copied(tiny, tmp_path / "own"), plan_runs(["vsepp"], CHANGES, [0, 1])
    path = own.image_path(own.select(split).images[0])
    before = path.read_bytes()

    def changed(dataset: Any, config: Any, *more: Any, **named: Any) -> Path:
        if config.seed == 1:
            change_image(own, split)
        return train(dataset, config, *more, **named)

    monkeypatch.setattr(work, "train", changed)
    out = tmp_path / "s"
    result, _ = run(own, plan, out)
    (failed,) = result.failed
    assert failed.run.label == "vsepp seed 1"
    assert "seed-1: image files of the dataset were changed while the" in str(failed.error)
    assert [row["seed"] for row in rows(out)] == [0]
    path.write_bytes(before)
    shutil.rmtree(out / "runs" / "vsepp" / "seed-1")
    monkeypatch.setattr(work, "train", train)
    assert not run(own, plan, out)[0].failed and len(rows(out)) == 2


def test_one_suite_at_a_time(tmp_path: Path, tiny: Dataset, plan: list[PlannedRun]) -> None:
    place = SuiteFolder(tmp_path / "s")
    with place.opened(plan, tiny):
        other = SuiteFolder(tmp_path / "s")
        with pytest.raises(RsitmdError, match="another command is writing to this suite: "):
            run(tiny, plan, other.folder)
    with place.opened(plan, tiny):
        pass


def test_published_figures_of_the_same_model(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsitmd_tools.baselines.evaluation import published

    document = copy.deepcopy(published._document())
    document["datasets"]["ucm"]["gallery"] = {"images": 8, "texts": 40}
    monkeypatch.setattr(published, "_document", lambda: document)
    changes = [c for c in CHANGES if not c.startswith("epochs")]
    plan = plan_runs(["vsepp-frozen", "amfmn-soft"], [*changes, "epochs=1", "views=1"], [0])
    result, _ = run(replace(tiny, name="ucm"), plan, tmp_path / "s")
    assert result.comparison is not None
    shown = [system["published"] for system in result.comparison["systems"]]
    assert [row["name"] for row in shown] == ["VSE++", "AMFMN-soft"]
    assert [row["verdict"] for row in shown] == ["other settings", "one run: not decided"]
    assert "36.93 (table II, VSE++) | other settings |" in (tmp_path / "s/table.md").read_text()
