"""``rsitmd build verify``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json
from rsitmd_tools.cli.path_type import PathType


@click.command("verify")
@click.argument("release", metavar="RELEASE", type=PathType(path_type=Path))
@json_option
def command(release: Path, as_json: bool) -> int:
    """Compare a release with its checksums, and its files with one another.

    Lists every file that is missing, changed or not part of the release. The exit code is 1 if
    something differs. Hidden files that are not part of it, such as those of Git and of the
    Hugging Face Hub, are ignored. Checksums can be written again, so the contents are compared too:

    \b
    names, splits and sentences   release.json, images.csv, images/, precomp/,
                                  folds.csv and dataset_RSITMD.json
    checksum of the dataset       croissant.json
    prior/                        checksums of the sentences, mean, and eight rows
                                  that are computed again (definition reference)
    statistics.json               computed again
    split_proof.json              shared scenes and sentences, computed again
    licences and version          release.json, croissant.json and images.csv
    footprints.parquet            stac.json (extra geo)

    The last four, and the rows of priors, are compared only if the same version of rsitmd-tools
    made the release. Checksums alone cover the pixels of images, their folds, the settings in
    release.json, and the texts for readers. `rsitmd validate RELEASE --select L110` computes the
    rest of split_proof.json again.

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
