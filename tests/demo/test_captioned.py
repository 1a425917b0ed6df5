"""``annotations.jsonl``: reading, and errors that name the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rsitmd_tools.demo.captioned import FILENAME, annotators_of, read_captioned
from rsitmd_tools.errors import RsitmdError


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "image": "a.png",
        "category": "port",
        "sentences": [
            {"annotator": "berta", "raw": "Two boats lie at the pier."},
            {"annotator": "anna", "raw": "A pier with two boats."},
        ],
        "keywords": ["white boat"],
        **changes,
    }


def folder_of(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "images").mkdir(exist_ok=True)
    Image.new("RGB", (20, 20)).save(tmp_path / "images" / "a.png")
    (tmp_path / FILENAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_read(tmp_path: Path) -> None:
    images = read_captioned(folder_of(tmp_path, json.dumps(entry()), ""))
    assert images[0].path == (tmp_path / "images" / "a.png").resolve()
    assert images[0].written_by("anna") == ["A pier with two boats."]
    assert annotators_of(images) == ["anna", "berta"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: is not JSON"),
        ("[]", r"line 1: document must be an object, not \[\]"),
        (json.dumps(entry(image="../a.png")), "line 1: the image is outside images/"),
        (json.dumps(entry(image="/etc/passwd")), "line 1: the image is outside images/"),
        (json.dumps(entry(image="b.png")), "line 1: images/b.png does not exist"),
        (json.dumps(entry(sentences=[])), "line 1: sentences"),
        (json.dumps(entry(sentences=[{"annotator": "x", "raw": " "}])), "line 1: sentences"),
        (json.dumps(entry(sentences=[{"annotator": "x@y z", "raw": "a"}])), "annotator"),
        (json.dumps(entry(keywords=["a b"] * 6)), "line 1: keywords"),
        (json.dumps(entry(keywords="a b")), "line 1: keywords"),
        (json.dumps(entry()) + "\n" + json.dumps(entry()), "lists a.png 2 times"),
        ("", "lists no images"),
    ],
)
def test_each_error_names_its_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(RsitmdError, match=message) as caught:
        read_captioned(folder_of(tmp_path, line))
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match=r"must contain images/ and annotations\.jsonl"):
        read_captioned(tmp_path)
