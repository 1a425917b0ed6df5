"""``rsitmd build release``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import command_line, count_of

if TYPE_CHECKING:
    from rsitmd_tools.release import ReleaseReport


@click.command("release")
@workspace_argument
@click.option("--version", required=True, help="Semantic version, such as 1.0.0.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=PathType(path_type=Path),
    help="Folder of the release; it must not exist.",
)
@click.option(
    "--previous",
    metavar="RELEASE",
    type=PathType(path_type=Path),
    help="Folder of the previous release; CHANGELOG.md lists the differences.",
)
@click.option(
    "--without-images",
    is_flag=True,
    help="Leave the image files out and list their checksums in images.csv.",
)
@click.option(
    "--without-prior",
    is_flag=True,
    help="Leave the prior similarities out. Their size grows with the square of the number of"
    " images; `rsitmd build similarity` computes them from the release.",
)
@click.option(
    "--allow",
    metavar="CODES",
    help="Rules whose errors do not prevent the release, such as D104,L101.",
)
@click.option("--allow-no-licence", is_flag=True, help="Release texts or images without a licence.")
@click.option("--with-names", is_flag=True, help="Name the annotators instead of numbering them.")
@click.option("--tar", is_flag=True, help="Also write OUT.tar.")
@click.option(
    "--force",
    is_flag=True,
    help="Replace the release OUT (and OUT.tar) when the new one is complete.",
)
@json_option
def command(
    folder: Path,
    version: str,
    output: Path,
    previous: Path | None,
    without_images: bool,
    without_prior: bool,
    allow: str | None,
    allow_no_licence: bool,
    with_names: bool,
    tar: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Create a release: images, texts, prior, statistics, citation, changes and checksums.

    A release includes every sentence except those that were sent back or rejected, and prefilled
    text that nobody changed. If rsitmd.toml sets `only_accepted = true` under `[release]`, it
    includes only the sentences that a reviewer accepted. Images without all their sentences are
    left out and listed in release.json, which also counts sentences by origin (human, or changed
    machine text). Annotators are identified by number, never by address.

    Findings of severity "error" and a missing licence prevent a release. Set text_licence and
    image_licence under `[release]` in rsitmd.toml. validation.json lists all findings.

    The folder is complete or does not exist. The same workspace always produces the same
    bytes. Run `rsitmd build verify` or `sha256sum -c SHA256SUMS` to check a release. Title,
    authors, URL and DOI of CITATION.cff are settings under `[release]`.

    \b
    Examples:
      rsitmd build release my-dataset --version 1.0.0 -o my-dataset-1.0.0
      rsitmd build release my-dataset --version 1.1.0 -o my-dataset-1.1.0 \\
          --previous my-dataset-1.0.0
      rsitmd build release my-dataset --version 1.0.0 -o texts-1.0.0 --without-images
    """
    from dataclasses import asdict

    from rsitmd_tools.release import ReleaseOptions, make_release
    from rsitmd_tools.release.archive import check_tar, tar_of, write_tar
    from rsitmd_tools.release.select import unlicensed
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        options = ReleaseOptions(
            images=not without_images,
            prior=not without_prior,
            previous=previous,
            allowed=tuple((allow or "").replace(",", " ").split()),
            unlicensed=allow_no_licence,
            names=with_names,
            replace=force,
        )
        if tar and not force:
            check_tar(output)
        report = make_release(workspace, version, output, options)
        settings = workspace.settings
    if tar:
        write_tar(output, tar_of(output), replace=force)
    _warn_without_licence(unlicensed(settings, images=not without_images))
    if report.left_out:
        click.echo(
            f"left out: {count_of(report.left_out, 'image')} without all"
            f"{' accepted' if report.only_accepted else ''} sentences, listed in"
            f" {output / 'release.json'}",
            err=True,
        )
    if report.no_precomp:
        click.echo(f"left out: precomp/: {report.no_precomp}", err=True)
    if report.not_accepted:
        warn(
            f"the release has text of {', '.join(report.not_accepted)} without their acceptance of"
            f" the licence. To see their addresses, run:"
            f" {command_line('annotate', 'status', folder)}"
        )
    if as_json:
        print_json(asdict(report))
        return
    click.echo(_reviewed(report))
    counts = ", ".join(f"{name} {count}" for name, count in report.images.items())
    click.echo(
        f"release: {counts}; {count_of(report.sentences, 'sentence')},"
        f" {count_of(report.keywords, 'keyword')}"
    )
    click.echo(f"folder: {output}")


def _warn_without_licence(missing: list[str]) -> None:
    if missing:
        warn(f"no licence of the {' and the '.join(missing)}; without one, nobody may use them")


def _reviewed(report: ReleaseReport) -> str:
    """Return how many sentences no reviewer accepted, and whether the release has them."""
    setting = f"([release] only_accepted = {str(report.only_accepted).lower()} in rsitmd.toml)"
    where = "left out" if report.only_accepted else "included"
    return f"not accepted: {count_of(report.unreviewed, 'sentence')}, {where} {setting}"
