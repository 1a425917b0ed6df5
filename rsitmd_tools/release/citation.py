"""``CITATION.cff`` of a release, in the Citation File Format 1.2."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rsitmd_tools.release.facts import ReleaseFacts
from rsitmd_tools.workspace.licence import TEXTS

CITATION = "CITATION.cff"


def citation(facts: ReleaseFacts) -> str:
    """Return the citation of a release.

    It has no date, because a release does not depend on the time at which it is made.
    """
    return "".join(f"{line}\n" for line in _lines(facts))


def _lines(facts: ReleaseFacts) -> Iterator[str]:
    yield "cff-version: 1.2.0"
    yield 'message: "If you use this dataset, please cite it as below."'
    yield "type: dataset"
    yield f"title: {_quoted(facts.title)}"
    yield f"version: {_quoted(facts.version)}"
    if facts.url:
        yield f"url: {_quoted(facts.url)}"
    if facts.doi:
        yield f"doi: {_quoted(facts.doi)}"
    # One licence, of texts and images: several ones mean that users can choose.
    images = {facts.image_licence, *facts.image_licences} if facts.with_images else set()
    if facts.text_licence in TEXTS and images <= {"", facts.text_licence}:  # names of SPDX
        yield f"license: {_quoted(facts.text_licence)}"
    yield "authors:"
    for author in facts.authors:
        family, comma, given = author.partition(",")
        if comma:
            yield f"  - family-names: {_quoted(family.strip())}"
            yield f"    given-names: {_quoted(given.strip())}"
        else:
            yield f"  - name: {_quoted(author)}"


def _quoted(text: str) -> str:
    """Return a YAML string; a JSON string is one."""
    return json.dumps(text, ensure_ascii=False)
