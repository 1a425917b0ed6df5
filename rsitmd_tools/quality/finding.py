"""Findings of rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a rule, and its location.

    Attributes:
        code: Code of the rule, such as ``S101``.
        name: Name of the rule, kebab-case.
        severity: ``error``, ``warning`` or ``info``.
        message: What is wrong, in one line.
        image: File name of the image; None for a finding about the dataset.
        split: Split of that image.
        sentence_index: Index of the sentence within its image; None if the finding is not about
            one sentence.
        record: Index of the image's record in the dataset, because several records can have one
            name; it is not in JSON.
    """

    code: str
    name: str
    severity: str
    message: str
    image: str | None = None
    split: str | None = None
    sentence_index: int | None = None
    record: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as in JSON."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "record"}
