"""A package with one plugin, as an installation leaves it in a folder of packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rsitmd_tools import plugins
from rsitmd_tools.formats import formats
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.quality.rule import REGISTERED

PACKAGE, MODULE = "rsitmd-other", "rsitmd_other"
Plug = Callable[..., None]


def plugged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Yield a function that installs a plugin: its group, its name, its code and its object."""

    def plug(group: str, name: str, source: str, attribute: str | None = None) -> None:
        info = folder / f"{MODULE}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")
        value = MODULE if attribute is None else f"{MODULE}:{attribute}"
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
        (folder / f"{MODULE}.py").write_text(source)
        monkeypatch.syspath_prepend(folder)
        _forget()

    yield plug
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    """Forget what was found among the installed packages."""
    for found in (plugins.load_plugins, plugins._names, plugins.warn_once, formats, all_rules):
        found.cache_clear()
    sys.modules.pop(MODULE, None)
    for code in [code for code, rule in REGISTERED.items() if rule.function.__module__ == MODULE]:
        del REGISTERED[code]
