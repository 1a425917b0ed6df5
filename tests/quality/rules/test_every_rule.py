"""A new rule takes one file and its test: this finds the one without."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.quality.registry import all_rules
from tests.quality.rules.test_examples import CODES


def test_every_rule_is_tested() -> None:
    here = Path(__file__).parents[2]
    tests = "".join(
        file.read_text(encoding="utf-8")
        for file in here.rglob("test_*.py")
        if file.name != Path(__file__).name
    )
    untested = [code for code in all_rules() if code not in CODES and f'"{code}"' not in tests]
    assert untested == []
