"""The index of a search: the bits of an evaluation, made once, rebuilt where it is damaged."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data.images import decode_image, decode_images
from rsitmd_tools.baselines.evaluation import index
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset


def test_scores_have_the_bits_of_an_evaluation(
    tiny: Dataset, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 8)
    monkeypatch.setattr(index, "PART", 16)
    monkeypatch.setattr("rsitmd_tools.baselines.evaluation.scoring.BATCH", 8)
    model, tokenizer, config = Run(trained).load()
    pixels = decode_images(tiny, config.image_size, tmp_path / "x.npy")
    captions = tiny.captions()
    expected = score_matrix(model, tokenizer, pixels, captions)
    for _ in range(2):
        searcher = Searcher(trained, tiny, cache=tmp_path / "cache")
        assert len(searcher.images()) == 2
        assert np.array_equal(searcher.text_scores(captions), expected)
    # A caption alone is encoded in another batch: its last bits may differ, not its order.
    alone = searcher.text_scores(captions[:1])[:, 0]
    assert alone == pytest.approx(expected[:, 0], abs=1e-6)


def test_the_second_search_needs_no_image_parts(
    tiny: Dataset, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Searcher(trained, tiny, cache=tmp_path).by_text("a boat")
    monkeypatch.setattr(Run, "load", None)
    second = Searcher(trained, tiny, cache=tmp_path)
    assert second.by_text("a boat") == first
    query = tiny.image_path(tiny.images[5])
    assert second.by_image(query, 1).found[0]["image"] == tiny.images[5].filename


def test_vectors_of_another_decoding_are_not_used(
    tiny: Dataset, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Searcher(trained, tiny, cache=tmp_path / "now").by_text("a boat")
    with monkeypatch.context() as earlier:
        earlier.setattr(index, "DECODING", 1)
        earlier.setattr(index, "decode_image", lambda path, size: np.zeros((size, size, 3), "u1"))
        assert Searcher(trained, tiny, cache=tmp_path / "cache").by_text("a boat") != expected
    assert Searcher(trained, tiny, cache=tmp_path / "cache").by_text("a boat") == expected


@pytest.mark.parametrize("damage", ["cut", "bits", "empty", "text"])
def test_a_damaged_index_is_made_again_with_one_line(
    tiny: Dataset, trained: Path, tmp_path: Path, damage: str
) -> None:
    first = Searcher(trained, tiny, cache=tmp_path).by_text("a boat")
    (file,) = tmp_path.glob("search/*/images-*.npy")
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    broken = {"cut": bytes(data[:-8]), "bits": bytes(data), "empty": b"", "text": b"no array"}
    file.write_bytes(broken[damage])
    again = Searcher(trained, tiny, cache=tmp_path).by_text("a boat")
    assert again.notes == [
        f"{file}: is damaged; this part is encoded again",
        *first.notes,
    ]
    assert again.found == first.found
    assert Searcher(trained, tiny, cache=tmp_path).by_text("a boat") == first


def test_an_index_of_other_images_or_weights_is_not_used(
    tiny: Dataset, trained: Path, run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    assert tiny.image_folder is not None
    shutil.copytree(tiny.image_folder, folder)
    data = replace(tiny, image_folder=folder)
    cache = tmp_path / "cache"
    first = Searcher(trained, data, cache=cache).images()[0].copy()
    names = [image.filename for image in data.images[:2]]
    shutil.copy(folder / names[1], folder / names[0])
    other = Searcher(trained, data, cache=cache).images()[0]
    assert np.allclose(other[0], first[1], atol=1e-5)
    assert not np.allclose(other[0], first[0], atol=1e-5)
    before = len(list(cache.glob("search/*")))
    run_json = run / "run.json"
    run_json.write_text(run_json.read_text() + " ")
    Searcher(run, data, cache=cache).images()
    assert len(list(cache.glob("search/*"))) == before, "a copy of the run has the same weights"


def test_a_run_with_other_weights_has_an_index_of_its_own(
    tiny: Dataset, trained: Path, small_settings: tuple[str, ...], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = Searcher(trained, tiny, cache=cache).images()[0]
    config = load_config("amfmn-soft", (*small_settings, "seed=1"))
    other = train(tiny, config, tmp_path / "other")
    assert not np.allclose(Searcher(other, tiny, cache=cache).images()[0], first, atol=1e-3)
    assert len(list(cache.glob("search/*"))) == 2
    assert np.array_equal(Searcher(trained, tiny, cache=cache).images()[0], first)


def test_a_stored_index_is_mapped_and_not_copied(
    tiny: Dataset, trained: Path, tmp_path: Path
) -> None:
    Searcher(trained, tiny, cache=tmp_path).images()
    searcher = Searcher(trained, tiny, cache=tmp_path)
    (stored,) = searcher.images()
    base: Any = stored
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert searcher._tensor(stored).data_ptr() == stored.ctypes.data
    (file,) = tmp_path.glob("search/*/images-*.npy")
    before = file.read_bytes()
    stored[:] = 0
    assert file.read_bytes() == before


def test_a_killed_search_goes_on_after_its_last_part(
    tiny: Dataset, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 8)
    monkeypatch.setattr(index, "PART", 8)
    decode = decode_image
    calls: list[Path] = []

    def decoded(path: Path, size: int) -> npt.NDArray[np.uint8]:
        calls.append(path)
        if len(calls) == 24:
            raise KeyboardInterrupt
        return decode(path, size)

    monkeypatch.setattr(index, "decode_image", decoded)
    with pytest.raises(KeyboardInterrupt):
        Searcher(trained, tiny, cache=tmp_path).images()
    stored = len(list(tmp_path.glob("search/*/images-*.npy")))
    assert stored >= 1
    calls[:] = [tmp_path] * 100
    Searcher(trained, tiny, cache=tmp_path).images()
    assert len(calls) - 100 == len(tiny) - 8 * stored


def test_a_cache_that_cannot_be_written_is_said_once(
    tiny: Dataset, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "search").write_text("in the way")
    found = Searcher(trained, tiny, cache=tmp_path).by_text("a boat")
    assert len(found.found) == 10
    (note,) = found.notes
    assert note.startswith("the encoded images and texts are not stored; the next command ")


def test_sentences_of_an_image_are_listed_once(
    tiny: Dataset, trained: Path, tmp_path: Path
) -> None:
    model, tokenizer, config = Run(trained).load()
    pixels = decode_images(tiny, config.image_size, tmp_path / "x.npy")
    scores = score_matrix(model, tokenizer, pixels, tiny.captions(), tokenizer.keywords_of(tiny))
    query = tiny.image_path(tiny.images[3])
    for _ in range(2):
        searcher = Searcher(trained, tiny, cache=tmp_path)
        found = searcher.by_image(query, 1000, sentences=True).found
        assert [entry["sentence"] for entry in found] == list(
            dict.fromkeys(entry["sentence"] for entry in found)
        )
        best: dict[str, float] = {}
        for caption, score in zip(tiny.captions(), scores[3].tolist(), strict=True):
            best[caption] = max(score, best.get(caption, -2))
        assert {entry["sentence"]: entry["score"] for entry in found} == pytest.approx(
            best, abs=1e-6
        )


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_are_decoded_in_order_by_any_number_of_threads(tiny: Dataset, threads: int) -> None:
    paths = [tiny.image_path(image) for image in tiny]
    batches = [paths[:5], paths[5:6], paths[6:]]
    found = list(index._decoded(batches, 16, threads))
    assert [len(batch) for batch in found] == [len(batch) for batch in batches]
    expected = np.stack([decode_image(path, 16) for path in paths])
    assert np.array_equal(np.concatenate(found), expected)
