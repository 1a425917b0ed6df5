"""``rsitmd benchmark suite``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.benchmark.arguments import check_dataset
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.benchmark.seeds import parse_seeds
from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import input_options, path_argument
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from rsitmd_tools.baselines.suite.suite import SuiteResult

SECONDS_AN_HOUR = 3600
FILES = ("results.jsonl", "table.md", "table.tex")


@click.command("suite")
@path_argument
@input_options
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=PathType(file_okay=False, path_type=Path),
    help="Folder of the suite.",
)
@click.option(
    "--configs",
    metavar="A,B,...",
    help="YAML files or shipped configurations; see `rsitmd benchmark train --help`. Default:"
    " vsepp-frozen, amfmn-soft-frozen, amfmn-fusion-frozen and amfmn-similarity-frozen, which a"
    " laptop can train.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of all configurations; repeatable.",
)
@click.option(
    "--seeds", default="0-4", show_default=True, metavar="0-4", help="Seeds of each configuration."
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    help="Train each seed once per cross-validation fold.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of runs at once, each in a process with its share of the threads.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HOURS",
    help="Start no run that is expected to end after this number of hours.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and its estimate, and stop.")
@device_option
@click.option(
    "--cache",
    type=PathType(file_okay=False, path_type=Path),
    help="Keep decoded images and features in this folder and reuse them in other suites.",
)
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    output: Path,
    configs: str | None,
    changes: tuple[str, ...],
    seeds: str,
    folds: int | None,
    jobs: int,
    budget: float | None,
    dry_run: bool,
    device: str,
    cache: Path | None,
) -> int:
    """Train, evaluate and compare configurations over seeds and folds, and write one table.

    A few steps of each configuration are measured first, for an estimate of the time. Run the
    same command again after an interruption: finished runs are kept, and the run that was cut
    continues. If a run fails, the others go on, and the exit code is 1.

    OUT then contains results.jsonl (one line per run), table.md, table.tex and report.html.
    The runs are in OUT/runs. Use --set weights=FILE to load backbone weights.

    \b
    Examples:
      rsitmd benchmark suite release/ -o suite --set weights=lite0.safetensors --dry-run
      rsitmd benchmark suite release/ -o suite --set weights=lite0.safetensors
      rsitmd benchmark suite release/ -o suite --configs vsepp,amfmn-soft --seeds 0-2
      rsitmd benchmark suite release/ -o suite --configs vsepp-whole,amfmn-soft-whole --budget 8
    """
    numbers = parse_seeds(seeds)
    if budget is not None and not math.isfinite(budget):
        raise WrongUsage(
            f"invalid value for --budget: {budget}", hint="use a number of hours, such as 8"
        )
    check_dataset(path)
    from rsitmd_tools.extras import require_training

    require_training()
    from rsitmd_tools.baselines.config import frozen_at_random, without_effect
    from rsitmd_tools.baselines.device import slow_precisions
    from rsitmd_tools.baselines.evaluation.optional import Failures
    from rsitmd_tools.baselines.suite.plan import DEFAULT_CONFIGS, plan_runs
    from rsitmd_tools.baselines.suite.suite import Suite, SuiteOptions
    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.formats.unpacked import image_files
    from rsitmd_tools.report import write_report

    names = DEFAULT_CONFIGS if configs is None else [name.strip() for name in configs.split(",")]
    plan = plan_runs(names, changes, numbers, folds or 0)
    configurations = [run.config for run in plan]
    precisions = [config.precision for config in configurations]
    for line in (
        *without_effect(configurations, changes),
        *frozen_at_random(configurations),
        *slow_precisions(precisions, device),
    ):
        note(line)
    seconds = None if budget is None else budget * SECONDS_AN_HOUR
    options = SuiteOptions(device, jobs, seconds, cache)
    with image_files(load_dataset(path, input_format, image_folder)) as dataset:
        suite = Suite(dataset, plan, output, options, lambda line: click.echo(line, err=True))
        if dry_run:
            lines, calibrated = suite.dry_run()
            click.echo("\n".join(lines))
            return int(not calibrated)
        result = suite.run(click.echo)
        page, failures = output / "report.html", Failures()
        if result.runs:
            failures.attempt(
                page,
                lambda: write_report(
                    result.runs, page, path, None, input_format, image_folder, notes=result.notes
                ),
            )
    # What hours of training gave is printed even if the page cannot be written.
    code = _show(result, output, FILES if failures.errors else (*FILES, page.name))
    for error in failures.errors:
        click.echo(f"error: {error}", err=True)
    return int(bool(code or failures.errors))


def _show(result: SuiteResult, output: Path, files: Sequence[str]) -> int:
    """Print the table, the files that were written and what is missing; return the exit code."""
    from rsitmd_tools.baselines.evaluation.tables import render

    if result.comparison is not None:
        click.echo(f"\n{render(result.comparison, 'text')}\n")
        for name in files:
            click.echo(f"{Path(name).stem}: {output / name}")
    if result.left:
        labels = ", ".join(run.label for run in result.left)
        click.echo(
            f"the budget left {count_of(len(result.left), 'run')}: {labels}. "
            "Run the same command again to continue.",
            err=True,
        )
    if result.failed:
        click.echo(f"error: {count_of(len(result.failed), 'run')} failed:", err=True)
        for outcome in result.failed:
            click.echo(f"  {outcome.run.label}: {outcome.error}", err=True)
    return int(bool(result.failed))
