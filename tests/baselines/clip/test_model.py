"""CLIP with a tiny random model of open_clip; no pretrained weights are available here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rsitmd_tools.baselines import evaluate, search
from rsitmd_tools.baselines.clip.model import CLIP, clip_settings
from rsitmd_tools.baselines.clip.tokenizer import ClipTokenizer
from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.data.features import features_key
from rsitmd_tools.baselines.training.train import Options, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.json"
    file.write_text(json.dumps(TINY))
    return file


def config(settings: Path, name: str, *changes: str) -> Config:
    small = [f"backbone={settings}", "image_size=32", "batch_size=12", *changes]
    return load_config(name, small)


def test_a_linear_probe_starts_with_the_zero_shot_scores(settings: Path) -> None:
    torch.manual_seed(0)
    zero_shot = CLIP(config(settings, "clip-zero-shot"), 0).eval()
    probe = CLIP(config(settings, "clip-linear"), 0).eval()
    probe.towers.load_state_dict(zero_shot.towers.state_dict())
    texts = ClipTokenizer(24).encode(["two planes", ""])
    images = torch.rand(3, 3, 32, 32)
    one, other = (
        m.score(m.encode_images(images), m.encode_texts(texts)) for m in (zero_shot, probe)
    )
    torch.testing.assert_close(one, other)
    probe.encode_texts(texts).sum().backward()
    assert all(p.grad is None for p in probe.towers.parameters())
    assert probe.of_text.weight.grad is not None  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["clip-zero-shot", "clip", "clip-linear"])
def test_the_three_modes_train_and_evaluate(
    tmp_path: Path, tiny: Dataset, settings: Path, name: str
) -> None:
    changes = [] if name == "clip-zero-shot" else ["epochs=1"]
    run = train(tiny, config(settings, name, *changes), tmp_path / "run", Options(device="cpu"))
    result = evaluate(run, tiny)
    assert 0 <= result["mean_recall"] <= 100
    assert result["weights"] == "random"


def test_a_run_does_not_need_the_file_of_its_model(
    tmp_path: Path, tiny: Dataset, settings: Path
) -> None:
    """The file was read again: an activation that is not in the weights gave other scores."""
    chosen, options = config(settings, "clip", "epochs=1"), Options(device="cpu", resume=True)
    run = train(tiny, chosen, tmp_path / "run", options)
    before = evaluate(run, tiny)["mean_recall"], search(run, tiny, "a boat").found
    settings.write_text(json.dumps({**TINY, "quick_gelu": True}))
    assert (evaluate(run, tiny)["mean_recall"], search(run, tiny, "a boat").found) == before
    with pytest.raises(RsitmdError, match="was started with another file of the backbone"):
        train(tiny, chosen, run, options)
    settings.unlink()
    assert (evaluate(run, tiny)["mean_recall"], search(run, tiny, "a boat").found) == before
    (run / "backbone.json").write_text(json.dumps({**TINY, "quick_gelu": True}))
    with pytest.raises(RsitmdError, match=r"backbone\.json was changed after the training"):
        evaluate(run, tiny)


def test_weights_are_read_from_a_file_and_must_match(tmp_path: Path, settings: Path) -> None:
    torch.manual_seed(1)
    towers = CLIP(config(settings, "clip"), 0).towers
    file = tmp_path / "clip.safetensors"
    state = {key: value.clone() for key, value in towers.state_dict().items()}
    save_file(state, file)
    made = CLIP(config(settings, "clip", f"weights={file}"), 0)
    torch.testing.assert_close(made.towers.state_dict(), state)
    del state["visual.proj"]
    state["logit_scale"] = torch.zeros(2)
    save_file(state, file)
    with pytest.raises(
        RsitmdError, match=r"1 name missing \(visual.proj\), 1 shape differs"
    ) as error:
        CLIP(config(settings, "clip", f"weights={file}"), 0)
    _, *below = str(error.value).splitlines()
    assert below == ["  visual.proj missing", "  logit_scale (2,), expected ()"]


OTHER = [{"quick_gelu": True}, {"vision_cfg": {**TINY["vision_cfg"], "head_width": 8}}]  # type: ignore[dict-item]


@pytest.mark.parametrize("changed", OTHER)
def test_towers_with_equal_weights_do_not_share_features(
    tmp_path: Path, settings: Path, changed: dict[str, object]
) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps(TINY | changed))
    one, again, other = (
        CLIP(config(each, "clip-linear"), 0) for each in (settings, settings, file)
    )
    for model in (again, other):
        model.towers.load_state_dict(one.towers.state_dict())
    keys = [features_key(model, "images", 1) for model in (one, again, other)]
    assert keys[0] == keys[1] != keys[2]


WRONG = '{"embed_dim": 8, "vision_cfg": {"x": 1}, "text_cfg": {}}'


def changed(**parts: object) -> str:
    """Return the tiny config with other values, such as ``embed_dim`` or ``text_cfg__width``."""
    document = json.loads(json.dumps(TINY))
    for key, value in parts.items():
        tower, _, inner = key.partition("__")
        if inner:
            document[tower][inner] = value
        else:
            document[key] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "no json",
        WRONG,
        changed(vision_cfg=[1]),
        changed(text_cfg="x"),
        changed(text_cfg=None),
        changed(embed_dim=-1),
        changed(vision_cfg__patch_size=0),
        changed(vision_cfg__timm_model_name="no such network"),
        changed(text_cfg__heads=3),
        changed(text_cfg__vocab_size=100),
    ],
)
def test_invalid_model_configs(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(RsitmdError, match="backbone") as error:
        CLIP(config(file, "clip"), 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["roberta-ViT-B-32", "ViT-B-16-SigLIP"])
def test_a_model_with_a_tokenizer_of_hugging_face_is_refused(name: str) -> None:
    """It would be downloaded, and the tokens of CLIP mean other words to the model."""
    with pytest.raises(RsitmdError, match="need a tokenizer of Hugging Face"):
        clip_settings(name)


def test_the_config_of_a_model_downloads_no_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "timm.json"
    towers = {"timm_model_name": "test_vit", "timm_model_pretrained": True, "timm_pool": ""}
    file.write_text(json.dumps({**TINY, "vision_cfg": {**towers, "image_size": 32}}))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    CLIP(load_config("clip", [f"backbone={file}", "image_size=160"]), 0)


def test_a_truncated_query_is_reported(tmp_path: Path, tiny: Dataset, settings: Path) -> None:
    run = train(tiny, config(settings, "clip-zero-shot"), tmp_path / "run", Options(device="cpu"))
    long = search(run, tiny, "boat " * 500, 3)
    assert long.notes == ["the sentence has 500 CLIP tokens; only the first 22 are used"]
    just = search(run, tiny, "boat " * 22, 3)
    assert just.notes == []
    assert [entry["score"] for entry in just.found] == [entry["score"] for entry in long.found]
    assert search(run, tiny, "boat " * 21, 3).found != just.found
    assert len(search(run, tiny, "boat " * 23, 3).notes) == 1


def test_long_and_keyword_queries() -> None:
    tokenizer = ClipTokenizer(8, "both")
    texts = tokenizer.encode(["word " * 500, "a"], [[], ["red boat"]])
    assert texts.words.shape == (2, 8)
    assert tokenizer.encode(["a red boat"]).words.tolist()[0] == texts.words.tolist()[1]
