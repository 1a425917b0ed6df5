"""Batches of an epoch: their pairs, their shares in several processes, their texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data import batches as batches_module
from rsitmd_tools.baselines.data.batches import Batches
from rsitmd_tools.baselines.data.images import cached_images
from rsitmd_tools.baselines.data.pairs import Pairs
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.targets import Targets
from rsitmd_tools.baselines.models import make_tokenizer
from rsitmd_tools.baselines.training.module import encode_part
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence

SIDE, ROOM = 36, 4


def made(part: Dataset, folder: Path, size: int, rows: np.ndarray | None = None) -> Batches:
    """Return batches of a part with decoded images."""
    images = StoredRows([cached_images(part, SIDE, folder)], by_view=False)
    tokenizer = make_tokenizer(load_config("vsepp"), part)
    places = np.arange(len(part)) if rows is None else rows
    texts = encode_part(tokenizer, part)
    pairs = Pairs(part, "one", 8, 0)
    return Batches(pairs, size, images, places, texts, Targets(part, False, None), ROOM, "cpu")


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize(("count", "size"), [(24, 10), (21, 10), (5, 100), (2, 2)])
def test_processes_share_every_batch_evenly(
    count: int,
    size: int,
    world: int,
    tiny: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = tiny.with_images(tiny.images[:count])
    shares = []
    for rank in range(world):
        monkeypatch.setattr(batches_module, "process", lambda rank=rank: (rank, world))
        batches = made(part, tmp_path, size)
        batches.set_epoch(7)
        shares.append(list(batches))
        assert len(shares[-1]) == len(batches)
    for parts in zip(*shares, strict=True):
        assert len({len(share.rows) for share in parts}) == 1
        assert sum(len(share.rows) for share in parts) > 1
        # Each process knows the images and the negatives of the whole batch.
        assert all(np.array_equal(share.images, parts[0].images) for share in parts)
        assert all(len(share.negative) == len(share.images) for share in parts)
        joined = np.stack([share.rows.numpy() for share in parts], 1).ravel()
        assert np.array_equal(joined, parts[0].images)
    seen = [row for share in shares for batch in share for row in batch.rows.tolist()]
    assert len(seen) == len(set(seen))
    if world == 1 and count % size != 1:
        assert len(seen) == count


def test_a_batch_holds_the_drawn_pairs(tmp_path: Path, tiny: Dataset) -> None:
    rows = np.arange(len(tiny))[::-1].copy()
    batches = made(tiny, tmp_path, 5, rows)
    batches.set_epoch(2)
    plan = Pairs(tiny, "one", 8, 0).plan(2)
    second = list(batches)[1]
    assert second.images.tolist() == plan.images[5:10].tolist()
    assert second.rows.tolist() == rows[plan.images[5:10]].tolist()
    assert second.views.tolist() == plan.views[5:10].tolist()
    assert second.degrees.tolist() == plan.degrees[5:10].tolist()
    assert second.corners.tolist() == plan.corners(ROOM)[5:10].tolist()
    pixels = cached_images(tiny, SIDE, tmp_path).array
    assert np.array_equal(second.stored[0].numpy(), pixels[second.rows.numpy()])
    tokenizer = make_tokenizer(load_config("vsepp"), tiny)
    texts = tokenizer.encode([tiny.captions()[column] for column in plan.columns[5:10]])
    assert torch.equal(second.texts.words, texts.words)
    assert torch.equal(second.negative, torch.ones(5, 5).bool() & ~torch.eye(5).bool())
    same = second.map(torch.clone)
    assert all(map(torch.equal, same.tensors(), second.tensors()))


def test_batches_of_another_size_leave_the_first_ones(tmp_path: Path, tiny: Dataset) -> None:
    batches = made(tiny, tmp_path, 10)
    assert [len(batch.rows) for batch in batches.of_size(16)] == [16, 16]
    assert batches.batch_size == 10 and len(batches) == 4


def test_texts_of_fixed_sizes_have_the_same_words() -> None:
    sentences = [" ".join("abcdefghijk"[:n]) for n in (1, 9, 11, 3)]
    images = [ImageRecord(f"{n}.png", (Sentence(raw),)) for n, raw in enumerate(sentences)]
    part = Dataset("d", tuple(images), Path("d"), "rsitmd")
    texts = encode_part(make_tokenizer(load_config("m9"), part), part)
    for rows, width in (([0, 3], 8), ([1], 11), ([1, 2], 11)):
        found = texts.take(torch.tensor(rows), fixed_sizes=True)
        assert found.words.shape[1] == width
        assert torch.equal(
            found.words[:, : int(found.lengths.max())], texts.take(torch.tensor(rows)).words
        )
        assert found.keywords.shape[1:] == texts.keywords.shape[1:]
