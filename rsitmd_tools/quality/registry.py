"""The registry of rules: one rule, one function, one file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.quality.finding import Finding


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a dataset is held to; from the workspace's settings where there are some.

    Attributes:
        sentences: Sentences an image.
        annotators: People who wrote them.
        keywords_min: Fewest keywords an image.
        keywords_max: Most keywords an image.
    """

    sentences: int = 5
    annotators: int = 5
    keywords_min: int = 1
    keywords_max: int = 5


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at.

    Attributes:
        dataset: The dataset.
        expected: What it is held to.
        document: The parsed JSON, where the dataset came from one.
    """

    dataset: Dataset
    expected: Expectations
    document: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule found something, and what."""

    message: str
    image: ImageRecord | None = None
    sentence_index: int | None = None


RuleFunction = Callable[[Subject], Iterator[Place]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rule."""

    code: str
    name: str
    severity: str
    function: RuleFunction

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Run the rule."""
        for place in self.function(subject):
            image = place.image
            yield Finding(
                self.code,
                self.name,
                self.severity,
                place.message,
                image.filename if image else None,
                image.split if image else None,
                place.sentence_index,
            )


_RULES: dict[str, Rule] = {}


def rule(code: str, name: str, severity: str) -> Callable[[RuleFunction], RuleFunction]:
    """Register a rule.

    Args:
        code: Family letter and number, such as ``S101``.
        name: Kebab-case name.
        severity: ``error``, ``warning`` or ``info``.
    """

    def register(function: RuleFunction) -> RuleFunction:
        if code in _RULES and _RULES[code].function.__module__ != function.__module__:
            raise ValueError(f"{code} is taken by {_RULES[code].name}")
        _RULES[code] = Rule(code, name, severity, function)
        return function

    return register


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its code, in the order of the codes."""
    from rsitmd_tools.quality import rules

    for module in pkgutil.iter_modules(rules.__path__):
        importlib.import_module(f"{rules.__name__}.{module.name}")
    return dict(sorted(_RULES.items()))


def selected_rules(select: tuple[str, ...], ignore: tuple[str, ...]) -> list[Rule]:
    """Return the rules whose code starts with an entry of ``select`` and of no ``ignore``.

    Raises:
        WrongUsage: An entry fits no rule.
    """
    rules = all_rules()
    for entry in (*select, *ignore):
        if not any(code.startswith(entry) for code in rules):
            raise WrongUsage(f"no rule has the code {entry!r}", mend=f"known: {', '.join(rules)}")
    return [
        entry
        for code, entry in rules.items()
        if (not select or code.startswith(select)) and not (ignore and code.startswith(ignore))
    ]
