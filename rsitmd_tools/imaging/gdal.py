"""GDAL and PROJ without network; GDAL quiet, with few drivers and a small cache.

A raster can make GDAL open another one: a VRT names its sources, and the metadata of a TIFF can
name a file of overviews. So the network is closed for GDAL as a whole, not by looking at files.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rsitmd_tools.errors import install_hint
from rsitmd_tools.imaging.limits import UnusableImageError

IMAGE_DRIVERS = ("GTiff", "PNG", "JPEG", "WEBP", "JP2OpenJPEG")
VRT_DRIVERS = ("VRT",)
# Drivers that fetch data, or that are opened by a text which names other files. This has an
# effect on the first use of GDAL in a process.
SKIPPED = (
    "BAG DAAS EEDA EEDAI ESRIC GTI HTTP KMLSUPEROVERLAY MBTiles MRF NGW OGCAPI OSM "
    "PLMOSAIC PLScenes S102 S104 S111 STACIT STACTA WCS WMS WMTS Zarr netCDF HDF5 HDF5Image"
)
OPTIONS: dict[str, str | int] = {
    "GDAL_SKIP": SKIPPED,
    # No file name ends so: no /vsicurl/, /vsis3/ or similar file exists.
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    # Other requests go to a proxy that does not exist.
    "GDAL_HTTP_PROXY": "127.0.0.1:1",
    "GDAL_HTTPS_PROXY": "127.0.0.1:1",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    # Side files are looked up by name: a folder may hold a million files.
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_PAM_ENABLED": "YES",
    "GDAL_CACHEMAX": 64_000_000,
    "CPL_LOG": os.devnull,
}
LOGGERS = ("rasterio", "PIL")
# With the value ON, PROJ downloads datum shift grids. rasterio and pyproj each have their own PROJ.
PROJ_NETWORK = "PROJ_NETWORK"


def is_utf8(path: str) -> bool:
    """Return whether a path is UTF-8. GDAL opens no others."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def close_proj_network() -> None:
    """Let PROJ use the grids of this machine only, whatever the user's environment says.

    PROJ reads the variable when a thread first uses it, for example to create a CRS. So this is
    called when the module is imported, and again before transforms, because the program of the
    user may have changed the variable. Worker processes inherit it.
    """
    os.environ[PROJ_NETWORK] = "OFF"
    pyproj = sys.modules.get("pyproj")
    if pyproj is not None and pyproj.network.is_network_enabled():
        pyproj.network.set_network_enabled(False)


close_proj_network()


@contextmanager
def safe_gdal() -> Iterator[None]:
    """Run a block with a GDAL that reads local files only and reports by exceptions only.

    Raises:
        UnusableImageError: rasterio is not installed.
    """
    try:
        import rasterio
    except ImportError:
        raise UnusableImageError(
            "has other bands than 8 bits of red, green and blue, or a mask or nodata; "
            f"to read it, {install_hint('geo')}"
        ) from None
    close_proj_network()
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    hook = sys.unraisablehook
    # rasterio fails to log messages of GDAL that are not UTF-8, for example of damaged tags.
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.Env(**OPTIONS):
                yield
    finally:
        sys.unraisablehook = hook
