"""``build complete``: add the image files to a release that was made without them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping
from pathlib import Path

from rsitmd_tools.atomic import atomic_folder
from rsitmd_tools.errors import RsitmdError, command_line, count_of, reason
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, ListedImage, read_image_list
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.imaging.source import with_side_files
from rsitmd_tools.ingest.normalise import encode_tiff
from rsitmd_tools.progress import track
from rsitmd_tools.release.manifest import check_release


def complete_release(release: Path, images: Path) -> int:
    """Add the image files to a release without images.

    A file is taken as it is if it has the checksum of the released image, under any name.
    Otherwise the source of the image is normalised again, if that gives the released image. It
    does not for tiles, for scenes of several files and for chosen bands or values.
    The folder ``images`` of the release is complete or does not exist.

    Args:
        release: A release without images.
        images: Folder with the images or their sources, with subfolders.

    Returns:
        Number of added images.

    Raises:
        RsitmdError: The release has images already or is damaged, or images are missing.
    """
    check_release(release)
    if (release / "images").exists():
        raise RsitmdError(
            "already has the folder images",
            where=release,
            hint="to check it, run: "
            + command_line("build", "verify", release)
            + "; to add all images again, remove that folder first",
        )
    listed = read_image_list(release / IMAGE_LIST)
    size = _image_size(release / MANIFEST)
    files = _by_checksum(images)
    names = {path.name for path in images.rglob("*")}
    missing = []
    with atomic_folder(release / "images") as folder:
        for image in track(listed, "images", len(listed)):
            data = _released(image, files, size)
            if data is None:
                missing.append(_missing(image, files, names))
            else:
                (folder / image.filename).write_bytes(data)
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise RsitmdError(
                f"{count_of(len(missing), 'image')} of {len(listed)} not found:"
                f" {', '.join(missing[:5])}{more}",
                where=images,
                hint=f"add the files that {release / IMAGE_LIST} lists; nothing was written",
            )
    return len(listed)


def _missing(image: ListedImage, files: Mapping[str, Path], names: Container[str]) -> str:
    """Return the name of an image that no file gives, with its source and the reason."""
    source = image.source
    if image.source_sha256 in files:
        why = f"source {source} gives another image"
    elif Path(source).name in names:
        why = f"source {source}; a file of this name has another checksum"
    elif image.filename in names:
        why = f"source {source}; {image.filename} has another checksum"
    else:
        why = f"source {source}"
    return f"{image.filename} ({why})"


def _image_size(manifest: Path) -> int:
    try:
        document = json.loads(manifest.read_text(encoding="utf-8"))
        return int(document["settings"]["dataset"]["image_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})",
            where=manifest,
            hint="get a complete copy of the release",
        ) from error


def _by_checksum(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise RsitmdError(
            "is not a folder", where=folder, hint="use the folder that holds the images"
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found: dict[str, Path] = {}
    for file in track(files, "checksums", len(files)):
        try:
            found.setdefault(sha256_file(file), file)
        except OSError:
            continue  # reported as missing if the release needs it
    return found


def _released(image: ListedImage, files: dict[str, Path], size: int) -> bytes | None:
    """Return the bytes of a released image; None if no file gives them."""
    if image.sha256 in files:
        data = files[image.sha256].read_bytes()
    elif image.source_sha256 in files:
        data = _normalised(files[image.source_sha256], size)
    else:
        return None
    return data if hashlib.sha256(data).hexdigest() == image.sha256 else None


def _normalised(file: Path, size: int) -> bytes:
    try:
        source = with_side_files(file, file.read_bytes(), outside=False)
        with quiet_decoders():
            return encode_tiff(decode_file(source, size).image)
    except (OSError, UnusableImageError):
        return b""  # has no checksum of a release
