"""D109: ids that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D109", "wrong-id", "error")
def wrong_id(subject: Subject) -> Iterator[Violation]:
    """An `imgid` or `sentid` is used twice, or ids of a sentence and its image differ.

    Loaders in the Karpathy style find the sentences of an image by these ids.

    Bad:
        {"imgid": 3, "sentids": [15], "sentences": [{"imgid": 4, "sentid": 16}]}
    Good:
        {"imgid": 3, "sentids": [15], "sentences": [{"imgid": 3, "sentid": 15}]}
    Fix:
        Convert the file: `rsitmd build convert SRC DST --to rsitmd` numbers all ids.
    """
    entries = subject.document.get("images") if isinstance(subject.document, Mapping) else None
    if not isinstance(entries, list) or len(entries) != len(subject.dataset.images):
        return
    image_ids: set[int] = set()
    sentence_ids: set[int] = set()
    for entry, image in zip(entries, subject.dataset, strict=True):
        for fault in _faults(entry, image_ids, sentence_ids):
            yield Violation(fault, image)


def _faults(entry: Any, image_ids: set[int], sentence_ids: set[int]) -> Iterator[str]:
    number = entry.get("imgid")
    if isinstance(number, int) and number in image_ids:
        yield f"imgid {number} is used twice"
    if isinstance(number, int):
        image_ids.add(number)
    own = [s for s in entry.get("sentences", ()) if isinstance(s, Mapping)]
    for sentence in own:
        if "imgid" in sentence and "imgid" in entry and sentence["imgid"] != number:
            yield f"a sentence has imgid {sentence['imgid']}, its image {number}"
        identity = sentence.get("sentid")
        if isinstance(identity, int):
            if identity in sentence_ids:
                yield f"sentid {identity} is used twice"
            sentence_ids.add(identity)
    listed = entry.get("sentids")
    stated = [sentence["sentid"] for sentence in own if "sentid" in sentence]
    if isinstance(listed, list) and stated and listed != stated:
        yield "sentids differ from those of the sentences"
