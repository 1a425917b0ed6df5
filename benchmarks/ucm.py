"""UCM-captions with a frozen backbone: the rows of table II that a laptop can train.

Run: python benchmarks/ucm.py DATA WEIGHTS -o OUT [--rows a,b] [--seeds 0,1] [--table]

DATA holds UCM-captions (2100 images, public split); WEIGHTS is a file for
tf_efficientnet_lite0, converted by `rsitmd benchmark weights`. What was trained already is
kept. With --table nothing is trained: the table of what OUT holds is printed, and the
results are written to OUT/ucm.json.

The test images of UCM are ten neighbours of each class, nearly always its last ten. So the
validation part is made alike, ten neighbouring training images of each class by the seed,
not images strewn among those trained on. It chooses the epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.dataset import Dataset, ImageRecord, load_dataset

BLOCK = 10
A_CLASS = 100
COMMON = [
    "backbone=tf_efficientnet_lite0",
    "freeze_backbone=true",
    "image_size=224",
    "views=8",
    "epochs=10",
    "schedule=cosine",
    "lr=1e-3",
    "negatives=sum",
    "mask_equal=true",
]
FIXED = ["margin.kind=fixed", "margin.value=0.2"]
# The dynamic margin at the height of the fixed one, so that its shape alone differs.
LOW = ["margin.gamma=0.2"]
ROWS: dict[str, tuple[str, list[str]]] = {
    "VSE++, hardest negative": ("vsepp", ["negatives=hardest"]),
    "VSE++, sum": ("vsepp", []),
    "VSE++, InfoNCE": ("vsepp", ["loss=infonce"]),
    "AMFMN soft, fixed 0.2": ("amfmn-soft", FIXED),
    "AMFMN fusion, fixed 0.2": ("amfmn-fusion", FIXED),
    "AMFMN similarity, fixed 0.2": ("amfmn-similarity", FIXED),
    "AMFMN soft, fixed 0.4": ("amfmn-soft", ["margin.kind=fixed", "margin.value=0.4"]),
    "AMFMN soft, dynamic 0.2": ("amfmn-soft", LOW),
    "AMFMN soft, dynamic 0.6": ("amfmn-soft", []),
    "AMFMN soft, hardest negative": ("amfmn-soft", [*FIXED, "negatives=hardest"]),
    "AMFMN soft, InfoNCE": ("amfmn-soft", ["loss=infonce"]),
    "VSE++, sum, dropout 0.3": ("vsepp", ["dropout=0.3"]),
    "AMFMN soft, fixed 0.2, dropout 0.3": ("amfmn-soft", [*FIXED, "dropout=0.3"]),
}


def with_block(data: Dataset, seed: int) -> Dataset:
    """Make ten consecutive training images of each class the validation part."""
    classes: dict[int, list[ImageRecord]] = defaultdict(list)
    for image in data.select("train"):
        classes[(_number(image) - 1) // A_CLASS].append(image)
    draw = np.random.default_rng(seed)
    held: set[str] = set()
    for _, images in sorted(classes.items()):
        images.sort(key=_number)
        first = int(draw.integers(len(images) - BLOCK + 1))
        held.update(image.filename for image in images[first : first + BLOCK])
    return data.with_images(
        replace(image, split="val") if image.filename in held else image for image in data
    )


def _number(image: ImageRecord) -> int:
    return int(image.filename.partition(".")[0])


def folder_of(out: Path, row: str, seed: int) -> Path:
    """Return the run of a row and a seed."""
    name = "".join(c if c.isalnum() else "-" for c in row.lower())
    return out / name / f"seed-{seed}"


def train_row(data: Dataset, weights: Path, out: Path, row: str, seed: int) -> None:
    """Train and evaluate a row."""
    from rsitmd_tools.baselines import evaluate, load_config
    from rsitmd_tools.baselines.training.train import Options, train

    run = folder_of(out, row, seed)
    if (run / "result.json").exists():
        return
    name, changes = ROWS[row]
    config = load_config(name, [*COMMON, f"weights={weights}", f"seed={seed}", *changes])
    parts = with_block(data, seed)
    train(parts, config, run, Options(resume=True, device="cpu", cache=out / "cache"))
    evaluate(run, parts)


def results(out: Path) -> list[dict[str, Any]]:
    """Return what every finished run reached."""
    found = []
    for row in ROWS:
        for file in sorted(folder_of(out, row, 0).parent.glob("seed-*/result.json")):
            result = json.loads(file.read_text(encoding="utf-8"))
            about = json.loads((file.parent / "run.json").read_text(encoding="utf-8"))
            history = (file.parent / "metrics.csv").read_text(encoding="utf-8").splitlines()[1:]
            kept = ("image_to_text", "text_to_image", "mean_recall", "chance", "ties", "gallery")
            found.append(
                {
                    "row": row,
                    "seed": result["seed"],
                    **{key: result[key] for key in kept},
                    "interval": result["interval"]["mean_recall"],
                    "validation": max(float(line.split(",")[2]) for line in history),
                    "validation_by_epoch": [float(line.split(",")[2]) for line in history],
                    "images_a_second": about["finished"]["images_a_second"],
                    "settings": result["settings"],
                    "weights": result["weights"],
                    "data_sha256": result["data_sha256"],
                    "versions": result["versions"],
                }
            )
    return found


def table(found: list[dict[str, Any]]) -> list[str]:
    """Return the Markdown table over seeds."""
    lines = [
        "| row | seeds | validation mR | i2t R@1 / 5 / 10 | t2i R@1 / 5 / 10 | test mR | "
        "interval of seed 0 | images a second |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        runs = [each for each in found if each["row"] == row]
        if not runs:
            continue
        recalls = np.array([each["mean_recall"] for each in runs])
        spread = f" ± {recalls.std(ddof=1):.2f}" if len(runs) > 1 else ""
        ways = [
            " / ".join(
                f"{np.mean([each[way][k] for each in runs]):.1f}" for k in ("r1", "r5", "r10")
            )
            for way in ("image_to_text", "text_to_image")
        ]
        low, high = runs[0]["interval"]
        speeds = [each["images_a_second"] for each in runs if each["images_a_second"]]
        speed = f"{np.median(speeds):.0f}" if speeds else ""
        lines.append(
            f"| {row} | {len(runs)} | {np.mean([each['validation'] for each in runs]):.2f} | "
            f"{ways[0]} | {ways[1]} | {recalls.mean():.2f}{spread} | {low:.1f} to {high:.1f} | "
            f"{speed} |"
        )
    return lines


def main() -> None:
    """Train what is asked for, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/ucm"))
    parser.add_argument("--rows", default=";".join(ROWS), help="rows, separated by semicolons")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.weights is None:
        print("UCM: not measured; name DATA and WEIGHTS (hours, see the top of the script)")
        return
    if not arguments.table:
        data = load_dataset(arguments.data)
        for seed in map(int, arguments.seeds.split(",")):
            for row in arguments.rows.split(";"):
                train_row(data, arguments.weights, arguments.output, row, seed)
    found = results(arguments.output)
    document = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "runs": found}
    (arguments.output / "ucm.json").write_text(json.dumps(document, indent=1) + "\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
