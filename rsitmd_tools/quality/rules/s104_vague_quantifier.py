"""S104: a vague quantifier where a number may fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

# What follows them cannot be counted, so no number fits.
_UNCOUNTABLE = (
    "grass|water|vegetation|land|sand|snow|space|traffic|soil|greenery|green|ground|"
    "mist|fog|rain|sunlight|shade|shadow|wood|smoke|dirt|farmland|bareland|grassland|cloud"
)
_VAGUE = re.compile(
    r"\b(?:some|many|several|(?:lots|plenty|numbers?) of|a (?:lot|few|number) of|a few)\b"
    rf"(?! (?:\w+ ){{0,2}}(?:{_UNCOUNTABLE})\b)",
    re.IGNORECASE,
)


@rule("S104", "vague-quantifier", "info")
def vague_quantifier(subject: Subject) -> Iterator[Violation]:
    """A sentence says "some", "many", "several" or the like where a number may fit.

    Labelling principle 2: a number distinguishes two images, "many" does not. More than a quarter
    of RSITMD's sentences have such a word. If the objects cannot be counted, the word is correct:
    therefore the severity is info, and "some water" is not reported.

    Bad:
        Many planes are parked in the airport.
    Good:
        Seven planes are parked in the airport.
        There is some green grass beside the runway.
    Fix:
        Count the objects.
    """
    for sentence in subject.sentences:
        found = _VAGUE.search(sentence.raw)
        if found:
            said = found.group().lower()
            yield Violation(
                f"says {said!r}; use a number if possible", sentence.image, sentence.index
            )
