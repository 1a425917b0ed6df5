"""The search page: how long a query takes with several users, and how soon a page is there.

Run: python benchmarks/serving.py [--images 10000] [--users 10] [--seconds 60] [--config amfmn-soft]
     [--scene FILE] [--page FILE]...

- ``query``: ``rsitmd benchmark serve`` over ``--images`` images with five sentences each. Each
  user asks for a sentence that nobody asked before, then loads the pictures and the words that
  mattered, as a browser does, and thinks for ``--think`` seconds. Only the page with the results
  is counted, from the request to its last byte. The users run on the same machine.
- ``first view``: pages in Chromium, in a fresh profile each time, from the start of the navigation
  to the load event: the first page, one with results, those of ``--scene``, and each ``--page``,
  a file that ``report``, ``search -o`` or ``suspects --html`` wrote.

The images are drawn JPEGs of 64 pixels. The backbone is a tiny one, because a query does not use
it; the size of the vectors is that of ``--config``. No images are encoded while users search.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import httpx
import numpy as np
from machine import Parser, environment, seconds, table
from search import SEED, WORDS, draw

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.training.train import train

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def server(run: Path, data: Path, cache: Path, scene: Path | None) -> Iterator[tuple[str, int]]:
    """Run the command; yield its address and its process."""
    command = [sys.executable, "-m", "rsitmd_tools", "benchmark", "serve", str(run), str(data)]
    if scene is not None:
        command += ["--scene", str(scene)]
    own = {**os.environ, "RSITMD_CACHE": str(cache)}
    process = subprocess.Popen(
        [*command, "--port", "0"], env=own, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("search page: ").strip(), process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def peak_memory(process: int) -> float:
    """Return the most memory that a process had, in MB (Linux)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def user(url: str, seed: int, until: float, think: float, found: list[float]) -> None:
    """Ask, load, think, until a time of the clock; append the seconds of each query."""
    random = np.random.default_rng([SEED, seed])
    time.sleep(float(random.uniform(0, think)))
    with httpx.Client(base_url=url, timeout=60) as client:
        while time.perf_counter() < until:
            text = " ".join(random.choice(WORDS, 10))
            page: list[str] = []

            def ask(text: str = text, page: list[str] = page) -> None:
                page.append(client.get("/", params={"text": text}).raise_for_status().text)

            found.append(seconds(ask))
            for picture in re.findall(r'src="(/image/[^"]*)"', page[0]):
                client.get(picture)
            client.get("/words/0", params={"text": text}).raise_for_status()
            time.sleep(think)


def query(url: str, users: int, length: float, think: float) -> str:
    """Measure queries of several users."""
    found: list[float] = []
    until = time.perf_counter() + length
    threads = [
        threading.Thread(target=user, args=(url, seed, until, think, found))
        for seed in range(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shares = quantiles(found, n=100)
    return table(
        ["users", "think, s", "queries", "median, ms", "p95, ms", "p99, ms", "longest, ms"],
        [
            [
                users,
                think,
                len(found),
                *(f"{1000 * value:.1f}" for value in (shares[49], shares[94], shares[98])),
                f"{1000 * max(found):.1f}",
            ]
        ],
    )


def first_view(views: Mapping[str, Callable[[int], str]], times: int) -> str:
    """Measure how soon pages are there in Chromium; their addresses are given by the turn."""
    from playwright.sync_api import sync_playwright

    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, address in views.items():
            loaded = []
            for turn in range(times + 1):  # The first one starts processes of the browser.
                context = browser.new_context(viewport={"width": 1366, "height": 768})
                page = context.new_page()
                page.goto(address(turn))
                loaded.append(
                    page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
                )
                context.close()
            rows.append([name, f"{median(loaded[1:]):.0f}", f"{max(loaded[1:]):.0f}"])
        browser.close()
    return table(["page", "median, ms", "longest, ms"], rows)


def views_of(url: str, scene: bool, files: Sequence[Path]) -> dict[str, Callable[[int], str]]:
    """Return the pages to measure. Each query has another sentence, so no result is known."""
    views: dict[str, Callable[[int], str]] = {
        "first page": lambda turn: url,
        "results": lambda turn: f"{url}?text=word{turn}+word2+word3",
    }
    if scene:
        views["locate"] = lambda turn: f"{url}locate"
        views["locate, map"] = lambda turn: f"{url}locate?text=word{turn}+word2+word3"
    for file in files:
        views[f"{file.name}, {file.stat().st_size / 1e6:.1f} MB"] = partial(_address, file)
    return views


def _address(file: Path, turn: int) -> str:
    return file.resolve().as_uri()


def main() -> None:
    """Measure and print."""
    parser = Parser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=1)
    parser.add_argument("--config", default="amfmn-soft")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--page", type=Path, action="append", default=[])
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    try:
        data = draw(scratch / "data", given.images, 64)
        settings = ("backbone=test_resnet", "epochs=0", "image_size=64", "margin.kind=fixed")
        run = train(data, load_config(given.config, settings), scratch / "run")
        with server(run, scratch / "data", scratch / "cache", given.scene) as (url, process):
            tables = [query(url, given.users, given.seconds, given.think)]
            if CHROMIUM is not None:
                views = views_of(url, given.scene is not None, given.page)
                tables.append(first_view(views, given.times))
            tables.append(f"most memory of the server: {peak_memory(process):.0f} MB")
        heading = environment("torch", "fastapi", "uvicorn", "starlette", seed=SEED)
        print(heading, *tables, sep="\n\n")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
