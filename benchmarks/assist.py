"""The assist: a sentence against 25 000 others, hints, and answers over HTTP.

Run: python benchmarks/assist.py [--data FOLDER]

FOLDER holds ``rsitmd_precomp``; by default RSITMD_DATA, else ../shared/data. Sentences are
RSITMD's, filled up to 25 000 with seeded mixtures of them: drawn pairs, cut and joined.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import httpx
import numpy as np
from machine import Parser, add_data_option, data_folder, environment, seconds, table

from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality.texts import jaccard, split_words
from rsitmd_tools.studio.assist.adviser import Adviser
from rsitmd_tools.studio.assist.backend import VERSION, Backend
from rsitmd_tools.studio.sync.results import ParsedResult
from rsitmd_tools.workspace import Settings

SEED = 0
SENTENCES = 25_000
ASKED = 300
ALL_PAIRS = 10


def sentences(folder: Path) -> list[str]:
    """Return 25 000 sentences."""
    found = [text for text in load_dataset(folder).captions() if text.strip()]
    drawn = random.Random(SEED)
    while len(found) < SENTENCES:
        first, second = drawn.choice(found).split(), drawn.choice(found).split()
        found.append(" ".join(first[: len(first) // 2] + second[len(second) // 2 :]))
    return found[:SENTENCES]


def main() -> None:
    """Measure and print."""
    parser = Parser(description=__doc__)
    add_data_option(parser)
    texts = sentences(data_folder(parser.parse_args().data, "rsitmd_precomp"))
    adviser = Adviser(Settings())
    adviser.warm()
    filled = seconds(
        lambda: [
            adviser.learn(str(n), n, "airport", ParsedResult(((1, t),), ()))
            for n, t in enumerate(texts)
        ]
    )
    drawn = random.Random(SEED)
    asked = [(n, texts[n]) for n in drawn.sample(range(SENTENCES), ASKED)]
    near = [seconds(lambda t=text: adviser.near(t)) for _, text in asked]
    hints = [
        seconds(
            lambda n=n, t=text: adviser.hints(str(n), n, "airport", ParsedResult(((1, t),), ()))
        )
        for n, text in asked
    ]
    split = [split_words(text) for text in texts]

    def every_pair(text: str) -> float:
        own = split_words(text)
        return max(jaccard(own, other) for other in split)

    plain = [seconds(lambda t=text: every_pair(t)) for _, text in asked[:ALL_PAIRS]]

    def predict(task: dict[str, object], context: dict[str, object]) -> dict[str, object]:
        words = adviser.keywords("airport", [str(task["text"])])
        return {"result": words, "score": 0.5, "model_version": VERSION}

    backend = Backend(predict)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    with httpx.Client(base_url=backend.url, trust_env=False) as session:
        asks = [{"tasks": [{"text": text}], "params": {"context": {}}} for _, text in asked]
        answers = [seconds(lambda a=ask: session.post("/predict", json=a)) for ask in asks]
        webhooks = [
            seconds(lambda t=text: session.post("/webhook", json={"action": "NONE", "text": t}))
            for _, text in asked
        ]
    backend.shutdown()

    def row(name: str, times: list[float]) -> list[object]:
        p50, p95, most = (1000 * np.quantile(times, q) for q in (0.5, 0.95, 1.0))
        ratio = np.median(plain) / np.median(times)
        return [name, f"{p50:.2f}", f"{p95:.2f}", f"{most:.2f}", f"{ratio:.0f}"]

    print(environment("numpy", seed=SEED))
    print()
    columns = ["step", "p50 ms", "p95 ms", "longest ms", "times faster than all pairs"]
    rows = [
        row(f"one sentence against {SENTENCES}, all pairs ({ALL_PAIRS} asked)", plain),
        row(f"the same by the index ({ASKED} asked)", near),
        row("all hints on a sentence: rules and index", hints),
        row("answer to /predict", answers),
        row("answer to /webhook", webhooks),
    ]
    print(table(columns, rows))
    print(f"\nFilling the index: {filled:.1f} s, once at the start.")


if __name__ == "__main__":
    main()
