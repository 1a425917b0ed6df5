"""K102: a keyword of another form than "word object" or "- object"."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.workspace.merge import is_keyword


@rule("K102", "keyword-form", "warning")
def keyword_form(subject: Subject) -> Iterator[Violation]:
    """A keyword is neither a fine-grained word with its object nor "- object".

    Labelling principle 4: the first word distinguishes the object, as in "blue sea". If there is no
    such word, "-" takes its place, so that all keywords have the same form.

    Bad:
        Two boats lie at the port.
        keywords: port
    Good:
        Two boats lie at the port.
        keywords: blue sea, - port
    Fix:
        Add the fine-grained word, or "-" instead of it.
    """
    for image in subject.dataset:
        for keyword in image.keywords:
            if not is_keyword(keyword):
                yield Violation(
                    f"keyword {keyword!r} does not have the form 'word object', such as"
                    " 'white boat', or '- object'",
                    image,
                )
