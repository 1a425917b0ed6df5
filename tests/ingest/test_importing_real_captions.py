"""``build import`` of the published caption files, with a few image files beside them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rsitmd_tools.dataset import ImageRecord
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.workspace import Workspace
from tests.command import rsitmd
from tests.pictures import save_noise

FILES = 5


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("karpathy/dataset_ucm.json", "karpathy"),
        ("albef", "albef"),
        ("coco", "coco"),
        ("open_clip/rsitmd_test.csv", "open-clip-csv"),
        ("csv/RSITMD.csv", "csv"),
        ("jsonl/textaug_valid_rsicd.jsonl", "jsonl"),
    ],
)
def test_published_captions(shared_data: Path, tmp_path: Path, file: str, form: str) -> None:
    source = shared_data / "captions" / file
    data = load_dataset(source)
    chosen = data.images[:: len(data) // FILES][:FILES]
    for number, image in enumerate(chosen):
        save_noise(tmp_path / "images" / image.filename, number)
    Workspace.create(tmp_path / "w").close()
    more = ("--images", tmp_path / "images", "--input-format", form)
    done = rsitmd("build", "import", tmp_path / "w", source, "--json", *more)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["images"], document["added"]) == (len(data), FILES)
    assert len(document["files"]["without_file"]) == len(data) - FILES
    # Images without a file keep their sentences.
    again = load_dataset(tmp_path / "w")
    assert Counter(map(content, again)) == Counter(map(content, data))
    with Workspace.open(tmp_path / "w") as workspace:
        assert len(list(workspace.images.iterdir())) == FILES


def content(image: ImageRecord) -> tuple[tuple[str, ...], str | None]:
    """Return the sentences of an image and its split; a sentence is one line."""
    return tuple(" ".join(caption.split()) for caption in image.captions), image.split
