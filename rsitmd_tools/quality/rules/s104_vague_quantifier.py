"""S104: a vague quantifier where a number may fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

# No number fits these nouns.
_UNCOUNTABLE = (
    "grass|water|vegetation|land|sand|snow|space|traffic|soil|earth|greenery|ground|"
    "mist|fog|rain|sunlight|shade|shadow|wood|smoke|dirt|farmland|bareland|grassland|cloud"
)
# These words begin another part of the sentence: the noun phrase ends before them.
_OUTSIDE = (
    "of|in|on|at|by|near|nearby|beside|besides|around|along|between|among|above|over|under|behind|"
    "inside|outside|across|through|next|into|from|to|for|with|without|is|are|was|were|be|has|have|"
    "had|that|which|there|here"
)
_END = (
    rf"(?:{_OUTSIDE}|and|or|but|as|like|some|many|several|more|the|an?|people|men|women|children)"
)
# "-ss" and "-us" end no plural: "grass", "deciduous".
_PLURAL = r"\w*[^\Wsu]s"
# "green and grey farmland": both words belong to the noun.
_COLOUR = "green|gr[ae]y|white|black|red|blue|brown|yellow|khaki|dark|light|dry|bare"
_MODIFIER = rf"(?:(?:{_COLOUR})(?:,| and| or)|(?!(?:{_END}|{_PLURAL})(?![\w-]))[\w-]+)"
# Words in "s" after an uncountable noun that are not the plural of a compound ("water tanks").
_NOT_COMPOUND = (
    "is|was|has|its|this|as|besides|across|covers|surrounds|forms|stands|lies|grows|flows|runs|"
    "separates|divides|stretches|extends|fills|looks|appears|makes|reflects"
)
_NOT_COUNTED = (
    rf"(?: of)?(?: (?:the|this|that|these|those|its))? (?:{_MODIFIER} ){{0,3}}"
    rf"(?:(?:{_UNCOUNTABLE})(?![\w-])"
    rf"(?! (?:capped |covered )?(?!(?:{_NOT_COMPOUND})\b){_PLURAL}\b)"
    rf"|green(?= (?:{_OUTSIDE})\b|[.;!?]| ?$))"
)
_VAGUE = re.compile(
    r"\b(?:some|many|several|(?:lots|plenty|numbers?) of|a (?:lot|few|number) of|a few)\b"
    rf"(?!{_NOT_COUNTED})",
    re.IGNORECASE,
)
# One word of each; a search for the pattern takes longer.
_WORDS = frozenset(("some", "many", "several", "lots", "plenty", "numbers", "lot", "few", "number"))


@rule("S104", "vague-quantifier", "info")
def vague_quantifier(subject: Subject) -> Iterator[Violation]:
    """A sentence says "some", "many", "several" or the like where a number may fit.

    Labelling principle 2: a number distinguishes two images, "many" does not. Almost a third
    of RSITMD's sentences have such a word. If the objects cannot be counted, the word is correct:
    therefore the severity is info, and "some water" is not reported. The noun directly after the
    word decides: "some water tanks" and "many trees near the water" are reported.

    Bad:
        Many planes are parked in the airport.
        Many green trees surround the terminal.
        Some water tanks stand beside the runway.
    Good:
        Seven planes are parked in the airport.
        There is some green grass beside the runway.
    Fix:
        Count the objects.
    """
    for sentence in subject.sentences:
        if _WORDS.isdisjoint(sentence.words):
            continue
        found = _VAGUE.search(sentence.raw)
        if found:
            said = found.group().lower()
            yield Violation(
                f"says {said!r}; use a number if possible", sentence.image, sentence.index
            )
