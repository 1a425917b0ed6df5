"""Suspects of drawn scenes, by small models."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from rsitmd_tools.baselines.suspects.find import find_suspects
from rsitmd_tools.cli.benchmark.suspects import command
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.suspects import read_suspects
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.schemas import first_error, load_schema
from tests.baselines.training.common import CPU, SMALL, small

FOLDS = 2


def folds(dataset: Dataset) -> tuple[dict[str, int], dict[str, int]]:
    names = [image.filename for image in dataset]
    return {name: n % FOLDS for n, name in enumerate(names)}, {n: i for i, n in enumerate(names)}


def test_every_sentence_is_ranked_by_a_model_that_does_not_know_it(
    tiny: Dataset, tmp_path: Path
) -> None:
    first = tiny.images[0]
    seldom = replace(
        first.sentences[0], raw="A zebra and a zebra stand beside a zebra.", tokens=None
    )
    first = replace(first, sentences=(seldom, *first.sentences[1:]))
    tiny = tiny.with_images([first, *tiny.images[1:]])
    fold_of, groups = folds(tiny)
    config = small("vsepp", "epochs=1")
    found = find_suspects(tiny, config, fold_of, groups, tmp_path / "runs", CPU)
    named = Counter((s.image, s.sentence_index, s.sentence) for s in found.suspects)
    expected = [
        (image.filename, index, raw) for image in tiny for index, raw in enumerate(image.captions)
    ]
    assert named == Counter(expected)
    assert found.flagged == round(len(expected) / 100)
    scores = [s.score for s in found.suspects]
    assert scores == sorted(scores, reverse=True)
    assert all(s.better_image != s.image for s in found.suspects)
    assert all(fold_of[s.better_image] == fold_of[s.image] for s in found.suspects)
    for number in range(FOLDS):
        words = (tmp_path / "runs" / f"fold-{number}" / "vocabulary.json").read_text()
        assert ("zebra" in words) == (number != fold_of[first.filename])
    # Finished runs are used again.
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*.ckpt")}
    assert find_suspects(tiny, config, fold_of, groups, tmp_path / "runs", CPU) == found
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*.ckpt")}


def test_a_fold_of_copies_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    fold_of, groups = folds(tiny)
    groups = {name: fold_of[name] for name in groups}
    with pytest.raises(RsitmdError, match="all images of a fold are copies"):
        find_suspects(tiny, small("vsepp", "epochs=1"), fold_of, groups, tmp_path / "runs", CPU)


def test_copies_of_an_image_are_held_out_together(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that has learned the copy of an image knows its sentences."""
    first, last = tiny.images[0], tiny.images[-1]
    folder = tmp_path / "images"
    assert tiny.image_folder is not None
    shutil.copytree(tiny.image_folder, folder)
    with Image.open(folder / first.filename) as image:
        image.convert("RGB").save(folder / "copy.jpg", quality=90)
    dataset = tiny.with_images([*tiny.images, replace(last, filename="copy.jpg")])
    save_dataset(dataset, tmp_path / "d", "rsitmd")
    given: list[dict[str, int]] = []

    def stop(data: Dataset, config: object, *folds: dict[str, int], **_: object) -> None:
        given.extend(folds[:2])
        raise RsitmdError("stopped")

    monkeypatch.setattr("rsitmd_tools.baselines.suspects.find.find_suspects", stop)
    arguments = [str(tmp_path / "d"), "--images", str(folder), "--config", "vsepp"]
    for count in range(2, 9):
        given.clear()
        options = ["--folds", str(count), "-o", str(tmp_path / "suspects.json")]
        assert isinstance(
            CliRunner().invoke(command, [*arguments, *options]).exception, RsitmdError
        )
        for numbers in given:  # folds and groups
            assert numbers["copy.jpg"] == numbers[first.filename]
        assert len(set(given[0].values())) == count
        assert len(set(given[1].values())) == len(tiny)


def test_the_command_writes_file_and_page(tiny: Dataset, tmp_path: Path) -> None:
    odd = replace(tiny.images[0], sentences=(replace(tiny.images[0].sentences[0], raw="<b>A & B"),))
    save_dataset(tiny.with_images([odd, *tiny.images[1:]]), tmp_path / "d", "rsitmd")
    arguments = [str(tmp_path / "d"), "--images", str(tiny.image_folder), "--folds", "2"]
    arguments += ["--config", "vsepp", "--device", "cpu", "--workers", "0", "--flag", "400"]
    for change in [*SMALL, "epochs=1"]:
        arguments += ["--set", change]
    file, page = tmp_path / "suspects.json", tmp_path / "suspects.html"
    done = CliRunner().invoke(command, [*arguments, "-o", str(file), "--html", str(page)])
    assert done.exception is None, done.output
    assert "suspicious; the first ones:" in done.stdout
    assert "random weights" not in done.stderr
    assert f"next: rsitmd validate {tmp_path / 'd'} --suspects {file} --select M" in done.stdout
    dataset = load_dataset(tmp_path / "d", None, tiny.image_folder)
    found = read_suspects(file, dataset)
    assert first_error(json.loads(file.read_text()), load_schema("suspects")) is None
    assert (tmp_path / "suspects-runs" / "fold-1" / "run.json").exists()
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") == 2 * min(found.flagged, 200)
    assert "<b>A" not in text
    assert "&lt;b&gt;A &amp; B" in text


def test_a_frozen_backbone_without_weights_is_noted(tiny: Dataset, tmp_path: Path) -> None:
    save_dataset(tiny, tmp_path / "d", "rsitmd")
    arguments = [str(tmp_path / "d"), "--images", str(tiny.image_folder), "--folds", "2"]
    arguments += ["--device", "cpu", "--workers", "0", "-o", str(tmp_path / "suspects.json")]
    for change in [*SMALL, "epochs=1", "views=1", "scan.lambda1=3"]:
        arguments += ["--set", change]
    done = CliRunner().invoke(command, arguments)
    assert done.exception is None, done.output
    assert "note: the frozen backbone has random weights; use --set weights=FILE" in done.stderr
    assert "note: scan.lambda1 has no effect with model=vsepp" in done.stderr
