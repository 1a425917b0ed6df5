"""Checkpoints in the layouts in which CLIP models are published, of tiny random models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import normalize

from rsitmd_tools.baselines import evaluate
from rsitmd_tools.baselines.clip.model import CLIP
from rsitmd_tools.baselines.clip.tokenizer import ClipTokenizer
from rsitmd_tools.baselines.clip.weights import plain_names
from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.training.train import Options, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError

State = dict[str, Tensor]
TEXT = {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
MODELS: dict[str, dict[str, Any]] = {
    "ViT": {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 32,
            "head_width": 16,
            "patch_size": 16,
        },
        "text_cfg": TEXT,
    },
    "RN": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
        "text_cfg": TEXT,
    },
}


def tiny_model(name: str) -> open_clip.CLIP:
    torch.manual_seed(1)
    model = open_clip.CLIP(**json.loads(json.dumps(MODELS[name]))).eval()
    for key, value in model.named_buffers():
        if key.endswith("running_mean"):
            value.normal_()
    return model


def settings(folder: Path, name: str) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(MODELS[name]))
    return file


def config(folder: Path, name: str, weights: Path, mode: str = "clip", *changes: str) -> Config:
    small = [f"backbone={settings(folder, name)}", "image_size=32", "batch_size=12"]
    return load_config(mode, [*small, f"weights={weights}", *changes])


def half(state: State) -> State:
    return {k: v.half() if v.is_floating_point() else v for k, v in state.items()}


def prefixed(state: State, prefix: str = "module.") -> State:
    return {prefix + key: value for key, value in state.items()}


def of_openai(state: State) -> State:
    """OpenAI's tensors: half precision, and three numbers that no module has."""
    numbers = {"input_resolution": 32, "context_length": 24, "vocab_size": 49408}
    return half(state) | {key: torch.tensor(value) for key, value in numbers.items()}


def of_training(state: State) -> dict[str, Any]:
    """What open_clip's training writes: the state of all, under names of DDP."""
    return {"epoch": 3, "name": "run", "state_dict": prefixed(state), "optimizer": {"state": {}}}


LAYOUTS: dict[str, Callable[[State], Any]] = {
    "RemoteCLIP and GeoRSCLIP": dict,
    "half precision": half,
    "OpenAI, converted": of_openai,
    "open_clip's training": of_training,
    "state_dict alone": lambda state: {"state_dict": state},
    "model alone": lambda state: {"model": state, "epoch": 3},
    "module. alone": prefixed,
    "compiled and distributed": lambda state: prefixed(state, "module._orig_mod."),
    "scale with one dimension": lambda s: {**s, "logit_scale": s["logit_scale"][None]},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MODELS)
def test_a_layout_gives_the_scores_of_open_clip(tmp_path: Path, name: str, layout: str) -> None:
    published = tiny_model(name)
    file = tmp_path / "clip.pt"
    torch.save(LAYOUTS[layout](published.state_dict()), file)
    model = CLIP(config(tmp_path, name, file), 0).eval()
    assert all(p.dtype == torch.float32 for p in model.parameters())
    exact = layout not in ("half precision", "OpenAI, converted")
    images, captions = torch.rand(3, 3, 32, 32), ["two planes", "a red boat"]
    words = open_clip.SimpleTokenizer(context_length=24)(captions)
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(3, 1, 1)
    with torch.no_grad():
        found = model.score(
            model.encode_images(images), model.encode_texts(ClipTokenizer(24).encode(captions))
        )
        one = normalize(published.encode_image((images - mean) / std), dim=-1)
        expected = one @ normalize(published.encode_text(words), dim=-1).T
    torch.testing.assert_close(found, expected, atol=1e-6 if exact else 1e-2, rtol=0)


def test_safetensors_and_a_separate_text_tower(tmp_path: Path) -> None:
    state = {key: value.clone() for key, value in tiny_model("ViT").state_dict().items()}
    towers = {
        key if key.startswith(("visual.", "logit")) else f"text.{key}": value
        for key, value in state.items()
    }
    save_file(towers, tmp_path / "clip.safetensors")
    model = CLIP(config(tmp_path, "ViT", tmp_path / "clip.safetensors"), 0)
    torch.testing.assert_close(model.towers.state_dict(), state)


def test_prefixes_are_removed_only_if_all_names_have_them() -> None:
    one = torch.zeros(1)
    assert plain_names({"module.model.a": one, "module.model.text.b": one}).keys() == {"a", "b"}
    assert plain_names({"module.a": one, "b": one}).keys() == {"module.a", "b"}
    assert plain_names({"text_projection": one}).keys() == {"text_projection"}
    assert plain_names({}) == {}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mode", ["clip-zero-shot", "clip-linear", "clip"])
def test_a_checkpoint_is_evaluated_probed_and_fine_tuned(
    tmp_path: Path, tiny: Dataset, name: str, mode: str
) -> None:
    published = tiny_model(name)
    file = tmp_path / "clip.pt"
    torch.save(of_openai(published.state_dict()), file)
    epochs = [] if mode == "clip-zero-shot" else ["epochs=1", "lr=1e-3"]
    run = train(
        tiny, config(tmp_path, name, file, mode, *epochs), tmp_path / "run", Options(device="cpu")
    )
    result = evaluate(run, tiny)
    assert 0 <= result["mean_recall"] <= 100
    assert result["weights"]["file"] == "clip.pt"
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    key = "visual.conv1.weight"
    same = torch.equal(best[f"model.towers.{key}"], published.state_dict()[key].half().float())
    assert same == (mode != "clip")


class Pickled:
    """A pickle that runs a program when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch ran",)


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_a_pickle_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    state: dict[str, Any] = dict(tiny_model("ViT").state_dict())
    document = {"state_dict": state, "args": Pickled()}
    if place == "inside":
        document = {**state, "visual.proj": Pickled()}
    torch.save(document, tmp_path / "clip.pt")
    with pytest.raises(RsitmdError, match="is not a weights file") as error:
        CLIP(config(tmp_path, "ViT", tmp_path / "clip.pt"), 0)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_a_torchscript_archive_is_refused_with_the_command_that_converts_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ViT-B-32.pt"
    with warnings.catch_warnings():
        # torch deprecates TorchScript.
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), file)
    with pytest.raises(RsitmdError, match="TorchScript archive, as OpenAI publishes") as error:
        CLIP(config(tmp_path, "ViT", file), 0)
    assert "\n" not in str(error.value)
    # The command does what the message says.
    assert error.value.hint is not None
    code = error.value.hint.split('-c "')[1].rstrip('"')
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
    assert torch.load(tmp_path / "clip.pt", weights_only=True).keys() == {"weight", "bias"}


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: None, "does not exist"),
        (lambda file: file.write_bytes(b""), "is not a weights file"),
        (lambda file: file.write_text("<html>not found</html>"), "is not a weights file"),
        (lambda file: zipfile.ZipFile(file, "w").close(), "is not a weights file"),
        (lambda file: torch.save([torch.zeros(1)], file), "is not a weights file"),
        (lambda file: torch.save({}, file), "names missing"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, write: Callable[[Path], object], message: str
) -> None:
    write(tmp_path / "clip.pt")
    with pytest.raises(RsitmdError, match=message):
        CLIP(config(tmp_path, "ViT", tmp_path / "clip.pt"), 0)


def with_projection(change: Callable[[Tensor], object]) -> dict[Any, Any]:
    """Return the tensors of a model with another value of one."""
    state = tiny_model("ViT").state_dict()
    return {**state, "visual.proj": change(state["visual.proj"])}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({1: torch.zeros(1)}, "is not a weights file"),
        (with_projection(lambda value: value.to_sparse()), "is not a weights file"),
        (with_projection(lambda value: value.to("meta")), "is not a weights file"),
        (with_projection(lambda value: value.to(torch.complex64)), "is not a weights file"),
        (with_projection(lambda value: value * float("nan")), r"not finite.*visual\.proj"),
        (with_projection(lambda value: value + float("inf")), r"not finite.*visual\.proj"),
        (with_projection(lambda value: (100 * value).char()), r"integers as weights.*visual\.proj"),
        (with_projection(lambda value: value > 0), r"integers as weights.*visual\.proj"),
    ],
)
def test_tensors_that_no_model_can_use_are_refused(
    tmp_path: Path, state: dict[Any, Any], message: str
) -> None:
    torch.save(state, tmp_path / "clip.pt")
    with pytest.raises(RsitmdError, match=message) as error:
        CLIP(config(tmp_path, "ViT", tmp_path / "clip.pt"), 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("end", [20, 40, 1000])
def test_a_damaged_archive_is_refused(tmp_path: Path, end: int) -> None:
    file = tmp_path / "clip.pt"
    torch.save(tiny_model("ViT").state_dict(), file)
    content = bytearray(file.read_bytes())
    content[-end : -end + 20] = b"\xff" * 20
    file.write_bytes(content)
    with pytest.raises(RsitmdError, match="is not a weights file"):
        CLIP(config(tmp_path, "ViT", file), 0)


def test_weights_of_another_model_and_another_image_size(tmp_path: Path) -> None:
    torch.save(tiny_model("RN").state_dict(), tmp_path / "clip.pt")
    with pytest.raises(RsitmdError, match="set backbone to the model of the weights"):
        CLIP(config(tmp_path, "ViT", tmp_path / "clip.pt"), 0)
    with pytest.raises(RsitmdError, match="set image_size to the size"):
        CLIP(config(tmp_path, "RN", tmp_path / "clip.pt", "clip", "image_size=64"), 0)


@pytest.mark.parametrize("name", ["clip", "clip-rn50"])
def test_the_shipped_configurations_name_models_of_open_clip(name: str) -> None:
    """The tensors of ViT-B-32 and RN50, on the meta device: no memory is needed for them."""
    from rsitmd_tools.baselines.clip.model import clip_settings

    for mode in ("", "-linear", "-zero-shot"):
        chosen = load_config(f"{name}{mode}")
        with torch.device("meta"):
            towers = open_clip.CLIP(**clip_settings(chosen.backbone))
        expected = {"clip": (768, 3, 32, 32), "clip-rn50": (32, 3, 3, 3)}[name]
        assert towers.state_dict()["visual.conv1.weight"].shape == expected
