"""Search: the index against bare encoding, the second query as a command, and its memory.

Run: python benchmarks/search.py [--images 10000] [--speed 512] [--size 64] [--times 3]

- ``index``: files to stored vectors (checksums, decoding, encoding, writing) of ``--speed``
  images, against encoding the same images from decoded pixels in memory, in turn; wall clock;
- ``query``: ``rsitmd benchmark search`` over ``--images`` images with five sentences each, the
  index being there: seconds including the start of the program, and its most memory.

The images are drawn JPEGs of ``--size`` pixels; the model is AMFMN (soft attention) with
ResNet-18 from random weights.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from machine import Parser, alternated, environment, seconds, table
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data.digests import file_digests
from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.evaluation.index import image_vectors
from rsitmd_tools.baselines.evaluation.scoring import encode_images
from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.evaluation.vector_store import VectorStore
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import save_dataset

SEED = 0
WORDS = [f"word{number}" for number in range(400)]
QUERY = "word1 word2 word3 word4"


def draw(folder: Path, images: int, size: int) -> Dataset:
    """Write a dataset of images of noise, each with five sentences of random words."""
    random = np.random.default_rng(SEED)
    (folder / "images").mkdir(parents=True)
    records = []
    for number in range(images):
        name = f"class{number % 30}_{number}.jpg"
        pixels = random.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((size, size)).save(folder / "images" / name)
        sentences = tuple(Sentence(" ".join(random.choice(WORDS, 11))) for _ in range(5))
        split = "train" if number % 10 else "test"
        records.append(ImageRecord(name, sentences, (), split))
    data = Dataset("drawn", tuple(records), folder, "rsitmd", folder / "images")
    save_dataset(data, folder, "rsitmd")
    return data


def index(run: Path, data: Dataset, scratch: Path, times: int) -> str:
    """Measure making an index against encoding alone."""
    model, _, config = Run(run).load()
    size = config.image_size
    pixels = np.array(decode_images(data, size, scratch / "pixels.npy"))
    paths = [data.image_path(image) for image in data]
    made = 0

    def make() -> None:
        nonlocal made
        made += 1
        folder = scratch / f"index-{made}"
        digests = file_digests(paths, folder)
        image_vectors(paths, digests, size, VectorStore(folder), lambda: model)

    encode_images(model, pixels[:64])  # The first call is slower.
    found = alternated(
        {
            "bare": lambda: seconds(lambda: encode_images(model, pixels)),
            "index": lambda: seconds(make),
        },
        times,
    )
    rates = {name: len(data) / value for name, value in found.items()}
    return table(
        ["images", "bare encoding, images/s", "index, images/s", "ratio"],
        [
            [
                len(data),
                f"{rates['bare']:.1f}",
                f"{rates['index']:.1f}",
                f"{rates['index'] / rates['bare']:.2f}",
            ]
        ],
    )


def query(run: Path, data: Dataset, cache: Path, times: int) -> str:
    """Measure the command when the index is there."""
    Searcher(run, data, cache=cache).images()
    command = [sys.executable, "-m", "rsitmd_tools", "benchmark", "search", str(run)]
    command += [str(data.source), "--text", QUERY]

    def ask() -> None:
        own = {**os.environ, "RSITMD_CACHE": str(cache)}
        subprocess.run(command, env=own, capture_output=True, check=True)

    ask()  # The files are in the page cache afterwards, and their checksums are kept.
    found = alternated({"query": lambda: seconds(ask)}, times)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return table(
        ["images", "sentences", "second query, s", "most memory, GB"],
        [[len(data), 5 * len(data), f"{found['query']:.2f}", f"{peak:.2f}"]],
    )


def main() -> None:
    """Measure and print."""
    parser = Parser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--speed", type=int, default=512)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    try:
        data = draw(scratch / "data", given.images, given.size)
        settings = ("epochs=0", f"image_size={given.size}", "margin.kind=fixed")
        run = train(data, load_config("amfmn-soft", settings), scratch / "run")
        few = data.with_images(data.images[: given.speed])
        tables = [
            index(run, few, scratch, given.times),
            query(run, data, scratch / "cache", given.times),
        ]
        print(environment("torch", "timm", "pillow", seed=SEED), *tables, sep="\n\n")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
