"""Run files as the tools of others read them."""

from __future__ import annotations

from pathlib import Path

import ir_measures
import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import KS, hits
from rsitmd_tools.baselines.evaluation.positives import Pair, relevant_pairs
from rsitmd_tools.baselines.evaluation.trec import DEPTH, write_run_files
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence


@pytest.fixture
def large() -> Gallery:
    images = [
        ImageRecord(
            f"a b/{n}é#.png", tuple(Sentence(f"{n} {k}") for k in range(1 + n % 4)), (), "test"
        )
        for n in range(60)
    ]
    return Gallery.of(Dataset("d", tuple(images), Path("nowhere"), "rsitmd"), "test")


def test_ir_measures_reads_them_and_finds_the_same(large: Gallery, tmp_path: Path) -> None:
    scores = np.random.default_rng(0).normal(size=(large.images, large.texts))
    scores[large.owners, np.arange(large.texts)] += 1
    write_run_files(scores, large, relevant_pairs(large), tmp_path / "trec")
    images = np.arange(large.images)
    for way, found in (
        ("image_to_text", hits(scores, images, large.owners)),
        ("text_to_image", hits(scores.T, large.owners, images)),
    ):
        qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "trec" / f"{way}.qrels")))
        run = list(ir_measures.read_trec_run(str(tmp_path / "trec" / f"{way}.run")))
        measures = [ir_measures.Success @ k for k in KS]
        theirs = ir_measures.calc_aggregate(measures, qrels, run)
        assert [theirs[m] for m in measures] == pytest.approx(found.expected.mean(0).tolist())
        assert len(found.expected) == len({line.query_id for line in run})


def test_the_100_best_results_of_each_query_are_sorted(large: Gallery, tmp_path: Path) -> None:
    scores = np.random.default_rng(1).normal(size=(large.images, large.texts)).astype(np.float32)
    write_run_files(scores, large, relevant_pairs(large), tmp_path)
    lines = [line.split(" ") for line in (tmp_path / "image_to_text.run").read_text().splitlines()]
    assert {len(fields) for fields in lines} == {6}
    first = [fields for fields in lines if fields[0] == lines[0][0]]
    assert [int(fields[3]) for fields in first] == list(range(1, 101))
    best = sorted(scores[0].tolist(), reverse=True)[:DEPTH]
    assert [float(fields[4]) for fields in first] == best


def test_extra_positives_are_relevant(large: Gallery, tmp_path: Path) -> None:
    scores = np.zeros((large.images, large.texts))
    extra = [Pair(text=0, image=5, similarity=0.9, shared_keywords=0)]
    write_run_files(scores, large, relevant_pairs(large, extra), tmp_path)
    name = "a%20b%2F{}%C3%A9%23.png"
    judged = (tmp_path / "text_to_image.qrels").read_text().splitlines()
    assert f"{name.format(0)}#0 0 {name.format(5)} 1" in judged
    assert (
        f"{name.format(5)} 0 {name.format(0)}#0 1" in (tmp_path / "image_to_text.qrels").read_text()
    )
