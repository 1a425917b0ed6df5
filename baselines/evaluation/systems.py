"""Systems: groups of runs that differ only in seed or fold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.evaluated_runs import (
    EvaluatedRun,
    content_of,
    is_one_run,
    read_runs,
    run_folders,
)
from rsitmd_tools.baselines.evaluation.hits import NAMES, WAYS, Floats
from rsitmd_tools.baselines.evaluation.queries import Queries, read_queries
from rsitmd_tools.baselines.evaluation.series import divide_series, tokens
from rsitmd_tools.errors import RsitmdError

SAME_GALLERY = "compare only runs evaluated on the same gallery"
# Settings that differ between the runs of one system.
RUN_SETTINGS = ("seed", "fold", "weights", "text_weights")
# Percent. The mean hits of queries.csv and the recalls of a result differ by rounding alone.
ROUNDED = 1e-3


@dataclass(frozen=True, slots=True)
class System:
    """Runs that differ only in seed or fold.

    Attributes:
        name: Its name in the table.
        runs: At least one.
        queries: Hits of every query, the mean over the runs; None if a run has no queries.csv.
    """

    name: str
    runs: Sequence[EvaluatedRun]
    queries: Queries | None

    def values(self) -> Floats:
        """Return the mean recall of each run."""
        return np.array([run.result["mean_recall"] for run in self.runs])


def group_runs(folders: Sequence[Path]) -> list[System]:
    """Read evaluated runs and group those that differ only in seed or fold.

    Args:
        folders: Runs, or folders of runs over seeds and folds.

    Raises:
        RsitmdError: A run does not exist, is not evaluated or is malformed, or was evaluated on
            other data than the first one; a folder holds runs of different settings, or two of
            one seed and fold.
    """
    members: list[list[EvaluatedRun]] = []
    labels: list[str] = []
    # A run that is given twice has one name; the second system gets a number below.
    different = list(dict.fromkeys(folders))
    names = dict(zip(different, _labels(different), strict=True))
    single = [run for folder in folders if is_one_run(folder) for run in read_runs([folder])]
    systems = iter(_systems_of(single, names))
    group_of: dict[int, list[EvaluatedRun]] = {}
    for folder in folders:
        if is_one_run(folder):
            run, system = next(systems)
            if system not in group_of:
                group_of[system] = []
                members.append(group_of[system])
                labels.append("")
            group_of[system].append(run)
            continue
        runs = read_runs(run_folders([folder]))
        if len({_key(run) for run in runs}) > 1:
            raise RsitmdError(
                "holds runs of different settings", where=folder, hint="pass its runs one by one"
            )
        first: dict[Any, EvaluatedRun] = {}
        for run in runs:
            other = first.setdefault(_draw(run), run)
            if other is not run:
                raise RsitmdError(
                    f"holds two runs of one seed and fold, {other.folder.name} and"
                    f" {run.folder.name}",
                    where=folder,
                    hint="pass its runs one by one, or remove copies",
                )
        members.append(runs)
        labels.append(names[folder])
    for place, group in enumerate(members):
        labels[place] = labels[place] or _common([names[run.folder] for run in group])
    _check_same_data([run for group in members for run in group])
    unique = _distinct(labels)
    return [System(name, group, _mean(group)) for name, group in zip(unique, members, strict=True)]


def system_of(name: str, folders: Sequence[Path]) -> System:
    """Make a system of runs that differ in more than seed and fold.

    An example are runs that each hold out another validation part. All must be evaluated on
    one gallery.

    Args:
        name: The system's name.
        folders: Evaluated runs.

    Raises:
        RsitmdError: A run does not exist or is not evaluated, or the galleries differ.
    """
    runs = read_runs(list(folders))
    return System(name, runs, _mean(runs))


def _systems_of(
    runs: Sequence[EvaluatedRun], names: Mapping[Path, str]
) -> list[tuple[EvaluatedRun, int]]:
    """Return single runs, each with the number of its system."""
    systems = [0] * len(runs)
    places: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        places.setdefault(_key(run), []).append(place)
    for same in places.values():
        numbers = divide_series(
            [names[runs[place].folder] for place in same], [_draw(runs[place]) for place in same]
        )
        for place, number in zip(same, numbers, strict=True):
            systems[place] = same[number]
    return list(zip(runs, systems, strict=True))


def _key(run: EvaluatedRun) -> str:
    """Return what all runs of a system have in common."""
    result = run.result
    # Keys that an earlier version did not have get their defaults; scores have no settings.
    whole = {**Config().as_dict(), **result["settings"]} if result["settings"] else {}
    settings = {k: v for k, v in whole.items() if k not in RUN_SETTINGS}
    # The model of external scores is unknown: each file is a system.
    scores = result.get("scores")
    encoder = (result.get("text_weights") or {}).get("sha256")
    # An ensemble has no settings of its own: it is known by its runs.
    together = [run["checkpoint_sha256"] for run in result.get("ensemble", ())]
    weights, excluded = content_of(result["weights"]), content_of(_excluded(run))
    # The checksum of a prior differs between parts of the data, its definition does not.
    prior = (result.get("prior") or {}).get("definition")
    parts = [result["model"], settings, weights, result["training_data_sha256"], scores]
    return json.dumps([*parts, encoder, excluded, prior, views_of(run), together], sort_keys=True)


def _excluded(run: EvaluatedRun) -> Any:
    """Return the list of images that the training left out."""
    training = run.result.get("training") or {}
    # Results of earlier versions lack it; the run has it.
    return training.get("excluded", run.manifest.get("excluded"))


def views_of(run: EvaluatedRun) -> int:
    """Return the number of views of each image in an evaluation."""
    return int(run.result.get("views", 1))


def _draw(run: EvaluatedRun) -> tuple[Any, ...]:
    settings = run.result["settings"]
    return run.result["seed"], settings.get("fold") if settings.get("folds") else None


def _labels(folders: Sequence[Path]) -> list[str]:
    """Name folders by their last part, with parents if the last part is not unique."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    return _distinct([folder.name for folder in folders])


def _common(names: Sequence[str]) -> str:
    """Return the common prefix of the names of a group, such as ``soft`` of soft-0 and soft-1."""
    if len(names) == 1:
        return names[0]
    parts = zip(*map(tokens, names), strict=False)
    common = takewhile(lambda each: len(set(each)) == 1, parts)
    return "".join(each[0] for each in common).rstrip("-_./ ") or names[0]


def _distinct(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def _check_same_data(runs: Sequence[EvaluatedRun]) -> None:
    first = runs[0]
    for run in runs[1:]:
        for key, what in (
            ("data_sha256", "other data"),
            ("split", "another split"),
            ("gallery", "another gallery"),
        ):
            if run.result[key] != first.result[key]:
                raise RsitmdError(
                    f"was evaluated on {what} than {first.name}",
                    where=run.folder,
                    hint=SAME_GALLERY,
                )
    # Scores from a file have no images, and earlier versions did not record them.
    known = [run for run in runs if run.result.get("images_sha256") is not None]
    for run in known[1:]:
        if run.result["images_sha256"] != known[0].result["images_sha256"]:
            raise RsitmdError(
                f"was evaluated on other image files than {known[0].name}",
                where=run.folder,
                hint=SAME_GALLERY,
            )


def _belongs(queries: Queries, result: Mapping[str, Any]) -> bool:
    """Return whether queries are those of a result: a killed evaluation can leave older ones."""
    gallery = result["gallery"]
    if (len(queries.images), len(queries.owners)) != (gallery["images"], gallery["texts"]):
        return False
    means = np.concatenate([queries.image_hits.mean(0), queries.text_hits.mean(0)])
    recalls = [result[way][name] for way in WAYS for name in NAMES]
    return bool(np.allclose(100 * means, recalls, rtol=0, atol=ROUNDED))


def _mean(runs: Sequence[EvaluatedRun]) -> Queries | None:
    files = [run.folder / "queries.csv" for run in runs]
    if not all(file.is_file() for file in files):
        return None
    read = [read_queries(file) for file in files]
    for run, file, queries in zip(runs, files, read, strict=True):
        if not _belongs(queries, run.result):
            raise RsitmdError(
                "does not hold the queries of result.json",
                where=file,
                hint="evaluate the run again",
            )
        if not queries.same_gallery(read[0]):
            raise RsitmdError(
                f"holds other queries than {files[0]}", where=file, hint="evaluate the run again"
            )
    first = read[0]
    return Queries(
        first.images,
        np.mean([queries.image_hits for queries in read], axis=0),
        np.mean([queries.text_hits for queries in read], axis=0),
        first.owners,
        first.places,
    )
