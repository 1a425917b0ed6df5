"""Sphinx configuration of the documentation site; ``make docs`` builds it."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from sphinx.application import Sphinx

from rsitmd_tools import __version__
from rsitmd_tools.quality.explain import write_pages

DOCS = Path(__file__).parent

project = "rsitmd-tools"
author = "the rsitmd-tools contributors"
project_copyright = author
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
]
exclude_patterns = ["_build", "results"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Single backticks in docstrings and help texts are code.
default_role = "literal"
# "--json" in a help text is not a dash.
smartquotes = False

html_theme = "furo"
html_title = f"rsitmd-tools {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
# The site is built and read offline: no fonts or scripts from elsewhere.
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"


def write_rule_pages(_: Sphinx) -> None:
    """Write the pages of the validation rules from the docstrings of the rules."""
    logging.getLogger("rsitmd_tools").setLevel(logging.ERROR)
    write_pages(DOCS / "rules")


def examples_as_code(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    """Show the preformatted blocks of help texts (``Examples:``) as code."""
    found: list[str] = []
    for line in lines:
        if not line.startswith("|"):
            found.append(line)
        elif line.endswith(":"):
            found += [line.lstrip("| "), "", ".. code-block:: shell", ""]
        else:
            found.append("   " + line.removeprefix("| ").strip())
    lines[:] = found


def setup(app: Sphinx) -> None:
    """Generate the pages that are not committed before Sphinx reads its sources."""
    app.connect("builder-inited", write_rule_pages)
    app.connect("sphinx-click-process-description", examples_as_code)
