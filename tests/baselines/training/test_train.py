"""Training: it learns, resumes bit-exactly, and reports errors in one line."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines import evaluate
from rsitmd_tools.baselines.device import check_device, precision
from rsitmd_tools.baselines.evaluation.compare import compare
from rsitmd_tools.baselines.run import OWN_CACHE, Run, runs_in
from rsitmd_tools.baselines.training.sweep import train_all
from rsitmd_tools.baselines.training.train import Options, adapt_config, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.similarity import write_prior
from tests.baselines.common import change_image, copied
from tests.baselines.training.common import CPU, SMALL, losses, small, state
from tests.command import command_line
from tests.forks import Forked, Nursery


@pytest.mark.parametrize("name", ["vsepp", "amfmn-soft", "amfmn-fusion", "m1", "m2", "m5", "m9"])
def test_configurations_train_and_are_evaluated(tmp_path: Path, tiny: Dataset, name: str) -> None:
    run = train(tiny, small(name, "epochs=2", "freeze_backbone=true"), tmp_path / "r", CPU)
    assert len(losses(run)) == 2
    assert 0 <= evaluate(run, tiny)["mean_recall"] <= 100
    manifest = Run(run).manifest()
    assert manifest["weights"] == "random" and manifest["finished"]["pairs_an_epoch"] == 22
    assert (manifest["prior"] is None) == (name == "vsepp")
    assert not (run / OWN_CACHE).exists()


@pytest.mark.parametrize("frozen", ["true", "false"])
def test_it_learns(tmp_path: Path, tiny: Dataset, frozen: str) -> None:
    rate = "lr=5e-3" if frozen == "true" else "lr=1e-3"
    config = small("vsepp", "negatives=sum", "epochs=10", f"freeze_backbone={frozen}", rate)
    run = train(tiny, config, tmp_path / "r", CPU)
    found = [float(loss) for loss, _ in losses(run)]
    assert np.mean(found[-3:]) < 0.85 * found[0]


@pytest.mark.parametrize("frozen", ["true", "false"])
def test_without_validation_train_is_complete_and_the_last_epoch_is_kept(
    tmp_path: Path, tiny: Dataset, frozen: str
) -> None:
    config = small("vsepp", "epochs=2", "validate=false", f"freeze_backbone={frozen}")
    run = train(tiny, config, tmp_path / "r", CPU)
    manifest = Run(run).manifest()
    assert manifest["images"] == {"train": len(tiny.select("train")), "val": 0}
    assert [recall for _, recall in losses(run)] == ["nan", "nan"]
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 1
    assert all(torch.equal(value, state(run)[key]) for key, value in best["state_dict"].items())
    # Two epochs in two goes are the same, and the report has the loss alone.
    again = train(tiny, replace(config, epochs=1), tmp_path / "again", CPU)
    train(tiny, config, again, replace(CPU, resume=True))
    assert losses(again) == losses(run)
    summary = train_all(tiny, config, tmp_path / "all", [0], options=CPU)
    assert summary["checkpoint"] == "the last epoch"


def test_a_run_of_a_version_with_fewer_settings_is_resumed(tmp_path: Path, tiny: Dataset) -> None:
    config = small("vsepp", "epochs=1", "freeze_backbone=true")
    run = train(tiny, config, tmp_path / "r", CPU)
    manifest = Run(run).manifest()
    del manifest["config"]["validate"]
    (run / "run.json").write_text(json.dumps(manifest))
    train(tiny, replace(config, epochs=2), run, replace(CPU, resume=True))
    assert len(losses(run)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        ["loss=infonce", "captions=all", "mask_equal=true", "dropout=0.2", "schedule=cosine"],
        ["freeze_batch_norm=true", "views=8", "backbone_lr=1e-5", "weight_decay=0.01"],
        ["precision=bf16-mixed", "margin.beta=-3", "views=2"],
    ],
)
def test_options_of_training(tmp_path: Path, tiny: Dataset, changes: list[str]) -> None:
    run = train(tiny, small("amfmn-soft", "epochs=1", *changes), tmp_path / "r", CPU)
    assert np.isfinite(float(losses(run)[0][0]))


def test_frozen_modules_do_not_change(tmp_path: Path, tiny: Dataset) -> None:
    run = tmp_path / "r"
    train(tiny, small("vsepp", "epochs=1", "freeze_backbone=true"), run, CPU)
    first = {k: v for k, v in state(run).items() if "backbone" in k}
    train(tiny, small("vsepp", "epochs=3", "freeze_backbone=true"), run, replace(CPU, resume=True))
    assert all(torch.equal(value, first[key]) for key, value in state(run).items() if key in first)
    train(tiny, small("vsepp", "epochs=1", "freeze_batch_norm=true"), tmp_path / "n", CPU)
    moved = {k: v for k, v in state(tmp_path / "n").items() if "backbone" in k}
    statistics = [key for key in moved if "running" in key]
    assert statistics and all(torch.equal(moved[key], first[key]) for key in statistics)
    assert any(not torch.equal(moved[key], first[key]) for key in moved)


def arguments(data: Path, run: Path, epochs: int, *more: str) -> list[str]:
    sets = [part for s in [*SMALL, f"epochs={epochs}", "dropout=0.3"] for part in ("--set", s)]
    return [
        *("benchmark", "train", str(data)),
        *("--config", "amfmn-fusion", "--device", "cpu", *sets, "-o", str(run), *more),
    ]


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def whole(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six epochs without interruption.

    It has a fresh process: its sets have another order than those of forked commands, which
    must not matter.
    """
    run = tmp_path_factory.mktemp("undisturbed") / "whole"
    subprocess.run(command_line(*arguments(tiny_folder, run, 6)), env=ENVIRONMENT, check=True)
    return run


def signalled(started: Forked, sent: int, when: Callable[[], bool]) -> tuple[int | None, str]:
    """Send a training a signal when ``when`` is true; return its exit code and stderr."""
    while not when():
        assert started.poll() is None
        time.sleep(0.002)
    started.send_signal(sent)
    _, said = started.communicate(timeout=120)
    return started.returncode, said


def epochs_of(run: Path) -> int:
    """Return the number of epochs in the metrics file."""
    file = run / "metrics.csv"
    return len(file.read_text().splitlines()) - 1 if file.exists() else 0


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "before the first epoch": lambda run: (run / "run.json").exists(),
    "at the first checkpoint": lambda run: (run / "checkpoints" / "last.ckpt").exists(),
    "after three epochs": lambda run: epochs_of(run) >= 3,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_resumes_bit_exactly(
    tmp_path: Path, tiny_folder: Path, whole: Path, moment: str, training_commands: Nursery
) -> None:
    cut = tmp_path / "cut"
    started = training_commands.start(*arguments(tiny_folder, cut, 6))
    code, _ = signalled(started, signal.SIGKILL, lambda: MOMENTS[moment](cut))
    assert code == -signal.SIGKILL
    resumed = training_commands.run(*arguments(tiny_folder, cut, 6, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    assert losses(cut) == losses(whole)
    one, other = state(cut), state(whole)
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []
    best = [Run(run).best for run in (cut, whole)]
    states = [torch.load(file, weights_only=True)["state_dict"] for file in best]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[1])


def test_ctrl_c_exits_with_130_and_a_message(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery
) -> None:
    cut = tmp_path / "cut"
    last = cut / "checkpoints" / "last.ckpt"
    started = training_commands.start(*arguments(tiny_folder, cut, 500))
    code, said = signalled(started, signal.SIGINT, last.exists)
    assert code == 130
    assert "interrupted" in said and "Traceback" not in said


def test_a_run_killed_after_its_last_checkpoint_is_finished(tmp_path: Path, tiny: Dataset) -> None:
    config, run = small("vsepp", "epochs=2", "freeze_backbone=true"), tmp_path / "r"
    train(tiny, config, run, CPU)
    whole = losses(run)
    manifest = Run(run).manifest()
    del manifest["finished"]
    (run / "run.json").write_text(json.dumps(manifest))
    (run / "metrics.csv").write_text("epoch,loss,val_mean_recall\n")
    train(tiny, config, run, replace(CPU, resume=True))
    assert losses(run) == whole and len(whole) == 2
    assert "finished" in Run(run).manifest()


def test_dropout_is_active_with_a_frozen_backbone(tmp_path: Path, tiny: Dataset) -> None:
    for frozen in ("true", "false"):
        found = [
            losses(
                train(
                    tiny,
                    small("vsepp", "epochs=2", f"freeze_backbone={frozen}", f"dropout={share}"),
                    tmp_path / f"{frozen}{share}",
                    CPU,
                )
            )
            for share in (0, 0.5)
        ]
        assert found[0] != found[1]


def test_early_stop(tmp_path: Path, tiny: Dataset) -> None:
    config = small("vsepp", "epochs=40", "patience=2", "freeze_backbone=true", "lr=1e-9")
    run = train(tiny, config, tmp_path / "r", CPU)
    recalls = [float(recall) for _, recall in losses(run)]
    assert 3 <= len(recalls) < 40
    assert len(recalls) - 1 - int(np.argmax(recalls)) == 2


def test_a_loss_that_is_not_finite_reports_the_batch(tmp_path: Path, tiny: Dataset) -> None:
    with pytest.raises(RsitmdError, match=r"the loss is nan at step \d+ \(epoch 1\)") as error:
        train(tiny, small("vsepp", "epochs=3", "lr=1e20", "gradient_clip=0"), tmp_path / "r", CPU)
    assert sum(image.filename in str(error.value) for image in tiny) > 1


def test_a_batch_larger_than_the_data(tmp_path: Path, tiny: Dataset) -> None:
    run = train(tiny, small("vsepp", "epochs=1", "batch_size=1000"), tmp_path / "r", CPU)
    assert len(losses(run)) == 1


def test_without_keywords_models_use_only_sentences(
    tmp_path: Path, tiny: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tiny.with_images(replace(image, keywords=()) for image in tiny)
    run = train(bare, small("m9", "epochs=1"), tmp_path / "r", CPU)
    assert Run(run).config().text == "sentence"
    assert "no keywords" in capsys.readouterr().err
    derived = small("m9", "keywords=derived")
    assert adapt_config(derived, bare) == derived
    # One image with keywords is enough: the others rest on their sentences.
    some = tiny.with_images(replace(i, keywords=()) if n else i for n, i in enumerate(tiny))
    assert len(losses(train(some, small("m9", "epochs=1"), tmp_path / "s", CPU))) == 1


def test_seeds_and_folds_have_a_summary(tmp_path: Path, tiny: Dataset) -> None:
    config = small("vsepp", "epochs=1", "freeze_backbone=true")
    summary = train_all(tiny, config, tmp_path / "s", [0, 3], options=CPU)
    values = [evaluate(run.folder, tiny)["mean_recall"] for run in runs_in(tmp_path / "s")]
    assert summary["runs"] == ["seed-0", "seed-3"]
    assert summary["mean_recall"]["values"] == values
    assert summary["mean_recall"]["mean"] == pytest.approx(np.mean(values), abs=1e-3)
    assert summary["mean_recall"]["deviation"] == pytest.approx(np.std(values, ddof=1), abs=1e-3)
    assert not (tmp_path / "s" / OWN_CACHE).exists()
    with pytest.raises(RsitmdError, match="already exists"):
        train_all(tiny, config, tmp_path / "s", [0], options=CPU)
    # Resumed, finished seeds are kept as they are and new ones added.
    kept = (tmp_path / "s" / "seed-0" / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    train_all(tiny, config, tmp_path / "s", [0, 4], options=replace(CPU, resume=True))
    assert (tmp_path / "s" / "seed-0" / "checkpoints" / "last.ckpt").stat().st_mtime_ns == kept
    folds = train_all(tiny, config, tmp_path / "f", [0], 2, CPU)
    assert folds["runs"] == ["fold-0", "fold-1"]
    assert Run(tmp_path / "f" / "fold-1").manifest()["images"] == {"train": 12, "val": 12}


def test_a_seed_can_be_added_to_folds(tmp_path: Path, tiny: Dataset) -> None:
    config, folder = small("vsepp", "epochs=1", "freeze_backbone=true"), tmp_path / "s"
    resume = replace(CPU, resume=True)
    assert train_all(tiny, config, folder, [0], 2, CPU)["runs"] == ["fold-0", "fold-1"]
    kept = Run(folder / "fold-0").last.stat().st_mtime_ns
    names = ["fold-0", "fold-1", "seed-3-fold-0", "seed-3-fold-1"]
    assert train_all(tiny, config, folder, [0, 3], 2, resume)["runs"] == names
    assert train_all(tiny, config, folder, [3], 2, resume)["runs"] == names[2:]
    assert Run(folder / "fold-0").last.stat().st_mtime_ns == kept
    (system,) = compare([folder])["systems"]
    assert system["runs"] == names
    with pytest.raises(RsitmdError, match="already exists"):
        train_all(tiny, config, folder, [4], 2, CPU)


def test_a_cache_of_the_user_is_kept(tmp_path: Path, tiny: Dataset) -> None:
    config = small("vsepp", "epochs=1", "freeze_backbone=true")
    for name in ("s", "r"):
        (tmp_path / name / "cache").mkdir(parents=True)
        (tmp_path / name / "cache" / "notes.txt").write_text("mine")
    train_all(tiny, config, tmp_path / "s", [0], options=CPU)
    train(tiny, config, tmp_path / "r", replace(CPU, resume=True))
    given = tmp_path / "g" / "cache"
    train(tiny, config, tmp_path / "g", replace(CPU, cache=given))
    assert any(given.iterdir())
    assert [(tmp_path / name / "cache" / "notes.txt").read_text() for name in "sr"] == ["mine"] * 2


def test_settings_that_would_be_dropped_are_refused(tmp_path: Path, tiny: Dataset) -> None:
    with pytest.raises(WrongUsage, match="folds=5 of the configuration"):
        train_all(tiny, small("vsepp", "folds=5", "fold=2"), tmp_path / "s", [0, 1], options=CPU)
    with pytest.raises(WrongUsage, match="uses no prior"):
        train(tiny, small("vsepp"), tmp_path / "r", CPU, prior=tmp_path / "gone.npy")
    assert not any(tmp_path.iterdir())


def test_excluded_images_do_not_train(tmp_path: Path, tiny: Dataset) -> None:
    names = [image.filename for image in tiny.images[:4]]
    listed = tmp_path / "exclude.json"
    listed.write_text(json.dumps({"exclude": {tiny.name: [{"filename": name} for name in names]}}))
    config = small("vsepp", "epochs=1")
    run = train(tiny, config, tmp_path / "r", CPU, exclude=listed)
    manifest = Run(run).manifest()
    assert sum(manifest["images"].values()) == 20 and manifest["excluded"]["file"] == "exclude.json"
    with pytest.raises(RsitmdError, match="other excluded images"):
        train(tiny, config, tmp_path / "r", replace(CPU, resume=True))
    listed.write_text("[]")
    with pytest.raises(RsitmdError, match="not an exclusion list"):
        train(tiny, config, tmp_path / "n", CPU, exclude=listed)


def test_a_run_is_never_overwritten_or_resumed_with_other_settings(
    tmp_path: Path, tiny: Dataset
) -> None:
    run, resume = tmp_path / "r", replace(CPU, resume=True)
    train(tiny, small("vsepp", "epochs=1"), run, CPU)
    with pytest.raises(RsitmdError, match="already exists"):
        train(tiny, small("vsepp", "epochs=1"), run, CPU)
    with pytest.raises(RsitmdError, match=r"other settings \(lr\)"):
        train(tiny, small("vsepp", "epochs=1", "lr=1"), run, resume)
    with pytest.raises(RsitmdError, match="other data"):
        train(tiny.with_images(tiny.images[1:]), small("vsepp", "epochs=1"), run, resume)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(RsitmdError, match="is not a run"):
        train(tiny, small("vsepp", "epochs=1"), tmp_path / "other", CPU)


def test_a_run_is_not_resumed_with_other_image_files(tmp_path: Path, tiny: Dataset) -> None:
    own, run, resume = copied(tiny, tmp_path / "own"), tmp_path / "r", replace(CPU, resume=True)
    config = small("vsepp", "epochs=1")
    train(own, config, run, CPU)
    train(tiny, config, run, resume)  # equal files in another folder
    before = evaluate(run, own)["images_sha256"]
    change_image(own, "test")
    train(own, config, run, resume)  # training reads no test image
    assert evaluate(run, own)["images_sha256"] != before
    change_image(own)
    with pytest.raises(RsitmdError, match="other image files"):
        train(own, config, run, resume)
    manifest = Run(run).manifest()
    del manifest["images_sha256"]  # as earlier versions wrote it
    Run(run).manifest_file.write_text(json.dumps(manifest))
    train(own, config, run, resume)


def test_a_finished_run_is_not_resumed_with_another_prior(tmp_path: Path, tiny: Dataset) -> None:
    config, run, resume = small("m3", "epochs=1"), tmp_path / "r", replace(CPU, resume=True)
    assert config.margin.kind == "dynamic"
    train(tiny, config, run, CPU)
    train(tiny, config, run, resume, prior=run / "prior" / "train.npy")
    pool = tiny.select("train")
    write_prior(pool, tmp_path / "other.npy", dtype="float64")
    with pytest.raises(RsitmdError, match="another prior"):
        train(tiny, config, run, resume, prior=tmp_path / "other.npy")


def test_a_run_without_a_finished_epoch_starts_with_other_settings(
    tmp_path: Path, tiny: Dataset
) -> None:
    own, run = copied(tiny, tmp_path / "own"), tmp_path / "r"
    train_images = own.select("train")
    broken = own.image_path(train_images.images[3])
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(RsitmdError, match="decoded"):
        train(own, small("vsepp", "epochs=1"), run, CPU)
    own = own.with_images(image for image in own if image.filename != broken.name)
    config = small("m3", "epochs=1", "lr=5e-4")
    with pytest.raises(RsitmdError, match="use --resume"):
        train(own, config, run, CPU)
    train(own, config, run, replace(CPU, resume=True))
    assert Run(run).config().lr == 5e-4 and len(losses(run)) == 1
    with pytest.raises(RsitmdError, match="other settings"):
        train(own, small("m3", "epochs=1"), run, replace(CPU, resume=True))


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('the trap has fired')",))


def test_a_checkpoint_of_anything_but_tensors_and_plain_data_is_an_error(
    tmp_path: Path, tiny: Dataset
) -> None:
    run, config = tmp_path / "r", small("vsepp", "epochs=1")
    train(tiny, config, run, CPU)
    for file in (Run(run).last, Run(run).best):
        good = file.read_bytes()
        for bad in (pickle.dumps(Trap()), b"", b"no checkpoint", good[: len(good) // 2]):
            file.write_bytes(bad)
            with pytest.raises(RsitmdError, match="checkpoint"):
                if file == Run(run).last:
                    train(tiny, replace(config, epochs=2), run, replace(CPU, resume=True))
                else:
                    evaluate(run, tiny)
        torch.save({"state_dict": {}, "trap": Trap()}, file)
        with pytest.raises(RsitmdError, match="checkpoint"):
            Run(run).load() if file == Run(run).best else train(
                tiny, replace(config, epochs=2), run, replace(CPU, resume=True)
            )
        file.write_bytes(good)


# A limit on the size of files stands for a full disk.
FULL_DISK = """
import resource, sys
from rsitmd_tools.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
main(sys.argv[1:])
"""


def test_a_full_disk_while_saving_a_checkpoint(
    tmp_path: Path, tiny_folder: Path, training_commands: Nursery
) -> None:
    ran = training_commands.run(*arguments(tiny_folder, tmp_path / "r", 2), script=FULL_DISK)
    lines = [line for line in ran.stderr.splitlines() if line.startswith("error:")]
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert len(lines) == 1 and "cannot be written" in lines[0]
    assert not list((tmp_path / "r").rglob("*partial*"))


def test_unavailable_devices(tmp_path: Path, tiny: Dataset) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(RsitmdError, match="device cuda: is not available"):
            train(tiny, small("vsepp"), tmp_path / "r", Options(device="cuda"))
        assert not (tmp_path / "r").exists()
    with pytest.raises(WrongUsage, match="unknown device"):
        check_device("tpu", 1)
    with pytest.raises(WrongUsage, match="invalid value for --devices: 0"):
        check_device("cpu", 0)
    assert precision("auto", "cpu") == "32-true"


def test_a_precision_that_the_device_lacks_is_refused_before_anything_is_written(
    tmp_path: Path, tiny: Dataset
) -> None:
    with pytest.raises(WrongUsage, match="16-mixed is not supported on a CPU"):
        train(tiny, small("vsepp", "epochs=1", "precision=16-mixed"), tmp_path / "r", CPU)
    train(tiny, small("vsepp", "epochs=1"), tmp_path / "r", CPU)


def test_missing_weights(tmp_path: Path, tiny: Dataset) -> None:
    with pytest.raises(RsitmdError, match="does not exist"):
        train(tiny, small("vsepp", "weights=no.pth"), tmp_path / "r", CPU)


def test_a_run_that_cannot_be_set_up_leaves_no_folder(tmp_path: Path, tiny: Dataset) -> None:
    (tmp_path / "weights.pth").write_bytes(b"damaged")
    wrong = small("vsepp", "epochs=1", f"weights={tmp_path / 'weights.pth'}")
    with pytest.raises(RsitmdError, match=r"weights\.pth"):
        train(tiny, wrong, tmp_path / "r", CPU)
    assert not (tmp_path / "r").exists()
    run = train(tiny, small("vsepp", "epochs=1"), tmp_path / "r", CPU)
    with pytest.raises(RsitmdError, match=r"weights"):
        train(tiny, wrong, run, replace(CPU, resume=True))
    assert len(losses(run)) == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("not of a run")
    with pytest.raises(RsitmdError, match=r"weights\.pth"):
        train(tiny, wrong, tmp_path / "other", replace(CPU, resume=True))
    assert (tmp_path / "other" / "notes.txt").read_text() == "not of a run"
