"""The runs of a suite and their order; the shipped recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.suite.plan import DEFAULT_CONFIGS, check_plan, plan_runs, settings_of
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage

FROZEN = [
    "backbone=tf_efficientnet_lite0",
    "freeze_backbone=true",
    "image_size=224",
    "views=8",
    "epochs=10",
    "schedule=cosine",
    "lr=1e-3",
    "negatives=sum",
    "mask_equal=true",
    "margin.kind=fixed",
    "margin.value=0.2",
]
WHOLE = [
    *FROZEN,
    "freeze_backbone=false",
    "backbone_lr=3e-4",
    "batch_size=64",
    "image_size=256",
    "epochs=12",
    "loss=infonce",
    "temperature=0.1",
    "dropout=0.2",
]


def settings(name: str, changes: list[str]) -> dict[str, object]:
    """Return the settings that have an effect: InfoNCE has no margin."""
    found = load_config(name, changes).as_dict()
    if found["loss"] == "infonce":
        del found["margin"]
    return {**found, "margin": {**found["margin"], "gamma": 0}} if "margin" in found else found


@pytest.mark.parametrize("model", ["vsepp", "amfmn-soft", "amfmn-fusion", "amfmn-similarity"])
def test_the_recipes_of_a_laptop(model: str) -> None:
    assert settings(f"{model}-frozen", []) == settings(model, FROZEN)
    assert f"{model}-frozen" in DEFAULT_CONFIGS


@pytest.mark.parametrize("model", ["vsepp", "amfmn-soft"])
def test_the_recipes_of_a_gpu(model: str) -> None:
    assert settings(f"{model}-whole", []) == settings(model, WHOLE)


def test_a_seed_of_all_configurations_comes_before_the_next_seed() -> None:
    plan = plan_runs(["vsepp", "m1"], ["epochs=1"], [3, 0], 2)
    assert [run.label for run in plan] == [
        f"{name} seed {seed} fold {fold}"
        for seed in (3, 0)
        for fold in (0, 1)
        for name in ("vsepp", "m1")
    ]
    assert plan[2].place == Path("runs/vsepp/seed-3-fold-1")
    assert {run.config.epochs for run in plan} == {1}
    (alone,) = plan_runs(["vsepp"], [], [0])
    assert (alone.fold, alone.place) == (None, Path("runs/vsepp/seed-0"))


def test_a_file_is_named_by_its_stem(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("model: vsepp\n")
    (run,) = plan_runs([str(tmp_path / "own.yaml")], [], [0])
    assert run.name == "own"


@pytest.mark.parametrize(
    ("configs", "changes", "message"),
    [
        (["vsepp", "no-such"], [], "no-such: unknown configuration"),
        (["vsepp", "vsepp"], [], "names vsepp twice"),
        (["vsepp", ""], [], "empty name"),
        (["vsepp"], ["seed=1"], "use --seeds"),
        (["vsepp"], ["fold=1"], "use --folds"),
        (["vsepp"], ["lr=fast"], "lr"),
    ],
)
def test_bad_plans(configs: list[str], changes: list[str], message: str) -> None:
    with pytest.raises(RsitmdError, match=message):
        plan_runs(configs, changes, [0])


def test_folds_of_a_file_are_refused(tmp_path: Path) -> None:
    """They were dropped: the runs of a suite get their folds from --folds."""
    (tmp_path / "own.yaml").write_text("model: vsepp\nfolds: 5\nfold: 2\n")
    with pytest.raises(WrongUsage, match=r"own.yaml has folds: 5"):
        plan_runs([str(tmp_path / "own.yaml")], [], [0])
    assert len(plan_runs([str(tmp_path / "own.yaml")], [], [0], 5)) == 5


def test_folds_need_a_validation_part() -> None:
    with pytest.raises(WrongUsage, match="validate=false cannot be combined"):
        plan_runs(["vsepp"], ["validate=false"], [0], 5)


def test_what_would_stop_a_run_is_found_before(tiny: Dataset, tmp_path: Path) -> None:
    plan = plan_runs(["vsepp"], [], [0])
    check_plan(plan, tiny, "cpu")
    without = tiny.with_images(image for image in tiny if image.split == "train")
    with pytest.raises(RsitmdError, match="test"):
        check_plan(plan, without, "cpu")
    with pytest.raises(RsitmdError, match=r"gone\.safetensors: does not exist"):
        check_plan(plan_runs(["vsepp"], ["weights=gone.safetensors"], [0]), tiny, "cpu")
    with pytest.raises(RsitmdError, match="gone: does not exist; use a folder saved by"):
        check_plan(plan_runs(["vsepp"], ["text_weights=gone"], [0]), tiny, "cpu")
    with pytest.raises(WrongUsage, match="16-mixed is not supported on a CPU"):
        check_plan(plan_runs(["vsepp"], ["precision=16-mixed"], [0]), tiny, "cpu")
    with pytest.raises(RsitmdError, match="fold 4 of 20"):
        check_plan(plan_runs(["vsepp"], [], [0], 20), tiny, "cpu")


def test_settings_do_not_hold_what_differs_between_runs() -> None:
    changes = ["weights=w", "text_weights=t"]
    found = settings_of(plan_runs(["vsepp"], changes, [0, 1], 2))["vsepp"]
    assert not {"seed", "fold", "folds", "weights", "text_weights"} & found.keys()
    assert found["model"] == "vsepp"
