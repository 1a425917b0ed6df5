"""``CITATION.cff``: valid YAML with the keys of the Citation File Format."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from rsitmd_tools.release.citation import citation
from tests.release.conftest import MakeFacts


@pytest.mark.parametrize("title", ['Häfen: ships & "piers"', "no: yes", "- #"])
def test_the_facts_are_in_the_citation(make_facts: MakeFacts, title: str) -> None:
    facts = make_facts(
        title=title,
        authors=("Yuan, Zhiqiang", "A Group: of people"),
        doi="10.1109/TGRS.2021.3078451",
        text_licence="CC-BY-4.0",
    )
    assert yaml.safe_load(citation(facts)) == {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it as below.",
        "type": "dataset",
        "title": title,
        "version": "1.0.0",
        "doi": "10.1109/TGRS.2021.3078451",
        "license": "CC-BY-4.0",
        "authors": [
            {"family-names": "Yuan", "given-names": "Zhiqiang"},
            {"name": "A Group: of people"},
        ],
    }


def test_a_licence_in_a_file_is_no_spdx_name(make_facts: MakeFacts) -> None:
    assert "license" not in yaml.safe_load(citation(make_facts(text_licence="terms.txt")))


@pytest.mark.parametrize(
    ("images", "changes"),
    [
        (("CC-BY-NC-4.0",), {}),
        (("CC-BY-4.0", "CC-BY-NC-4.0"), {}),
        (("CC-BY-4.0",), {"license": "CC-BY-4.0"}),
    ],
)
def test_images_under_another_licence_are_not_given_that_of_the_texts(
    make_facts: MakeFacts, images: tuple[str, ...], changes: dict[str, str]
) -> None:
    facts = make_facts(
        text_licence="CC-BY-4.0", image_licence=", ".join(images), image_licences=images
    )
    found = yaml.safe_load(citation(facts))
    assert {name: found[name] for name in ("license",) if name in found} == changes
    without = yaml.safe_load(citation(replace(facts, with_images=False)))
    assert without["license"] == "CC-BY-4.0"
