"""``rsitmd validate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import (
    FILE,
    check_page,
    input_options,
    refuse_inputs,
    refuse_one_file,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rsitmd_tools.dataset import Dataset
    from rsitmd_tools.dataset.suspects import Suspect
    from rsitmd_tools.quality import Result
    from rsitmd_tools.quality.subject import Subject

_FORMATS = ("text", "json", "csv", "html", "markdown", "latex")


@dataclass(frozen=True, slots=True)
class ValidateOptions:
    """Options that several steps use."""

    output_format: str
    output: Path | None
    settings: Path | None
    select: str | None
    ignore: str | None
    baseline: Path | None
    write_baseline: Path | None
    exclusions: Path | None
    unsafe: bool
    same_place: bool
    suspects: Path | None


@click.command("validate")
@click.argument("paths", metavar="PATH...", nargs=-1, type=PathType(path_type=Path))
@input_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="Findings: text, json, csv, html; statistics: text, json, markdown, latex.",
)
@click.option("-o", "--output", type=FILE, help="Write to a file instead of stdout.")
@click.option("--select", help="Codes or prefixes of codes to check, separated by commas: D,S101.")
@click.option("--ignore", help="Codes or prefixes of codes to ignore, separated by commas.")
@click.option("--explain", metavar="CODE", help="Print the page of a rule and exit.")
@click.option("--settings", type=FILE, help="Settings file in the format of rsitmd.toml.")
@click.option("--baseline", type=FILE, help="Hide the findings in this file.")
@click.option("--write-baseline", type=FILE, help="Write all findings to a file for --baseline.")
@click.option(
    "--against",
    multiple=True,
    type=PathType(path_type=Path),
    help="A dataset whose training images must not be in the test split of PATH; repeatable.",
)
@click.option(
    "--exclusions",
    type=FILE,
    help="With --against: write a list of the images of that dataset to exclude from training.",
)
@click.option(
    "--same-place",
    is_flag=True,
    help="Also search for images of overlapping ground (rules L107 and, with --against, L108). "
    "Requires the extra geo and takes minutes for 10 000 images.",
)
@click.option(
    "--suspects",
    type=FILE,
    help="A file of `rsitmd benchmark suspects`, whose flagged sentences are findings (rule M101).",
)
@click.option("--fix", is_flag=True, help="Apply safe fixes.")
@click.option(
    "--unsafe-fixes",
    is_flag=True,
    help="Apply safe fixes, correct typos, and write digits as words (2 becomes two).",
)
@click.option("--diff", is_flag=True, help="Show the fixes without applying them.")
@click.option("--statistics", is_flag=True, help="Print statistics instead of findings.")
@click.option(
    "--plot", type=FILE, help="With --statistics: draw bar charts (figure 9 of Yuan et al., 2021)."
)
def command(
    paths: tuple[Path, ...],
    input_format: str | None,
    image_folder: Path | None,
    explain: str | None,
    against: tuple[Path, ...],
    fix: bool,
    diff: bool,
    statistics: bool,
    plot: Path | None,
    **others: Any,
) -> int:
    """Check a dataset by rules, fix it, or print its statistics.

    PATH is a workspace, a release, or a file or folder in any supported format, such as
    dataset_RSITMD.json or a precomp folder. With --statistics there may be several. The exit
    code is 1 if there are errors or warnings, and 0 if there are only info findings. It is 0
    with --fix, --write-baseline and --statistics, and 1 if --diff shows a change.

    The first letter of a rule code is the family: D structure, S sentences, K keywords,
    I images, L leakage between splits and datasets, N annotators, M models. --select and
    --ignore accept a family.

    \b
    Examples:
      rsitmd validate my-dataset
      rsitmd validate release/ --ignore S104 --format html -o findings.html
      rsitmd validate --explain S104
      rsitmd validate my-dataset --fix --diff
      rsitmd validate old/ --write-baseline known.json
      rsitmd validate new/ --against rsicd/ --select L --exclusions exclude.json
      rsitmd validate rsitmd/ --same-place --select L --format html -o leakage.html
      rsitmd validate ucm/ --suspects suspects.json --select M --format html -o suspects.html
      rsitmd validate --statistics rsitmd/ ucm/ --plot figure9.png --format latex
    """
    options = ValidateOptions(unsafe=others.pop("unsafe_fixes"), **others)
    if explain is not None:
        from rsitmd_tools.quality.explain import explain as page

        _print(f"{page(explain)}\n", options.output)
        return 0
    _check_usage(paths, options, statistics)
    _check_combination(
        options,
        statistics=statistics,
        fix=fix or diff or options.unsafe,
        diff=diff,
        plot=plot is not None,
        against=bool(against),
    )
    from rsitmd_tools.formats import load_dataset

    if options.output is not None and options.output_format == "html":
        check_page(options.output)
    datasets = [load_dataset(path, input_format, image_folder) for path in paths]
    trained = [load_dataset(path) for path in against]
    for dataset in (*datasets, *trained):
        if not dataset.images:
            raise RsitmdError(
                "has no images, so nothing can be checked",
                where=dataset.source,
                hint="check the path, or add images with `rsitmd build ingest`",
            )
    _refuse_inputs([*datasets, *trained], options, plot)
    if statistics:
        return _statistics(datasets, options, plot)
    if fix or diff or options.unsafe:
        return _fix(datasets[0], options, only_show=diff)
    return _check(datasets[0], trained, options)


def _refuse_inputs(datasets: list[Dataset], options: ValidateOptions, plot: Path | None) -> None:
    """Refuse to write over what is read, or two outputs into one file."""
    refuse_one_file(
        {
            "--output": options.output,
            "--exclusions": options.exclusions,
            "--write-baseline": options.write_baseline,
            "--plot": plot,
        }
    )
    given = {
        path.resolve()
        for path in (options.baseline, options.settings, options.suspects)
        if path is not None
    }
    refuse_inputs(datasets, options.output, options.exclusions, plot, files=given)
    refuse_inputs(datasets, options.write_baseline)  # known findings may be written again


def _check_usage(paths: tuple[Path, ...], options: ValidateOptions, statistics: bool) -> None:
    """Reject options that exclude each other."""
    if not paths:
        raise click.UsageError("Missing argument 'PATH...'.")
    if len(paths) > 1 and not statistics:
        raise WrongUsage("several PATHs require --statistics", hint="add --statistics")
    unsupported = ("csv", "html") if statistics else ("markdown", "latex")
    if options.output_format in unsupported:
        what = "statistics" if statistics else "findings"
        supported = ", ".join(name for name in _FORMATS if name not in unsupported)
        raise WrongUsage(
            f"--format {options.output_format} cannot be used for {what}",
            hint=f"use one of: {supported}",
        )


def _check_combination(
    options: ValidateOptions, *, statistics: bool, fix: bool, diff: bool, plot: bool, against: bool
) -> None:
    """Reject options that would have no effect."""
    if plot and not statistics:
        raise WrongUsage("--plot requires --statistics", hint="add --statistics")
    if options.exclusions is not None and not against:
        raise WrongUsage("--exclusions requires --against", hint="add --against PATH")
    check: dict[str, object] = {
        "--write-baseline": options.write_baseline,
        "--exclusions": options.exclusions,
        "--against": against or None,
        "--baseline": options.baseline,
        "--suspects": options.suspects,
        "--same-place": options.same_place or None,
    }
    if statistics:
        check |= {
            "--settings": options.settings,
            "--select": options.select,
            "--ignore": options.ignore,
        }
    if fix and not diff:
        check["--output"] = options.output
    for name, value in check.items():
        if (statistics or fix) and value is not None:
            what = "--statistics" if statistics else "fixes"
            raise WrongUsage(f"{name} cannot be combined with {what}", hint="use one of them")
    if fix and options.output_format not in (None, "text"):
        raise WrongUsage(
            f"--format {options.output_format} cannot be combined with fixes",
            hint="leave it out: fixes are shown as a diff",
        )
    if statistics and fix:
        raise WrongUsage("fixes cannot be combined with --statistics", hint="use one of them")


def _subject(dataset: Dataset, options: ValidateOptions, against: list[Dataset]) -> Subject:
    from rsitmd_tools.quality import subject_of
    from rsitmd_tools.quality.configure import settings_for

    settings = settings_for(
        dataset, options.settings, options.select, options.ignore, options.baseline
    )
    suspects: Iterable[Suspect] = ()
    if options.suspects is not None:
        from rsitmd_tools.dataset.suspects import read_suspects

        suspects = read_suspects(options.suspects, dataset)
    return subject_of(dataset, settings, against, same_place=options.same_place, suspects=suspects)


def _check(dataset: Dataset, against: list[Dataset], options: ValidateOptions) -> int:
    from rsitmd_tools.quality import check_subject, summary
    from rsitmd_tools.quality.output import Findings, render

    if options.same_place and not dataset.has_images:
        note("the dataset has no image files, so no images were compared; use --images DIR")
    subject = _subject(dataset, options, against)
    result = check_subject(subject)
    findings = Findings(subject, result, summary(dataset, result))
    try:
        if options.output_format == "html":
            from rsitmd_tools.report.findings_page import render as page
            from rsitmd_tools.studio.api.links import task_links

            text = page(findings, task_links(dataset))
        else:
            text = render(options.output_format, findings)
        _print(text, options.output)
    finally:
        # The files for later runs are written even if the page cannot be written.
        code = _write_files(subject, result, options)
    return code


def _write_files(subject: Subject, result: Result, options: ValidateOptions) -> int:
    """Write the files for later runs; return the exit code."""
    if options.exclusions is not None:
        from rsitmd_tools.atomic import write_json
        from rsitmd_tools.quality.against import exclusion_list

        shared = [*subject.shared_images, *subject.shared_captions]
        write_json(options.exclusions, exclusion_list(shared, subject.shared_places))
    if options.write_baseline is not None:
        from rsitmd_tools.quality.baseline import Baseline

        Baseline.of(result.with_known, subject.dataset).write(options.write_baseline)
        return 0
    return int(any(finding.severity != "info" for finding in result.findings))


def _fix(dataset: Dataset, options: ValidateOptions, *, only_show: bool) -> int:
    from rsitmd_tools.quality.correct import apply
    from rsitmd_tools.quality.fixes import changes, diff

    found = changes(_subject(dataset, options, []), unsafe=options.unsafe)
    if only_show:
        _print("".join(f"{line}\n" for line in diff(found)), options.output)
        return int(bool(found))
    history = apply(dataset, found) if found else None
    saved = f"; the previous text is in {history}" if history else ""
    click.echo(f"{count_of(len(found), 'sentence')} fixed{saved}")
    return 0


def _statistics(datasets: list[Dataset], options: ValidateOptions, plot: Path | None) -> int:
    from rsitmd_tools.quality import dataset_statistics
    from rsitmd_tools.quality.output import statistics

    documents = [dataset_statistics(dataset) for dataset in datasets]
    _print(statistics.render(documents, options.output_format), options.output)
    if plot is not None:
        statistics.plot(documents, plot)
    return 0


def _print(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        from rsitmd_tools.atomic import write_text

        write_text(output, text)
        click.echo(f"written: {output}", err=True)
