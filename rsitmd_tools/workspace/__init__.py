"""The workspace: a folder with settings, database and images."""

from rsitmd_tools.workspace.settings import Settings
from rsitmd_tools.workspace.store import Workspace

__all__ = ["Settings", "Workspace"]
