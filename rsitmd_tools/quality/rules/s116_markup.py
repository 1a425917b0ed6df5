"""S116: markup in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

_MARKUP = re.compile(
    r"</?[a-zA-Z][^<>]{0,200}>|<!--|&(?:[a-zA-Z]{2,8}|#\d{1,6});|https?://|www\.\w"
    r"|\*\*\w|\]\(|\[/?[a-zA-Z]{1,10}\]|^\s*#{1,6}\s"
)


@rule("S116", "markup", "warning")
def markup(subject: Subject) -> Iterator[Violation]:
    """A sentence or a keyword contains HTML, an entity, a link or Markdown.

    It comes from text copied from a web page. A page that shows captions unescaped executes it.

    Bad:
        <b>Two boats</b> lie at the pier.
        A shop &amp; a church.
        See https://example.org for two boats.
        keywords: <b>red</b> boat
    Good:
        Two boats lie at the pier.
        keywords: red boat
    Fix:
        Remove the markup.
    """
    for sentence in subject.sentences:
        found = _MARKUP.search(sentence.raw)
        if found:
            yield Violation(
                f"contains markup: {found.group()[:40]!r}", sentence.image, sentence.index
            )
    for image, keyword in subject.keywords:
        found = _MARKUP.search(keyword)
        if found:
            message = f"keyword {keyword[:40]!r} contains markup: {found.group()[:40]!r}"
            yield Violation(message, image)
