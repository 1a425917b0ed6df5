"""What the search for pairs costs as a collection grows, next to cleanvision.

Run: python benchmarks/pairs_growth.py FOLDER... [--cleanvision PYTHON] [--sizes 2500,5000,10000]
     [--only near | --weights FILE [--image-size 128]]

The images of the folders are resized to 224 px. If they are too few, mirrored crops of 70 % of them
follow, which are neither near duplicates nor places of their originals. One process computes, and
its CPU time is measured, so that other work on the machine counts little (with one thread of BLAS:
set OPENBLAS_NUM_THREADS=1). PYTHON is an environment in which cleanvision is installed.

With --weights, the time on all cores is measured instead: of the search for places, and of the same
search with neighbours by features of a frozen EfficientNet-Lite0 with these weights. Nothing is
cached, so the machine must be idle.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import Parser, environment, table
from PIL import Image

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging import same_place
from rsitmd_tools.imaging.opencv import load_opencv
from rsitmd_tools.imaging.pairs import Fingerprint, image_pairs
from rsitmd_tools.imaging.perceptual import grey_thumbnail, perceptual_hashes
from rsitmd_tools.imaging.place_cache import PlaceCache

SEED = 0
SIDE = 224
CROP = 0.7
CLEANVISION = """
import json, sys, time
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
began = time.process_time()
lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
print(json.dumps(time.process_time() - began))
"""


def fingerprint(path: Path) -> Fingerprint:
    """Return the thumbnail and the hashes of an image."""
    grey = grey_thumbnail(Image.open(path).convert("RGB"))
    return Fingerprint(path, grey, perceptual_hashes([grey])[0])


def collect(folders: list[Path], count: int, target: Path) -> list[Path]:
    """Write ``count`` images of SIDE px, in an order that mixes the folders."""
    chance = random.Random(SEED)
    sources = [path for folder in folders for path in sorted(folder.iterdir())]
    chance.shuffle(sources)
    written = []
    for number in range(count):
        image = Image.open(sources[number % len(sources)]).convert("RGB")
        if number >= len(sources):
            side = int(CROP * min(image.size))
            x, y = (chance.randrange(extent - side) for extent in image.size)
            image = image.crop((x, y, x + side, y + side))
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        written.append(target / f"{number:05}.jpg")
        image.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(written[-1], quality=85)
    return written


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call in this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure_near(paths: list[Path], scratch: Path, python: Path | None) -> list[float]:
    """Return the seconds of the exact and near duplicates.

    Args:
        paths: The images.
        scratch: A folder.
        python: An environment with cleanvision.
    """
    prints: list[Fingerprint] = []
    decode = cpu(lambda: prints.extend(map(fingerprint, paths)))
    near = cpu(lambda: image_pairs(prints, workers=1))
    other = math.nan
    if python is not None:
        folder = scratch / f"part-{len(paths)}"
        folder.mkdir()
        for path in paths:
            (folder / path.name).symlink_to(path)
        command = [str(python), "-c", CLEANVISION, str(folder)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        other = json.loads(answer.splitlines()[-1])
    return [decode, near, other]


def measure_places(paths: list[Path], done: float, scratch: Path) -> list[float]:
    """Return the seconds of the search for places.

    Args:
        paths: The images; those of the row before come first.
        done: What the local features of the row before took. They are in the cache.
        scratch: A folder.
    """
    cache = scratch / "cache"
    version = load_opencv().__version__
    features_key, search_key = (version, *same_place.FEATURES), (version, *same_place.SETTINGS)
    digests = [sha256_file(path) for path in paths]
    stored = PlaceCache(cache, features_key, search_key)
    features = done + cpu(lambda: same_place._described(paths, digests, stored, 1))
    rest = cpu(lambda: same_place.same_place_pairs(paths, workers=1, cache=cache))
    again = cpu(lambda: same_place.same_place_pairs(paths, workers=1, cache=cache))
    return [features, rest, again]


def measure_features(paths: list[Path], weights: str, side: int, scratch: Path) -> list[float]:
    """Return the seconds on all cores of a search for places: without and with image features.

    Args:
        paths: The images.
        weights: File with the weights of the backbone.
        side: Side length in pixels at which the backbone sees the images.
        scratch: A folder.

    Returns:
        The seconds of the search by visual words, of the features, and of the features and the
        search with both.
    """
    from pairs_features import embedded

    from rsitmd_tools.baselines.backbone import make_backbone

    began = time.perf_counter()
    same_place.same_place_pairs(paths, cache=scratch / f"words-{len(paths)}")
    words = time.perf_counter() - began
    began = time.perf_counter()
    backbone = make_backbone("tf_efficientnet_lite0", weights, side).eval()
    embeddings = embedded(paths, backbone, side)
    features = time.perf_counter() - began
    same_place.same_place_pairs(paths, cache=scratch / f"both-{len(paths)}", embeddings=embeddings)
    return [words, features, time.perf_counter() - began]


def main() -> None:
    """Measure and print a Markdown table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cleanvision", type=Path, metavar="PYTHON")
    parser.add_argument("--sizes", default="2500,5000,10000")
    parser.add_argument("--only", choices=("near",))
    parser.add_argument("--weights", help="weights of EfficientNet-Lite0 (safetensors)")
    parser.add_argument("--image-size", type=int, default=128)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    packages = ("numpy", "scipy", "pillow", "opencv-python-headless")
    print(environment(*packages, seed=SEED), flush=True)
    columns = ["images", "decode and hash", "`exact` and `near`", "cleanvision, with decoding"]
    unit = "CPU seconds of one process."
    if arguments.weights:
        columns = ["images", "visual words", "features", "features, and search with both"]
        unit = f"Seconds on all cores; the backbone sees {arguments.image_size} px."
    elif arguments.only is None:
        columns += ["local features", "candidates and verification", "the same search again"]
    rows = []
    features = 0.0
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        (scratch / "images").mkdir()
        paths = collect(arguments.folders, max(sizes), scratch / "images")
        for size in sizes:
            if arguments.weights:
                side = arguments.image_size
                found = measure_features(paths[:size], arguments.weights, side, scratch)
            else:
                found = measure_near(paths[:size], scratch, arguments.cleanvision)
                if arguments.only is None:
                    found += measure_places(paths[:size], features, scratch)
                    features = found[3]
            rows.append(
                [size, *(f"{value:.0f}" if value >= 10 else f"{value:.1f}" for value in found)]
            )
            print(rows[-1], flush=True)
    print(f"{unit}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
