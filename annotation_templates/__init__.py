"""Label Studio labeling configurations and the text that annotators read first."""

from __future__ import annotations

import importlib.resources
import re
from xml.etree import ElementTree

import jinja2

from rsitmd_tools.errors import WrongUsage

IMAGE = "image"
NOTE = "note"
HINT = "hint"
MACHINE = "machine"
SENTENCE = "sentence"
KEYWORDS = "keywords"
SUGGESTED = "suggested"
CAPTION = "caption"
RANKING = "better"
CHOICES = ("sentence 1", "sentence 2", "equal", "both wrong")
CAPTIONING = "captioning"
CORRECTION = "correction"

TEMPLATES = {
    CAPTIONING: "sentences and keywords: one sentence from each of five, or five from one",
    KEYWORDS: "keywords alone",
    CORRECTION: "existing sentences, shown and changed",
    "ranking": "which of two sentences is the better one",
}

_FIELD = re.compile(r"\$(\w+)")


def labeling_config(
    sentences: int,
    keywords_min: int,
    keywords_max: int,
    template: str = CAPTIONING,
    words: tuple[int, int] = (4, 50),
) -> str:
    """Return the configuration of a page.

    Args:
        sentences: Sentences each annotator writes for an image; one text area each.
        keywords_min: The fewest keywords an image has; 0 makes them optional.
        keywords_max: The most keywords an annotator can add.
        template: A name of :data:`TEMPLATES`.
        words: The fewest and the most words of a sentence, as the page says them.

    Raises:
        WrongUsage: There is no template of that name.
    """
    if template not in TEMPLATES:
        raise WrongUsage(
            f"no template has the name {template!r}", hint=f"known: {', '.join(TEMPLATES)}"
        )
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
    """Return the names of the text areas for sentences, in the order of the page."""
    return [f"{SENTENCE}{number}" for number in range(1, sentences + 1)]


def data_fields(config: str) -> list[str]:
    """Return the fields that a page takes from the data of each task, in its order.

    The server refuses a task that lacks one of them; an empty text will do.

    Args:
        config: A labeling configuration, XML.

    Raises:
        xml.etree.ElementTree.ParseError: It is not XML.
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


def guide() -> str:
    """Return the text for annotators, Markdown."""
    return _read("guide.md")


def _read(name: str) -> str:
    return (importlib.resources.files(__name__) / name).read_text(encoding="utf-8")
