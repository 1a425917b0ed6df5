"""Optimiser steps: rates, schedules, clipping, determinism, precision, logs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rsitmd_tools.baselines import device
from rsitmd_tools.baselines.training.module import RetrievalModule
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage
from tests.baselines.training.common import CPU, losses, small


class Watched:
    """Records every optimiser step of a training before it is applied."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rates: list[list[float]] = []
        self.gradients: list[float] = []
        self.sizes: list[int] = []
        self.strict: list[tuple[bool, bool]] = []

        def hook(module: RetrievalModule, optimizer: Any) -> None:
            self.rates.append([group["lr"] for group in optimizer.param_groups])
            self.sizes = [len(group["params"]) for group in optimizer.param_groups]
            self.strict.append(
                (
                    torch.are_deterministic_algorithms_enabled(),
                    torch.is_deterministic_algorithms_warn_only_enabled(),
                )
            )

        def step(module: RetrievalModule, *args: Any, **more: Any) -> None:
            squares = [float((p.grad**2).sum()) for p in module.parameters() if p.grad is not None]
            self.gradients.append(sum(squares) ** 0.5)

        monkeypatch.setattr(RetrievalModule, "on_before_optimizer_step", hook)
        monkeypatch.setattr(RetrievalModule, "on_before_zero_grad", step)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_the_backbone_has_its_own_rate(tmp_path: Path, tiny: Dataset, watched: Watched) -> None:
    train(tiny, small("vsepp", "epochs=1", "lr=1e-3", "backbone_lr=1e-5"), tmp_path / "r", CPU)
    assert watched.rates[0] == [1e-3, 1e-5]
    assert watched.sizes[1] > watched.sizes[0] > 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["schedule=cosine"], [1, 0.75, 0.25]),
        (["lr_decay=0.5", "lr_decay_epochs=2"], [1, 1, 0.5]),
    ],
)
def test_schedules_lower_the_rates(
    tmp_path: Path, tiny: Dataset, watched: Watched, changes: list[str], expected: list[float]
) -> None:
    config = small("vsepp", "epochs=3", "lr=1e-3", "freeze_backbone=true", *changes)
    train(tiny, config, tmp_path / "r", CPU)
    steps = len(watched.rates) // 3
    found = [watched.rates[epoch * steps][-1] / 1e-3 for epoch in range(3)]
    assert found == pytest.approx(expected)


def test_gradients_are_clipped(tmp_path: Path, tiny: Dataset, watched: Watched) -> None:
    changes = ("epochs=1", "freeze_backbone=true", "lr=1e-3", "negatives=sum")
    train(tiny, small("vsepp", *changes, "gradient_clip=0"), tmp_path / "free", CPU)
    free = list(watched.gradients)
    watched.gradients.clear()
    limit = min(value for value in free if value) / 2
    train(tiny, small("vsepp", *changes, f"gradient_clip={limit}"), tmp_path / "clipped", CPU)
    assert max(watched.gradients) == pytest.approx(limit, rel=1e-3)
    assert max(free) > 1.9 * limit


def test_deterministic_operations_are_preferred_or_required(
    tmp_path: Path, tiny: Dataset, watched: Watched
) -> None:
    config = small("vsepp", "epochs=1", "freeze_backbone=true")
    train(tiny, config, tmp_path / "told", CPU)
    assert set(watched.strict) == {(True, True)}
    watched.strict.clear()
    train(tiny, config, tmp_path / "strict", replace(CPU, deterministic=True))
    assert set(watched.strict) == {(True, False)}


def test_nondeterministic_operations_are_a_warning_or_an_error(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "some_kernel does not have a deterministic implementation, but you set 'x'"
    inner = RetrievalModule.training_step

    def noisy(self: RetrievalModule, batch: Any, index: int) -> torch.Tensor:
        if not torch.is_deterministic_algorithms_warn_only_enabled():
            raise RuntimeError(said)
        warnings.warn(said, UserWarning, stacklevel=1)
        return inner(self, batch, index)

    monkeypatch.setattr(RetrievalModule, "training_step", noisy)
    config = small("vsepp", "epochs=1", "freeze_backbone=true")
    with pytest.warns(UserWarning, match="some_kernel"):
        train(tiny, config, tmp_path / "told", CPU)
    with pytest.raises(RsitmdError, match=r"some_kernel.*\n?.*remove --deterministic"):
        train(tiny, config, tmp_path / "strict", replace(CPU, deterministic=True))


def test_weights_that_are_not_finite_are_not_saved(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(module: RetrievalModule, *args: Any) -> None:
        if module.current_epoch == 1:
            next(p for p in module.parameters() if p.requires_grad).data.view(-1)[0] = torch.nan

    monkeypatch.setattr(RetrievalModule, "on_train_batch_end", spoil)
    # One batch an epoch: no later loss could tell.
    config = small("vsepp", "epochs=2", "freeze_backbone=true", "batch_size=64", "validate=false")
    with pytest.raises(RsitmdError, match=r"not finite after step 1 \(epoch 2\)"):
        train(tiny, config, tmp_path / "r", CPU)
    kept = torch.load(tmp_path / "r" / "checkpoints" / "best.ckpt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in kept["state_dict"].values())


def test_tensorboard_has_every_epoch(tmp_path: Path, tiny: Dataset) -> None:
    run = train(tiny, small("vsepp", "epochs=3", "freeze_backbone=true"), tmp_path / "r", CPU)
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    lines = (run / "metrics.csv").read_text().splitlines()[1:]
    for name, column in (("loss", 1), ("val_mean_recall", 2)):
        found = [event.value for event in events.Scalars(name)]
        assert found == pytest.approx([float(line.split(",")[column]) for line in lines], rel=1e-5)


@pytest.mark.parametrize(
    "name", ["vsepp", "amfmn-soft", "amfmn-fusion", "scan-t2i", "scan-i2t", "camp-bce", "mtfn"]
)
def test_heads_learn_in_bfloat16_on_a_cpu(tmp_path: Path, tiny: Dataset, name: str) -> None:
    """The losses are those of full precision, but for the rounding of bfloat16."""
    changes = ["epochs=3", "freeze_backbone=true", "negatives=sum", "captions=one", "lr=5e-3"]
    found = []
    for precision in ("32", "bf16-mixed"):
        config = small(name, *changes, f"precision={precision}")
        run = train(tiny, config, tmp_path / precision, CPU)
        kept = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        assert {value.dtype for value in kept.values() if value.is_floating_point()} == {
            torch.float32
        }
        found.append([float(loss) for loss, _ in losses(run)])
    full, mixed = found
    assert full[-1] < full[0] and mixed[-1] < mixed[0]
    assert mixed != full
    assert mixed == pytest.approx(full, rel=0.05)


def test_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.precision("auto", "cpu") == "32-true"
    assert device.precision("bf16-mixed", "cpu") == "bf16-mixed"
    with pytest.raises(WrongUsage, match="16-mixed is not supported on a CPU"):
        device.precision("16-mixed", "cpu")
    for has, expected in ((True, "bf16-mixed"), (False, "16-mixed")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has: has)
        assert device.precision("auto", "cuda") == expected
    assert device.precision("16-mixed", "cuda") == "16-mixed"
    assert device.precision("32", "cuda") == "32-true"


@pytest.mark.parametrize("capability", ["NO AVX", "AVX2", "AVX512", "DEFAULT"])
def test_a_note_says_that_a_processor_only_emulates_bfloat16(
    monkeypatch: pytest.MonkeyPatch, capability: str
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    said = device.slow_precisions(["32", "bf16-mixed", "bf16-mixed"], "cpu")
    if capability in ("AVX512", "DEFAULT"):  # the second is ARM
        assert said == []
    else:
        [line] = said
        assert "this CPU only emulates bfloat16" in line and "--set precision=32" in line
    assert device.slow_precisions(["auto", "32"], "cpu") == []
    assert device.slow_precisions(["bf16-mixed"], "cuda") == []
