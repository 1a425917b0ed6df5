"""RSITMD, those of its images that RSICD has too: VSE++ and the three attentions.

Run: python benchmarks/rsitmd.py DATA WEIGHTS -o OUT [--rows "a;b"] [--seeds 0,1] [--table]

DATA holds 2018 training and 206 test images in precomp layout, without keywords; WEIGHTS is
a file for tf_efficientnet_lite0. The validation part is a seeded tenth of train.
"""

from __future__ import annotations

from rows import Row, frozen, run_script, whole

from rsitmd_tools.dataset import Dataset

HEADS = (*frozen(224), "dropout=0.3")
WHOLE = (*whole(128), "dropout=0.1")
ATTENTIONS = ("soft", "fusion", "similarity")
ROWS = {
    "VSE++, hardest negative": Row("vsepp", (*HEADS, "negatives=hardest")),
    "VSE++, sum": Row("vsepp", HEADS),
    **{f"AMFMN {kind}, fixed 0.2": Row(f"amfmn-{kind}", HEADS) for kind in ATTENTIONS},
    "VSE++, sum, whole": Row("vsepp", WHOLE),
    **{f"AMFMN {kind}, fixed 0.2, whole": Row(f"amfmn-{kind}", WHOLE) for kind in ATTENTIONS},
}


CLAIMS = (
    [f"AMFMN {kind}, fixed 0.2" for kind in ATTENTIONS],
    ["VSE++, hardest negative", "VSE++, sum"],
)


def as_it_is(data: Dataset, _: int) -> Dataset:
    """Leave it to `train` to hold out a tenth by its seed."""
    return data


if __name__ == "__main__":
    run_script("rsitmd", __doc__.splitlines()[0], ROWS, as_it_is, CLAIMS)
