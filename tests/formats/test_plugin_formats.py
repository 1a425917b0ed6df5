"""Formats of other packages that fail: the error names the format and its package."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from rsitmd_tools import plugins
from rsitmd_tools.cli.options import FormatName
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import formats, load_dataset, save_dataset
from tests.plugged import Plug

# Each test defines a function of its own.
SOURCE = """
from rsitmd_tools.formats.registry import Format

def recognises(path): return path.name == "zz"
def read(path, image_folder): return None
def write(dataset, folder): pass

{function}

FORMAT = Format({name!r}, "a folder", recognises, read, write)
"""


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    image = ImageRecord("port_1.tif", (Sentence("A port."),), split="train")
    return Dataset("data", (image,), tmp_path, "memory", None)


def add(plug: Plug, function: str = "", name: str = "zz") -> None:
    plug(plugins.FORMATS, "zz", SOURCE.format(function=function, name=name), "FORMAT")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ('def write(dataset, folder): raise ValueError("cannot")', "ValueError: cannot"),
        ("def write(dataset): pass", "TypeError: write() takes 1 positional"),
        ("def write(dataset, folder): raise NotImplementedError", "(NotImplementedError)"),
    ],
)
def test_a_format_that_cannot_write(
    plug: Plug, data: Dataset, tmp_path: Path, function: str, said: str
) -> None:
    add(plug, function)
    with pytest.raises(RsitmdError) as error:
        save_dataset(data, tmp_path, "zz")
    assert str(error.value).startswith("format zz of rsitmd-other failed (")
    assert said in str(error.value)
    assert "report it to the authors of rsitmd-other; --debug" in str(error.value)


def test_a_full_disk_is_no_fault_of_the_format(plug: Plug, data: Dataset, tmp_path: Path) -> None:
    add(plug, 'def write(dataset, folder): raise OSError(28, "No space left on device")')
    with pytest.raises(OSError, match="No space left"):
        save_dataset(data, tmp_path, "zz")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("", "TypeError: read returned NoneType instead of Dataset"),
        ("def read(path): pass", "TypeError: read() takes 1 positional"),
    ],
)
def test_a_format_that_cannot_read(plug: Plug, tmp_path: Path, function: str, said: str) -> None:
    add(plug, function)
    (tmp_path / "zz").mkdir()
    with pytest.raises(RsitmdError) as error:
        load_dataset(tmp_path / "zz")
    assert f"format zz of rsitmd-other failed ({said}" in str(error.value)


def test_a_format_that_fails_to_recognise_is_reported_once(
    plug: Plug, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(plug, 'def recognises(path): raise RuntimeError("boom")')
    for _ in range(2):
        with pytest.raises(RsitmdError, match="has no known format"):
            load_dataset(tmp_path)
    [warning] = caplog.messages
    assert warning.startswith("format zz of rsitmd-other failed (RuntimeError: boom)")


def test_a_format_of_another_name_is_left_out_and_not_offered(
    plug: Plug, caplog: pytest.LogCaptureFixture
) -> None:
    add(plug, name="other")
    assert "zz" not in formats()
    with pytest.raises(click.BadParameter) as error:
        FormatName().convert("other", None, None)
    assert "'jsonl'" in str(error.value) and "zz" not in str(error.value)
    assert caplog.messages == [
        "plugin zz of rsitmd-other is left out: it is not a Format with the name zz; correct the "
        "entry point"
    ]
