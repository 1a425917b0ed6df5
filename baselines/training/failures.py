"""Errors of libraries during a training, as errors of one line."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator

import torch
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from rsitmd_tools.atomic import FULL
from rsitmd_tools.baselines.data.batches import Batches
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.module import RetrievalModule
from rsitmd_tools.errors import RsitmdError, reason

# AdamW keeps two numbers for each parameter.
OPTIMISER_COPIES = 2


@contextlib.contextmanager
def errors_in_one_line(run: Run, fits: Callable[[], int | None]) -> Iterator[None]:
    """Convert exceptions of libraries to errors of one line.

    Args:
        run: RUN.
        fits: Finds a batch size that fits the memory of the GPU, if the memory was too small.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        # The exception keeps the tensors of the step in memory: it must end before the trial.
        said = str(error)
    except ProcessRaisedException as error:
        raise _of_process(str(error), run) from error
    except ProcessExitedException as error:
        raise RsitmdError(
            "a training process was killed by the system (often: out of memory)",
            where=run.folder,
            hint="run the same command with --resume, or train with a smaller batch "
            "(--set batch_size=N) into a new folder",
        ) from error
    except RuntimeError as error:
        raise _explained(error, run) from error
    except OSError as error:
        raise _of_file(error, run) from error
    else:
        return
    raise _out_of_memory(run, fits, said)


def largest_batch(module: RetrievalModule, batches: Batches, device: str) -> int | None:
    """Return a batch size that fits the memory of a GPU, or None if no size fits.

    The half, the quarter, and so on, of the batch size are tried.

    Args:
        module: The module that ran out of memory.
        batches: Its batches.
        device: Name of the device.
    """
    module.to(device)
    held = [
        torch.empty_like(parameter)
        for parameter in module.parameters()
        for _ in range(OPTIMISER_COPIES)
    ]
    size = batches.batch_size // 2
    while size > 1:
        with contextlib.suppress(torch.OutOfMemoryError):
            _forward_and_backward(module, batches.of_size(size), torch.device(device))
            del held
            return size
        module.zero_grad()
        gc.collect()
        torch.cuda.empty_cache()
        size //= 2
    return None


def _forward_and_backward(module: RetrievalModule, batches: Batches, device: torch.device) -> None:
    batch = next(iter(batches))
    half = device.type == "cuda" and module.config.precision != "32"
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        loss = module.loss_of(module.transfer_batch_to_device(batch, device, 0))
    loss.backward()  # type: ignore[no-untyped-call]


def _of_process(printed: str, run: Run) -> RsitmdError:
    """Convert the traceback that a training process printed."""
    lines = printed.strip().splitlines()
    for line in reversed(lines):
        kind, _, said = line.partition(": ")
        if kind.endswith("OutOfMemoryError"):
            return _too_small(run, said, "")
        if _is_of_gpu(line):
            return _gpu_failed(said, run)
    return RsitmdError(lines[-1].partition("RsitmdError: ")[2] or lines[-1])


def _out_of_memory(run: Run, fits: Callable[[], int | None], said: str) -> RsitmdError:
    size = None
    with contextlib.suppress(RuntimeError):  # a suggestion only
        size = fits()
    smaller = f"--set batch_size={size} fits" if size else "no smaller batch fits"
    return _too_small(run, said, f"{smaller}; ")


def _too_small(run: Run, said: str, suggestion: str) -> RsitmdError:
    config = run.config()
    return RsitmdError(
        f"the memory of the GPU is too small for batch_size={config.batch_size} at "
        f"image_size={config.image_size} ({said.splitlines()[0].partition('. ')[0]})",
        where=run.folder,
        hint=f"{suggestion}use a smaller batch or image_size in a new folder",
    )


def _of_file(error: OSError, run: Run) -> RsitmdError:
    """Name the file that an error of the system names, or RUN, which the training writes."""
    full = error.errno in FULL
    said = "cannot be written" if full else "cannot be read or written"
    return RsitmdError(
        f"{said} ({reason(error)})",
        where=run.folder if error.filename is None else str(error.filename),
        hint=f"{'free some space' if full else 'correct this'} and run the same command again with "
        "--resume",
    )


def _is_of_gpu(line: str) -> bool:
    return "CUDA error" in line or "cuDNN error" in line


def _gpu_failed(line: str, run: Run) -> RsitmdError:
    return RsitmdError(
        f"the GPU failed ({line})",
        where=run.folder,
        hint="check the GPU with nvidia-smi, then run the same command with --resume",
    )


def _explained(error: RuntimeError, run: Run) -> Exception:
    """Convert an error of torch that the user can fix; return other errors unchanged."""
    line = reason(error)
    if "deterministic implementation" in line:
        return RsitmdError(line.partition(",")[0], hint="remove --deterministic")
    if "loading state_dict" in line:
        return RsitmdError(
            "does not match the model of the settings",
            where=run.last,
            hint="restore the checkpoint of this run, or use another folder",
        )
    if _is_of_gpu(line):
        return _gpu_failed(line, run)
    return error
