"""``rsitmd benchmark positives``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import (
    FILE,
    input_options,
    json_option,
    path_argument,
    print_json,
    refuse_inputs,
    refuse_one_file,
)
from rsitmd_tools.errors import count_of


@click.command("positives")
@path_argument
@input_options
@click.option("--split", default="test", show_default=True, help="The split.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=FILE,
    help="Output file of positives.",
)
@click.option(
    "--tasks",
    metavar="FILE",
    type=FILE,
    help="Also write Label Studio tasks, one per pair.",
)
@click.option(
    "--image-address",
    "address",
    metavar="TEXT",
    help="Prefix of the image URLs in the tasks.",
)
@click.option(
    "--answers",
    metavar="FILE",
    type=FILE,
    help="Add the answers of a Label Studio export (JSON) to the existing output file.",
)
@json_option
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    split: str,
    output: Path,
    tasks: Path | None,
    address: str | None,
    answers: Path | None,
    as_json: bool,
) -> None:
    """Find sentences that may fit other images than their own, for annotators to verify.

    Candidates come from the prior similarity and the keywords. Import the tasks into a
    Label Studio project with the template annotation_templates/verification.xml, and read
    its export with --answers. `evaluate --positives FILE` counts the confirmed pairs in mAP@R.

    \b
    Examples:
      rsitmd benchmark positives release/ -o positives.json --tasks tasks.json
      rsitmd benchmark positives release/ -o positives.json --answers export.json
    """
    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.extras import require_training

    if answers is not None and tasks is not None:
        raise WrongUsage("--tasks and --answers cannot be combined", hint="use one of them")
    if address is not None and tasks is None:
        raise WrongUsage("--image-address requires --tasks", hint="add --tasks FILE")
    refuse_one_file({"--output": output, "--tasks": tasks})
    require_training()
    from rsitmd_tools.baselines.evaluation.propose import propose, verify
    from rsitmd_tools.formats import load_dataset

    dataset = load_dataset(path, input_format, image_folder)
    refuse_inputs([dataset], output, tasks)
    if answers is not None:
        found = verify(dataset, split, output, answers)
    else:
        found = propose(dataset, split, output, tasks=tasks, address=address or "")
    counts = {"pairs": found.pairs, "confirmed": found.confirmed, "rejected": found.rejected}
    if as_json:
        print_json(counts)
        return
    click.echo(
        f"{count_of(found.pairs, 'pair')}: {found.confirmed} confirmed, {found.rejected} rejected, "
        f"{found.pairs - found.confirmed - found.rejected} open"
    )
