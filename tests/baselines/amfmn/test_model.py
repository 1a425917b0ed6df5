"""AMFMN: each row of table VI has the modules it names."""

from __future__ import annotations

import pytest
import torch

from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.base import cosine_matrix
from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.text import Vocabulary

D = 16
WORDS = Vocabulary(("boat", "port", "red", "sea"), ("red", "sea"), (), "both")


def row(name: str) -> AMFMN:
    torch.manual_seed(0)
    model = make_model(load_config(name, [f"dimension={D}"]), WORDS).eval()
    assert isinstance(model, AMFMN)
    return model


@pytest.mark.parametrize("number", range(1, 10))
def test_scores_of_each_row(number: int) -> None:
    model = row(f"m{number}")
    images = torch.rand(3, 3, 64, 64)
    texts = WORDS.encode(["red boat", "sea", "port"], [["red boat"], ["red sea", "- port"], []])
    with torch.no_grad():
        visual = model.encode_images(images)
        encoded = model.encode_texts(texts)
        scores = model.score(visual, encoded)
        # A server scores the same images with one text after another.
        scorer = model.scorer(visual)
        for number_of_text, text in enumerate(encoded.split(1)):
            expected = model.score(visual, text)
            assert torch.equal(scorer(text), expected)
            torch.testing.assert_close(expected[:, 0], scores[:, number_of_text])
        sentences = model.sentence(texts.words, texts.lengths)
        maps = model.backbone(images)
        overall = model.visual(maps[-1].mean((2, 3)))
        assert (model.mvsa is not None) == (number > 2)
        if model.mvsa is not None:
            overall = model.mvsa(maps, overall)
        torch.testing.assert_close(visual, overall)
        assert scores.shape == (3, 3) and torch.isfinite(scores).all()
        assert encoded.shape == (3, 2 * D if number in (5, 8, 9) else D)
        if number in (1, 3):
            torch.testing.assert_close(scores, cosine_matrix(visual, sentences))
        if number == 6:
            torch.testing.assert_close(scores, model.attention(visual, sentences))
        if number in (2, 4, 7):
            # A text without keywords has nothing to go by: chance.
            assert not scores[:, 2].any() or number == 7
        if number in (5, 8, 9):
            # There the text rests on the sentence alone.
            alone = model.attention(visual, sentences)
            torch.testing.assert_close(scores[:, 2], alone[:, 2])
            assert not torch.allclose(scores[:, :2], alone[:, :2])


def test_each_row_has_only_the_modules_it_needs() -> None:
    parts = {
        n: {k.partition(".")[0] for k, _ in row(f"m{n}").named_parameters()} for n in (1, 4, 9)
    }
    assert parts[1] == {"backbone", "visual", "sentence"}
    assert parts[4] == {"backbone", "visual", "sentence", "mvsa", "keywords"}
    both = {"keywords", "attention", "attention_of_keywords", "fusion"}
    assert parts[9] == {"backbone", "visual", "sentence", "mvsa", *both}


def test_only_multiscale_models_have_a_saliency_map() -> None:
    images = torch.rand(2, 3, 64, 64)
    saliency = row("m3").saliency(images)
    assert saliency is not None and saliency.shape == (2, 1, 16, 16)
    assert row("m1").saliency(images) is None
