"""S117: code or unusual characters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

_CODE = re.compile(
    r"[{}\\|~^`_=<>@$*]|[#%+](?=\w)|\w\(\)|^\s*[=+@-]\w|\w\.(?:jpe?g|tiff?|png|txt|json|csv|py)\b"
)


@rule("S117", "code", "warning")
def code(subject: Subject) -> Iterator[Violation]:
    """A sentence or a keyword contains code, a file name or an unusual character.

    RSITMD has "many colors ` cars", "like p#q" and "4% of the playground". A spreadsheet executes
    a sentence that begins with "=" as a formula.

    Bad:
        =SUM(A1:A9) boats at the pier.
        Two boats at the pier, see port_17.jpg
        print("two boats") {}
        keywords: =cmd() boat
    Good:
        Two boats at the pier (one of them red) are 50% white.
        keywords: red boat, - pier
    Fix:
        Remove it, or ask an annotator for the intended text.
    """
    for sentence in subject.sentences:
        found = _CODE.search(sentence.raw)
        if found:
            yield Violation(f"contains {found.group()!r}", sentence.image, sentence.index)
    for image, keyword in subject.keywords:
        found = _CODE.search(keyword)
        if found:
            yield Violation(f"keyword {keyword[:40]!r} contains {found.group()!r}", image)
