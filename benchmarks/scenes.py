"""Drawn scenes with look-alikes: what real data cannot isolate.

Run: python benchmarks/scenes.py DATA WEIGHTS -o OUT [--rows "a;b"] [--seeds 0,1] [--table]
     python benchmarks/scenes.py --draw DATA

Each four of the 1200 scenes differ in one fact (a count, a size, a colour), and their objects
are small; what stands together stays in one split (800 train, 200 val, 200 test). Captions
and keywords are true by construction. WEIGHTS is a file for tf_efficientnet_lite0.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from rows import Row, frozen, run_script

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.scenes import draw_scenes
from rsitmd_tools.formats import save_dataset

COUNT, ALIKE = 1200, 4
KINDS = 10
# Of each six rounds through the kinds, one is for validation and one for the test.
SPLITS = ("train", "train", "train", "train", "val", "test")
HEADS = (*frozen(224), "epochs=20")
DYNAMIC = "margin.kind=dynamic"
ROWS = {
    "m1: v(g), s(g)": Row("m1", HEADS),
    "m2: v(g), k(g)": Row("m2", HEADS),
    "m3: F_v, s(g)": Row("m3", HEADS),
    "m6: F_v, s(v)": Row("m6", HEADS),
    "m7: F_v, k(v)": Row("m7", HEADS),
    "m9: F_v, F_t": Row("m9", HEADS),
    "m6, dynamic 0.2": Row("m6", (*HEADS, DYNAMIC, "margin.gamma=0.2")),
}


CLAIMS = [
    (
        ["m3: F_v, s(g)", "m6: F_v, s(v)", "m7: F_v, k(v)", "m9: F_v, F_t", "m6, dynamic 0.2"],
        ["m1: v(g), s(g)", "m6: F_v, s(v)"],
    )
]


def draw(folder: Path) -> None:
    """Draw the scenes and write the dataset."""
    images, numbers = [], Counter[str]()
    (folder / "images").mkdir(parents=True)
    for index, scene in enumerate(draw_scenes(COUNT, seed=0, alike=ALIKE)):
        numbers[scene.category] += 1
        name = f"{scene.category}_{numbers[scene.category]}.tif"
        scene.image.save(folder / "images" / name)
        sentences = tuple(Sentence(raw) for _, raw in scene.sentences)
        split = SPLITS[index // (ALIKE * KINDS) % len(SPLITS)]
        images.append(ImageRecord(name, sentences, scene.keywords, split))
    save_dataset(Dataset("scenes", tuple(images), folder, "rsitmd"), folder, "rsitmd")


def as_it_is(data: Dataset, _: int) -> Dataset:
    """The splits are those drawn."""
    return data


if __name__ == "__main__":
    if sys.argv[1:2] == ["--draw"]:
        draw(Path(sys.argv[2]))
    else:
        run_script("scenes", __doc__.splitlines()[0], ROWS, as_it_is, CLAIMS)
