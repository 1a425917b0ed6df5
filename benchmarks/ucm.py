"""UCM-captions: the rows of table II, the margins of table V and m1 to m9 of table VI.

Run: python benchmarks/ucm.py DATA WEIGHTS -o OUT [--rows "a;b"] [--seeds 0,1] [--table]

DATA holds UCM-captions (2100 images, public split); WEIGHTS is a file for
tf_efficientnet_lite0, converted by `rsitmd benchmark weights`. What was trained already is
kept. With --table nothing is trained: the table of what OUT holds is printed, and the
results are written to OUT/ucm.jsonl.

The test images of UCM are ten neighbours of each class, nearly always its last ten. So the
validation part is made alike, ten neighbouring training images of each class by the seed,
not images strewn among those trained on. It chooses the epoch.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
from rows import ALL, Row, frozen, other_systems, run_script, whole, whole_on_gpu

from rsitmd_tools.dataset import Dataset, ImageRecord

BLOCK = 10
A_CLASS = 100
HEADS, WHOLE = tuple(frozen(224)), tuple(whole(128))
# Dropout and temperature were chosen by benchmarks/tuning.py.
GPU = (*whole_on_gpu(12), "dropout=0.2", ALL)
DYNAMIC, NCE, WARM = "margin.kind=dynamic", "loss=infonce", "temperature=0.1"
ATTENTIONS = ("soft", "fusion", "similarity")
MAIN = {
    "VSE++, hardest negative": Row("vsepp", (*HEADS, "negatives=hardest")),
    "VSE++, sum": Row("vsepp", HEADS),
    **{f"AMFMN {kind}, fixed 0.2": Row(f"amfmn-{kind}", HEADS) for kind in ATTENTIONS},
}
MORE = {
    # The dynamic margin at the height of the fixed one, so that its shape alone differs.
    "AMFMN soft, dynamic 0.2": Row("amfmn-soft", (*HEADS, DYNAMIC, "margin.gamma=0.2")),
    "VSE++, InfoNCE": Row("vsepp", (*HEADS, NCE)),
    "AMFMN soft, InfoNCE": Row("amfmn-soft", (*HEADS, NCE)),
}
SCAN_NCE = (*other_systems(HEADS)["SCAN i2t, sum"].changes, NCE)
ROWS = {
    **MAIN,
    **MORE,
    **other_systems(HEADS),
    # Chosen by benchmarks/tuning.py.
    "SCAN i2t, InfoNCE": replace(other_systems(HEADS)["SCAN i2t, sum"], changes=SCAN_NCE),
    **{
        f"AMFMN soft, fixed {value}": Row("amfmn-soft", (*HEADS, f"margin.value={value}"))
        for value in (0.4, 0.6)
    },
    "AMFMN soft, dynamic 0.6": Row("amfmn-soft", (*HEADS, DYNAMIC)),
    "AMFMN soft, hardest negative": Row("amfmn-soft", (*HEADS, "negatives=hardest")),
    **{
        f"m{number}, keywords derived": Row(f"m{number}", (*HEADS, "keywords=derived"))
        for number in range(1, 10)
    },
    **{
        f"{name}, all of train": Row(row.config, (*row.changes, ALL))
        for name, row in {**MAIN, **MORE}.items()
    },
    **{f"{name}, folds": Row(row.config, row.changes, 5) for name, row in MAIN.items()},
    "VSE++, sum, whole": Row("vsepp", WHOLE),
    "AMFMN soft, fixed 0.2, whole": Row("amfmn-soft", WHOLE),
    "VSE++, sum, whole, all of train": Row("vsepp", (*WHOLE, ALL)),
    **{
        f"AMFMN {kind}, fixed 0.2, whole, all of train": Row(f"amfmn-{kind}", (*WHOLE, ALL))
        for kind in ATTENTIONS
    },
}

ON_GPU = {
    "VSE++, sum, whole at 256": Row("vsepp", GPU),
    "VSE++, InfoNCE, whole at 256": Row("vsepp", (*GPU, NCE, WARM)),
    **{f"AMFMN {kind}, whole at 256": Row(f"amfmn-{kind}", GPU) for kind in ATTENTIONS},
    "AMFMN soft, InfoNCE, whole at 256": Row("amfmn-soft", (*GPU, NCE, WARM)),
}
ROWS |= ON_GPU
ROWS |= {f"{name}, eight views": replace(row, of=name, views=8) for name, row in ON_GPU.items()}


SEEN = ["VSE++, sum", "AMFMN soft, fixed 0.2", "AMFMN soft, fixed 0.4", "AMFMN soft, InfoNCE"]
SCAN = ["SCAN i2t, sum", "SCAN i2t, InfoNCE"]
ROWS |= {
    f"{name}, eight views": replace(ROWS[name], of=name, views=8)
    for name in [
        *SEEN,
        *SCAN,
        "VSE++, sum, whole, all of train",
        "AMFMN soft, fixed 0.2, whole, all of train",
    ]
}
ROWS |= {
    f"{name}, runs together, eight views": replace(ROWS[name], of=name, views=8, together=True)
    for name in [
        "VSE++, sum",
        "AMFMN soft, fixed 0.2",
        "AMFMN soft, InfoNCE",
        "SCAN i2t, sum",
        "AMFMN soft, InfoNCE, whole at 256",
    ]
}
AMFMN = [f"AMFMN {kind}, fixed 0.2" for kind in ATTENTIONS]
HELD = [*AMFMN, "AMFMN soft, dynamic 0.2"]
AGAINST = ["VSE++, hardest negative", "VSE++, sum", "AMFMN soft, fixed 0.2"]
CLAIMS = [
    ([f"{row}, all of train" for row in HELD], [f"{row}, all of train" for row in AGAINST]),
    (HELD, AGAINST),
    ([f"{row}, folds" for row in AMFMN], ["VSE++, sum, folds"]),
    (
        [f"AMFMN soft, {margin}" for margin in ("fixed 0.4", "fixed 0.6", "dynamic 0.6")],
        ["AMFMN soft, fixed 0.2"],
    ),
    (["AMFMN soft, fixed 0.2", "AMFMN soft, fixed 0.4"], ["VSE++, sum"]),
    (["AMFMN soft, dynamic 0.6"], ["AMFMN soft, fixed 0.6"]),
    ([f"{row}, eight views" for row in SEEN[1:]], ["VSE++, sum, eight views"]),
    *(([f"{row}, eight views"], [row]) for row in SEEN),
    (
        [f"{row}, whole, all of train" for row in AMFMN],
        ["VSE++, sum, whole, all of train", "AMFMN soft, fixed 0.2, whole, all of train"],
    ),
    *(
        (
            [f"AMFMN {kind}, whole at 256{views}" for kind in ATTENTIONS],
            [f"VSE++, sum, whole at 256{views}"],
        )
        for views in ("", ", eight views")
    ),
    *(
        ([f"AMFMN soft, InfoNCE, whole at 256{views}"], [f"VSE++, InfoNCE, whole at 256{views}"])
        for views in ("", ", eight views")
    ),
]


def with_block(data: Dataset, seed: int) -> Dataset:
    """Make ten consecutive training images of each class the validation part."""
    classes: dict[int, list[ImageRecord]] = defaultdict(list)
    for image in data.select("train"):
        classes[(number(image) - 1) // A_CLASS].append(image)
    draw = np.random.default_rng(seed)
    held: set[str] = set()
    for _, images in sorted(classes.items()):
        images.sort(key=number)
        first = int(draw.integers(len(images) - BLOCK + 1))
        held.update(image.filename for image in images[first : first + BLOCK])
    return data.with_images(
        replace(image, split="val") if image.filename in held else image for image in data
    )


def number(image: ImageRecord) -> int:
    """Return the number of an image: they lie in class order, a hundred a class."""
    return int(image.filename.partition(".")[0])


if __name__ == "__main__":
    run_script("ucm", __doc__.splitlines()[0], ROWS, with_block, CLAIMS)
