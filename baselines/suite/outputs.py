"""The files of a suite: a line a run, and the table."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.baselines.evaluation.compare import add_rows_of_models, compare_systems
from rsitmd_tools.baselines.evaluation.systems import system_of
from rsitmd_tools.baselines.evaluation.tables import render
from rsitmd_tools.baselines.suite.plan import PlannedRun

Done = Sequence[tuple[PlannedRun, EvaluatedRun]]
# Settings that are other ones on data without keywords.
TEXT_SETTINGS = ("text", "query")
KEPT = ("mean_recall", "image_to_text", "text_to_image")


def write_results(out: Path, done: Done) -> None:
    """Write OUT/results.jsonl: one line for each finished run, in the order of the plan.

    The lines contain no times, so that those of a suite that was interrupted are the same.

    Raises:
        RsitmdError: The file cannot be written.
    """
    lines = (json.dumps(_line(planned, run), ensure_ascii=False) for planned, run in done)
    write_text(out / "results.jsonl", "".join(f"{line}\n" for line in lines))


def _line(planned: PlannedRun, run: EvaluatedRun) -> dict[str, Any]:
    result = run.result
    validation = [row["val_mean_recall"] for row in run.history]
    validated = bool(validation) and not any(map(math.isnan, validation))
    return {
        "config": planned.name,
        "seed": planned.config.seed,
        "fold": planned.fold,
        **{key: result[key] for key in KEPT},
        "interval": result["interval"]["mean_recall"],
        "validation_mean_recall": max(validation) if validated else None,
        "chance": result["chance"]["mean_recall"],
        "split": result["split"],
        "gallery": result["gallery"],
        "run": planned.place.as_posix(),
        "data": result["data"],
        "data_sha256": result["data_sha256"],
        "weights": result["weights"],
        "text_weights": result.get("text_weights"),
        "settings": result["settings"],
        "version": __version__,
    }


def notes_of(done: Done, missing: Sequence[str]) -> list[str]:
    """Return what a reader of the results must know about the runs.

    Args:
        done: The finished runs.
        missing: The runs without a result, with the reason.
    """
    adapted = dict.fromkeys(planned.name for planned, run in done if _adapted(planned, run))
    return [
        *(
            f"{name}: trained on sentences only (text=sentence, query=sentence), because the data"
            " have no keywords"
            for name in adapted
        ),
        *(f"not in this table: {line}" for line in missing),
    ]


def write_tables(out: Path, done: Done, notes: Sequence[str]) -> dict[str, Any]:
    """Write OUT/table.md and OUT/table.tex.

    Args:
        out: The folder of the suite.
        done: The finished runs, at least one.
        notes: From :func:`notes_of`.

    Returns:
        The comparison, as from ``benchmark compare --json``.

    Raises:
        RsitmdError: A file is malformed or cannot be written.
    """
    folders: dict[str, list[Path]] = {}
    for planned, run in done:
        folders.setdefault(planned.name, []).append(run.folder)
    systems = [system_of(name, runs) for name, runs in folders.items()]
    comparison = compare_systems(systems)
    add_rows_of_models(comparison, systems)
    comparison["notes"] += notes
    for form, name in (("markdown", "table.md"), ("latex", "table.tex")):
        write_text(out / name, render(comparison, form) + "\n")
    return comparison


def _adapted(planned: PlannedRun, run: EvaluatedRun) -> bool:
    """Return whether a run was trained on other texts than its configuration says."""
    asked = planned.config.as_dict()
    return any(run.result["settings"].get(key, asked[key]) != asked[key] for key in TEXT_SETTINGS)
