"""Label Studio labeling configurations and the annotators' guide."""

from __future__ import annotations

import importlib.resources
import re
from xml.etree import ElementTree

from rsitmd_tools.errors import WrongUsage

IMAGE = "image"
NOTE = "note"
HINT = "hint"
MACHINE = "machine"
SENTENCE = "sentence"
SENTENCE_FIELD = re.compile(rf"{SENTENCE}([1-9][0-9]{{0,2}})")  # names of the text areas
KEYWORDS = "keywords"
SUGGESTED = "suggested"
CAPTION = "caption"
RANKING = "better"
CHOICES = ("sentence 1", "sentence 2", "equal", "both wrong")
CAPTIONING = "captioning"
CORRECTION = "correction"
RANKING_PAGE = "ranking"

TEMPLATES = {
    CAPTIONING: "sentences and keywords; one or several sentences per annotator",
    KEYWORDS: "keywords only",
    CORRECTION: "existing sentences, to be corrected",
    RANKING_PAGE: "two existing sentences: which one is better",
}

_FIELD = re.compile(r"\$(\w+)")
_CAPTION_FIELD = re.compile(rf"{CAPTION}([1-9][0-9]{{0,2}})")


def labeling_config(
    sentences: int,
    keywords_min: int,
    keywords_max: int,
    template: str = CAPTIONING,
    words: tuple[int, int] = (4, 50),
) -> str:
    """Return the labeling configuration of a page.

    Args:
        sentences: Number of sentences each annotator writes per image; one text area each.
        keywords_min: Minimum number of keywords per image; 0 makes them optional.
        keywords_max: Maximum number of keywords an annotator can add.
        template: A name of :data:`TEMPLATES`.
        words: Minimum and maximum number of words per sentence, shown on the page.

    Raises:
        WrongUsage: The template does not exist.
    """
    if template not in TEMPLATES:
        raise WrongUsage(
            f"unknown template {template!r}", hint=f"use one of: {', '.join(TEMPLATES)}"
        )
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_read),
    )
    return environment.get_template(f"{template}.xml").render(
        note=True,
        machine=MACHINE,
        slots=sentence_slots(sentences),
        keywords=KEYWORDS,
        suggested=SUGGESTED,
        words=words,
        keywords_min=keywords_min,
        keywords_max=keywords_max,
        ranking=RANKING,
        choices=CHOICES,
    )


def sentence_slots(sentences: int) -> list[str]:
    """Return the names of the text areas for sentences, in page order."""
    return [f"{SENTENCE}{number}" for number in range(1, sentences + 1)]


def data_fields(config: str) -> list[str]:
    """Return the task data fields that a page shows, in page order.

    The server refuses a task without one of these fields. A field may be empty.

    Args:
        config: The labeling configuration, XML.

    Raises:
        xml.etree.ElementTree.ParseError: The configuration is not XML.
    """
    page = ElementTree.fromstring(config)  # noqa: S314 - expat without external entities
    found = (
        field
        for part in page.iter()
        for name, value in part.attrib.items()
        if name.lower() in ("value", "valuelist") or name == "hint"
        for field in _FIELD.findall(value)
    )
    return list(dict.fromkeys(found))


def works_like(config: str) -> str:
    """Return the name of the included page that a page works like.

    A page without areas for sentences works like ``keywords``. A page that shows the caption of
    each of its areas, and no other, works like ``correction``. Any other page works like
    ``captioning``.

    Args:
        config: The labeling configuration, XML.

    Raises:
        xml.etree.ElementTree.ParseError: The configuration is not XML.
    """
    page = ElementTree.fromstring(config)  # noqa: S314 - expat without external entities
    controls = (part.get("name", "") for part in page.iter() if part.get("toName") is not None)
    areas = {found[1] for found in map(SENTENCE_FIELD.fullmatch, controls) if found}
    if not areas:
        return KEYWORDS
    captions = {found[1] for found in map(_CAPTION_FIELD.fullmatch, data_fields(config)) if found}
    return CORRECTION if captions == areas else CAPTIONING


def guide(*, embedded: bool = True) -> str:
    """Return the annotators' guide, Markdown.

    Args:
        embedded: Whether the server is that of ``annotate serve``. The pages of other servers do
            not save text while it is typed, and the guide says so.
    """
    return _read("guide.md") + ("" if embedded else "\n" + _read("guide_connected.md"))


def _read(name: str) -> str:
    return (importlib.resources.files(__name__) / name).read_text(encoding="utf-8")
