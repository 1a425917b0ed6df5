"""Hostile input to all readers and the command line: one line, no traceback, no hang."""

from __future__ import annotations

import contextlib
import io
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.quality import check
from rsitmd_tools.workspace import Settings
from tests.fuzz.mutation import SECONDS, bounded_memory, mutated
from tests.memory import peak_memory, reset_peak_memory
from tests.pictures import decode
from tests.quality.conftest import FIVE, dataset, document, record
from tests.quality.rules.scenes import scene

FEW, MANY = 40, 1300  # inputs of each of the eight campaigns: `make test`, `make soak`

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["images", "filename", "sentences", "raw", "keywords", "split", "tokens",
                         "imgid", "sentid", "sentids", "category", "dataset", "annotator"])
        | st.text(max_size=3),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


def command(*arguments: object) -> str:
    """Run the command line within this process; return what it says on stderr."""
    out, err = io.StringIO(), io.StringIO()
    began = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = root._run([str(a) for a in arguments], False)
    assert code in (0, 1, 2), err.getvalue()
    assert time.process_time() - began < SECONDS, "it hangs"
    errors = err.getvalue()
    assert "Traceback" not in errors
    assert "unexpected" not in errors, errors
    assert all(c.isprintable() or c == "\n" for c in errors + out.getvalue())
    return errors


def validate_all(path: Path) -> None:
    command("validate", path)
    command("validate", path, "--statistics", "--format", "json")


def campaign(count: int, one: Callable[[random.Random], None]) -> None:
    with bounded_memory():
        for seed in range(count):
            try:
                one(random.Random(seed))
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}") from error


@pytest.fixture(params=["generated", "real"])
def sample(request: pytest.FixtureRequest) -> Dataset:
    """A small dataset to be mutated: a drawn one, or the beginning of a published one."""
    if request.param == "generated":
        return dataset(*(record(f"port_{n}.tif", FIVE, split="train") for n in range(3)))
    real = load_dataset(request.getfixturevalue("shared_data") / "rsitmd_precomp")
    return real.with_images(real.select("train").images[:8])


@pytest.fixture(params=["generated", "real"])
def image_files(request: pytest.FixtureRequest, tmp_path: Path) -> list[bytes]:
    """Image files to be mutated: TIFF, PNG and JPEG; drawn ones, or some of UC Merced."""
    if request.param == "generated":
        pictures = [scene(1)]
        files = list[bytes]()
    else:
        real = load_dataset(request.getfixturevalue("shared_data") / "ucm_full")
        paths = [real.image_path(image) for image in real.images[::700]]
        files = [path.read_bytes() for path in paths]
        pictures = [Image.open(path).convert("RGB") for path in paths[:1]]
    for suffix in ("tif", "png", "jpg"):
        for picture in pictures:
            picture.save(tmp_path / f"a.{suffix}")
            files.append((tmp_path / f"a.{suffix}").read_bytes())
    return files


COUNTS = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.soak)]


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_json(tmp_path: Path, sample: Dataset, count: int) -> None:
    save_dataset(sample, tmp_path, "rsitmd")
    file = tmp_path / "dataset_RSITMD.json"
    whole = file.read_bytes()

    def one(chance: random.Random) -> None:
        file.write_bytes(mutated(whole, chance))
        validate_all(file)

    campaign(count, one)


@pytest.mark.parametrize("count", COUNTS)
def test_any_json(tmp_path: Path, count: int) -> None:
    file = tmp_path / "dataset_RSITMD.json"

    @settings(
        max_examples=count, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(JSON)
    def one(content: object) -> None:
        file.write_text(json.dumps(content), encoding="utf-8")
        validate_all(file)

    with bounded_memory():
        one()


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_precomp(tmp_path: Path, sample: Dataset, count: int) -> None:
    save_dataset(sample, tmp_path, "precomp")
    files = [tmp_path / f"train_{what}.txt" for what in ("caps", "filename")]
    real = [file.read_bytes() for file in files]

    def one(chance: random.Random) -> None:
        for file, data in zip(files, real, strict=True):
            file.write_bytes(mutated(data, chance) if chance.random() < 0.7 else data)
        validate_all(tmp_path)

    campaign(count, one)


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_settings(tmp_path: Path, count: int) -> None:
    from rsitmd_tools.workspace.settings import new_settings

    file = tmp_path / "settings.toml"
    data = tmp_path / "dataset_RSITMD.json"
    data.write_text(json.dumps(document({})), encoding="utf-8")
    real = new_settings("x").encode()

    def one(chance: random.Random) -> None:
        file.write_bytes(mutated(real, chance))
        command("validate", data, "--settings", file)

    campaign(count, one)


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_images(tmp_path: Path, image_files: list[bytes], count: int) -> None:
    """Through ingesting (``decode``) and through the rules that ``validate`` runs."""
    folder = tmp_path / "images"
    folder.mkdir()
    names = ("a_1.tif", "b_2.tif")
    data = dataset(*(record(name) for name in names), folder=folder)
    rules = Settings(validate=replace(Settings().validate, select=("I", "L")))
    problems = 0

    def one(chance: random.Random) -> None:
        nonlocal problems
        for name in names:
            content = mutated(chance.choice(image_files), chance)
            (folder / name).write_bytes(content)
            with contextlib.suppress(UnusableImageError):
                image, _ = decode(content, 64)
                assert image.size == (64, 64)
        began = time.process_time()
        found = check(data, rules)
        assert time.process_time() - began < SECONDS, "it hangs"
        assert all(c.isprintable() for finding in found for c in finding.message)
        problems += sum(finding.code == "I101" for finding in found)

    campaign(count, one)
    assert 0 < problems < 2 * count, "some were damaged beyond reading, some were not"


def nested(levels: int) -> str:
    return '{"images": ' + "[" * levels + "]" * levels + "}"


HOSTILE: dict[str, bytes] = {
    "100 000 levels": nested(100_000).encode(),
    "NaN": b'{"images": [], "x": NaN}',
    "Infinity": b'{"images": [], "x": -Infinity}',
    "a huge number": b'{"images": [], "x": ' + b"9" * 10_000 + b"}",
    "duplicate keys": b'{"images": [], "images": [{"filename": "a"}]}',
    "UTF-16": '{"images": []}'.encode("utf-16"),
    "latin-1": '{"images": [], "dataset": "Häfen"}'.encode("latin-1"),
    "NUL": b'{"images": []}\0',
    "nothing": b"",
    "a list": b"[]",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_unreadable_json_is_refused_with_a_message(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "dataset_RSITMD.json"
    file.write_bytes(HOSTILE[kind])
    errors = command("validate", file)
    assert errors.startswith(f"error: {file}: ")
    assert len(errors.splitlines()) == 1
    assert "; " in errors, "the line has no hint"


def test_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "dataset_RSITMD.json"
    with file.open("wb") as stream:
        stream.truncate(1 << 30)
    before = reset_peak_memory()
    assert "has 1074 MB, more than 500" in command("validate", file)
    assert peak_memory() - before < 100e6


@pytest.mark.parametrize("encode", [
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.replace("\n", "\r\n").encode(),
])  # fmt: skip
def test_a_byte_order_mark_and_crlf_are_read(
    tmp_path: Path, encode: Callable[[str], bytes]
) -> None:
    (tmp_path / "train_caps.txt").write_bytes(encode("".join(f"{raw}\n" for raw in FIVE)))
    (tmp_path / "train_filename.txt").write_bytes(encode("port_1.tif\n"))
    [image] = load_dataset(tmp_path)
    assert (image.filename, image.captions) == ("port_1.tif", FIVE)


def test_no_path_leaves_the_image_folder(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (tmp_path / "secret.tif").write_bytes(b"x")
    (folder / "link.tif").symlink_to(tmp_path / "secret.tif")
    for name in ("../secret.tif", str(tmp_path / "secret.tif"), "link.tif"):
        data = dataset(record(name), folder=folder)
        with pytest.raises(RsitmdError, match="is outside the image folder"):
            data.image_path(data.images[0])


@pytest.mark.parametrize("name", ["a\0.tif", "n" * 5000 + ".tif", "loop.tif"])
def test_invalid_file_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "loop.tif").symlink_to("loop.tif")
    content = document({"filename": name}, {})
    (tmp_path / "dataset_RSITMD.json").write_text(json.dumps(content))
    for kind in ("text", "csv", "json", "html"):
        command("validate", tmp_path, "--format", kind, "-o", tmp_path / "out")


def test_one_name_in_two_splits_with_other_sentences(tmp_path: Path) -> None:
    content = document({"split": "train"}, {"split": "test", "filename": "port_1.tif"})
    content["images"][0]["sentences"] = content["images"][0]["sentences"][:1]
    content["images"][1]["sentences"][4]["raw"] = "Many boats"
    (tmp_path / "dataset_RSITMD.json").write_text(json.dumps(content))
    command("validate", tmp_path, "--format", "csv", "-o", tmp_path / "out.csv")
    assert "Many boats" in (tmp_path / "out.csv").read_text()


BLOW_UPS = [
    "a " * 50_000, "!" * 100_000, "<" * 100_000, "a," * 50_000, "'" * 100_000, "the " * 25_000,
    "((((" * 25_000, "aA" * 50_000, " " * 100_000 + ".", "1.1." * 25_000, "some of " * 12_000,
    "." * 100_000 + "x", "é" * 100_000, "&#1" * 33_000, "-" * 100_000, "a'" * 50_000, "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BLOW_UPS)))
def test_no_caption_crashes_a_rule(tmp_path: Path, number: int) -> None:
    """A hundred thousand characters made for backtracking take seconds at most."""
    save_dataset(
        dataset(record("a_1.tif", [BLOW_UPS[number], *FIVE[1:]], split="test")), tmp_path, "rsitmd"
    )
    command("validate", tmp_path)
