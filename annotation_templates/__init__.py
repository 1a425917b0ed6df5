"""Label Studio labeling configurations and the text that annotators read first."""

from __future__ import annotations

import importlib.resources

import jinja2

IMAGE = "image"
SENTENCE = "sentence"
KEYWORDS = "keywords"


def labeling_config(sentences: int, keywords_min: int, keywords_max: int) -> str:
    """Return the configuration of the captioning page.

    Args:
        sentences: Sentences each annotator writes for an image; one text area each.
        keywords_min: The fewest keywords an image has; 0 makes them optional.
        keywords_max: The most keywords an annotator can add.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_read("captioning.xml"))
    return template.render(
        slots=sentence_slots(sentences),
        keywords=KEYWORDS,
        keywords_min=keywords_min,
        keywords_max=keywords_max,
    )


def sentence_slots(sentences: int) -> list[str]:
    """Return the names of the text areas for sentences, in the order of the page."""
    return [f"{SENTENCE}{number}" for number in range(1, sentences + 1)]


def guide() -> str:
    """Return the text for annotators, Markdown."""
    return _read("guide.md")


def _read(name: str) -> str:
    return (importlib.resources.files(__name__) / name).read_text(encoding="utf-8")
