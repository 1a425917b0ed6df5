"""``build where`` and ``build export-footprints``: the places of images, for people and files."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, write_json
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.extras import require
from rsitmd_tools.ingest.footprints import WGS84, resized_transform, window_transform
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import find_image
from rsitmd_tools.workspace.scenes import ImagePlace, central_window, image_place, image_places

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
GEOJSON = (".geojson",)
PARQUET = (".parquet", ".geoparquet")
STAC = (".json", ".stac")


def where(workspace: Workspace, image: str) -> dict[str, Any]:
    """Return the place of an image.

    Args:
        workspace: The workspace.
        image: File name of the image, or a path that ends with it.

    Returns:
        ``image``, ``source``, ``window``, ``crs``, ``transform`` (of the window), ``footprint``
        (GeoJSON, WGS84), ``gsd`` (metres), and ``scene`` with what is recorded of the file. What
        is not known is None.

    Raises:
        RsitmdError: The workspace has no such image.
    """
    place = image_place(workspace, find_image(workspace, Path(image).name).filename)
    assert place is not None
    return _described(place)


def export_footprints(workspace: Workspace, target: Path) -> tuple[int, int]:
    """Write the footprints of all images that have one.

    Args:
        workspace: The workspace.
        target: The file: ``.geojson``, ``.parquet`` (GeoParquet) or ``.json`` (a collection of
            STAC items).

    Returns:
        The number of images with a footprint, and of those without one.

    Raises:
        WrongUsage: The suffix is another one.
        RsitmdError: No image has a footprint, or the file cannot be written.
    """
    suffix = target.suffix.lower()
    if suffix not in (*GEOJSON, *PARQUET, *STAC):
        raise WrongUsage(
            "unsupported file type",
            where=target.name,
            hint="use -o footprints.geojson, .parquet (GeoParquet) or .json (STAC items)",
        )
    every = image_places(workspace)
    placed = [place for place in every if place.footprint is not None]
    if not placed:
        raise RsitmdError(
            "no image has a footprint",
            where=workspace.path,
            hint="ingest rasters that have a georeference",
        )
    size = workspace.settings.dataset.image_size
    write_footprints(placed, target, workspace.images, size)
    return len(placed), len(every) - len(placed)


def write_footprints(
    placed: Sequence[ImagePlace],
    target: Path,
    images: Path,
    image_size: int,
    licences: Mapping[str, str] | None = None,
) -> None:
    """Write the footprints of images as GeoJSON, GeoParquet or STAC items, by the suffix.

    Args:
        placed: Images with a footprint.
        target: The file, with one of the suffixes of :func:`export_footprints`.
        images: Folder of the images, to which the STAC items refer.
        image_size: Side of these images in pixels.
        licences: Licence of each image by file name, empty without one.

    Raises:
        RsitmdError: A library of the extra ``geo`` is missing, or the file cannot be written.
    """
    suffix = target.suffix.lower()
    if suffix in GEOJSON:
        write_json(target, _feature_collection(placed, licences))
    elif suffix in PARQUET:
        _write_parquet(placed, target, licences)
    else:
        write_json(target, _item_collection(placed, target, images, image_size, licences))


def _described(place: ImagePlace) -> dict[str, Any]:
    scene = place.scene
    window = place.window or central_window(*place.source_size)
    transform = scene.transform if scene else None
    return {
        "image": place.filename,
        "source": place.source,
        "window": list(window),
        "crs": scene.crs if scene else None,
        "transform": None if transform is None else list(window_transform(transform, window)),
        "footprint": place.footprint,
        "gsd": place.gsd,
        "scene": None
        if scene is None
        else {
            "path": scene.source,
            # They are 0 for a scene of an imported release.
            "bytes": scene.size or None,
            "sha256": scene.sha256,
            "width": scene.width or None,
            "height": scene.height or None,
            "acquired": scene.acquired,
            "bands": json.loads(scene.bands),
        },
    }


Licences = Mapping[str, str] | None


def _properties(place: ImagePlace, licences: Licences) -> dict[str, Any]:
    """Return flat properties, which tables can hold."""
    scene = place.scene
    assert scene is not None and place.window is not None
    column, row, width, height = place.window
    return {
        "image": place.filename,
        "category": place.category,
        "split": place.split,
        "source": scene.source,
        "source_sha256": scene.sha256,
        "col": column,
        "row": row,
        "width": width,
        "height": height,
        "crs": scene.crs,
        "gsd": place.gsd,
        "acquired": scene.acquired,
        **({} if licences is None else {"licence": licences[place.filename] or None}),
    }


def _feature_collection(places: Sequence[ImagePlace], licences: Licences) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "generator": f"rsitmd-tools {__version__}",
        "features": [
            {
                "type": "Feature",
                "geometry": place.footprint,
                "properties": _properties(place, licences),
            }
            for place in places
        ],
    }


def _write_parquet(places: Sequence[ImagePlace], target: Path, licences: Licences) -> None:
    require("geopandas", "pyarrow")
    geopandas: Any = importlib.import_module("geopandas")
    from shapely.geometry import shape

    frame = geopandas.GeoDataFrame(
        [_properties(place, licences) for place in places],
        geometry=[shape(place.footprint) for place in places],
        crs=WGS84,
    )
    with atomic_path(target) as partial:
        frame.to_parquet(partial, index=False)


def _item_collection(
    places: Sequence[ImagePlace], target: Path, images: Path, image_size: int, licences: Licences
) -> dict[str, Any]:
    require("pystac")
    pystac: Any = importlib.import_module("pystac")
    items = [_item(pystac, images, image_size, place, target, licences) for place in places]
    document: dict[str, Any] = pystac.ItemCollection(
        items, extra_fields={"generator": f"rsitmd-tools {__version__}"}
    ).to_dict()
    return document


def _item(
    pystac: Any,
    images: Path,
    image_size: int,
    place: ImagePlace,
    target: Path,
    licences: Licences,
) -> Any:
    from antimeridian import bbox
    from shapely.geometry import shape

    scene = place.scene
    assert scene is not None and place.window is not None and place.footprint is not None
    when, properties = _times(scene.acquired, scene.mtime_ns)
    properties |= {f"rsitmd:{key}": value for key, value in _properties(place, licences).items()}
    if place.gsd is not None:
        properties["gsd"] = place.gsd
    if scene.crs is not None:
        properties |= _stac_crs(scene.crs)
    if scene.transform is not None:
        # Both describe the image, not the window of the scene that was resized to it.
        transform = window_transform(scene.transform, place.window)
        properties["proj:transform"] = list(resized_transform(transform, place.window, image_size))
        properties["proj:shape"] = [image_size, image_size]
    item = pystac.Item(
        id=Path(place.filename).stem,
        geometry=place.footprint,
        bbox=[float(value) for value in bbox(shape(place.footprint))],
        datetime=when,
        properties=properties,
        stac_extensions=[PROJECTION],
    )
    image = (images / place.filename).resolve()
    folder = target.resolve().parent
    href = Path(os.path.relpath(image, folder)).as_posix()
    item.add_asset("image", pystac.Asset(href, media_type="image/tiff", roles=["data"]))
    return item


@lru_cache(maxsize=64)
def _stac_crs(crs: str) -> dict[str, str | None]:
    """Return the CRS of an item: its code, or WKT 2 if it has none."""
    if crs.startswith("EPSG:"):
        return {"proj:code": crs}
    from pyproj import CRS
    from pyproj.exceptions import ProjError

    try:
        return {"proj:code": None, "proj:wkt2": CRS.from_wkt(crs).to_wkt("WKT2_2019")}
    except ProjError:  # of a local system, for example
        return {}


def _times(acquired: str | None, mtime_ns: int) -> tuple[datetime | None, dict[str, Any]]:
    """Return the time of an item: when it was acquired, otherwise before the file was written."""
    if acquired is not None:
        return datetime.fromisoformat(acquired), {}
    written = datetime.fromtimestamp(mtime_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None, {"start_datetime": "1970-01-01T00:00:00Z", "end_datetime": written}
