"""Synthetic scenes with captions that are true by construction."""

from rsitmd_tools.demo.scenes.scene import DrawnScene, draw_scenes
from rsitmd_tools.demo.scenes.write import write_scenes

__all__ = ["DrawnScene", "draw_scenes", "write_scenes"]
