"""The option ``--device`` of commands that run a model."""

from __future__ import annotations

import click

# Named here so that help need not import torch; a test holds them against the device module.
DEVICES = ("auto", "cpu", "cuda", "mps")

device_option = click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where."
)
