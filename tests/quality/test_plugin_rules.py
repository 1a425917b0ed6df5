"""Rules of other packages: mistakes are named with the rule and its package."""

from __future__ import annotations

import pytest

from rsitmd_tools import plugins
from rsitmd_tools.plugins import PluginError
from rsitmd_tools.quality.check import check_subject, subject_of
from rsitmd_tools.quality.explain import explain
from rsitmd_tools.quality.fixes import changes
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.workspace import Settings
from tests.plugged import Plug
from tests.quality.conftest import dataset, record

SOURCE = """
from rsitmd_tools.quality.rule import Violation, rule

@rule("X101", "shouting", "warning")
def shouting(subject):
    {documentation}
    {body}
"""


def add(plug: Plug, body: str = "return []", documentation: str = "") -> None:
    plug(plugins.RULES, "other", SOURCE.format(body=body, documentation=documentation))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('yield Violation("x", subject.dataset.images[0].extra["colour"])', "KeyError: 'colour'"),
        ("return None", "TypeError: 'NoneType' object is not iterable"),
        ('yield "x"', "AttributeError: 'str' object has no attribute 'image'"),
        ('yield Violation("x", "a.tif")', "AttributeError: 'str' object has no attribute"),
    ],
)
def test_a_rule_that_fails_is_not_checked_and_the_others_are(
    plug: Plug, caplog: pytest.LogCaptureFixture, body: str, said: str
) -> None:
    add(plug, body)
    result = check_subject(subject_of(dataset(record(sentences=["A port  at the sea."]))))
    assert "S109" in {finding.code for finding in result.findings}
    assert f"rule X101 of rsitmd-other failed ({said}" in result.unchecked["X101"]
    [warning] = caplog.messages
    assert warning.startswith(result.unchecked["X101"])
    assert "report it to the authors of rsitmd-other" in warning


@pytest.mark.parametrize("documentation", ["", '"""A sentence in capitals."""'])
def test_a_rule_without_sections_has_a_page(plug: Plug, documentation: str) -> None:
    add(plug, documentation=documentation)
    page = explain("X101")
    assert page.startswith("# X101 shouting\n") and "## Ignore" in page
    assert "## Bad" not in page


FIXER = """
from rsitmd_tools.quality.rule import Violation, rule

def quiet(text, subject):
    {fix}

@rule("X101", "shouting", "warning", fix=quiet, safe={safe})
def shouting(subject):
    {body}
"""


@pytest.mark.parametrize(
    ("fix", "safe", "body", "said"),
    [
        ("return text[1000]", True, "return []", "IndexError: string index out of range"),
        ("return None", True, "return []", "TypeError: the fix returned NoneType instead of str"),
        ("return text", False, "return subject.colour", "AttributeError"),
    ],
)
def test_a_fix_that_fails_names_the_package(
    plug: Plug, fix: str, safe: bool, body: str, said: str
) -> None:
    plug(plugins.RULES, "other", FIXER.format(fix=fix, safe=safe, body=body))
    subject = subject_of(dataset(record(sentences=["A port  at the sea."])))
    with pytest.raises(PluginError, match=rf"rule X101 of rsitmd-other failed \({said}"):
        changes(subject, unsafe=True)


REPEATED = """
@rule("X101", "second", "error")
def second(subject):
    return []
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (SOURCE.replace('"warning"', '"fatal"'), "'fatal' is not one of error, warning, info"),
        (SOURCE + REPEATED, "X101 is already used by shouting"),
        (SOURCE.replace("X101", "S101"), "S101 is already used by"),
    ],
)
def test_a_wrong_registration_is_refused(
    plug: Plug, caplog: pytest.LogCaptureFixture, source: str, said: str
) -> None:
    plug(plugins.RULES, "other", source.format(documentation="", body="return []"))
    rules = all_rules()
    assert rules["S101"].function.__module__.startswith("rsitmd_tools.")
    [warning] = caplog.messages
    assert f"plugin other of rsitmd-other cannot be loaded (ValueError: {said}" in warning


def test_other_rules_are_selected_beside_the_built_in_ones(plug: Plug) -> None:
    add(plug, 'yield Violation("x", subject.dataset.images[0])')
    found = check_subject(subject_of(dataset(record()), Settings())).findings
    assert [(f.code, f.image) for f in found if f.code == "X101"] == [("X101", "port_1.tif")]
