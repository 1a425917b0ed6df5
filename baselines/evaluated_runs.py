"""Evaluated runs for reports: only their files are read, so torch is not needed."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, command_line, printable
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.text_files import read_text

# Columns of metrics.csv, and keys of the history in a checkpoint.
HISTORY = ("epoch", "loss", "val_mean_recall")


@dataclass(frozen=True, slots=True)
class EvaluatedRun:
    """One run with its result.

    Attributes:
        name: Name of the folder, with as many parents as needed to make it unique.
        folder: RUN.
        result: RUN/result.json (schema ``benchmark_result``).
        manifest: RUN/run.json; empty for a folder of external scores.
        history: One row per epoch: ``epoch``, ``loss``, ``val_mean_recall`` (NaN without a
            validation part); empty if RUN/metrics.csv does not exist.
        examples: RUN/examples.json (schema ``benchmark_examples``); None if it does not
            exist.
        analysis: RUN/analysis.json (schema ``benchmark_analysis``); None if it does not exist or
            belongs to another evaluation.
    """

    name: str
    folder: Path
    result: Mapping[str, Any]
    manifest: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    examples: Mapping[str, Any] | None
    analysis: Mapping[str, Any] | None = None

    @property
    def data_path(self) -> Path | None:
        """Path of the dataset during training; None if it is not recorded."""
        recorded = self.manifest.get("data_path")
        return Path(recorded) if isinstance(recorded, str) else None


def is_one_run(folder: Path) -> bool:
    """Return whether to read a folder as one run; reading reports a folder that is no run."""
    return (
        (folder / "result.json").exists()
        or (folder / "run.json").exists()
        or not any(folder.glob("*/result.json"))
    )


def run_folders(folders: Sequence[Path]) -> list[Path]:
    """Return runs; a folder of runs over seeds and folds is replaced by its evaluated runs.

    Its runs that are not evaluated are named on stderr.
    """
    found: list[Path] = []
    for folder in folders:
        if is_one_run(folder):
            found.append(folder)
            continue
        found += sorted(file.parent for file in folder.glob("*/result.json"))
        runs = sorted(file.parent for file in folder.glob("*/run.json"))
        left_out = [run.name for run in runs if not (run / "result.json").exists()]
        if left_out:
            line = f"{folder}: not evaluated, and left out: {', '.join(left_out)}"
            print(printable(line), file=sys.stderr, flush=True)
    return found


def content_of(recorded: Any) -> Any:
    """Return the checksum of a recorded file, because files may move; other values as they are."""
    return recorded.get("sha256") if isinstance(recorded, dict) else recorded


def read_runs(folders: Sequence[Path]) -> list[EvaluatedRun]:
    """Read evaluated runs.

    Raises:
        RsitmdError: A run does not exist, is not evaluated or was trained further since, or one
            of its files is malformed; the message contains the file and the key.
    """
    names = _names(folders)
    return [_read(folder, name) for folder, name in zip(folders, names, strict=True)]


def _read(folder: Path, name: str) -> EvaluatedRun:
    manifest, result = folder / "run.json", folder / "result.json"
    if not manifest.is_file() and not result.is_file():
        raise RsitmdError(
            "is not a run" if folder.exists() else "does not exist",
            where=folder,
            hint="pass the folder of one run, with run.json, created by: rsitmd benchmark train",
        )
    if not result.is_file():
        raise RsitmdError(
            "has not been evaluated yet",
            where=folder,
            hint="to evaluate it, run: " + command_line("benchmark", "evaluate", folder, "PATH"),
        )
    examples = folder / "examples.json"
    metrics = folder / "metrics.csv"
    checked = _checked(result, "benchmark_result")
    # External scores have a result, but no manifest.
    trained = _object(manifest) if manifest.is_file() else {}
    if _trained_further(trained, checked):
        raise RsitmdError(
            "was trained further after its evaluation",
            where=folder,
            hint="to evaluate it again, run: "
            + command_line("benchmark", "evaluate", folder, "PATH"),
        )
    return EvaluatedRun(
        name=name,
        folder=folder,
        result=checked,
        manifest=trained,
        history=_history(metrics) if metrics.is_file() else (),
        examples=_checked(examples, "benchmark_examples") if examples.is_file() else None,
        analysis=_analysis(folder / "analysis.json", checked),
    )


def _trained_further(manifest: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Return whether a run has other weights than those evaluated, or will have them soon."""
    files, checkpoint = manifest.get("files"), result.get("checkpoint_sha256")
    if isinstance(files, dict):
        return checkpoint is not None and checkpoint not in files.values()
    # A run that continues has no "finished" until its end. External scores have no manifest.
    return bool(manifest and "finished" not in manifest and result.get("training_finished"))


def _analysis(file: Path, result: Mapping[str, Any]) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    found = _checked(file, "benchmark_analysis")
    confusion = found["confusion"]
    size = len(confusion["categories"]) if confusion else 0
    if confusion and [len(row) for row in confusion["counts"]] != [size] * size:
        raise RsitmdError(
            "confusion.counts: must have a row and a column for each category",
            where=file,
            hint="evaluate the run again",
        )
    same = all(found[key] == result[key] for key in ("split", "data_sha256"))
    return found if same else None


def _names(folders: Sequence[Path]) -> list[str]:
    """Name runs by their folders, with parents if the folder names are not unique."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts), default=1) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if max(Counter(names).values(), default=1) == 1:
            return names
    return [str(folder) for folder in folders]


def _object(file: Path) -> dict[str, Any]:
    document = load_document(file)
    if not isinstance(document, dict):
        raise RsitmdError("is not an object", where=file, hint="train the run again")
    return document


def _checked(file: Path, schema: str) -> dict[str, Any]:
    document: dict[str, Any] = load_document(file)
    problem = first_error(document, load_schema(schema))
    if problem is not None:
        raise RsitmdError(
            f"{problem.key}: {problem.message}",
            where=file,
            hint=problem.hint or "evaluate the run again",
        )
    return document


def _history(file: Path) -> list[dict[str, float]]:
    rows = csv.DictReader(io.StringIO(read_text(file), newline=""))
    history = []
    for row in rows:
        try:
            values = {key: float(row[key]) for key in HISTORY}
        except (KeyError, TypeError, ValueError):
            raise RsitmdError(
                f"line {rows.line_num} does not contain {', '.join(HISTORY)}",
                where=file,
                hint="train the run again",
            ) from None
        if math.isfinite(values["loss"]):
            history.append(values)
    return history
