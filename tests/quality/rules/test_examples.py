"""The examples in a rule's docstring are its test: what is bad is found, what is good is not.

In an example a line is a sentence, and an empty line begins another image; a line
``keywords: a, b`` gives keywords, a line ``split/name.tif`` the image. A sentence in double
quotes is read as a Python string.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.quality.explain import sections_of
from rsitmd_tools.quality.registry import all_rules
from tests.quality.rules.codes import CODES

if TYPE_CHECKING:
    from tests.quality.conftest import Found

# Rules about several sentences at once; of the others each bad line is bad alone.
TOGETHER = {"S102", "S103", "S107", "S108", "S110"}


def images_of(text: str) -> Dataset:
    """Read an example."""
    from tests.quality.conftest import dataset

    return dataset(*(image(block, n) for n, block in enumerate(re.split(r"\n[ ]*\n", text), 1)))


def image(block: str, number: int) -> ImageRecord:
    from tests.quality.conftest import record

    name, split, keywords, sentences = f"port_{number}.tif", None, list[str](), list[str]()
    for shown in block.splitlines():
        quoted = shown.startswith(chr(34)) and shown.endswith(chr(34))
        line = str(ast.literal_eval(shown)) if quoted else shown
        placed = re.fullmatch(r"(train|val|test)/(\S+\.tif)", line)
        if placed:
            split, name = placed[1], placed[2]
        elif line.startswith("keywords: "):
            keywords = line.removeprefix("keywords: ").split(", ")
        else:
            sentences.append(line)
    return record(name, sentences, keywords, split)


@pytest.mark.parametrize("code", CODES)
def test_what_is_bad_is_found(code: str, found: Found) -> None:
    bad = sections_of(all_rules()[code])["Bad"]
    alone = code[0] == "S" and code not in TOGETHER
    for example in bad.splitlines() if alone else [bad]:
        data = images_of(example)
        findings = found(code, data)
        assert findings, example
        for finding in findings:
            assert finding.name == all_rules()[code].name
            assert len(finding.message.splitlines()) == 1
            if alone and "keywords: " in example:
                assert (finding.image, finding.sentence_index) == ("port_1.tif", None)
                assert "keyword" in finding.message
            elif alone:
                assert (finding.image, finding.sentence_index) == ("port_1.tif", 0)


@pytest.mark.parametrize("code", CODES)
def test_what_is_good_is_not(code: str, found: Found) -> None:
    good = images_of(sections_of(all_rules()[code])["Good"])
    assert found(code, good) == []


@pytest.mark.parametrize("code", list(all_rules()))
def test_every_rule_has_a_page(code: str) -> None:
    entry = all_rules()[code]
    sections = sections_of(entry)
    assert all(sections.get(name) for name in ("What", "Bad", "Good", "Fix"))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", entry.name)
    assert entry.severity in ("error", "warning", "info")
    module = entry.function.__module__.rpartition(".")[2]
    assert module == f"{code.lower()}_{entry.name.replace('-', '_')}"


def test_codes_and_names_are_each_once() -> None:
    names = [entry.name for entry in all_rules().values()]
    assert len(set(names)) == len(names)
