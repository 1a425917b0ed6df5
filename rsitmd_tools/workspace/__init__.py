"""The folder a team works in: settings, database, images."""

from rsitmd_tools.workspace.settings import Settings
from rsitmd_tools.workspace.store import Workspace

__all__ = ["Settings", "Workspace"]
