"""Settings tried on a part of train held out: what the rows of ucm.py and rsitmd.py rest on.

Run: python benchmarks/tuning.py ucm|rsitmd DATA WEIGHTS -o OUT [--tries "a;b"] [--seeds 0,1]
    [--text-weights FOLDER] [--table]

No test image is looked at. On UCM the ten training images of each class that lie next to its
test images are held out: neighbours on one side alone, as the test images have. On RSITMD it
is a seeded tenth. With --table nothing is trained: what OUT holds is printed, and written to
OUT/tuning-NAME.jsonl.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from machine import Parser, not_measured
from rows import (
    VECTOR_TEMPERATURE,
    Row,
    folder_of,
    frozen,
    settings_of,
    whole,
    whole_on_gpu,
    write_lines,
)
from ucm import A_CLASS, BLOCK, number

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset

HEADS, WHOLE = frozen(224), whole(128)
LONG = (*HEADS, "epochs=40")
NCE, MIXED = "loss=infonce", "precision=bf16-mixed"
SCAN = (*HEADS, MIXED, "captions=one")
WARM = (*HEADS, MIXED, NCE, VECTOR_TEMPERATURE)
MORE = (*HEADS, "dropout=0.3", "epochs=30", NCE, MIXED)
SMALL_2 = ("backbone=tf_efficientnet_lite2", "image_size=260")  # needs WEIGHTS of this network


def on_gpu(*base: str) -> dict[str, Row]:
    """Return tries of the whole network at 256 pixels."""
    tried = {
        "": (),
        ", 8 more epochs": (),
        ", temperature 0.05": ("temperature=0.05",),
        ", temperature 0.1": ("temperature=0.1",),
        ", dropout 0.2 more": (),
        ", weight decay 0.1": ("weight_decay=0.1",),
        ", backbone at 1e-3": ("backbone_lr=1e-3",),
        ", backbone at 1e-4": ("backbone_lr=1e-4",),
    }
    settings = dict(pair.split("=") for pair in base)
    tried[", 8 more epochs"] = (f"epochs={int(settings['epochs']) + 8}",)
    tried[", dropout 0.2 more"] = (f"dropout={float(settings.get('dropout', 0)) + 0.2:g}",)
    name = "AMFMN soft, InfoNCE, whole at 256"
    return {f"{name}{what}": Row("amfmn-soft", (*base, *more)) for what, more in tried.items()}


TRIES = {
    "ucm": {
        "VSE++": Row("vsepp", HEADS),
        "VSE++, 256 pixels": Row("vsepp", (*HEADS, "image_size=256")),
        "VSE++, dropout 0.2": Row("vsepp", (*HEADS, "dropout=0.2")),
        "VSE++, all five captions, 4 epochs": Row("vsepp", (*HEADS, "captions=all", "epochs=4")),
        "VSE++, InfoNCE": Row("vsepp", (*HEADS, NCE)),
        "AMFMN soft": Row("amfmn-soft", HEADS),
        "AMFMN soft, InfoNCE": Row("amfmn-soft", (*HEADS, NCE)),
        "VSE++, whole": Row("vsepp", WHOLE),
        "VSE++, whole, 224 pixels": Row("vsepp", (*WHOLE, "image_size=224")),
        "VSE++, whole, backbone at 1e-4": Row("vsepp", (*WHOLE, "backbone_lr=1e-4")),
        "VSE++, whole, InfoNCE": Row("vsepp", (*WHOLE, NCE)),
        "AMFMN soft, whole, InfoNCE": Row("amfmn-soft", (*WHOLE, NCE)),
        "AMFMN soft, InfoNCE, bfloat16": Row("amfmn-soft", (*HEADS, MIXED, NCE)),
        "AMFMN soft, InfoNCE, bfloat16, temperature 0.1, dropout 0.2": Row(
            "amfmn-soft", (*WARM, "dropout=0.2")
        ),
        "AMFMN soft, InfoNCE, vectors, temperature 0.1": Row("amfmn-soft", WARM, vectors=True),
        "AMFMN soft, InfoNCE, vectors, temperature 0.1, dropout 0.2": Row(
            "amfmn-soft", (*WARM, "dropout=0.2"), vectors=True
        ),
        "SCAN i2t": Row("scan-i2t", SCAN),
        "SCAN i2t, InfoNCE": Row("scan-i2t", (*SCAN, NCE)),
        "SCAN i2t, InfoNCE, temperature 0.1": Row("scan-i2t", (*SCAN, NCE, "temperature=0.1")),
        **on_gpu(*whole_on_gpu(12), NCE),
    },
    "rsitmd": {
        "VSE++, dropout 0.1": Row("vsepp", (*LONG, "dropout=0.1")),
        "VSE++, dropout 0.3": Row("vsepp", (*LONG, "dropout=0.3")),
        "VSE++, dropout 0.3, all five captions, 8 epochs": Row(
            "vsepp", (*HEADS, "dropout=0.3", "captions=all", "epochs=8")
        ),
        "AMFMN soft, dropout 0.3": Row("amfmn-soft", (*LONG, "dropout=0.3")),
        "VSE++, InfoNCE, dropout 0.3": Row("vsepp", (*LONG, "dropout=0.3", NCE)),
        "VSE++, InfoNCE, dropout 0.5": Row("vsepp", (*LONG, "dropout=0.5", NCE)),
        "VSE++, InfoNCE, dropout 0.3, weight decay 0.1": Row(
            "vsepp", (*LONG, "dropout=0.3", NCE, "weight_decay=0.1")
        ),
        "VSE++, InfoNCE, dropout 0.1, 25 epochs": Row(
            "vsepp", (*HEADS, "epochs=25", "dropout=0.1", NCE)
        ),
        **{
            f"AMFMN soft, InfoNCE, 30 epochs{what}": Row("amfmn-soft", (*MORE, *changes))
            for what, changes in {
                "": (),
                ", dropout 0.5": ("dropout=0.5",),
                ", temperature 0.1": ("temperature=0.1",),
                ", batches of 250": ("batch_size=250",),
                ", EfficientNet-Lite2 at 260": SMALL_2,
            }.items()
        },
        **{
            f"{model}, InfoNCE, 30 epochs, vectors, temperature 0.1{what}": Row(
                config, (*MORE, VECTOR_TEMPERATURE, *changes), vectors=True
            )
            for model, config, what, changes in (
                ("VSE++", "vsepp", "", ()),
                ("VSE++", "vsepp", ", dropout 0.5", ("dropout=0.5",)),
                ("AMFMN soft", "amfmn-soft", "", ()),
            )
        },
        **on_gpu(*whole_on_gpu(20), "dropout=0.3", NCE),
    },
}


def next_to_the_test(data: Dataset) -> Dataset:
    """Hold out the last ten training images of each class of UCM."""
    classes = defaultdict(list)
    for image in sorted(data.select("train"), key=number):
        classes[(number(image) - 1) // A_CLASS].append(image.filename)
    held = {name for names in classes.values() for name in names[-BLOCK:]}
    return data.with_images(
        replace(image, split="val") if image.filename in held else image for image in data
    )


def main() -> None:
    """Train what is asked for, or print the table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(TRIES), nargs="?")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs", "tuning"))
    parser.add_argument("--text-weights", type=Path, help="sentence encoder of some tries")
    parser.add_argument("--tries", help="separated by semicolons; all by default")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    out, name = arguments.output, arguments.name
    if name is None or (arguments.weights is None and not arguments.table):
        not_measured("name ucm or rsitmd, DATA and WEIGHTS (see the script's top)")
    if not arguments.table:
        from rsitmd_tools.baselines import load_config
        from rsitmd_tools.baselines.training.train import Options, train

        data = load_dataset(arguments.data)
        data = next_to_the_test(data) if name == "ucm" else data
        options = Options(resume=True, cache=out / "cache")
        for row in arguments.tries.split(";") if arguments.tries else TRIES[name]:
            for seed in map(int, arguments.seeds.split(",")):
                made = TRIES[name][row]
                changes = settings_of(made, arguments.weights, arguments.text_weights)
                config = load_config(made.config, [*changes, f"seed={seed}"])
                train(data, config, folder_of(out / name, row, seed), options)
    found = []
    print("| tried | seeds | validation mR, best epoch | last epoch |\n|---|---|---|---|")
    for row, made in TRIES[name].items():
        of_row = []
        for file in sorted(folder_of(out / name, row, 0).parent.glob("seed-*/metrics.csv")):
            lines = file.read_text(encoding="utf-8").splitlines()[1:]
            of_row.append([round(float(line.split(",")[2]), 2) for line in lines])
            found.append({"tried": row, "config": made.config, "changes": list(made.changes)})
            found[-1]["validation_by_epoch"] = of_row[-1]
        if of_row:
            best = sum(map(max, of_row)) / len(of_row)
            last = sum(recalls[-1] for recalls in of_row) / len(of_row)
            print(f"| {row} | {len(of_row)} | {best:.2f} | {last:.2f} |")
    write_lines(out / f"tuning-{name}.jsonl", found)


if __name__ == "__main__":
    main()
