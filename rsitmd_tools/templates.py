"""The templates of HTML pages."""

from __future__ import annotations

import jinja2

from rsitmd_tools.errors import count_of, printable


def page_templates(package: str) -> jinja2.Environment:
    """Return the templates in the folder ``templates`` of a package; all text is escaped.

    A name that a template uses and nobody gave is an error. The filters ``printable`` and
    ``count_of`` are those of :mod:`rsitmd_tools.errors`; the test ``written`` is true for a text
    that is not blank.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "count_of": count_of}
    environment.tests["written"] = _is_written
    return environment


def _is_written(text: str) -> bool:
    return bool(text.strip())
