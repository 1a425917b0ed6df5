"""Tables of a result against figures counted by hand and by a plain loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.metric import ScoredGallery
from rsitmd_tools.baselines.evaluation.metrics.category_recall import categories
from rsitmd_tools.baselines.evaluation.metrics.hardest import hardest
from rsitmd_tools.baselines.evaluation.metrics.median_rank import median_ranks
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence

# Of the uneven gallery: im 0 has text 0, im 1 texts 1 to 3, im 3 texts 4 and 5. The own ones
# stand at 5, 4 and 1; of the texts at 2, 3, 2 or 3, 3, 2 or 3, and 1.
SCORES = np.array(
    [
        [0.55, 0.9, 0.8, 0.7, 0.6, 0.5],
        [0.9, 0.2, 0.3, 0.1, 0.8, 0.4],
        [0.5, 0.4, 0.3, 0.2, 0.6, 0.55],
    ]
)


@pytest.fixture
def scored(gallery: Gallery, tmp_path: Path) -> ScoredGallery:
    return ScoredGallery(SCORES, gallery, "test", tmp_path)


def test_recalls_by_category_by_hand(scored: ScoredGallery) -> None:
    """Im 0 and im 3 are of category a, im 1 of b."""
    assert categories(scored) == {
        "a": {
            "images": 2,
            "texts": 3,
            "image_to_text": {"r1": 50, "r5": 100, "r10": 100},
            "text_to_image": {"r1": 33.3333, "r5": 100, "r10": 100},
            "mean_recall": 80.5556,
        },
        "b": {
            "images": 1,
            "texts": 3,
            "image_to_text": {"r1": 0, "r5": 100, "r10": 100},
            "text_to_image": {"r1": 0, "r5": 100, "r10": 100},
            "mean_recall": 66.6667,
        },
    }


def test_median_ranks_by_hand(scored: ScoredGallery) -> None:
    assert median_ranks(scored) == {"image_to_text": 4, "text_to_image": 2.5}
    assert median_ranks(scored, "pessimistic") == {"image_to_text": 4, "text_to_image": 3}
    assert median_ranks(scored, "optimistic") == {"image_to_text": 4, "text_to_image": 2}


def test_the_hardest_queries_by_hand(scored: ScoredGallery) -> None:
    assert hardest(scored) == {
        "image_to_text": [
            {"image": "im 0.png", "rank": 5, "first": "two planes ."},
            {"image": "im 1.png", "rank": 4, "first": "a red boat ."},
            {"image": "im 3.png", "rank": 1, "first": "a road ."},
        ],
        "text_to_image": [
            {"query": query, "image": image, "rank": rank, "first": first}
            for query, image, rank, first in (
                ("two planes .", "im 1.png", 3, "im 0.png"),
                ("planes on grass .", "im 1.png", 3, "im 0.png"),
                ("two white planes .", "im 1.png", 2.5, "im 0.png"),
                ("a road .", "im 3.png", 2.5, "im 1.png"),
                ("a red boat .", "im 0.png", 2, "im 1.png"),
                ("a red boat .", "im 3.png", 1, "im 3.png"),
            )
        ],
    }


def listed(row: np.ndarray) -> list[int]:
    return sorted(range(len(row)), key=lambda item: -row[item])


def test_the_tables_of_a_large_gallery_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    images = tuple(
        ImageRecord(f"{n}.png", (Sentence(f"{n} a"), Sentence(f"{n} b")), (), "test", category)
        for n, category in enumerate(["farm", "port", "farm", None] * 10)
    )
    gallery = Gallery.of(Dataset("d", images, Path("nowhere"), "rsitmd"), "test")
    scores = np.random.default_rng(0).normal(size=(40, 80))
    scores[np.arange(80) // 2, np.arange(80)] += 1
    ranks: dict[str, list[int]] = {
        "image_to_text": [
            1 + min(listed(scores[n]).index(2 * n), listed(scores[n]).index(2 * n + 1))
            for n in range(40)
        ],
        "text_to_image": [1 + listed(scores[:, m]).index(m // 2) for m in range(80)],
    }
    scored = ScoredGallery(scores, gallery, "test", tmp_path)
    medians = median_ranks(scored)
    table = categories(scored)
    assert table.keys() == {"farm", "port"}
    for way, of_way in ranks.items():
        assert medians[way] == np.median(of_way)
        each = len(of_way) // 40
        for name, row in table.items():
            own = [r for q, r in enumerate(of_way) if images[q // each].category == name]
            assert row["images" if each == 1 else "texts"] == len(own)
            for k in (1, 5, 10):
                share = 100 * sum(rank <= k for rank in own) / len(own)
                assert row[way][f"r{k}"] == pytest.approx(share, abs=1e-4)
    hard: dict[str, list[dict[str, Any]]] = hardest(scored)
    last = sorted(range(40), key=lambda n: -ranks["image_to_text"][n])[:10]
    assert hard["image_to_text"] == [
        {
            "image": f"{n}.png",
            "rank": ranks["image_to_text"][n],
            "first": "{} {}".format(listed(scores[n])[0] // 2, "ab"[listed(scores[n])[0] % 2]),
        }
        for n in last
    ]
    last = sorted(range(80), key=lambda m: -ranks["text_to_image"][m])[:10]
    assert hard["text_to_image"] == [
        {
            "query": f"{m // 2} {'ab'[m % 2]}",
            "image": f"{m // 2}.png",
            "rank": ranks["text_to_image"][m],
            "first": f"{listed(scores[:, m])[0]}.png",
        }
        for m in last
    ]
