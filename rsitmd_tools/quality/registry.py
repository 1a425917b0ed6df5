"""The registry of rules: one rule, one function, one file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from rsitmd_tools.dataset.records import ImageRecord
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.subject import Subject

FAMILIES = {
    "D": "structure",
    "S": "sentences",
    "K": "keywords",
    "I": "images",
    "L": "leakage",
    "N": "annotators",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule found something, and what."""

    message: str
    image: ImageRecord | None = None
    sentence_index: int | None = None


RuleFunction = Callable[[Subject], Iterator[Place]]
FixFunction = Callable[[str, Subject], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rule.

    Attributes:
        code: Family letter and number, such as ``S101``.
        name: Kebab-case name.
        severity: ``error``, ``warning`` or ``info``.
        function: Yields the places it finds.
        fix: Mends a sentence, where that can be done; the same text where it is right.
        safe: Whether the fix cannot change what a sentence says.
    """

    code: str
    name: str
    severity: str
    function: RuleFunction
    fix: FixFunction | None = None
    safe: bool = True

    @property
    def documentation(self) -> str:
        """The rule's docstring."""
        return inspect.getdoc(self.function) or ""

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


def rule(
    code: str,
    name: str,
    severity: str,
    *,
    fix: FixFunction | None = None,
    safe: bool = True,
) -> Callable[[RuleFunction], RuleFunction]:
    """Register a rule; its arguments are the attributes of :class:`Rule`."""

    def register(function: RuleFunction) -> RuleFunction:
        if code in _RULES and _RULES[code].function.__module__ != function.__module__:
            raise ValueError(f"{code} is taken by {_RULES[code].name}")
        _RULES[code] = Rule(code, name, severity, function, fix, safe)
        return function

    return register


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its code, in the order of the families, then of the codes."""
    from rsitmd_tools.quality import rules

    for module in pkgutil.iter_modules(rules.__path__):
        importlib.import_module(f"{rules.__name__}.{module.name}")
    families = list(FAMILIES)
    order = sorted(_RULES, key=lambda code: (families.index(code[0]), code))
    return {code: _RULES[code] for code in order}


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
