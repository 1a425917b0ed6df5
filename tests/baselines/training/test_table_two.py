"""Every model of table II of the paper: it trains, learns, and its run can be used."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from rsitmd_tools.baselines import evaluate, search, text
from rsitmd_tools.baselines.amfmn import mvsa
from rsitmd_tools.baselines.camp import model as camp
from rsitmd_tools.baselines.evaluation.compare import compare
from rsitmd_tools.baselines.losses import bce_loss, info_nce, triplet_loss
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.text import SentenceEncoder
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.baselines.words import ShortVocabulary
from rsitmd_tools.dataset import Dataset
from tests.baselines.training.common import CPU, losses, small

NAMES = ["scan-t2i", "scan-i2t", "camp-triplet", "camp-bce", "mtfn"]
QUICK = ["captions=one", "freeze_backbone=true", "validate=false", "mtfn.rank=2"]


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_and_its_run_is_evaluated_searched_and_compared(
    tmp_path: Path, tiny: Dataset, name: str
) -> None:
    config = small(name, *QUICK, "epochs=5", "negatives=sum", "lr=1e-2", "dropout=0")
    run = train(tiny, config, tmp_path / "run", CPU)
    found = [float(loss) for loss, _ in losses(run)]
    assert min(found[1:]) < found[0]
    assert Run(run).manifest()["prior"] is None
    result = evaluate(run, tiny)
    assert 0 <= result["mean_recall"] <= 100
    caption = tiny.select("test").captions()[0]
    by_text = search(run, tiny, caption, 3).found
    assert len(by_text) == 3 and by_text[0]["score"] >= by_text[-1]["score"]
    image = tiny.image_path(tiny.images[0])
    assert search(run, tiny, image=image, count=1).found[0]["image"] == tiny.images[0].filename
    assert search(run, tiny, image=image, sentences=True, count=2).found
    (system,) = compare([run])["systems"]
    assert system["mean_recall"]["mean"] == pytest.approx(result["mean_recall"], abs=0.01)


@pytest.mark.parametrize("name", ["scan-t2i", "camp-bce"])
def test_a_whole_network_is_trained(tmp_path: Path, tiny: Dataset, name: str) -> None:
    run = train(tiny, small(name, "captions=one", "epochs=1"), tmp_path / "run", CPU)
    assert np.isfinite([float(loss) for loss, _ in losses(run)]).all()


@pytest.mark.parametrize("name", NAMES)
def test_encoding_and_scoring_read_no_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor on the meta device has no values, so a step that reads one would fail.

    A step on a GPU that reads a value waits for the device, and cannot be part of a CUDA graph.
    """
    vocabulary = ShortVocabulary(("a", "boat", "red"))
    monkeypatch.setattr(camp, "TRAINING_ELEMENTS", 1)
    # The meta device knows no autocast, which reads no value either.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    model = make_model(small(name), vocabulary).to("meta").train()
    images = model.encode_images(torch.empty(4, 3, 32, 32, device="meta"))
    states = torch.empty(4, 3, 16, device="meta")
    monkeypatch.setattr(SentenceEncoder, "states", lambda *_: states)
    texts = model.encode_texts(vocabulary.encode(["a red boat"] * 4).to("meta"))
    scores = model.score(images, texts)
    assert scores.shape == (4, 4)
    loss = bce_loss if name == "camp-bce" else partial(triplet_loss, margin=0.2)
    loss(scores, negatives="hardest").backward()
    with torch.no_grad():
        assert model.score(images, texts).shape == (4, 4)


@pytest.mark.parametrize(
    "name", ["vsepp", "amfmn-soft", "amfmn-fusion", "amfmn-similarity", "m2", "m5"]
)
def test_the_branches_of_a_gpu_read_no_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoders of texts, MVSA, attentions and losses, as they run on a GPU."""
    vocabulary = ShortVocabulary(("a", "boat", "red"))
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    # There is no GRU for the meta device.
    monkeypatch.setattr(text, "_gru", lambda inputs, start, *_: _states(inputs, start))
    monkeypatch.setattr(
        mvsa, "_weights", lambda one, other, device: torch.empty(other, one, device=device)
    )
    monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda tensor: tensor.is_meta))
    model = make_model(small(name), vocabulary).to("meta").train()
    images = model.encode_images(torch.empty(4, 3, 32, 32, device="meta"))
    texts = vocabulary.encode(["a red boat"] * 4, [("red boat",)] * 4).to("meta")
    scores = model.score(images, model.encode_texts(texts))
    assert scores.shape == (4, 4)
    for loss in (partial(triplet_loss, margin=0.2), partial(info_nce, temperature=0.1)):
        loss(scores).backward(retain_graph=True)


def _states(inputs: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    return inputs.sum(-1, keepdim=True) + start[0][:, None]


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_an_image_without_values_has_no_score_and_changes_no_other(name: str) -> None:
    """A slice of a scene with too few valid pixels is a row of NaN."""
    vocabulary = ShortVocabulary(("a", "boat", "red"))
    model = make_model(small(name), vocabulary).eval()
    texts = model.encode_texts(vocabulary.encode(["a red boat", "boat"]))
    images = model.encode_images(torch.rand(3, 3, 64, 64))
    whole = model.score(images, texts)
    images[1] = torch.nan
    scores = model.score(images, texts)
    assert scores[1].isnan().all()
    torch.testing.assert_close(scores[[0, 2]], whole[[0, 2]])
