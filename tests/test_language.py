"""Words that the project used to be written in, and that a reader had to decode."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDERS = (
    "rsitmd_tools",
    "baselines",
    "schemas",
    "annotation_templates",
    "docs",
    "benchmarks",
    "tests",
)
KINDS = {".py", ".md", ".js", ".yaml", ".html", ".xml", ".toml"}
PHRASES = {
    r"\bfell ill\b": "pessimistic",
    r"\bis none the\b": "invalid",
    r"\bis none$": "does not exist, or: is ignored",
    r"\blikest\b": "most similar",
    r"\btold whole\b": "in full",
    r"\bfinding is told\b": "with a finding",
    r"\balone decide\b": "only ... affects",
    r"\bthe most similar so many\b": "maximum number of",
    r"\bWhere the \w+ is none\b": "if ... does not exist",
    r"\bmend(ed|s)?\b": "hint, or: fix",
    r"\bEvaluationWishes\b|\bWishes\b": "EvaluationOptions",
    r"\bSay whether\b": "return whether",
    r"\bmakes? ready\b": "prepares",
    r"\bpage of the settings\b": "the configured labeling page",
    r"\bhas no place for\b": "does not support, or: cannot store",
    r"\bholds? no (place|images?)\b": "contains no",
    r"\bnone of the suffixes\b": "unsupported file type",
    r"\bis no (CSV|release|fold)\b": "is not",
    r"\bhalf a character\b": "an unpaired surrogate",
    r"\btakes no part\b": "is not an annotator",
    r"\b(w|W)hat overlaps what\b": "overlap between datasets",
}


@functools.cache
def lines() -> list[tuple[str, str]]:
    """Return each line of each file, with the file's path."""
    found = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md"]
    for name in FOLDERS:
        found += [file for file in (CHECKOUT / name).rglob("*") if file.suffix in KINDS]
    return [
        (str(file.relative_to(CHECKOUT)), line.strip())
        for file in found
        if "changelog" not in file.name.lower() and file != Path(__file__).resolve()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_file_has_an_old_phrase(phrase: str) -> None:
    pattern = re.compile(phrase)
    found = [f"{file}: {line}" for file, line in lines() if pattern.search(line)]
    assert found == [], f"write instead: {PHRASES[phrase]}"


def test_no_file_has_a_conflict_of_a_merge() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    every = [*lines(), *(("CHANGELOG.md", line) for line in changelog)]
    marked = [place for place, line in every if re.match(r"(<{7}|>{7}|\|{7}) |={7}$", line)]
    assert marked == []
