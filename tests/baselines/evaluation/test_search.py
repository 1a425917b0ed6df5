"""Searching by a sentence: order, odd sentences, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.evaluation.search import Searcher, search
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage


def test_the_most_similar_images_are_listed_first(tiny: Dataset, trained: Path) -> None:
    done = search(trained, tiny, tiny.images[0].captions[0], 5)
    assert [entry["rank"] for entry in done.found] == [1, 2, 3, 4, 5]
    scores = [entry["score"] for entry in done.found]
    assert scores == sorted(scores, reverse=True)
    assert done.notes == []
    assert len(search(trained, tiny, "a boat", 1000).found) == len(tiny)


def test_a_query_of_500_words_is_truncated_with_a_note(tiny: Dataset, trained: Path) -> None:
    word = tiny.images[0].captions[0].split()[1].lower()
    done = search(trained, tiny, f"{word} " * 500, 3)
    assert done.notes == ["the sentence has 500 words; only the first 100 are used"]
    again = search(trained, tiny, f"{word} " * 100, 3)
    assert [entry["score"] for entry in again.found] == [entry["score"] for entry in done.found]


def test_words_never_seen_are_named(tiny: Dataset, trained: Path) -> None:
    word = tiny.images[0].captions[0].split()[1].lower()
    done = search(trained, tiny, f"{word} zxq wvb", 2)
    assert done.notes == ["words not in the vocabulary of the model: zxq, wvb"]
    alone = search(trained, tiny, "zxq wvb", 2)
    assert alone.notes == [
        "words not in the vocabulary of the model: zxq, wvb",
        "the training data has no word of the sentence: the ranking is meaningless",
    ]
    assert len(alone.found) == 2


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_blank_sentence_is_wrong_usage(tiny: Dataset, trained: Path, text: str) -> None:
    with pytest.raises(WrongUsage, match="the query is empty"):
        search(trained, tiny, text)


def test_no_images_and_no_device(tiny: Dataset, trained: Path) -> None:
    with pytest.raises(RsitmdError, match="contains no images"):
        search(trained, tiny.with_images([]), "a boat")
    if not torch.cuda.is_available():
        with pytest.raises(RsitmdError, match="device cuda: is not available"):
            search(trained, tiny, "a boat", device="cuda")


def test_an_absent_image_is_named(tiny: Dataset, trained: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(RsitmdError, match=tiny.images[0].filename):
        search(trained, replace(tiny, image_folder=tmp_path), "a boat")


def test_a_model_that_returns_nan(
    tiny: Dataset, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = np.zeros((len(tiny), 1), np.float32)
    scores[3] = np.nan
    monkeypatch.setattr(Searcher, "text_scores", lambda *_: scores)
    with pytest.raises(RsitmdError, match=f"{tiny.images[3].filename}: the model's score"):
        search(trained, tiny, "a boat")


def test_keywords_are_a_query(tiny: Dataset, trained: Path) -> None:
    words = tiny.images[0].captions[0].lower().split()[1:3]
    keyword = " ".join(words)
    alone = search(trained, tiny, keywords=[keyword, " "], count=3)
    assert alone.found == search(trained, tiny, keyword, 3).found
    assert alone.notes == []
    both = search(trained, tiny, "a boat .", 3, keywords=[keyword])
    assert both.found == search(trained, tiny, f"a boat . {keyword}", 3).found
    assert both.notes == ["the model reads sentences only: the keywords are added to the sentence"]


@pytest.mark.parametrize("query", ["keywords", "both"])
def test_models_that_read_keywords(
    tiny: Dataset, tmp_path: Path, query: str, small_settings: tuple[str, ...]
) -> None:
    settings = [*small_settings, f"query={query}", "text=vgmf", "epochs=0"]
    run = train(tiny, load_config("amfmn-soft", settings), tmp_path / "run")
    keywords = tiny.images[0].keywords[:2]
    alone = search(run, tiny, keywords=keywords, count=3)
    both = search(run, tiny, "a boat .", 3, keywords=keywords)
    if query == "keywords":
        assert both.found == alone.found
        assert both.notes == ["the model reads keywords only: the sentence is not used"]
    else:
        assert both.found != alone.found
        assert both.notes == []
    many = search(run, tiny, "a boat .", 3, keywords=[f"boat {n}" for n in range(11)])
    assert "11 keywords are given; only the first 10 are used as keywords" in many.notes


def test_an_image_finds_itself_and_one_from_outside_its_like(
    tiny: Dataset, trained: Path, tmp_path: Path
) -> None:
    inside = tiny.image_path(tiny.images[4])
    found = search(trained, tiny, image=inside, count=3).found
    assert found[0]["image"] == tiny.images[4].filename
    assert found[0]["score"] == pytest.approx(1, abs=1e-5)
    outside = tmp_path / "outside.png"
    with Image.open(inside) as opened:
        opened.save(outside, compress_level=1)
    assert outside.read_bytes() != inside.read_bytes()
    again = search(trained, tiny, image=outside, count=3).found
    assert [entry["image"] for entry in again] == [entry["image"] for entry in found]


@pytest.mark.parametrize("content", [None, b"no image"])
def test_a_query_that_is_no_image(
    tiny: Dataset, trained: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "query.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RsitmdError, match=r"query\.png: (is not a file|cannot be decoded)"):
        search(trained, tiny, image=file)


def test_ten_thousand_characters_and_markup(tiny: Dataset, trained: Path) -> None:
    (note, _) = search(trained, tiny, "z" * 10_000, 1).notes
    assert note == f"words not in the vocabulary of the model: {'z' * 40}..."
    marked = search(trained, tiny, "<script>alert(1)</script>", 1)
    assert marked.notes[0] == "words not in the vocabulary of the model: script, alert, 1, /script"
    many = search(trained, tiny, "<script>alert(1)</script> " * 400, 1)
    assert len(many.found) == 1
    assert all(len(note) < 200 for note in many.notes)


def test_a_run_without_weights(tiny: Dataset, run: Path) -> None:
    Run(run).best.unlink()
    with pytest.raises(RsitmdError, match="has no checkpoint yet"):
        search(run, tiny, "a boat")
