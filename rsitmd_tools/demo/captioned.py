"""Images with annotations of several annotators: ``images/`` and ``annotations.jsonl``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.text_files import read_text

FILENAME = "annotations.jsonl"


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """An image and its annotations before a campaign.

    Attributes:
        path: The image file.
        category: Category of the scene.
        sentences: ``(annotator, raw)`` in the order of the file.
        keywords: Keywords in the order of the file.
    """

    path: Path
    category: str
    sentences: tuple[tuple[str, str], ...]
    keywords: tuple[str, ...]

    def written_by(self, annotator: str) -> list[str]:
        """Return the sentences of one annotator."""
        return [raw for name, raw in self.sentences if name == annotator]


def read_captioned(folder: Path) -> list[CaptionedImage]:
    """Read a folder of captioned images.

    Raises:
        RsitmdError: The file does not exist, a line is malformed, or an image does not exist, is
            listed twice or is outside the folder. The message names the line.
    """
    file = folder / FILENAME
    if not file.is_file():
        raise RsitmdError(
            "does not exist", where=file, hint=f"the folder must contain images/ and {FILENAME}"
        )
    images = [
        _image(folder, line, f"{file}: line {number}")
        for number, line in enumerate(read_text(file).split("\n"), 1)
        if line.strip()
    ]
    if not images:
        raise RsitmdError("lists no images", where=file, hint="write one line of JSON per image")
    name, times = Counter(image.path.name for image in images).most_common(1)[0]
    if times > 1:
        raise RsitmdError(
            f"lists {name} {times} times", where=file, hint="write one line per image"
        )
    return images


def annotators_of(images: list[CaptionedImage]) -> list[str]:
    """Return the names of all annotators, sorted."""
    return sorted({name for image in images for name, _ in image.sentences})


def _image(folder: Path, line: str, where: str) -> CaptionedImage:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise RsitmdError(
            "is not JSON", where=where, hint="write one line of JSON per image"
        ) from None
    problem = first_error(entry, load_schema("annotations"))
    if problem is not None:
        raise RsitmdError(f"{problem.key} {problem.message}", where=where, hint=problem.hint)
    images = (folder / "images").resolve()
    path = images / entry["image"]
    if not path.resolve().is_relative_to(images):
        raise RsitmdError("the image is outside images/", where=where, hint="use a file in images/")
    if not path.is_file():
        raise RsitmdError(
            f"images/{entry['image']} does not exist", where=where, hint="restore the file"
        )
    return CaptionedImage(
        path=path,
        category=entry["category"],
        sentences=tuple((s["annotator"], s["raw"]) for s in entry["sentences"]),
        keywords=tuple(entry["keywords"]),
    )
