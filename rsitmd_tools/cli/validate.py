"""``rsitmd validate``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.options import input_options, path_argument

if TYPE_CHECKING:
    from rsitmd_tools.dataset import Dataset
    from rsitmd_tools.quality import Expectations, Finding


@click.command("validate", short_help="Check a dataset by rules; print its statistics.")
@path_argument
@input_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write into a file."
)
@click.option("--select", help="Codes to run, or their beginnings, by comma: D,S101.")
@click.option("--ignore", help="Codes to leave out, or their beginnings, by comma.")
@click.option("--statistics", is_flag=True, help="Print statistics instead of findings.")
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    output_format: str,
    output: Path | None,
    select: str | None,
    ignore: str | None,
    statistics: bool,
) -> int:
    """Check a dataset by rules, or print its statistics.

    PATH is a workspace, a release, a dataset_RSITMD.json, or a precomp folder. Exit code
    1 when there are errors or warnings; info findings alone give 0.

    \b
    Examples:
      rsitmd validate my-dataset
      rsitmd validate release/ --ignore S104 --format json -o findings.json
      rsitmd validate precomp/ --statistics
    """
    import json

    from rsitmd_tools.atomic import write_text
    from rsitmd_tools.dataset import load_dataset
    from rsitmd_tools.quality import check, dataset_statistics, summary

    dataset = load_dataset(path, input_format, image_folder)
    code = 0
    if statistics:
        document: dict[str, Any] = dataset_statistics(dataset)
        text = "\n".join(_statistics_lines(document))
    else:
        expected, selected, ignored = _settings(dataset, select, ignore)
        findings = check(dataset, expected, selected, ignored)
        document = {
            "findings": [finding.as_dict() for finding in findings],
            "summary": summary(dataset, findings),
        }
        text = "\n".join(_finding_lines(findings, document["summary"]))
        code = int(any(finding.severity != "info" for finding in findings))
    if output_format == "json":
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    if output is None:
        click.echo(text)
    else:
        write_text(output, text + "\n")
    return code


def _settings(
    dataset: Dataset, select: str | None, ignore: str | None
) -> tuple[Expectations, list[str], list[str]]:
    """What a dataset is held to, and the codes asked for; options go before the settings."""
    from rsitmd_tools.quality import Expectations
    from rsitmd_tools.workspace import Settings, Workspace

    settings = Settings()
    if dataset.format == "workspace":
        with Workspace.open(dataset.source) as workspace:
            settings = workspace.settings
    asked = settings.annotation
    expected = Expectations(
        asked.sentences_per_image,
        asked.annotators_per_image,
        asked.keywords_min,
        asked.keywords_max,
    )
    return (
        expected,
        list(settings.validate.select) if select is None else _codes(select),
        list(settings.validate.ignore) if ignore is None else _codes(ignore),
    )


def _codes(text: str) -> list[str]:
    return [code.strip().upper() for code in text.split(",") if code.strip()]


def _finding_lines(findings: list[Finding], summary: dict[str, Any]) -> Iterator[str]:
    from rsitmd_tools.errors import printable

    image: str | None = ""
    for finding in findings:
        if finding.image != image:
            image = finding.image
            yield printable(image or "dataset")
        place = "" if finding.sentence_index is None else f"sentence {finding.sentence_index}: "
        message = printable(finding.message)
        yield f"  {finding.code} {finding.severity} {place}{message} [{finding.name}]"
    counts = ", ".join(f"{n} {severity}" for severity, n in summary["severities"].items())
    yield f"{summary['images']} images, {summary['sentences']} sentences: {counts}"
    for code, count in summary["codes"].items():
        yield f"  {code} {count}"


def _statistics_lines(statistics: dict[str, Any]) -> Iterator[str]:
    columns = {"all": statistics, **statistics["splits"]}
    yield " ".join([f"{'':20}", *(f"{name:>10}" for name in columns)])
    keys = ("images", "sentences", "keywords", "categories", "average_length", "diversity")
    for key in (*keys, "distinct_words", "average_similarity"):
        values = (_number(column[key]) for column in columns.values())
        yield " ".join([f"{key:20}", *(f"{value:>10}" for value in values)])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
