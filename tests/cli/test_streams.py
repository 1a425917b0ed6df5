"""Standard streams that are closed, full, broken, or in another encoding than UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import command_line

# Outside Latin-1, in it, and outside the first 65 536 characters.
NAMES = ("港口_1.tif", "höfe_2.tif", "船🛰_3.tif", "port_4.tif")
ENCODINGS = ("latin-1", "ascii")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with findings that name images in Chinese."""
    folder = tmp_path_factory.mktemp("streams") / "数据"
    (folder / "images").mkdir(parents=True)
    draw = np.random.default_rng(0)
    images = []
    for number, name in enumerate(NAMES):
        pixels = draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / name)
        said = [{"raw": f"Many 船 lie in the {colour} port."} for colour in ("red", "grey")]
        split = ("train", "test")[number % 2]
        images.append({"filename": name, "split": split, "category": "港", "sentences": said})
    document = {"dataset": "数据", "images": images}
    (folder / "dataset_RSITMD.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def workspace(dataset: Path) -> Path:
    """A workspace whose images, folder and dataset have such names."""
    folder = dataset.parent / "工作"
    assert run("build", "init", folder).returncode == 0
    ingest = ("build", "ingest", folder, dataset / "images", "--category", "port")
    assert run(*ingest).returncode == 0
    return folder


def run(
    *arguments: object, encoding: str = "utf-8", shell: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run the tool, through a shell where a stream is redirected."""
    command = command_line(*arguments)
    if shell:
        command = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    return subprocess.run(command, capture_output=True, env=environment, timeout=120)


def escaped(text: str, encoding: str) -> bytes:
    """Return a text with the characters that an encoding lacks as JSON writes them."""
    shown = [c if _fits(c, encoding) else json.dumps(c)[1:-1] for c in text]
    return "".join(shown).encode(encoding)


def _fits(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def test_every_command_prints_escapes_and_exits_as_with_utf_8(
    dataset: Path, workspace: Path
) -> None:
    for code, arguments in (
        (1, ("validate", dataset)),
        (0, ("validate", dataset, "--statistics")),
        (1, ("annotate", "log", workspace, "港口_1.tif")),
        (0, ("build", "init", workspace.parent / "新船🛰")),
        (2, ("没有",)),
    ):
        wanted = run(*arguments)
        assert wanted.returncode == code
        assert not (wanted.stdout + wanted.stderr).isascii()
        for encoding in ENCODINGS:
            found = run(*arguments, encoding=encoding)
            assert found.returncode == code
            assert found.stdout == escaped(wanted.stdout.decode(), encoding)
            assert found.stderr == escaped(wanted.stderr.decode(), encoding)


@pytest.mark.parametrize("encoding", ["utf-8", *ENCODINGS])
def test_json_is_the_same_document_in_every_encoding(encoding: str) -> None:
    document = {"船": "船🛰é", "no UTF-8": "\udcff", "backslash": "\\u8239"}
    script = (
        "from rsitmd_tools.cli.options import print_json\n"
        "from rsitmd_tools.cli.streams import prepare\n"
        f"prepare()\nprint_json({document!a})"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment)
    assert json.loads(done.stdout.decode(encoding)) == document, done.stderr


@pytest.mark.parametrize(
    ("shell", "silent"),
    [
        (">&-", True),
        ("2>&-", False),
        ("<&- >&- 2>&-", True),
        ("| head -1", False),
        ("| true", True),
        ("2>/dev/full", False),
        ("2> >(true)", False),
    ],
)
def test_a_closed_stream_does_not_change_the_exit_code(
    dataset: Path, shell: str, silent: bool
) -> None:
    done = run("validate", dataset, shell=shell)
    assert (done.returncode, done.stderr) == (1, b"")
    assert (done.stdout == b"") == silent


def test_an_error_is_not_printed_as_output_when_standard_error_is_closed() -> None:
    done = run("validate", "/nowhere", shell="2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@pytest.mark.parametrize("arguments", [("validate",), ("--version",)])
def test_a_full_device_is_named_once(dataset: Path, arguments: tuple[str, ...]) -> None:
    path = (dataset,) if arguments == ("validate",) else ()
    done = run(*arguments, *path, shell=">/dev/full")
    assert done.returncode == 1
    assert done.stderr == b"error: standard output: no space left on device\n"


def test_files_are_written_whatever_the_output(dataset: Path, tmp_path: Path) -> None:
    for number, shell in enumerate((">&-", "| true")):
        file = tmp_path / f"{number}.json"
        run("validate", dataset, "--format", "json", "-o", file, shell=shell)
        assert json.loads(file.read_text(encoding="utf-8"))["findings"]
