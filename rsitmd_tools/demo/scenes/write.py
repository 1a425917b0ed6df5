"""Write scenes to a folder of captioned images."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from rsitmd_tools.atomic import atomic_path, write_text
from rsitmd_tools.demo.captioned import FILENAME
from rsitmd_tools.demo.scenes.scene import draw_scenes
from rsitmd_tools.progress import track


def write_scenes(folder: Path, count: int, seed: int = 0) -> None:
    """Write ``images/`` and ``annotations.jsonl``; the same seed always gives the same bytes."""
    numbers: Counter[str] = Counter()
    lines = []
    for scene in track(draw_scenes(count, seed), "draw scenes", count):
        numbers[scene.category] += 1
        name = f"{scene.category}_{numbers[scene.category]:03}.png"
        with atomic_path(folder / "images" / name) as partial:
            scene.image.save(partial, format="PNG")
        entry = {
            "image": name,
            "category": scene.category,
            "sentences": [{"annotator": who, "raw": raw} for who, raw in scene.sentences],
            "keywords": list(scene.keywords),
        }
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    write_text(folder / FILENAME, "".join(lines))
