"""Configurations: shipped ones, overrides and errors."""

from __future__ import annotations

import importlib.resources
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.baselines.config import (
    config_from,
    frozen_at_random,
    load_config,
    names,
    without_effect,
)
from rsitmd_tools.baselines.registry import MODELS, load_model
from rsitmd_tools.errors import RsitmdError, WrongUsage

TABLE_II = ["scan-t2i", "scan-i2t", "camp-triplet", "camp-bce", "mtfn"]
FIXED = ["vsepp", *TABLE_II, "amfmn-soft", "amfmn-fusion", "amfmn-similarity", "clip"]


def test_fixed_names_exist() -> None:
    assert set(names()) >= {*FIXED, *(f"m{row}" for row in range(1, 10))}


@pytest.mark.parametrize("name", names())
def test_a_shipped_configuration_loads_and_is_short(name: str) -> None:
    config = load_config(name)
    assert config_from(config.as_dict(), name) == config
    folder = importlib.resources.files("rsitmd_tools.baselines.configs")
    lines = (folder / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and len(lines) <= 25
    assert max(map(len, lines)) <= 100


def test_the_rows_of_table_vi() -> None:
    rows = {row: load_config(f"m{row}") for row in range(1, 10)}
    assert [rows[r].multiscale for r in rows] == [False, False, *[True] * 7]
    assert [rows[r].attention != "none" for r in rows] == [*[False] * 5, *[True] * 4]
    texts = ["sentence", "keywords"] * 2 + ["weighted", "sentence", "keywords", "weighted", "vgmf"]
    assert [rows[r].text for r in rows] == texts


def test_overrides(tmp_path: Path) -> None:
    changes = ["lr=1e-4", "margin.kind=fixed", "margin.value=0.4", "weights=w.pth"]
    config = load_config("amfmn-soft", changes)
    assert (config.lr, config.margin.kind, config.margin.value) == (1e-4, "fixed", 0.4)
    assert config.weights == "w.pth"
    file = tmp_path / "own.yaml"
    file.write_text("model: vsepp\nepochs: 3\n")
    assert load_config(str(file)).epochs == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["learning_rate=1"], "learning_rate"),
        (["margin.kid=fixed"], "margin.kid"),
        (["batch_size=1"], "batch_size"),
        (["dropout=1"], "dropout"),
        (["attention=hard"], 'not "hard"; use one of them, or install the package that adds it'),
        (["model=mean"], 'not "mean"; use one of them, or install the package that adds it'),
        (["folds=1"], "folds: must not be 1; use 2 or more, or 0 for no folds"),
        (["margin=0.4"], "margin: must be an object, not 0.4; set a key of it, such as margin.va"),
        (["validate=false", "patience=3"], "patience"),
        (["validate=false", "folds=5"], "folds"),
        (["scan.direction=both"], "scan.direction"),
        (["mtfn.rank=0"], "mtfn.rank"),
        (["loss=bce"], "loss=bce cannot be combined with model=amfmn"),
    ],
)
def test_invalid_settings_are_reported_with_their_key(changes: list[str], message: str) -> None:
    with pytest.raises(RsitmdError) as error:
        load_config("amfmn-soft", changes)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_the_models_of_a_configuration_are_those_of_the_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RsitmdError) as error:
        load_config("vsepp", ["model=unknown"])
    assert all(f'"{name}"' in str(error.value) for name in MODELS)
    assert {load_model(name).__name__.lower() for name in MODELS} == set(MODELS)
    monkeypatch.setitem(MODELS, "another", MODELS["vsepp"])
    assert load_config("vsepp", ["model=another"]).model == "another"


@pytest.mark.parametrize("change", ["lr", "=1", "seed.x=1", "lr=[1"])
def test_invalid_overrides(change: str) -> None:
    with pytest.raises((WrongUsage, RsitmdError)):
        load_config("amfmn-soft", ["seed=1", change])


def test_plain_data_has_no_settings_of_other_models() -> None:
    """A run of an earlier version, which did not know these models, has the same settings."""
    assert load_config("scan-i2t").as_dict()["scan"]["direction"] == "i2t"
    assert load_config("mtfn").as_dict()["mtfn"] == {"rank": 20}
    assert not {"scan", "mtfn"} & load_config("vsepp").as_dict().keys()


def test_a_precision_may_be_written_as_a_number() -> None:
    assert load_config("vsepp", ["precision=32"]).precision == "32"
    assert load_config("vsepp", ["precision=bf16-mixed"]).precision == "bf16-mixed"
    with pytest.raises(RsitmdError, match="precision"):
        load_config("vsepp", ["precision=64"])


def test_whole_numbers_can_be_written_as_floats() -> None:
    config = load_config("vsepp", ["epochs=1e1", "dimension=16.0", "seed=2.0", "precision=32.0"])
    assert (config.epochs, config.dimension, config.seed) == (10, 16, 2)
    assert {type(config.epochs), type(config.dimension), type(config.seed)} == {int}
    assert config.precision == "32"


def test_numbers_of_sections_and_files_have_the_types_of_the_schema(tmp_path: Path) -> None:
    assert type(load_config("mtfn", ["mtfn.rank=20.0"]).mtfn.rank) is int
    assert load_config("vsepp", ["margin.value=1e-1"]).margin.value == 0.1
    file = tmp_path / "own.yaml"
    file.write_text("model: vsepp\nlr: 1e-4\nmargin: {value: 2e-1}\nweights: 1e5\n")
    config = load_config(str(file))
    assert (config.lr, config.margin.value, config.weights) == (1e-4, 0.2, "1e5")
    file.write_text("model: vsepp\nlr: nan\n")
    with pytest.raises(RsitmdError, match="lr: must be a finite number"):
        load_config(str(file))


@pytest.mark.parametrize("change", ["weights=#dir/file", "weights=", "lr= # comment"])
def test_a_value_that_yaml_does_not_read_is_refused(change: str) -> None:
    with pytest.raises(WrongUsage, match="YAML reads no value; put a value that begins with #"):
        load_config("vsepp", [change])
    assert load_config("vsepp", ["weights=null"]).weights is None
    assert load_config("vsepp", ["weights=~"]).weights is None
    assert load_config("vsepp", ["weights='#dir/file'"]).weights == "#dir/file"


@pytest.mark.parametrize(
    "text",
    ["&a {x: *a}", "9" * 5000, "[" * 5000, "2020-13-45"],
    ids=["loop", "long", "deep", "date"],
)
def test_yaml_that_cannot_be_a_setting_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"model: vsepp\nmargin: {text}\n")
    for load in (
        lambda: load_config(str(file)),
        lambda: load_config("vsepp", [f"margin={text}"]),
    ):
        with pytest.raises(RsitmdError, match=r"margin: has too many|is not YAML") as error:
            load()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("vsepp", "scan.lambda1=3", "model=vsepp"),
        ("vsepp", "attention=soft", "model=vsepp"),
        ("scan-t2i", "scan.lambda1=3", None),
        ("amfmn-soft", "attention=fusion", None),
        ("vsepp-frozen", "backbone_lr=0.1", "freeze_backbone=true"),
        ("vsepp-frozen", "lr_decay=0.5", "schedule=cosine"),
        ("vsepp", "temperature=0.1", "loss=triplet"),
        ("vsepp-whole", "margin.value=0.1", "loss=infonce"),
        ("vsepp", "margin.gamma=0.1", "margin.kind=fixed"),
        ("amfmn-soft", "margin.value=0.1", "margin.kind=dynamic"),
        ("vsepp", "margin.value=0.1", None),
    ],
)
def test_settings_that_have_no_effect_are_named(name: str, change: str, why: str | None) -> None:
    expected = [f"{change.partition('=')[0]} has no effect with {why}"] if why else []
    assert without_effect([load_config(name, [change])], [change]) == expected


def test_of_several_configurations_only_what_none_reads_is_named() -> None:
    changes = ["attention=soft", "margin.value=0.3", "scan.lambda1=3"]
    configs = [load_config(name, changes) for name in ("vsepp", "mtfn")]
    assert without_effect(configs, changes) == [
        "attention has no effect with model=vsepp or model=mtfn",
        "scan.lambda1 has no effect with model=vsepp or model=mtfn",
    ]


def test_a_frozen_backbone_with_random_weights_is_named() -> None:
    frozen, whole = load_config("vsepp-frozen"), load_config("vsepp")
    note = "the frozen backbone has random weights; use --set weights=FILE"
    assert frozen_at_random([whole, frozen]) == [note]
    assert frozen_at_random([whole, load_config("vsepp-frozen", ["weights=w.pth"])]) == []


@pytest.mark.parametrize("text", ["epochs: 3\nepochs: 70", "margin: {value: 1, value: 2}"])
def test_a_key_that_occurs_twice_is_refused(tmp_path: Path, text: str) -> None:
    """PyYAML takes the last one: 70 epochs, although the file also says 3."""
    file = tmp_path / "own.yaml"
    file.write_text(f"model: vsepp\n{text}\n")
    key = "epochs" if "epochs" in text else "value"
    line = 3 if "epochs" in text else 2
    with pytest.raises(RsitmdError, match=f"own.yaml: line {line}: .*the key {key} occurs twice"):
        load_config(str(file))
    file.write_text("model: vsepp\nmargin: &m {value: 0.1}\nscan: {lambda1: 3}\n")
    assert load_config(str(file)).margin.value == 0.1


def test_a_fold_needs_folds() -> None:
    with pytest.raises(WrongUsage, match="fold=2 has no effect without folds; set folds to"):
        load_config("vsepp", ["fold=2"])
    assert load_config("vsepp", ["fold=2", "folds=5"]).fold == 2
    # A run of an earlier version can still be evaluated.
    assert config_from({"model": "vsepp", "fold": 2}, "config.yaml").fold == 2


@pytest.mark.parametrize("change", ["lr=.nan", "gradient_clip=.inf", "margin.beta=-.inf"])
def test_a_number_that_is_not_finite_is_refused(change: str) -> None:
    with pytest.raises(RsitmdError, match=r"must be a finite number"):
        load_config("amfmn-soft", [change])


def test_folds_of_the_command_line_need_validation_too() -> None:
    with pytest.raises(WrongUsage, match="cannot be combined with patience or folds"):
        replace(load_config("vsepp", ["validate=false"]), folds=5)


@pytest.mark.parametrize(
    "text",
    ["", "- a\n", "model: [\n", "epochs: 3\n", "\x00", "model: vsepp\non: 2\n", "foo: 1\n2: 3\n"],
)
def test_files_that_are_not_a_configuration(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(RsitmdError):
        load_config(str(file))
    with pytest.raises(RsitmdError, match="m9"):
        load_config("no-such-name")
