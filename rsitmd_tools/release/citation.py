"""``CITATION.cff`` of a release, in the Citation File Format 1.2."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rsitmd_tools.workspace.settings import Settings

CITATION = "CITATION.cff"


def citation(settings: Settings, version: str) -> str:
    """Return the citation of a release.

    It has no date, because a release does not depend on the time at which it is made.

    Args:
        settings: Settings of the workspace; ``[release]`` names title, authors, URL and licence.
        version: Version of the release.
    """
    return "".join(f"{line}\n" for line in _lines(settings, version))


def _lines(settings: Settings, version: str) -> Iterator[str]:
    release, name = settings.release, settings.dataset.name
    yield "cff-version: 1.2.0"
    yield 'message: "If you use this dataset, please cite it as below."'
    yield "type: dataset"
    yield f"title: {_quoted(release.title or name)}"
    yield f"version: {_quoted(version)}"
    if release.url:
        yield f"url: {_quoted(release.url)}"
    if release.doi:
        yield f"doi: {_quoted(release.doi)}"
    if settings.annotation.licence and not settings.annotation.licence.endswith(".txt"):
        yield f"license: {_quoted(settings.annotation.licence)}"
    yield "authors:"
    for author in release.authors or (f"The authors of {name}",):
        family, comma, given = author.partition(",")
        if comma:
            yield f"  - family-names: {_quoted(family.strip())}"
            yield f"    given-names: {_quoted(given.strip())}"
        else:
            yield f"  - name: {_quoted(author)}"


def _quoted(text: str) -> str:
    """Return a YAML string; a JSON string is one."""
    return json.dumps(text, ensure_ascii=False)
