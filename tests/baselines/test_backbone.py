"""Backbones by name, their weights, and the conversion of weights."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
import timm
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from rsitmd_tools.baselines.backbone import METADATA_KEY, Backbone
from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.models import make_model
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.baselines.weights import convert_weights
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.hashing import sha256_file

NAME = "tf_efficientnet_lite0"


def test_stages_of_resnet18() -> None:
    backbone = Backbone("resnet18").eval()
    assert backbone.channels == [64, 128, 256, 512]
    maps = backbone(torch.rand(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
        (512, 2, 2),
    ]


@pytest.mark.parametrize("name", ["no-such-network", "vit_tiny_patch16_224x", ""])
def test_unknown_network(name: str) -> None:
    with pytest.raises(RsitmdError, match="backbone"):
        Backbone(name)


FAMILIES = [
    "resnet18",
    "convnext_atto",
    "mobilenetv3_small_050",
    "hrnet_w18_small",
    # Made for 224 pixels; the first gives its channels last.
    "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_ns_224",
    "coat_tiny",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_both_models_work_with_many_backbone_families(family: str) -> None:
    changes = [f"backbone={family}", "image_size=64", "dimension=16"]
    images = torch.rand(2, 3, 64, 64)
    for name in ("amfmn-soft", "vsepp"):
        model = make_model(load_config(name, changes), Vocabulary(("a",)))
        assert all(module.training for module in model.modules())
        model.eval()
        with torch.no_grad():
            encoded = model.encode_images(images)
            maps = model.frozen_part()(images)
        assert encoded.shape == (2, 16) and encoded.isfinite().all()
        assert [each.shape[1] for each in maps] == model.frozen_part().channels
        assert maps[0].shape[2:] == (16, 16)


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [
        ("vit_tiny_patch16_224", 64, "has 3 stages"),
        (
            "efficientformer_l1",
            64,
            "does not support images of 64 pixels: .*; use another image_size",
        ),
        (
            "twins_pcpvt_small",
            100,
            "does not support images of 100 pixels: .*; use another image_size",
        ),
        (
            "hrnet_w18_small",
            100,
            "does not support images of 100 pixels: .*; use another image_size",
        ),
        # Its shapes fit, the numbers in a table do not.
        ("mvitv2_tiny", 100, "does not support images of 100 pixels: .*; use another image_size"),
    ],
)
def test_unsupported_image_size(name: str, size: int, why: str) -> None:
    with pytest.raises(RsitmdError, match=f"backbone {name}: {why}"):
        Backbone(name, image_size=size)


def test_the_size_check_does_not_use_the_random_generator() -> None:
    torch.manual_seed(0)
    network = timm.create_model("resnet18", features_only=True)
    expected = torch.get_rng_state()
    torch.manual_seed(0)
    backbone = Backbone("resnet18")
    assert torch.equal(torch.get_rng_state(), expected)
    torch.testing.assert_close(dict(backbone.network.state_dict()), dict(network.state_dict()))


def test_images_are_normalised_with_the_values_of_the_weights_file(tmp_path: Path) -> None:
    network = timm.create_model(NAME, pretrained=False)
    file = tmp_path / "w.safetensors"
    metadata = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5]}
    save_file(network.state_dict(), file, {METADATA_KEY: json.dumps(metadata)})
    backbone = Backbone(NAME, str(file)).eval()
    images = torch.rand(2, 3, 64, 64)
    given = (images - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / 0.5
    for found, expected in zip(backbone(images), backbone.network(given)[-4:], strict=True):
        torch.testing.assert_close(found, expected)
    assert "mean" in backbone.state_dict()
    # Without a word in the file it is what timm has: this network differs from ResNet.
    assert Backbone(NAME).mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert Backbone("resnet18").mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def renamed(file: Path) -> dict[str, torch.Tensor]:
    """Write the weights of a network with other names, in the same order."""
    torch.manual_seed(0)
    state = timm.create_model(NAME, pretrained=False).state_dict()
    torch.save({f"part{n}": value for n, value in enumerate(state.values())}, file)
    return dict(state)


def test_weights_with_other_names_are_matched_in_order(tmp_path: Path) -> None:
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    state = renamed(source)
    with pytest.raises(RsitmdError, match="names missing"):
        Backbone(NAME, str(source))
    mean = (127 / 255,) * 3
    assert convert_weights(source, NAME, target, mean, (128 / 255,) * 3) == len(state)
    with safe_open(target, "pt") as opened:
        metadata = json.loads(opened.metadata()[METADATA_KEY])
        assert set(opened.keys()) == set(state)
    assert metadata["backbone"] == NAME and len(metadata["source_sha256"]) == 64
    backbone = Backbone(NAME, str(target))
    for key, value in backbone.network.state_dict().items():
        torch.testing.assert_close(value, state[key])
    torch.testing.assert_close(backbone.mean.flatten(), torch.tensor(mean))


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ((127, 127, 127), None, "--mean 127 127 127: must be from 0 to 1, .*; divide by 255"),
        ((0.5, float("nan"), 0.5), None, "--mean 0.5 nan 0.5: "),
        (None, (128, 128, 128), "--std 128 128 128: "),
        (None, (0.5, 0, 0.5), "--std 0.5 0 0.5: must be above 0"),
    ],
)
def test_a_normalisation_of_other_images_is_refused(
    tmp_path: Path, mean: Sequence[float] | None, std: Sequence[float] | None, said: str
) -> None:
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    renamed(source)
    with pytest.raises(WrongUsage, match=said):
        convert_weights(source, NAME, target, mean, std)
    assert not target.exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_published_weights_of_many_families_are_converted(tmp_path: Path, family: str) -> None:
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    network = timm.create_model(family, pretrained=False).eval()
    torch.save(network.state_dict(), source)
    convert_weights(source, family, target)
    backbone = Backbone(family, str(target), 224).eval()
    with torch.no_grad():
        images = torch.rand(1, 3, 224, 224)
        normal = (images - backbone.mean) / backbone.std
        expected = network.forward_intermediates(normal, intermediates_only=True)[-1]
        torch.testing.assert_close(backbone(images)[-1], expected, atol=1e-4, rtol=1e-4)


def test_weights_for_another_image_size(tmp_path: Path) -> None:
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    torch.save(timm.create_model("hiera_tiny_224", pretrained=False).state_dict(), source)
    convert_weights(source, "hiera_tiny_224", target)
    with pytest.raises(RsitmdError, match=r"1 shape differs.*; set image_size"):
        Backbone("hiera_tiny_224", str(target), 256)


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    renamed(source)
    made = set()
    for _ in range(6):
        convert_weights(source, NAME, target)
        made.add(sha256_file(target))
    assert len(made) == 1


def test_weights_in_another_order_are_refused(tmp_path: Path) -> None:
    """The tensors of a batch normalisation have one shape: their means became its weights."""
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    state = timm.create_model("resnet18", pretrained=False).state_dict()
    names = [f"net.{name}" for name in state]
    place = names.index("net.bn1.weight")
    names[place], names[place + 2] = names[place + 2], names[place]
    torch.save(dict(zip(names, state.values(), strict=True)), source)
    message = r"order of its tensors differs(.|\n)*bn1.weight would be net.bn1.running_mean"
    with pytest.raises(RsitmdError, match=message):
        convert_weights(source, "resnet18", target)
    assert not target.exists()


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    """Without their scale, whole numbers are other weights."""
    file, target = tmp_path / "w.pth", tmp_path / "out.safetensors"
    state = timm.create_model(NAME, pretrained=False).state_dict()
    torch.save({**state, "conv_stem.weight": (100 * state["conv_stem.weight"]).char()}, file)
    message = r"has integers as weights, in 1 tensor \(conv_stem.weight\); use weights in"
    with pytest.raises(RsitmdError, match=message):
        Backbone(NAME, str(file))
    with pytest.raises(RsitmdError, match=message):
        convert_weights(file, NAME, target)
    assert not target.exists()


def test_weights_of_another_backbone_list_the_mismatches(tmp_path: Path) -> None:
    source, target = tmp_path / "src.pth", tmp_path / "out.safetensors"
    state = renamed(source)
    with pytest.raises(RsitmdError, match=f"{len(state)} tensors, expected"):
        convert_weights(source, "resnet18", target)
    assert not target.exists()
    convert_weights(source, NAME, target)
    with pytest.raises(RsitmdError, match=f"weights of {NAME}.*conv1.weight") as error:
        Backbone("resnet18", str(target))
    line, *below = str(error.value).splitlines()
    own = Backbone("resnet18").network.state_dict()
    missing = [f"  {key} missing" for key in own if key not in state]
    misshapen = [key for key in own if key in state and own[key].shape != state[key].shape]
    assert "convert them" in line and misshapen
    assert below == [*missing[:20], f"  and {len(missing) + len(misshapen) - 20} more"]
    broken = torch.load(source)
    broken["part0"] = broken["part0"][:3]
    torch.save(broken, source)
    with pytest.raises(RsitmdError, match=r"1 shape differs \(conv_stem.weight \(3,") as error:
        convert_weights(source, NAME, target)
    _, below = str(error.value).splitlines()
    assert below == "  conv_stem.weight (3, 3, 3, 3), expected (32, 3, 3, 3)"
    with pytest.raises(WrongUsage, match="safetensors"):
        convert_weights(source, NAME, tmp_path / "out.pth")


class Trap:
    """An object that executes code when it is unpickled."""

    fired = False

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import tests; raise SystemExit('the trap has fired')",))


@pytest.mark.parametrize("content", ["pickle", "torch", "text", "absent", "empty"])
def test_a_file_of_anything_but_tensors_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "w.pth"
    if content == "pickle":
        file.write_bytes(pickle.dumps({"a": Trap()}))
    elif content == "torch":
        torch.save({"a": Trap()}, file)
    elif content == "text":
        file.write_text("conv1.weight")
    elif content == "empty":
        file.touch()
    with pytest.raises(RsitmdError) as error:
        Backbone("resnet18", str(file))
    assert str(file) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(RsitmdError):
        convert_weights(file, "resnet18", tmp_path / "o.safetensors")
