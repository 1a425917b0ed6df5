"""M101: a sentence that fits another image better, according to a model."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.dataset.suspects import suspect_places
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("M101", "suspect-sentence", "warning")
def suspect_sentence(subject: Subject) -> Iterator[Violation]:
    """A model finds that a sentence fits another image better than its own.

    The sentences are those that `rsitmd benchmark suspects` flagged; pass its file with
    `--suspects`. A model is often wrong: look at both images before you change a sentence.

    Bad:
        "Two white planes stand at the terminal." for a picture of a forest
    Good:
        a sentence that fits its own image best
    Fix:
        Write the sentence for its image, or exchange the texts of the two images.
    """
    places = suspect_places(subject.dataset)
    for suspect in subject.suspects:
        image = places[suspect.image, suspect.sentence_index, suspect.sentence]
        yield Violation(suspect.message, image, suspect.sentence_index)
