"""What ``push`` and ``status`` say about images that nobody is left for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


def print_skipped_by_all(images: Sequence[dict[str, Any]], folder: Path) -> None:
    """Print a warning for each image that was skipped and that nobody else can take."""
    import shlex

    from rsitmd_tools.errors import printable

    for entry in images:
        who = ", ".join(entry["skipped_by"])
        line = f"warning: {entry['image']}: skipped by {who}, and nobody else can take it"
        click.echo(printable(line), err=True)
    if images:
        add = shlex.join(["rsitmd", "annotate", "users", str(folder), "add", "EMAIL"])
        click.echo(f"look at these images, or add a person with: {add}", err=True)
