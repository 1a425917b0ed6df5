"""Rows of a table of baselines: trained one after the other, kept, summed up.

Used by ucm.py and rsitmd.py; what was trained already is kept, so a script that was ended
goes on where it stopped.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import Parser, not_measured

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: a configuration and what is changed in it.

    Attributes:
        config: The name of the configuration.
        changes: Overrides, as for ``--set``.
        folds: Number of cross-validation folds. If it is above 0, each run uses its seed as the
            index of the fold.
        of: A row whose runs are evaluated again; nothing is trained.
        views: Number of rotations and flips in which each test image is scored.
        vectors: Use the vectors of a sentence encoder (``--text-weights``).
        together: Measure the mean of the scores of all seeds of ``of`` as one model.
    """

    config: str
    changes: tuple[str, ...] = ()
    folds: int = 0
    of: str | None = None
    views: int = 1
    vectors: bool = False
    together: bool = False


def settings_of(row: Row, weights: Path, text_weights: Path | None) -> list[str]:
    """Return all overrides of a row.

    Raises:
        SystemExit: No sentence encoder is given for a row that uses one.
    """
    if row.vectors and text_weights is None:
        raise SystemExit("a row needs a sentence encoder; add --text-weights FOLDER")
    encoder = [f"text_weights={text_weights}"] if row.vectors else []
    return [f"weights={weights}", *encoder, *row.changes]


# With the vectors of a sentence encoder. On a seeded tenth of RSITMD, it was better than 0.07
# without vectors; 0.07 was not tried with them.
VECTOR_TEMPERATURE = "temperature=0.1"
# Trains on all of train and keeps the last epoch; a validation part chose the settings before.
ALL = "validate=false"


def frozen(size: int) -> list[str]:
    """Return the settings of heads on a frozen EfficientNet-Lite0."""
    return [
        "backbone=tf_efficientnet_lite0",
        "freeze_backbone=true",
        f"image_size={size}",
        "views=8",
        "epochs=10",
        "schedule=cosine",
        "lr=1e-3",
        "negatives=sum",
        "mask_equal=true",
        "margin.kind=fixed",
        "margin.value=0.2",
    ]


def whole(size: int) -> list[str]:
    """Return the settings of a fully trained model, with a lower learning rate for the backbone."""
    return [
        *frozen(size),
        "freeze_backbone=false",
        "backbone_lr=3e-4",
        "batch_size=64",
    ]


def other_systems(heads: Sequence[str]) -> dict[str, Row]:
    """Return rows for SCAN, MTFN and CAMP with the loss and schedule of other heads.

    They train in mixed precision. CAMP compares each pair anew, so it has smaller batches and a
    quarter of its dimensions; with all of them, it did not learn at this learning rate.
    """
    settings = (*heads, "captions=one", "precision=bf16-mixed")
    small = (*settings, "batch_size=64", "dimension=256")
    return {
        "SCAN t2i, sum": Row("scan-t2i", settings),
        "SCAN i2t, sum": Row("scan-i2t", settings),
        "MTFN, sum": Row("mtfn", settings),
        "CAMP triplet, sum": Row("camp-triplet", small),
        "CAMP bce, sum": Row("camp-bce", small),
    }


def folder_of(out: Path, row: str, seed: int) -> Path:
    """Return the run of a row and a seed."""
    name = "".join(c if c.isalnum() or c == "." else "-" for c in row.lower())
    return out / name / f"seed-{seed}"


def whole_on_gpu(epochs: int) -> list[str]:
    """Return the settings of a whole network at the size of the paper, for a GPU."""
    return [*whole(256), f"epochs={epochs}"]


def make_run(
    data: Dataset,
    rows: Mapping[str, Row],
    name: str,
    weights: Path,
    text_weights: Path | None,
    out: Path,
    seed: int,
) -> Path:
    """Train and evaluate a row, unless that is done; return its run."""
    from rsitmd_tools.baselines import evaluate, load_config
    from rsitmd_tools.baselines.evaluation.evaluate import EvaluationOptions
    from rsitmd_tools.baselines.training.train import Options, train

    row, run = rows[name], folder_of(out, name, seed)
    if (run / "result.json").exists():
        return run
    if row.of is not None:
        trained = make_run(data, rows, row.of, weights, text_weights, out, seed)
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(trained, run, ignore=shutil.ignore_patterns("result.json", "tensorboard"))
    else:
        drawn = [f"seed={seed}"] if not row.folds else [f"folds={row.folds}", f"fold={seed}"]
        config = load_config(row.config, [*drawn, *settings_of(row, weights, text_weights)])
        train(data, config, run, Options(resume=True, cache=out / "cache"))
    evaluate(run, data, options=EvaluationOptions(views=row.views))
    return run


def make_ensemble(
    data: Callable[[int], Dataset],
    rows: Mapping[str, Row],
    name: str,
    weights: Path,
    text_weights: Path | None,
    out: Path,
    seeds: Sequence[int],
) -> None:
    """Evaluate the runs of a row together; runs that are not at hand are trained."""
    from rsitmd_tools.baselines.evaluation.ensemble import evaluate_ensemble
    from rsitmd_tools.baselines.evaluation.evaluate import EvaluationOptions

    row = rows[name]
    assert row.of is not None
    runs = [make_run(data(n), rows, row.of, weights, text_weights, out, n) for n in seeds]
    options, folder = EvaluationOptions(views=row.views), _ensemble_folder(out, name)
    evaluate_ensemble(runs, data(seeds[0]), "test", options, folder)


def _ensemble_folder(out: Path, name: str) -> Path:
    return folder_of(out, name, 0).parent / "together"


def _ensembles(out: Path, rows: Mapping[str, Row]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        file = _ensemble_folder(out, row) / "result.json"
        if file.exists():
            result = json.loads(file.read_text(encoding="utf-8"))
            kept = ("image_to_text", "text_to_image", "mean_recall", "chance", "gallery")
            runs = result["ensemble"]
            found.append(
                {
                    "row": row,
                    "seed": None,
                    "seeds": [run["seed"] for run in runs],
                    **{key: result[key] for key in kept},
                    "interval": result["interval"]["mean_recall"],
                    "validation": None,
                    "config": rows[row].config,
                    "changes": list(rows[row].changes),
                    "checkpoints": [run["checkpoint_sha256"] for run in runs],
                    **{key: result[key] for key in ("weights", "data_sha256", "versions")},
                    **({"text_weights": result["text_weights"]} if rows[row].vectors else {}),
                }
            )
    return found


def results(out: Path, rows: Mapping[str, Row], name: str) -> list[dict[str, Any]]:
    """Return the result of every finished run, and those of OUT/NAME.jsonl whose runs are gone.

    Copy a file of docs/results into OUT to continue it on another machine. Results of other
    settings than the row has now are left out.
    """
    found = _ensembles(out, rows)
    for row in rows:
        for file in sorted(folder_of(out, row, 0).parent.glob("seed-*/result.json")):
            result = json.loads(file.read_text(encoding="utf-8"))
            manifest = json.loads((file.parent / "run.json").read_text(encoding="utf-8"))
            history = (file.parent / "metrics.csv").read_text(encoding="utf-8").splitlines()[1:]
            kept = ("image_to_text", "text_to_image", "mean_recall", "chance", "gallery")
            validation = [round(float(line.split(",")[2]), 2) for line in history]
            validated = not any(map(math.isnan, validation))
            found.append(
                {
                    "row": row,
                    "seed": result["seed"],
                    "fold": result["settings"]["fold"] if rows[row].folds else None,
                    **{key: result[key] for key in kept},
                    "interval": result["interval"]["mean_recall"],
                    "ties": {
                        rule: result["ties"][rule]["mean_recall"]
                        for rule in ("pessimistic", "optimistic")
                    },
                    "validation": max(validation) if validated else None,
                    "validation_by_epoch": validation if validated else None,
                    "images_a_second": manifest["finished"]["images_a_second"],
                    "seconds": 0 if rows[row].of else manifest["finished"]["seconds"],
                    "config": rows[row].config,
                    "changes": list(rows[row].changes),
                    "weights": result["weights"],
                    **({"text_weights": result["text_weights"]} if rows[row].vectors else {}),
                    "data_sha256": result["data_sha256"],
                    "versions": result["versions"],
                }
            )
    kept_file = out / f"{name}.jsonl"
    if kept_file.exists():
        here = {_drawn(each) for each in found}
        found += [
            each
            for each in map(json.loads, kept_file.read_text(encoding="utf-8").splitlines())
            if _drawn(each) not in here
            and each["row"] in rows
            and each["changes"] == list(rows[each["row"]].changes)
        ]
    order = list(rows)
    return sorted(found, key=lambda each: (order.index(each["row"]), _drawn(each)))


def write_lines(file: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    """Write results as JSON Lines, one line a run."""
    lines = [json.dumps(run, ensure_ascii=False) for run in runs]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _drawn(result: Mapping[str, Any]) -> tuple[str, int, int]:
    """Return the row, seed and fold of a result: what it is one of."""
    seed, fold = result["seed"], result.get("fold")
    return result["row"], -1 if seed is None else seed, -1 if fold is None else fold


def table(found: Sequence[Mapping[str, Any]], rows: Mapping[str, Row]) -> list[str]:
    """Return the Markdown table over seeds."""
    lines = [
        "| row | seeds | validation mR | i2t R@1 / 5 / 10 | t2i R@1 / 5 / 10 | test mR | "
        "interval of seed 0 |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        runs = [each for each in found if each["row"] == row]
        if not runs:
            continue
        recalls = np.array([each["mean_recall"] for each in runs])
        spread = f" ± {recalls.std(ddof=1):.2f}" if len(runs) > 1 else ""
        ways = [
            " / ".join(
                f"{np.mean([each[way][k] for each in runs]):.1f}" for k in ("r1", "r5", "r10")
            )
            for way in ("image_to_text", "text_to_image")
        ]
        low, high = runs[0]["interval"]
        found_there = [each["validation"] for each in runs if each["validation"] is not None]
        validation = f"{np.mean(found_there):.2f}" if found_there else "none held out"
        drawn = f"{len(runs)} of {rows[row].folds} folds" if rows[row].folds else str(len(runs))
        if rows[row].together:
            drawn = f"{len(runs[0]['seeds'])} as one"
        lines.append(
            f"| {row} | {drawn} | {validation} | "
            f"{ways[0]} | {ways[1]} | {recalls.mean():.2f}{spread} | {low:.1f} to {high:.1f} |"
        )
    return lines


def differences(out: Path, rows: Sequence[str], baselines: Sequence[str]) -> list[str]:
    """Return a Markdown table: the rows against each baseline, on the seeds that all have.

    Rows without runs are left out.
    """
    from rsitmd_tools.baselines.evaluation.compare import compare_systems
    from rsitmd_tools.baselines.evaluation.systems import system_of

    head = [
        "| difference of test mR | seeds | points | interval over images | over seeds | p (Holm) | "
        "verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    lines: list[str] = []
    for baseline in baselines:
        seeds = {
            row: {f.parent.name for f in folder_of(out, row, 0).parent.glob("seed-*/result.json")}
            for row in _once(baseline, rows)
        }
        measured = [row for row, found in seeds.items() if found]
        if baseline not in measured or len(measured) < 2:
            continue
        common = set.intersection(*(seeds[row] for row in measured))
        if not common:
            continue
        systems = [
            system_of(row, [folder_of(out, row, 0).parent / seed for seed in sorted(common)])
            for row in measured
        ]
        for found in compare_systems(systems, baseline=baseline)["comparisons"]:
            one, two = found["systems"]
            ranges = [
                "" if r is None else f"{r[0]:+.2f} to {r[1]:+.2f}"
                for r in (found["over_images"], found["over_runs"])
            ]
            lines.append(
                f"| {one} - {two} | {len(common)} | {found['difference']:+.2f} | {ranges[0]} | "
                f"{ranges[1]} | {found['p_corrected']:.3g} | {found['verdict']} |"
            )
    return [*head, *lines] if lines else []


def _once(baseline: str, rows: Sequence[str]) -> list[str]:
    return [baseline, *(row for row in rows if row != baseline)]


def run_script(
    name: str,
    description: str,
    rows: Mapping[str, Row],
    parts: Callable[[Dataset, int], Dataset],
    claims: Sequence[tuple[Sequence[str], Sequence[str]]] = (),
) -> None:
    """Train the rows asked for, or print the table.

    Args:
        name: Of the dataset, in file names.
        description: One line for the help.
        rows: The rows by name.
        parts: Makes the training and validation part of a seed.
        claims: Pairs of rows and the baselines they are held against.
    """
    parser = Parser(description=description)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs", name))
    parser.add_argument("--text-weights", type=Path, help="sentence encoder of some rows")
    parser.add_argument("--rows", default=";".join(rows), help="rows, separated by semicolons")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    out = arguments.output
    if not arguments.table:
        if arguments.weights is None:
            not_measured("name DATA and WEIGHTS (hours, see the script's top)")
        data = load_dataset(arguments.data)
        seeds = [int(seed) for seed in arguments.seeds.split(",")]
        asked = arguments.rows.split(";")
        files = arguments.weights, arguments.text_weights
        for seed in seeds:
            for row in (row for row in asked if not rows[row].together):
                make_run(parts(data, seed), rows, row, *files, out, seed)
        for row in (row for row in asked if rows[row].together):
            make_ensemble(partial(parts, data), rows, row, *files, out, seeds)
    found = results(out, rows, name)
    write_lines(out / f"{name}.jsonl", found)
    print("\n".join(table(found, rows)))
    took = [each["seconds"] for each in found if "seconds" in each]
    print(f"\n{len(took)} of {len(found)} runs say what they took: {sum(took) / 3600:.2f} hours.")
    for held, baselines in claims:
        print("\n".join(["", *differences(out, held, baselines)]))
