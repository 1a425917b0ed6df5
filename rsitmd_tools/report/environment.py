"""The templates of the pages."""

from __future__ import annotations

import jinja2

from rsitmd_tools.errors import count_of, printable


def environment() -> jinja2.Environment:
    """Return the templates of the pages; all text is escaped."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("rsitmd_tools.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["printable"] = printable
    made.filters["count_of"] = count_of
    return made
