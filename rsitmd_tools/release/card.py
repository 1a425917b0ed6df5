"""``README.md``: the dataset card, with the front matter of Hugging Face and a datasheet."""

from __future__ import annotations

import functools
import re

import jinja2

from rsitmd_tools import __version__
from rsitmd_tools.errors import count_of
from rsitmd_tools.release.facts import ReleaseFacts
from rsitmd_tools.release.sheet import SheetFacts

CARD = "README.md"
# What Markdown does not show as it is, apart from an underscore inside a word or an address.
_MARKUP = re.compile(r"[\\`*<\[\]]|(?<![\w/])_|_(?![\w/])|&(?=#?\w+;)")
# Classes of size of the Hugging Face Hub.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
# Identifiers of the Hugging Face Hub for licences of the SPDX list.
_LICENCES = {
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC0-1.0": "cc0-1.0",
}


def card(facts: ReleaseFacts, sheet: SheetFacts) -> str:
    """Return the dataset card of a release, Markdown.

    Questions of the datasheet that the workspace cannot answer are marked with "To answer".

    Args:
        facts: What the metadata say.
        sheet: What only the datasheet says.
    """
    images = sum(facts.images.values())
    # One licence in the front matter, and only if texts and images have the same.
    names = {facts.text_licence, facts.image_licence}
    licence = _LICENCES.get(names.pop(), "other") if len(names) == 1 and names != {""} else ""
    return _template().render(
        facts=facts,
        sheet=sheet,
        tool=__version__,
        licence=licence,
        size=next((name for limit, name in _SIZES if images < limit), "1M<n<10M"),
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rsitmd_tools.release"),
        autoescape=False,  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count_of": count_of, "one_line": _one_line, "text": _text}
    return environment.get_template("card.md")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _text(text: str) -> str:
    """Return Markdown that is shown as a text; a name such as ``<RSITMD>`` would be a tag."""
    return _MARKUP.sub(r"\\\g<0>", text)
