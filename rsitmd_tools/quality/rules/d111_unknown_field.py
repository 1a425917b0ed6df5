"""D111: unknown fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.schemas import load_schema


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
    layout = load_schema("dataset")
    definitions = layout["$defs"]
    images = definitions["image"]["properties"]
    sentences = definitions["sentence"]["properties"]
    counts: Counter[str] = Counter()
    counts.update(key for key in subject.document if key not in layout["properties"])
    for image in subject.dataset:
        counts.update(f"images[].{key}" for key in image.extra if key not in images)
        for sentence in image.sentences:
            own = (key for key in sentence.extra if key not in sentences)
            counts.update(f"images[].sentences[].{key}" for key in own)
    for key, count in sorted(counts.items()):
        yield Violation(f"unknown field {key!r} in {count_of(count, 'place')}")
