"""Settings of a check: from the workspace, a file and the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.workspace import Settings, Workspace
from rsitmd_tools.workspace.settings import load_settings


def settings_for(
    dataset: Dataset,
    file: Path | None = None,
    select: str | None = None,
    ignore: str | None = None,
    baseline: Path | None = None,
) -> Settings:
    """Return the settings to check a dataset by.

    Args:
        dataset: The dataset; a workspace has its own settings.
        file: A file in the layout of ``rsitmd.toml`` that replaces them.
        select: Codes or families, separated by commas; replaces those of the settings.
        ignore: Codes or families to ignore, in the same form.
        baseline: File of known findings; replaces that of the settings.

    Raises:
        RsitmdError: A file of settings cannot be read.
    """
    settings = _base(dataset, file)
    validate = settings.validate
    if select is not None:
        validate = replace(validate, select=_codes(select))
    if ignore is not None:
        validate = replace(validate, ignore=_codes(ignore))
    if baseline is not None:
        validate = replace(validate, baseline=baseline)
    return replace(settings, validate=validate)


def _base(dataset: Dataset, file: Path | None) -> Settings:
    if file is not None:
        return load_settings(file)
    if dataset.format == "workspace":
        with Workspace.open(dataset.source) as workspace:
            return workspace.settings
    return Settings()


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())
