"""L110: a split proof that the files of the release do not confirm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import reason
from rsitmd_tools.quality.provenance import release_folder
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.split_numbers import (
    SPLIT_PROOF,
    described,
    ground_distance,
    shared_captions,
    shared_scenes,
)
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.schemas import first_error, load_schema

SMALL = 0.15  # metres: versions of PROJ can round differently


@rule("L110", "split-proof-differs", "error")
def split_proof_differs(subject: Subject) -> Iterator[Violation]:
    """The split proof of a release has other numbers than its images and texts.

    The rule computes again, for every two splits, the shared scenes (from `images.csv`), the
    distance of the nearest footprints (from `footprints.parquet`, with the extra geo), the shared
    sentences and the nearest images with their distances. The output states the first three,
    whether or not they differ. If an image file is missing or damaged, or the release has none,
    the nearest images are not compared, and the output says so. Nor are images of one colour:
    their distances depend on how a machine rounds. The verified pairs are not compared; L101 and
    L102 report pairs of one picture. Only a release is checked: a folder with `release.json` or
    `split_proof.json`.

    Bad:
        "shared_scenes": 0 in split_proof.json, and tiles of one scene in train and test
    Good:
        the numbers that follow from the files
    Fix:
        Make the release again, or get a complete copy of it.
    """
    folder = release_folder(subject.dataset)
    if folder is None:
        return
    places = subject.provenance
    try:
        stated = _stated(folder / SPLIT_PROOF)
    except FileNotFoundError:
        yield Violation(f"{SPLIT_PROOF} does not exist")
        return
    except (OSError, ValueError, RecursionError) as error:
        yield Violation(f"{SPLIT_PROOF} cannot be read ({reason(error)})")
        return
    reasons = [why for why in (places.unchecked, subject.image_hashes.unchecked) if why]
    if reasons:
        subject.unchecked["L110"] = "; ".join(reasons)
    for names in combinations(subject.dataset.splits, 2):
        first, second = map(subject.dataset.select, names)
        numbers: dict[str, Any] = {
            "splits": list(names),
            "shared_scenes": shared_scenes(first, second, places.scenes),
            "ground_distance": ground_distance(first, second, places.footprints),
            "shared_captions": shared_captions(first, second),
        }
        subject.split_numbers.append(numbers)
        before = stated.get(names)
        if before is None:
            yield Violation(f"{SPLIT_PROOF} has no numbers of {names[0]} and {names[1]}")
            continue
        if _differ(numbers, before, placed=places.unchecked is None):
            yield Violation(f"{described(numbers)}; {SPLIT_PROOF} has {described(before)}")
        other = _other_pair(subject, first, second, before["nearest_images"])
        if other is not None:
            yield Violation(f"{' and '.join(names)}: {other} as in {SPLIT_PROOF}")


def _stated(file: Path) -> Mapping[tuple[str, ...], Mapping[str, Any]]:
    """Return the entries of the proof by their splits."""
    document = json.loads(file.read_text(encoding="utf-8"))
    problem = first_error(document, load_schema("split_proof"))
    if problem is not None:
        raise ValueError(f"{problem.key}: {problem.message}")
    return {tuple(entry["splits"]): entry for entry in document["splits"]}


def _differ(numbers: Mapping[str, Any], stated: Mapping[str, Any], *, placed: bool) -> bool:
    if numbers["shared_captions"] != stated["shared_captions"]:
        return True
    if not placed:
        return False
    here, there = numbers["ground_distance"], stated["ground_distance"]
    if here is None or there is None:
        return here is not there or bool(numbers["shared_scenes"] != stated["shared_scenes"])
    return bool(numbers["shared_scenes"] != stated["shared_scenes"] or abs(here - there) > SMALL)


def _other_pair(
    subject: Subject, first: Dataset, second: Dataset, stated: Sequence[Mapping[str, Any]]
) -> str | None:
    """Return which of the nearest images differ from the proof, or None."""
    hashes = subject.image_hashes
    if hashes.unchecked is not None:
        return None
    from rsitmd_tools.quality.nearest import first_other_pair, nearest_images

    found = nearest_images(first.images, second.images, hashes.by_name)
    return first_other_pair(found, stated, hashes.unsteady)
