"""Candidates for extra positives as Label Studio tasks, and the annotators' answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.positives import Pair
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.rsitmd import load_document

CHOICE = "fits"
YES, NO = "yes", "no"


def write_tasks(file: Path, gallery: Gallery, pairs: Sequence[Pair], address: str) -> None:
    """Write one Label Studio task a pair.

    Args:
        file: The JSON file.
        gallery: Images and texts of the pairs.
        pairs: The candidates.
        address: Prefix of the image URLs, such as ``/data/local-files/?d=images/``.

    Raises:
        RsitmdError: The file cannot be written.
    """
    captions = gallery.part.captions()
    tasks = [
        {
            "data": {
                "image": address + quote(gallery.name(pair.image)),
                "sentence": captions[pair.text],
                "pair": _key(gallery, pair),
            }
        }
        for pair in pairs
    ]
    write_text(file, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")


def read_answers(file: Path, gallery: Gallery, pairs: Sequence[Pair]) -> list[Pair]:
    """Read the annotators' answers from a Label Studio export (its format "JSON").

    A majority of "yes" confirms a pair, a majority of "no" rejects it, and as many of both leave
    it open, even if an earlier export decided it. A pair without such answers is unchanged.
    Cancelled annotations do not count.

    Raises:
        RsitmdError: The file does not exist, is not such an export (the message contains the
            task), or has no task about one of the pairs.
    """
    tasks = load_document(file)
    if not isinstance(tasks, list):
        raise RsitmdError(
            "is not a list of tasks", where=file, hint="export the project as JSON, not JSON-MIN"
        )
    votes: dict[str, Counter[str]] = {}
    for number, task in enumerate(tasks):
        try:
            key = json.dumps(task["data"]["pair"])
            votes.setdefault(key, Counter()).update(_answers(task))
        except (KeyError, TypeError, AttributeError) as error:
            raise RsitmdError(
                f"task {number} has no pair",
                where=file,
                hint="export the project of these tasks as JSON",
            ) from error
    keys = [json.dumps(_key(gallery, pair)) for pair in pairs]
    if votes and votes.keys().isdisjoint(keys):
        raise RsitmdError(
            "has no task about a pair of the file of positives",
            where=file,
            hint="export the project of these tasks",
        )
    return [_decided(pair, votes.get(key)) for pair, key in zip(pairs, keys, strict=True)]


def _answers(task: Mapping[str, Any]) -> list[str]:
    return [
        choice
        for annotation in task["annotations"]
        if not annotation.get("was_cancelled")
        for result in annotation["result"]
        if result.get("from_name") == CHOICE
        for choice in result["value"]["choices"]
    ]


def _decided(pair: Pair, votes: Counter[str] | None) -> Pair:
    if votes is None or not votes[YES] + votes[NO]:
        return pair
    return replace(pair, verified=None if votes[YES] == votes[NO] else votes[YES] > votes[NO])


def _key(gallery: Gallery, pair: Pair) -> list[str | int]:
    return [
        gallery.name(int(gallery.owners[pair.text])),
        int(gallery.places[pair.text]),
        gallery.name(pair.image),
    ]
