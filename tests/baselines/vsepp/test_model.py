"""VSE++: cosine of the projected last stage and the sentence."""

from __future__ import annotations

import torch

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.text import Vocabulary


def test_scores_are_cosines_of_images_and_sentences() -> None:
    torch.manual_seed(0)
    vocabulary = Vocabulary(("a", "boat", "red"))
    model = make_model(load_config("vsepp", ["dimension=16"]), vocabulary).eval()
    images = torch.rand(3, 3, 64, 64)
    texts = vocabulary.encode(["a red boat", "zebra"])
    with torch.no_grad():
        pooled = model.backbone(images)[-1].mean((2, 3))  # type: ignore[operator]
        expected = model.project(pooled)  # type: ignore[operator]
        found = model.encode_images(images)
        torch.testing.assert_close(found, expected)
        sentences = model.encode_texts(texts)
        scores = model.score(found, sentences)
    for i in range(3):
        for j in range(2):
            cosine = found[i] @ sentences[j] / (found[i].norm() * sentences[j].norm())
            torch.testing.assert_close(scores[i, j], cosine)
