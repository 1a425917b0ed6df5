"""The option ``--device`` of commands that run a model."""

from __future__ import annotations

import click

# Repeated here so that --help does not import torch; a test compares both lists.
DEVICES = ("auto", "cpu", "cuda", "mps")

device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Device to run the model on; auto uses a GPU if there is one.",
)
