"""rsitmd.toml: defaults, and errors that name the key."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import pytest

from rsitmd_tools.annotation_templates import labeling_config
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.schemas import load_schema
from rsitmd_tools.workspace.settings import TEMPLATE, Settings, load_settings, new_settings


def settings(folder: Path, text: str) -> Settings:
    file = folder / "rsitmd.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def test_the_template_contains_the_defaults(tmp_path: Path) -> None:
    assert settings(tmp_path, new_settings("dataset")) == Settings()
    assert settings(tmp_path, "") == Settings()


def test_template_and_schema_contain_every_setting() -> None:
    known = deepcopy(load_schema("workspace")["properties"])
    sections = {name: (values, known[name]) for name, values in asdict(Settings()).items()}
    thresholds = sections["validate"][0].pop("thresholds")
    del sections["annotation"][0]["works_like"]  # no key: it follows from the template
    of_thresholds = sections["validate"][1]["properties"].pop("thresholds")
    sections["validate.thresholds"] = (thresholds, of_thresholds)
    for section, (values, schema) in sections.items():
        assert f"\n[{section}]" in TEMPLATE
        assert set(values) == set(schema["properties"])
        for key in values:
            assert f"\n{key} = " in TEMPLATE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[dataset]\nnmae = 'x'", r"dataset\.nmae: unknown key; valid keys: image_size, name"),
        ("[datsaet]", r"datsaet: unknown key"),
        ("[dataset]\nimage_size = '256'", r"dataset\.image_size: must be an integer, not \"256\""),
        ("[dataset]\nimage_size = 3", r"dataset\.image_size: must be at least \d+, not 3"),
        ("[split]\ntrain = 0.5", r"train \+ val \+ test is 0\.7"),
        ("[split]\ntrain = nan", r"train \+ val \+ test is nan"),
        ("[annotation]\nkeywords_min = 6", "keywords_min is greater"),
        ("[validate.thresholds]\nwords_min = 51", "words_min is greater"),
        ("[validate]\nignore = [3]", r"validate\.ignore\[0\]: must be a string, not 3"),
        ("[dataset", "is not TOML"),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(RsitmdError, match=line) as caught:
        settings(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_number_may_be_written_as_256_0(tmp_path: Path) -> None:
    found = settings(tmp_path, "[dataset]\nimage_size = 256.0\n[split]\nseed = 3.0")
    assert isinstance(found.dataset.image_size, int)
    assert isinstance(found.split.seed, int)


def test_a_file_of_another_editor_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rsitmd.toml"
    file.write_bytes(b"\xef\xbb\xbf[dataset]\r\nname = 'ships'\r\n")
    assert load_settings(file).dataset.name == "ships"
    file.write_bytes("[dataset]".encode("utf-16"))
    with pytest.raises(RsitmdError, match="is UTF-16; save it as UTF-8"):
        load_settings(file)


@pytest.mark.parametrize(
    ("page", "asked"), [("captioning", 5), ("correction", 5), ("keywords", 0), ("ranking", 0)]
)
def test_a_page_from_a_file_asks_for_what_it_shows(tmp_path: Path, page: str, asked: int) -> None:
    (tmp_path / "my-page.xml").write_text(labeling_config(5, 1, 5, page), encoding="utf-8")
    found = settings(
        tmp_path, '[annotation]\ntemplate = "my-page.xml"\nsentences_per_annotator = 5\n'
    )
    assert found.annotation.sentences_asked == asked


@pytest.mark.parametrize("page", [None, "<View>", "\udcff"])
def test_a_page_that_cannot_be_read_is_left_to_the_commands_that_need_it(
    tmp_path: Path, page: str | None
) -> None:
    if page is not None:
        (tmp_path / "my-page.xml").write_text(page, encoding="utf-8", errors="surrogateescape")
    found = settings(tmp_path, '[annotation]\ntemplate = "my-page.xml"\n')
    assert found.annotation.sentences_asked == 1
