"""The templates of HTML pages."""

from __future__ import annotations

from typing import Any

import jinja2

from rsitmd_tools.errors import count_of, printable

# Controls, and characters that set the direction of the text around them.
_INVISIBLE = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SHOWN = {code: printable(chr(code)) for code in _INVISIBLE if chr(code) not in "\t\n\r"}


def page_templates(package: str) -> jinja2.Environment:
    """Return the templates in the folder ``templates`` of a package; all text is escaped.

    Control characters, and those that turn the direction of the text around them, are shown as
    escapes, except in values with the filter ``forceescape``, which a form sends back. A name that
    a template uses and nobody gave is an error. The filters ``printable`` and ``count_of`` are
    those of :mod:`rsitmd_tools.errors`; the test ``written`` is true for a text that is not blank.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"printable": printable, "count_of": count_of}
    environment.tests["written"] = _is_written
    return environment


def _shown(value: Any) -> Any:
    """Show characters that cannot be seen. Text that is HTML already stays as it is."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return value.translate(_SHOWN)
    return value


def _is_written(text: str) -> bool:
    return bool(text.strip())
