"""Evaluation of 452 images and 2260 sentences: against encoding both sides once, and more.

Run: python benchmarks/evaluation.py [--size 256] [--block-size 128] [--times 3] [--part NAME]

Four parts, each a Markdown table:

- ``evaluation``: from decoded images to the result (scores, recalls, soft recalls, intervals
  and all) against encoding both sides once, for three attentions;
- ``blocks``: scoring with each side encoded once against the scheme of AMFMN's public code,
  which encodes both sides again for every block of 128 images and 128 sentences (an own
  transcription of the scheme), beside the gain that counting the encodings says;
- ``metrics``: each metric of 2000 images and 10 000 sentences, from random scores, and the prior;
- ``memory``: the most memory that 10 000 x 50 000 soft scores take beyond the output.

Times are CPU seconds of the process, torch on one thread: other work on the machine does not
move them as it moves the clock.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from machine import Parser, alternated, environment, table

from rsitmd_tools.baselines.amfmn.attention import make_attention
from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.evaluation import intervals
from rsitmd_tools.baselines.evaluation.evaluate import EvaluationOptions, evaluate_matrix
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.metric import ScoredGallery
from rsitmd_tools.baselines.evaluation.metrics import load_metrics
from rsitmd_tools.baselines.evaluation.optional import Failures
from rsitmd_tools.baselines.evaluation.result import ScoreFile
from rsitmd_tools.baselines.evaluation.scoring import encode_images, encode_texts, score_matrix
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence

IMAGES, PER_IMAGE = 452, 5
MANY = 2000
BLOCK = 128
WORDS, LENGTH = 400, 11
SEED = 0
# The scores are of no run and of no file.
DRAWN = ScoreFile("drawn", "0" * 64)
KINDS = ("soft", "fusion", "similarity")


def draw(random: np.random.Generator, count: int = IMAGES, different: int = WORDS) -> Dataset:
    """Return images without files, with sentences of random words."""
    words = [f"word{number}" for number in range(different)]
    images = []
    for number in range(count):
        sentences = tuple(
            Sentence(" ".join(random.choice(words, LENGTH))) for _ in range(PER_IMAGE)
        )
        images.append(ImageRecord(f"class{number % 30}_{number}.tif", sentences, (), "test"))
    return Dataset("drawn", tuple(images), Path("drawn"), "rsitmd")


def parts_of(kind: str, data: Dataset) -> tuple[RetrievalModel, Tokenizer]:
    """Return AMFMN with an attention, from random weights."""
    torch.manual_seed(SEED)
    config = load_config(f"amfmn-{kind}")
    tokenizer = make_tokenizer(config, data)
    return make_model(config, tokenizer).eval(), tokenizer


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes, of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def evaluation(size: int, times: int) -> str:
    """Measure the whole evaluation against encoding: soft recall repeatedly, the others once."""
    random = np.random.default_rng(SEED)
    data = draw(random)
    gallery = Gallery.of(data, "test")
    captions = gallery.part.captions()
    pixels = random.integers(0, 256, (IMAGES, size, size, 3), dtype=np.uint8)

    def encode(kind: str) -> Callable[[], float]:
        model, tokenizer = parts_of(kind, data)

        def work() -> None:
            encode_images(model, pixels)
            encode_texts(model, tokenizer, captions)

        return lambda: seconds(work)

    def evaluate(kind: str) -> Callable[[], float]:
        model, tokenizer = parts_of(kind, data)

        def work() -> None:
            scores = score_matrix(model, tokenizer, pixels, captions)
            evaluate_matrix(
                scores, gallery, data, "test", EvaluationOptions(), None, DRAWN, Failures()
            )

        return lambda: seconds(work)

    # Compiled kernels and first calls are no part of it.
    evaluate_matrix(
        random.normal(size=(IMAGES, len(captions))),
        gallery,
        data,
        "test",
        EvaluationOptions(),
        None,
        DRAWN,
        Failures(),
    )
    encode_images(parts_of("soft", data)[0], pixels[:64])
    found = alternated({"encode": encode("soft"), "soft": evaluate("soft")}, times)
    found |= alternated({kind: evaluate(kind) for kind in KINDS if kind != "soft"}, 1)
    rows = [
        [
            kind,
            f"{found['encode']:.2f}",
            f"{found[kind]:.2f}",
            f"{found[kind] / found['encode']:.3f}",
        ]
        for kind in KINDS
    ]
    return table(["attention", "encode both sides once, s", "whole evaluation, s", "ratio"], rows)


@torch.no_grad()
def score_in_blocks(
    model: RetrievalModel, tokenizer: Tokenizer, pixels: np.ndarray, captions: list[str]
) -> np.ndarray:
    """Score as the public code does: both sides are encoded again for every block."""
    scores = np.zeros((len(pixels), len(captions)), np.float32)
    for top in range(0, len(pixels), BLOCK):
        rows = slice(top, top + BLOCK)
        for left in range(0, len(captions), BLOCK):
            columns = slice(left, left + BLOCK)
            images = model.encode_images(unit_images(pixels[rows]))
            texts = model.encode_texts(tokenizer.encode(captions[columns]))
            scores[rows, columns] = model.score(images, texts).numpy()
    return scores


def blocks(size: int) -> str:
    """Measure scoring with encodings kept against the scheme that makes them again."""
    random = np.random.default_rng(SEED)
    data = draw(random)
    captions = data.captions()
    pixels = random.integers(0, 256, (IMAGES, size, size, 3), dtype=np.uint8)
    rows = [_blocks_of(kind, data, pixels, captions) for kind in KINDS]
    columns = [
        "attention",
        "encoding in every block, s",
        "encoding once, s",
        "gain",
        "gain counted",
        "share of it",
    ]
    return table(columns, rows)


def _blocks_of(kind: str, data: Dataset, pixels: np.ndarray, captions: list[str]) -> list[str]:
    model, tokenizer = parts_of(kind, data)
    ours = score_matrix(model, tokenizer, pixels, captions)
    theirs: list[np.ndarray] = []
    found = alternated(
        {
            "images": lambda: seconds(lambda: encode_images(model, pixels)),
            "texts": lambda: seconds(lambda: encode_texts(model, tokenizer, captions)),
            "once": lambda: seconds(lambda: score_matrix(model, tokenizer, pixels, captions)),
            "again": lambda: seconds(
                lambda: theirs.append(score_in_blocks(model, tokenizer, pixels, captions))
            ),
        },
        1,
    )
    assert np.allclose(ours, theirs[0], atol=1e-4)
    down, across = -(-IMAGES // BLOCK), -(-len(captions) // BLOCK)
    once = found["images"] + found["texts"]
    counted = (across * found["images"] + down * found["texts"]) / once
    gain = found["again"] / found["once"]
    return [
        kind,
        f"{found['again']:.1f}",
        f"{found['once']:.1f}",
        f"{gain:.1f}",
        f"{counted:.1f}",
        f"{gain / counted:.2f}",
    ]


def metrics(times: int) -> str:
    """Measure all metrics of random scores, each from what the ones before it computed."""
    random = np.random.default_rng(SEED)
    gallery = Gallery.of(draw(random, MANY, different=3000), "test")
    scores = random.random((MANY, MANY * PER_IMAGE), np.float32)
    runs = [_of_each_metric(scores, gallery) for _ in range(times + 1)][1:]
    cpu, wall = (
        {name: float(np.median([run[name][kind] for run in runs])) for name in runs[0]}
        for kind in (0, 1)
    )
    for total in (cpu, wall):
        total["all but the prior"] = sum(total.values()) - total["prior"]
    rows = [[name, f"{cpu[name]:.2f}", f"{wall[name]:.2f}"] for name in cpu]
    return table([f"{MANY} x {MANY * PER_IMAGE}", "processor s", "s"], rows)


def _of_each_metric(scores: np.ndarray, gallery: Gallery) -> dict[str, tuple[float, float]]:
    intervals._all_draws.cache_clear()  # they are drawn once an evaluation
    with tempfile.TemporaryDirectory() as scratch:
        scored = ScoredGallery(scores, gallery, "test", Path(scratch), seed=SEED)
        steps: dict[str, Callable[[], object]] = {
            "prior": lambda: scored.prior,
            "hits": lambda: scored.hits,
            "candidates": lambda: scored.extra_positives,
        }
        for metric in load_metrics():
            steps[metric.name] = partial(metric.values, scored)
        found = {}
        for name, step in steps.items():
            began = time.perf_counter()
            found[name] = (seconds(step), time.perf_counter() - began)
        return found


def memory_here(images: int, texts: int) -> None:
    """Score in this process and print bytes: before, at the most, the output."""
    torch.manual_seed(SEED)
    attention = make_attention("soft", 512).eval()
    before = _peak()
    with torch.no_grad():
        scores = attention(torch.randn(images, 512), torch.randn(texts, 512))
    print(before, _peak(), scores.numel() * scores.element_size())


def memory(images: int, texts: int) -> str:
    """Measure memory in a process of its own."""
    command = [sys.executable, __file__, "--part", "memory-here", "--pairs", f"{images}x{texts}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak, output = (int(number) / 1e9 for number in done.stdout.split())
    columns = [
        "scores",
        "output, GB",
        "peak of the process, GB",
        "before scoring (libraries), GB",
        "scoring beyond the output, GB",
    ]
    row = [
        f"{images} x {texts}, soft, d = 512",
        f"{output:.2f}",
        f"{peak:.2f}",
        f"{before:.2f}",
        f"{peak - output - before:.2f}",
    ]
    return table(columns, [row])


def _peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="side of the images")
    parser.add_argument("--block-size", type=int, default=128, help="the same, for blocks")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--pairs", default="10000x50000", help="of the part memory")
    parser.add_argument("--part", help="one alone")
    arguments = parser.parse_args()
    images, texts = map(int, arguments.pairs.split("x"))
    if arguments.part == "memory-here":
        memory_here(images, texts)
        return
    torch.set_num_threads(1)
    print(environment("torch", "timm", seed=SEED))
    for name, measure in (
        ("evaluation", lambda: evaluation(arguments.size, arguments.times)),
        ("blocks", lambda: blocks(arguments.block_size)),
        ("metrics", lambda: metrics(arguments.times)),
        ("memory", lambda: memory(images, texts)),
    ):
        if arguments.part in (None, name):
            print(f"\n{name}\n\n{measure()}", flush=True)


if __name__ == "__main__":
    main()
