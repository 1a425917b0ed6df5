"""The labeling page of a campaign, and the fields that its tasks must have."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from rsitmd_tools.annotation_templates import TEMPLATES, data_fields, labeling_config
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.workspace import Workspace


def page_of(workspace: Workspace) -> str:
    """Return the labeling configuration of the settings: a template, or a file.

    Raises:
        RsitmdError: The file cannot be read, or is not XML.
    """
    settings = workspace.settings.annotation
    limits = workspace.settings.validate.thresholds
    if settings.template in TEMPLATES:
        return labeling_config(
            settings.sentences_per_annotator,
            settings.keywords_min,
            settings.keywords_max,
            settings.template,
            (limits.words_min, limits.words_max),
        )
    return read_page(workspace.path / settings.template)


def read_page(file: Path) -> str:
    """Read a labeling configuration.

    White space around it is left out, as the server does: the pages are compared.

    Raises:
        RsitmdError: The file cannot be read, or is not XML.
    """
    try:
        text = file.read_text(encoding="utf-8")
        ElementTree.fromstring(text)  # noqa: S314 - expat expands no external entity
    except (OSError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})",
            where=file,
            hint=f"use an XML file in UTF-8, or one of: {', '.join(TEMPLATES)}",
        ) from error
    except ElementTree.ParseError as error:
        raise RsitmdError(f"is not XML ({error})", where=file, hint="fix that line") from error
    return text.strip()


def blank_fields(config: str) -> dict[str, str]:
    """Return an empty string for each field that a labeling page reads from a task's data.

    The server refuses a task without one of these fields.
    """
    return dict.fromkeys(data_fields(config), "")
