"""Systems: runs that differ in seed or fold alone, read and put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun, read_runs
from rsitmd_tools.baselines.evaluation.queries import Queries, read_queries
from rsitmd_tools.baselines.evaluation.recall import Floats
from rsitmd_tools.errors import RsitmdError

# What differs between the runs of one system.
OF_A_RUN = ("seed", "fold", "folds", "weights")


@dataclass(frozen=True, slots=True)
class System:
    """Runs that differ in seed or fold alone.

    Attributes:
        name: Its name in the table.
        runs: At least one.
        queries: Hits of every query, the mean over the runs; None where a run has none.
    """

    name: str
    runs: Sequence[EvaluatedRun]
    queries: Queries | None

    def values(self, way: str | None = None, name: str | None = None) -> Floats:
        """Return a recall of each run, the mean recall without a way."""
        results = (run.result for run in self.runs)
        if way is None:
            return np.array([result["mean_recall"] for result in results])
        return np.array([result[way][name] for result in results])


def group_runs(folders: Sequence[Path]) -> list[System]:
    """Read evaluated runs and put those together that differ in seed or fold alone.

    Args:
        folders: Of each a run, or a folder of runs over seeds and folds.

    Raises:
        RsitmdError: A run is absent, not evaluated or malformed, or was evaluated on other
            data than the first; a folder holds runs of different settings.
    """
    members: list[list[EvaluatedRun]] = []
    labels: list[str] = []
    names = dict(zip(folders, _labels(folders), strict=True))
    of_settings: dict[str, list[EvaluatedRun]] = {}
    for folder in folders:
        if _is_one(folder):
            (run,) = read_runs([folder])
            key = _key(run)
            group = of_settings.get(key)
            # The same seed and fold twice is another run of it, not another seed.
            if group is None or any(_draw(run) == _draw(other) for other in group):
                of_settings[key] = group = []
                members.append(group)
                labels.append("")
            group.append(run)
            continue
        runs = read_runs(sorted(file.parent for file in folder.glob("*/result.json")))
        if len({_key(run) for run in runs}) > 1:
            raise RsitmdError(
                "holds runs of different settings", where=folder, hint="name its runs one by one"
            )
        members.append(runs)
        labels.append(names[folder])
    for place, group in enumerate(members):
        labels[place] = labels[place] or _common([names[run.folder] for run in group])
    _check_same_data([run for group in members for run in group])
    unique = _distinct(labels)
    return [System(name, group, _mean(group)) for name, group in zip(unique, members, strict=True)]


def system_of(name: str, folders: Sequence[Path]) -> System:
    """Put runs together that differ in more than seed and fold, by the word of the caller.

    So it is where each seed holds out a validation part by a rule of its own. All were
    evaluated on one gallery.

    Args:
        name: The system's name.
        folders: Evaluated runs.

    Raises:
        RsitmdError: A run is absent or not evaluated, or the galleries differ.
    """
    runs = read_runs(list(folders))
    return System(name, runs, _mean(runs))


def _is_one(folder: Path) -> bool:
    """Say whether a folder is a run itself; of one that is nothing reading says so."""
    return (
        (folder / "result.json").exists()
        or (folder / "run.json").exists()
        or not any(folder.glob("*/result.json"))
    )


def _key(run: EvaluatedRun) -> str:
    """Return what all runs of a system have alike."""
    result = run.result
    settings = {k: v for k, v in result["settings"].items() if k not in OF_A_RUN}
    # Of scores by anybody nothing is known: each file is a system.
    scores = result.get("scores")
    parts = [result["model"], settings, result["weights"], result["training_data_sha256"], scores]
    return json.dumps([*parts, views_of(run)], sort_keys=True)


def views_of(run: EvaluatedRun) -> int:
    """Return in how many views an evaluation saw each image."""
    return int(run.result.get("views", 1))


def _draw(run: EvaluatedRun) -> tuple[Any, ...]:
    settings = run.result["settings"]
    return run.result["seed"], settings.get("fold"), settings.get("folds")


def _labels(folders: Sequence[Path]) -> list[str]:
    """Name folders by their last part, with their parents where that is not enough."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    return _distinct([folder.name for folder in folders])


def _common(names: Sequence[str]) -> str:
    """Return what the names of a group begin with, such as ``soft`` of soft-0 and soft-1."""
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike).rstrip("-_./ ") or names[0]


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
                    hint="compare on the same gallery only",
                )


def _mean(runs: Sequence[EvaluatedRun]) -> Queries | None:
    files = [run.folder / "queries.csv" for run in runs]
    if not all(file.is_file() for file in files):
        return None
    read = [read_queries(file) for file in files]
    for file, queries in zip(files, read, strict=True):
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
