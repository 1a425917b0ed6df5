"""The templates of the pages; all text is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.baselines.serving.request import MOST_CHARACTERS, MOST_RESULTS
from rsitmd_tools.templates import page_templates

STATIC = Path(__file__).resolve().parent / "static"
MOST_SHOWN = 120  # characters of a query in a heading


def shortened(text: str) -> str:
    """Return a text as far as a heading has room for it."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


class Pages:
    """The templates.

    Args:
        fixed: What every page can use, such as the dataset.
    """

    def __init__(self, **fixed: Any) -> None:
        self._templates = page_templates("rsitmd_tools.baselines.serving")
        self._templates.filters["shortened"] = shortened
        limits = {"most_characters": MOST_CHARACTERS, "most_results": MOST_RESULTS}
        self._templates.globals.update({"version": __version__} | limits | fixed)

    def render(self, name: str, **values: Any) -> str:
        """Return a page or a part of one."""
        return self._templates.get_template(name).render(values)
