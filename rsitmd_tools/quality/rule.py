"""Rules and their registration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rsitmd_tools.dataset.records import ImageRecord
from rsitmd_tools.plugins import RULES, calling, package_of_module
from rsitmd_tools.quality.finding import SEVERITIES, Finding
from rsitmd_tools.quality.subject import Subject

FAMILIES = {
    "D": "structure",
    "S": "sentences",
    "K": "keywords",
    "I": "images",
    "L": "leakage",
    "N": "annotators",
    "M": "models",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of a rule: the message and its location."""

    message: str
    image: ImageRecord | None = None
    sentence_index: int | None = None


RuleFunction = Callable[[Subject], Iterator[Violation]]
FixFunction = Callable[[str, Subject], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rule.

    Attributes:
        code: Family letter and number, such as ``S101``.
        name: Kebab-case name.
        severity: ``error``, ``warning`` or ``info``.
        function: Yields the violations of a dataset.
        fix: Returns the fixed text of a sentence, or the same text if it is correct.
        safe: Whether the fix keeps the meaning of a sentence.
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

    def findings(self, subject: Subject) -> list[Finding]:
        """Run the rule.

        Raises:
            PluginError: A rule of another package failed.
        """
        with nullcontext() if self._is_built_in else self._calling():
            return [self._finding(violation, subject) for violation in self.function(subject)]

    def fixed(self, text: str, subject: Subject) -> str:
        """Return the fixed text of a sentence, or the same text if it is correct.

        Raises:
            PluginError: The fix of a rule of another package failed.
        """
        assert self.fix is not None
        if self._is_built_in:
            return self.fix(text, subject)
        with self._calling():
            fixed = self.fix(text, subject)
            if not isinstance(fixed, str):
                raise TypeError(f"the fix returned {type(fixed).__name__} instead of str")
            return fixed

    @property
    def _is_built_in(self) -> bool:
        return self.function.__module__.startswith("rsitmd_tools.")

    def _calling(self) -> AbstractContextManager[None]:
        package = package_of_module(RULES, self.function.__module__)
        return calling(f"rule {self.code}", package)

    def _finding(self, violation: Violation, subject: Subject) -> Finding:
        image = violation.image
        return Finding(
            self.code,
            self.name,
            self.severity,
            violation.message,
            image.filename if image else None,
            image.split if image else None,
            violation.sentence_index,
            subject.position(image) if image else None,
        )


# All rules of imported modules, by code.
REGISTERED: dict[str, Rule] = {}
_CODE = re.compile(r"[A-Z][0-9]{3}")


def rule(
    code: str,
    name: str,
    severity: str,
    *,
    fix: FixFunction | None = None,
    safe: bool = True,
) -> Callable[[RuleFunction], RuleFunction]:
    """Register a rule; its arguments are the attributes of :class:`Rule`.

    Raises:
        ValueError: The code is not a capital letter and three digits, or belongs to another rule,
            or there is no such severity.
    """
    if not _CODE.fullmatch(code):
        raise ValueError(f"{code!r} is not a capital letter and three digits")
    if severity not in SEVERITIES:
        raise ValueError(f"{severity!r} is not one of {', '.join(SEVERITIES)}")

    def register(function: RuleFunction) -> RuleFunction:
        if code in REGISTERED and _place(REGISTERED[code].function) != _place(function):
            raise ValueError(f"{code} is already used by {REGISTERED[code].name}")
        REGISTERED[code] = Rule(code, name, severity, function, fix, safe)
        return function

    return register


def _place(function: RuleFunction) -> tuple[str, str]:
    """Return where a function is defined; a module that is loaded again has it there again."""
    return function.__module__, function.__qualname__
