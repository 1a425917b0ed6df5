"""S117: a piece of code, or signs no sentence has."""

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
    """A sentence or a keyword holds a piece of code, a file name, or a sign that none has.

    RSITMD says "many colors ` cars", "like p#q" and "4% of the playground". A sentence that
    begins with "=" is run as a formula when a table is opened in a spreadsheet.

    Bad:
        =SUM(A1:A9) boats at the pier.
        Two boats at the pier, see port_17.jpg
        print("two boats") {}
        keywords: =cmd() boat
    Good:
        Two boats at the pier (one of them red) are 50% white.
        keywords: red boat, - pier
    Fix:
        Take it out; let an annotator say what was meant.
    """
    for sentence in subject.sentences:
        found = _CODE.search(sentence.raw)
        if found:
            yield Violation(f"holds {found.group()!r}", sentence.image, sentence.index)
    for image, keyword in subject.keywords:
        found = _CODE.search(keyword)
        if found:
            yield Violation(f"keyword {keyword[:40]!r} holds {found.group()!r}", image)
