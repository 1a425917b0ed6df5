"""Validation: text rules against tokenising, spelling, growth; image rules against decoding.

Run: python benchmarks/validation.py [--data FOLDER] [--quick] [--images]

FOLDER holds ``rsitmd_precomp`` and ``ucm_full``; by default RSITMD_DATA, else
../shared/data.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from machine import Parser, add_data_option, alternated, data_folder, environment, seconds, table

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.imaging.pixels import open_image
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.quality import check
from rsitmd_tools.quality.pictures import CHUNK
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.workspace import Settings

SPELLING = ("S111", "S121")
TEXT = tuple(c for c in all_rules() if c[0] in "DSKN" or c == "L103")
COLUMNS = ("work", "measured", "wanted")
TOKENS = """
import sys, time
from pathlib import Path
from nltk.tokenize.destructive import NLTKWordTokenizer
from rsitmd_tools.formats import load_dataset
captions = load_dataset(Path(sys.argv[1])).captions()
tokenize = NLTKWordTokenizer().tokenize
began = time.perf_counter()
for caption in captions:
    tokenize(caption)
print(time.perf_counter() - began)
"""


def settings(codes: tuple[str, ...]) -> Settings:
    """Return settings that select these rules."""
    return replace(Settings(), validate=replace(Settings().validate, select=codes))


def several(data: Dataset, times: int) -> Dataset:
    """Return a dataset several times as large, no sentence twice that was not before."""
    images = []
    for copy in range(times):
        for image in data:
            sentences = tuple(
                replace(s, raw=_renamed(s.raw, copy)) if copy and s.raw.strip() else s
                for s in image.sentences
            )
            stem, _, number = image.filename.rpartition("_")
            name = f"{stem}_{copy}0000{number}" if copy else image.filename
            images.append(replace(image, filename=name, sentences=sentences))
    return data.with_images(images)


def _renamed(raw: str, copy: int) -> str:
    """Change the long words, so that the copy is another text of the same length."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    turned = str.maketrans(letters, letters[copy:] + letters[:copy])
    return " ".join(w.translate(turned) if len(w) > 5 else w for w in raw.split(" "))


def main() -> None:
    """Measure, print two tables."""
    parser = Parser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--quick", action="store_true", help="One repetition.")
    parser.add_argument("--images", action="store_true", help="The image rules alone.")
    arguments = parser.parse_args()
    times = 1 if arguments.quick else 5
    pictures = data_folder(arguments.data, "ucm_full")
    if arguments.images:
        print(environment("pillow", "numpy"), "\n")
        print(table(COLUMNS, [image_rules(pictures, times)]))
        return
    folder = data_folder(arguments.data, "rsitmd_precomp")
    data = load_dataset(folder)
    plain = settings(tuple(c for c in TEXT if c not in SPELLING))
    spelling = settings(SPELLING)
    command = [sys.executable, "-m", "rsitmd_tools", "validate", str(folder), "-o", os.devnull]

    def tokenise() -> float:
        done = subprocess.run(
            [sys.executable, "-c", TOKENS, str(folder)], check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    found = alternated(
        {
            "text": lambda: seconds(lambda: check(data, plain)),
            "tokens": tokenise,
            "spelling": lambda: seconds(lambda: check(data, spelling)),
            "command": lambda: seconds(lambda: subprocess.run(command, capture_output=True)),
        },
        times,
    )
    ratio = found["text"] / found["tokens"]
    rows = [
        (
            f"all text rules but spelling, {len(data.captions()):,} sentences",
            f"{found['text']:.2f} s",
            "under 5 s",
        ),
        (
            "the same against tokenising them by NLTK's word tokenizer",
            f"{ratio:.2f} x ({found['tokens']:.2f} s)",
            "at most 3 x",
        ),
        ("spelling: S111 and S121", f"{found['spelling']:.2f} s", "under 10 s"),
        ("the whole command", f"{found['command']:.2f} s", "-"),
        image_rules(pictures, times),
    ]
    print(environment("nltk", "symspellpy", "pillow"), "\n")
    print(table(COLUMNS, rows), "\n")
    lines = []
    for size in (1, 4, 16):
        part = several(data, size)
        text = seconds(lambda part=part: check(part, plain))
        words = seconds(lambda part=part: check(part, spelling))
        count = len(part.captions())
        lines.append(
            (
                f"{size} x",
                f"{count:,}",
                f"{text:.2f}",
                f"{text / count * 1e6:.0f}",
                f"{words:.2f}",
            )
        )
    columns = ("size", "sentences", "text rules, s", "µs a sentence", "spelling, s")
    print(table(columns, lines))


def image_rules(folder: Path, times: int) -> tuple[str, str, str]:
    """Measure the image rules against decoding the same files, on the same cores."""
    data = load_dataset(folder)
    paths = [data.image_path(image) for image in data]
    rules = settings(tuple(code for code in all_rules() if code[0] == "I"))

    def decode_all() -> None:
        for _ in map_in_order(partial(_size, 0), paths, chunk=CHUNK):
            pass

    found = alternated(
        {
            "rules": lambda: seconds(lambda: check(data, rules)),
            "decode": lambda: seconds(decode_all),
        },
        times,
    )
    speed = found["decode"] / found["rules"]
    return (
        f"image rules, {len(data):,} images: {len(data) / found['rules']:,.0f} a second",
        f"{speed:.2f} of decoding alone ({len(data) / found['decode']:,.0f} a second)",
        "at least 0.7",
    )


def _size(_: int, path: Path) -> tuple[int, int]:
    """Decode an image; only its size goes back to the parent."""
    image = open_image(path)
    image.load()
    return image.size


if __name__ == "__main__":
    main()
