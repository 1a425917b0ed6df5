"""Print a seeded sample of findings of the families S and K, to be judged by reading.

Run: python benchmarks/precision_sample.py [--data FOLDER] [--seed N] [--findings N]

The judgements of the sample of seed 0 stand in docs/validation.md.
"""

from __future__ import annotations

import random
from collections import defaultdict

from machine import Parser, add_data_option, data_folder

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.quality.finding import Finding


def main() -> None:
    """Draw about as many of each code, print them with their sentence."""
    parser = Parser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=int, default=200)
    arguments = parser.parse_args()
    data = load_dataset(data_folder(arguments.data, "rsitmd_precomp"))
    captions = {image.filename: image.captions for image in data}
    by_code: dict[str, list[Finding]] = defaultdict(list)
    for finding in check(data):
        if finding.code[0] in "SK":
            by_code[finding.code].append(finding)
    chance = random.Random(arguments.seed)
    for found in by_code.values():
        chance.shuffle(found)
    drawn: list[Finding] = []
    rank = 0
    while len(drawn) < arguments.findings and any(len(f) > rank for f in by_code.values()):
        drawn += [by_code[code][rank] for code in sorted(by_code) if len(by_code[code]) > rank]
        rank += 1
    for finding in sorted(drawn[: arguments.findings], key=lambda f: f.code):
        index = finding.sentence_index
        own = captions.get(finding.image or "", ())
        text = " | ".join(own) if index is None else own[index]
        print(f"{finding.code} {finding.image}: {finding.message} :: {text!r}")


if __name__ == "__main__":
    main()
