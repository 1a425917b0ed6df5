"""Arguments and options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

# Listed here so that help and completion do not import the modules of the formats. A test
# compares the list with the registry.
FORMATS = ("rsitmd", "precomp", "workspace")


def workspace_argument(function: F) -> F:
    """Add DIR, the workspace, as ``folder``."""
    return click.argument(
        "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path)
    )(function)


def path_argument(function: F) -> F:
    """Add PATH, a dataset in any format, as ``path``."""
    return click.argument("path", metavar="PATH", type=click.Path(path_type=Path))(function)


def input_options(function: F) -> F:
    """Add ``--input-format`` and ``--images``, for commands that read a dataset."""
    function = click.option(
        "--images",
        "image_folder",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the images, if it is not beside the dataset.",
    )(function)
    return click.option(
        "--input-format",
        type=click.Choice(FORMATS),
        help="Format of PATH; detected by default.",
    )(function)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def count_of(count: int, noun: str) -> str:
    """Return a count with its noun, for example ``1 image`` and ``2 images``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
