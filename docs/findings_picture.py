"""Draws docs/images/findings.png: the findings page of drawn scenes with some faults.

Run: python docs/findings_picture.py (needs Playwright and a Chromium)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.captioned import read_captioned
from rsitmd_tools.demo.scenes import write_scenes
from rsitmd_tools.formats import save_dataset

PICTURE = Path(__file__).parent / "images" / "findings.png"
WIDTH, HEIGHT = 1100, 640
COLOURS = 128


def with_faults(scenes: Path) -> Dataset:
    """Return the scenes as a dataset in which every second image has two typical faults."""
    images = []
    for number, scene in enumerate(read_captioned(scenes)):
        texts = [raw for _, raw in scene.sentences]
        if number % 2 == 0:
            texts[1] = texts[0]
            texts[2] = f"There are some {scene.category} objects."
        images.append(
            ImageRecord(
                filename=scene.path.name,
                sentences=tuple(Sentence(raw) for raw in texts),
                keywords=scene.keywords,
                split="test",
                category=scene.category,
            )
        )
    return Dataset(name="drawn", images=tuple(images), source=scenes, format="rsitmd")


def main() -> None:
    """Draw, validate, and take the picture."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_scenes(folder, 6)
        save_dataset(with_faults(folder), folder, "rsitmd")
        page = folder / "findings.html"
        command = [sys.executable, "-m", "rsitmd_tools", "validate", str(folder), "--select", "S"]
        subprocess.run([*command, "--format", "html", "-o", str(page)], check=False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            view.goto(page.as_uri())
            view.screenshot(path=str(PICTURE))
            browser.close()
    Image.open(PICTURE).convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
