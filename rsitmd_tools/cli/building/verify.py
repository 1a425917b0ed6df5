"""``rsitmd build verify``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json


@click.command("verify")
@click.argument("release", metavar="RELEASE", type=click.Path(path_type=Path))
@json_option
def command(release: Path, as_json: bool) -> int:
    """Check a release: checksums, schemas, counts, precomp, prior and images.

    Lists every file that is missing, changed or not part of the release. The contents are also
    compared with one another: release.json, the statistics, precomp/ and prior/ with the
    sentences of dataset_RSITMD.json. The exit code is 1 if something differs.

    \b
    Examples:
      rsitmd build verify my-dataset-1.0.0
      rsitmd build verify my-dataset-1.0.0 --json
    """
    from rsitmd_tools.errors import count_of, printable
    from rsitmd_tools.release import verify_release

    found = verify_release(release)
    if as_json:
        print_json({"release": str(release), "intact": not found.differences, **asdict(found)})
        return int(bool(found.differences))
    for difference in found.differences:
        click.echo(printable(f"{difference.file}: {difference.problem}"))
    result = count_of(len(found.differences), "difference") if found.differences else "intact"
    without = ", without images" if found.without_images else ""
    click.echo(f"{release}: {count_of(found.files, 'file')}{without}, {result}")
    return int(bool(found.differences))
