"""The prior: memory beyond the matrix, and how time and memory grow; used by prior.py."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from machine import seconds, table

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import save_dataset
from rsitmd_tools.similarity import compute_prior

SEED = 0
MEMORY = """
import sys, threading, time
from pathlib import Path
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.similarity import kernels, reference, write_prior
from rsitmd_tools.text.nltk_parts import porter_stemmer, word_tokenizer
porter_stemmer(), word_tokenizer()
def resident():
    # Without the pages of the file: the matrix itself is written through a memory map.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024
before = peak = resident()
def watch():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
write_prior(load_dataset(Path(sys.argv[1])).select("train"), Path(sys.argv[2]))
print(peak - before)
"""


def generated(source: Dataset, images: int) -> Dataset:
    """Return captions as long as the source's, of its words as often as they stand there."""
    chance = random.Random(SEED)
    words = [t for caption in source.captions() for t in caption.split()]
    lengths = [len(caption.split()) for caption in source.captions()]

    def caption() -> str:
        # Runs of the source: so that n-grams repeat as they do in real captions.
        length, found = chance.choice(lengths), list[str]()
        while len(found) < length:
            first = chance.randrange(len(words))
            found += words[first : first + chance.randrange(1, 6)]
        return " ".join(found[:length])

    return Dataset(
        f"generated {images}",
        tuple(
            ImageRecord(
                f"made_{n}.tif", tuple(Sentence(caption()) for _ in range(5)), split="train"
            )
            for n in range(images)
        ),
        Path("generated"),
        "rsitmd",
    )


def memory(folder: Path, scratch: Path) -> list[tuple[str, str, str, str]]:
    """Measure the memory beyond the matrix."""
    return [
        (
            "memory beyond the matrix (RssAnon)",
            "what the imports take",
            f"{measured_memory(folder, scratch / 'memory.npy'):.0f} MB more",
            "at most 150 MB",
        )
    ]


def measured_memory(folder: Path, out: Path) -> float:
    """Return the MB beyond matrix and imports of computing a train split in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(folder), str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    out.unlink()
    return float(done.stdout)


def memory_beyond(data: Dataset) -> float:
    """Return the same for a dataset that is not on disk yet."""
    with tempfile.TemporaryDirectory() as name:
        save_dataset(data, Path(name), "rsitmd")
        return measured_memory(Path(name), Path(name) / "memory.npy")


def growth(train: Dataset, times: int, plot: Path | None) -> None:
    """Print time and memory of 1k to 8k images, and the exponent of the time."""
    sizes = (1000, 2000, 4000, 8000)
    took, beyond = list[float](), list[float]()
    lines = []
    for size in sizes:
        data = generated(train, size)
        matrix = np.empty((size, 5 * size), np.float32)

        def run(data: Dataset = data, matrix: np.ndarray = matrix) -> None:
            compute_prior(data, out=matrix)

        run()
        took.append(median(seconds(run) for _ in range(times)))
        beyond.append(memory_beyond(data))
        lines.append(
            (size, 5 * size, f"{took[-1]:.2f}", f"{matrix.nbytes / 1e6:.0f}", f"{beyond[-1]:.0f}")
        )
    exponent, of_memory = (
        float(np.polyfit(np.log(sizes), np.log(values), 1)[0]) for values in (took, beyond)
    )
    print(table(("images", "captions", "seconds", "matrix, MB", "memory beyond, MB"), lines))
    print(
        f"\nTime grows with the images to the power {exponent:.2f} (indexing, which is linear, "
        f"and the kernel, which is square), memory beyond the matrix to {of_memory:.2f}."
    )
    if plot is not None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.loglog(sizes, took, "o-", label=f"seconds, exponent {exponent:.2f}")
        axes.loglog(sizes, [m / 1e3 for m in beyond], "s--", label="memory beyond, GB")
        axes.loglog(sizes, [20 * s * s / 1e9 for s in sizes], "^:", label="matrix, GB")
        axes.set_xlabel("images")
        axes.legend()
        axes.grid(alpha=0.3, which="both")
        figure.savefig(plot, dpi=120)
