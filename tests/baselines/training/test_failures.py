"""Errors of the device, in one line. What only a GPU can produce is imitated."""

from __future__ import annotations

import errno
import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.spawn import ProcessRaisedException

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.data.batches import Batch
from rsitmd_tools.baselines.evaluation.evaluate import evaluate
from rsitmd_tools.baselines.integrity import file_checksums
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.failures import errors_in_one_line
from rsitmd_tools.baselines.training.module import RetrievalModule
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from tests.baselines.training.common import CPU, RESUME, losses, small


@pytest.mark.parametrize(("room", "hint"), [(5, "batch_size=4 fits"), (1, "no smaller batch fits")])
def test_a_gpu_without_memory_is_an_error_that_names_a_batch_that_fits(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, room: int, hint: str
) -> None:
    loss_of = RetrievalModule.loss_of

    def limited(module: RetrievalModule, batch: Batch) -> Tensor:
        if len(batch.images) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8 GiB. GPU 0 has")
        return loss_of(module, batch)

    monkeypatch.setattr(RetrievalModule, "loss_of", limited)
    with pytest.raises(RsitmdError) as error:
        train(tiny, small("amfmn-soft", "epochs=2"), tmp_path / "r", CPU)
    said = str(error.value)
    assert "too small for batch_size=8 at image_size=32" in said and hint in said
    assert "\n" not in said and "Tried" not in said


def test_a_lost_gpu_is_an_error_and_the_run_resumes(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = small("vsepp", "epochs=3"), tmp_path / "r"
    step, handler = RetrievalModule.training_step, signal.getsignal(signal.SIGINT)

    def lost(module: RetrievalModule, batch: Batch, index: int) -> Tensor:
        if module.current_epoch == 1:
            raise RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might")
        return step(module, batch, index)

    monkeypatch.setattr(RetrievalModule, "training_step", lost)
    with pytest.raises(RsitmdError, match=r"the GPU failed \(CUDA error: unspecified") as error:
        train(tiny, config, run, CPU)
    assert "--resume" in str(error.value) and "\n" not in str(error.value)
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.setattr(RetrievalModule, "training_step", step)
    train(tiny, config, run, RESUME)
    assert losses(run) == losses(train(tiny, config, tmp_path / "whole", CPU))


PRINTED = """

-- Process 1 terminated with the following error:
Traceback (most recent call last):
  File "module.py", line 1, in training_step
{}
"""


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 8 GiB.",
            "the memory of the GPU is too small for batch_size=8 at image_size=32 "
            "(CUDA out of memory); use a smaller batch or image_size in a new folder",
        ),
        (
            "torch.AcceleratorError: CUDA error: an illegal memory access was encountered\n"
            "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.",
            "the GPU failed (CUDA error: an illegal memory access was encountered); "
            "check the GPU with nvidia-smi, then run the same command with --resume",
        ),
        ("rsitmd_tools.errors.RsitmdError: x.tif: is damaged; check it", "x.tif: is damaged"),
        ("ValueError: three", "ValueError: three"),
    ],
)
def test_errors_of_a_gpu_in_one_of_several_processes(
    tmp_path: Path, tiny: Dataset, last: str, expected: str
) -> None:
    run = Run(train(tiny, small("vsepp", "epochs=0"), tmp_path / "r", CPU))
    with pytest.raises(RsitmdError) as error, errors_in_one_line(run, lambda: None):
        raise ProcessRaisedException(PRINTED.format(last), 1, 2)
    assert expected in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "words/table.bin"),
            "words/table.bin: cannot be read or written (no such file or directory); correct this "
            "and run the same command again with --resume",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "RUN: cannot be written (no space left on device); free some space and run the same "
            "command again with --resume",
        ),
    ],
)
def test_an_error_of_the_system_names_the_file_and_the_cause(
    raised: OSError, expected: str
) -> None:
    with pytest.raises(RsitmdError) as error, errors_in_one_line(Run(Path("RUN")), lambda: None):
        raise raised
    assert str(error.value) == expected


def test_an_error_without_a_message_is_kept() -> None:
    with pytest.raises(NotImplementedError), errors_in_one_line(Run(Path("RUN")), lambda: None):
        raise NotImplementedError


def test_a_checkpoint_of_a_gpu_is_read_without_one(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(tiny, small("vsepp", "epochs=1"), tmp_path / "r", CPU)
    before = evaluate(run, tiny)["mean_recall"]
    weights = torch.load(Run(run).best, weights_only=True)
    # The file says where its tensors were.
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    torch.save(weights, Run(run).best)
    monkeypatch.undo()
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(Run(run).best, weights_only=True)
    manifest = Run(run).manifest()
    write_json(Run(run).manifest_file, {**manifest, "files": file_checksums(Run(run))})
    assert evaluate(run, tiny)["mean_recall"] == before
