"""The command line: thin commands, loaded only when called."""

from __future__ import annotations

from rsitmd_tools.cli.root import main

__all__ = ["main"]
