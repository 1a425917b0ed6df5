"""The options that say how rasters become images of 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rsitmd_tools.imaging.options import BandOptions


def band_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--bands``, ``--range``, ``--percentiles`` and ``--outside`` to a command.

    The command gets ``options``, a :class:`BandOptions`, and ``outside``.
    """

    @wraps(command)
    def call(
        *args: Any, bands: str | None, values: str | None, percentiles: str | None, **kwargs: Any
    ) -> Any:
        return command(*args, options=_options(bands, values, percentiles), **kwargs)

    for option in reversed(
        (
            click.option(
                "--bands",
                metavar="R,G,B",
                help="Bands of a raster that become red, green and blue, for example 4,3,2; "
                "or one band, as grey.",
            ),
            click.option(
                "--range",
                "values",
                metavar="LOW,HIGH",
                help="Values that become black and white, for example 0,10000. By default 8-bit "
                "values are unchanged, and others are stretched.",
            ),
            click.option(
                "--percentiles",
                metavar="LOW,HIGH",
                help="Percentiles of the values of a raster that become black and white; by "
                "default 2,98.",
            ),
            click.option(
                "--outside",
                is_flag=True,
                help="Allow a VRT to read files outside of its folder. URLs are never read.",
            ),
        )
    ):
        call = option(call)
    return call


def _options(bands: str | None, values: str | None, percentiles: str | None) -> BandOptions:
    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.imaging.options import (
        DEFAULTS,
        BandOptions,
        parse_bands,
        parse_percentiles,
        parse_range,
    )

    if values is not None and percentiles is not None:
        raise WrongUsage("--range and --percentiles cannot be combined", hint="use one of them")
    return BandOptions(
        None if bands is None else parse_bands(bands),
        None if values is None else parse_range(values),
        DEFAULTS.percentiles if percentiles is None else parse_percentiles(percentiles),
    )
