"""Models and attentions of other packages: mistakes are found before the training."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools import plugins
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from tests.baselines.training.common import CPU, small
from tests.plugged import Plug

MODEL = """
import torch
from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.vsepp.model import VSEPP

class Model(VSEPP):
    {body}
"""
ATTENTION = """
import torch
from rsitmd_tools.baselines.amfmn.attention import Attention

class Kind(Attention):
    def of_images(self, images): return (images,)
    def of_texts(self, texts): return (texts,)
    def combine(self, image, text): return image[0] * text[0]
    {body}
"""


def failure(tiny: Dataset, folder: Path, *changes: str) -> str:
    """Return the error of a training, which leaves no run."""
    with pytest.raises(RsitmdError) as error:
        train(tiny, small("vsepp", "epochs=1", *changes), folder / "run", CPU)
    assert not (folder / "run").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            MODEL.format(body="def __init__(self, config): pass"),
            "TypeError: Model.__init__() takes",
        ),
        ("Model = lambda config, words: 3", "TypeError: int is not a RetrievalModel"),
        (
            MODEL.format(body="pass").replace("VSEPP)", "RetrievalModel)"),
            "TypeError: Can't instantiate abstract class Model",
        ),
        (
            MODEL.format(body="def features(self, images): return super().features(images)[0]"),
            "Error: ",
        ),
        (
            MODEL.format(body="def encode_features(self, features): return torch.zeros(2, 3)"),
            "RuntimeError: ",
        ),
        (
            MODEL.format(body="def score(self, i, t): return super().score(i, t).T"),
            "ValueError: the scores of 2 images and 3 texts have the shape (3, 2)",
        ),
        (
            MODEL.format(body="def score(self, i, t): return super().score(i, t) * torch.nan"),
            "ValueError: the scores of 2 images and 3 texts are not finite",
        ),
        (MODEL.format(body="def score(self, i, t): raise NotImplementedError"), "NotImplemented"),
    ],
)
def test_a_model_that_fails(
    plug: Plug, tiny: Dataset, tmp_path: Path, source: str, said: str
) -> None:
    plug(plugins.BASELINES, "other", source, "Model")
    line = failure(tiny, tmp_path, "model=other")
    assert line.startswith("model other of rsitmd-other failed (") and said in line
    assert "report it to the authors of rsitmd-other" in line and "\n" not in line


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (ATTENTION.format(body="def combine(self, i, t): raise ValueError('oops')"), "oops"),
        (ATTENTION.format(body="def of_images(self, images): return images"), "Error: "),
        ("Kind = lambda: None", "TypeError: "),
        ("Kind = lambda dimension: None", "TypeError: NoneType is not an Attention"),
        (ATTENTION.format(body="del of_images"), "NotImplementedError: Kind has no of_images"),
    ],
)
@pytest.mark.parametrize("text", ["sentence", "vgmf"])
def test_an_attention_that_fails(
    plug: Plug, tiny: Dataset, tmp_path: Path, source: str, said: str, text: str
) -> None:
    plug(plugins.ATTENTION, "other", source, "Kind")
    line = failure(tiny, tmp_path, "model=amfmn", "attention=other", f"text={text}")
    assert line.startswith("attention other of rsitmd-other failed (") and said in line


@pytest.mark.parametrize(
    ("group", "changes"),
    [(plugins.BASELINES, ["model=other"]), (plugins.ATTENTION, ["model=amfmn", "attention=other"])],
)
def test_a_plugin_that_cannot_be_loaded_cannot_be_trained(
    plug: Plug, tiny: Dataset, tmp_path: Path, group: str, changes: list[str]
) -> None:
    plug(group, "other", "import absent_package", "Model")
    line = failure(tiny, tmp_path, *changes)
    assert line.startswith("plugin other of rsitmd-other cannot be loaded; see the warning above")
