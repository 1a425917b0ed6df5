"""The options of ``build ingest`` that cut scenes into tiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rsitmd_tools.cli.options import FILE
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from rsitmd_tools.imaging.options import BandOptions
    from rsitmd_tools.ingest import IngestReport
    from rsitmd_tools.ingest.plan import TileOptions

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--tile",
        "side",
        metavar="SIZE",
        type=click.IntRange(16, 65536),
        help="Cut scenes into square tiles of SIZE pixels.",
    ),
    click.option(
        "--stride",
        metavar="N",
        type=click.IntRange(1, 65536),
        help="Distance of neighbouring tiles in pixels; SIZE by default. Larger values leave gaps.",
    ),
    click.option(
        "--min-valid",
        metavar="SHARE",
        type=click.FloatRange(0, 1),
        help="Leave out tiles with a smaller share of valid pixels; 0.9 by default.",
    ),
    click.option(
        "--grid-of",
        "places",
        metavar="FILE",
        type=FILE,
        help="Take tiles at the points and polygons of a GeoJSON file instead of a grid.",
    ),
    click.option(
        "--gsd",
        metavar="METRES",
        type=click.FloatRange(0, min_open=True),
        help="Resample scenes to this ground sample distance; SIZE and N count its pixels.",
    ),
    click.option(
        "--resize",
        metavar="N",
        type=click.IntRange(16, 4096),
        help="Side length of the images in pixels. In a workspace without images, it sets"
        " dataset.image_size; otherwise it must be equal to it.",
    ),
    click.option(
        "--block",
        metavar="LENGTH",
        help="Keep all tiles of a square of this side in one split, such as 1km; 0 for no blocks."
        " See `rsitmd build split --help`.",
    ),
)


@dataclass(frozen=True, slots=True)
class TileArguments:
    """The values of these options; see :class:`~rsitmd_tools.ingest.plan.TileOptions`."""

    side: int | None
    stride: int | None
    min_valid: float | None
    places: Path | None
    gsd: float | None
    resize: int | None
    block: str | None

    @property
    def tiling(self) -> bool:
        """Whether scenes are cut into tiles."""
        return self.side is not None or self.places is not None

    def options(self, bands: BandOptions, outside: bool) -> TileOptions:
        """Return the options of the tiling.

        Raises:
            RsitmdError: The file of places cannot be used.
        """
        from rsitmd_tools.extras import require
        from rsitmd_tools.ingest.plan import TileOptions
        from rsitmd_tools.ingest.windows import read_places

        require("rasterio", "geopandas", "antimeridian")
        places = None if self.places is None else read_places(self.places)
        options = TileOptions(
            self.side, self.stride, gsd=self.gsd, places=places, bands=bands, outside=outside
        )
        return options if self.min_valid is None else replace(options, min_valid=self.min_valid)

    def check(self) -> None:
        """Check that the options belong together.

        Raises:
            WrongUsage: An option has no effect without another one, or a number is not finite.
        """
        for name, number in (("--gsd", self.gsd), ("--min-valid", self.min_valid)):
            if number is not None and not math.isfinite(number):
                raise WrongUsage(f"{name} {number} is not a finite number", hint="use another one")
        if self.tiling:
            if self.gsd is not None and self.side is None:
                raise WrongUsage("--gsd requires --tile", hint="use --tile SIZE")
            if self.stride is not None and self.places is not None:
                raise WrongUsage(
                    "--stride has no effect with --grid-of", hint="leave out one of the two"
                )
            return
        for name, value in (("--stride", self.stride), ("--gsd", self.gsd)):
            if value is not None:
                raise WrongUsage(f"{name} requires --tile", hint="use --tile SIZE")
        if self.min_valid is not None:
            raise WrongUsage("--min-valid requires --tile or --grid-of", hint="use --tile SIZE")


def tile_options(function: F) -> F:
    """Add the options; the function gets them as ``tiles``."""

    def wrapped(**values: Any) -> Any:
        names = TileArguments.__dataclass_fields__
        arguments = TileArguments(**{name: values.pop(name) for name in names})
        return function(tiles=arguments, **values)

    wrapped.__doc__ = function.__doc__
    wrapped.__name__ = function.__name__
    # The parameters that decorators below have added.
    wrapped.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Any = wrapped
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def print_tiles(report: IngestReport) -> None:
    """Print the figures of tiles; nothing if no scenes were cut."""
    # The class is not imported, because that takes longer than a small ingest.
    tiles: Any = report
    if not hasattr(tiles, "left_out"):
        return
    click.echo(
        f"tiles of {count_of(tiles.scenes, 'scene')}: {tiles.left_out} skipped (too few valid"
        f" pixels); overlapping tiles: {tiles.overlapping}, in"
        f" {count_of(tiles.spatial_groups, 'group')}"
    )
    if tiles.outside:
        from rsitmd_tools.imaging.limits import MIN_SIDE

        click.echo(
            f"without a tile: {count_of(tiles.outside, 'given place')} (not in any scene, or the"
            f" square is larger than the scene or smaller than {MIN_SIDE} pixels)"
        )
