"""D111: unknown fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.unknown_fields import unknown_fields


@rule("D111", "unknown-field", "info")
def unknown_field(subject: Subject) -> Iterator[Violation]:
    """A field is not part of the layout; each field is reported once.

    Unknown fields are kept when the file is read and written, but no command uses them. The
    rule finds misspelled names such as `"spilt"`.

    Bad:
        {"filename": "port_1.tif", "spilt": "test"}
    Good:
        {"filename": "port_1.tif", "split": "test"}
    Fix:
        Correct the name, or ignore this code if the field is intended.
    """
    if not isinstance(subject.document, Mapping):
        return
    for key, count in unknown_fields(subject.dataset).items():
        yield Violation(f"unknown field {key!r} in {count_of(count, 'place')}")
