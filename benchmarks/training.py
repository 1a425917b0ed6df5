"""Training: AMFMN's step against a bare ResNet-18, data loading, and heads on cached features.

Run: python benchmarks/training.py [--times 5] [--size 256] [--batch 32] [--part NAME]

- ``step``: forward, loss, backward of AMFMN (ResNet-18) against those of a bare ResNet-18
  with a mean over its output for a loss, the same batch, measured in turn;
- ``loading``: the same steps fed by the batches of a training (rows of decoded images read by
  a thread, rotation and crop of the whole batch), against a batch that lies ready;
- ``training``: images a second of a whole `train` with all cores, against the step alone
  (forward, loss, backward, clipping, optimiser; its images lie ready), measured in turn;
- ``augmentation``: rotation and crop of a batch at once, against torchvision's transforms of
  one image after the other;
- ``memory``: the step of EfficientNet-Lite0 at half the size, and the features of a frozen one
  at the whole size, with what is freed given back to the system (the C library's default) and
  with it kept (what `train` does on a CPU);
- ``heads``: a step of training on cached features (ResNet-18's sizes, random values) for every
  configuration with a frozen backbone, in full precision and in bfloat16.

Steps and heads are measured in processor time of one thread, loading and training in wall time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import timm
import torch
from gpu import dataset, write_files
from machine import Parser, alternated, environment, seconds, table

from rsitmd_tools.baselines.base import RetrievalModel, Texts
from rsitmd_tools.baselines.config import Config, load_config, names
from rsitmd_tools.baselines.data.augmentation import resized_size, rotated_crops, turned_crops
from rsitmd_tools.baselines.data.batches import Batch, Batches
from rsitmd_tools.baselines.data.mapped import MappedArray, new_array
from rsitmd_tools.baselines.data.pairs import Pairs
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.targets import Targets
from rsitmd_tools.baselines.data.train_val_split import split_parts
from rsitmd_tools.baselines.data.views import turned
from rsitmd_tools.baselines.losses import triplet_loss
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.baselines.registry import load_model
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.training.memory import keep_freed_memory
from rsitmd_tools.baselines.training.module import RetrievalModule, encode_part
from rsitmd_tools.baselines.training.train import Options, train

SEED = 0
WORDS, LENGTH = 3000, 12
KINDS = ("soft", "fusion", "similarity")
STEPS = 8
INNER = ("step-given-back", "step-kept", "features-given-back", "features-kept")


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor time of a call: with one thread, what it takes on a free core."""
    began = time.process_time()
    work()
    return time.process_time() - began


def texts(batch: int) -> Texts:
    """Return sentences of random words with two keywords each."""
    words = torch.randint(2, WORDS, (batch, LENGTH))
    keywords = torch.randint(2, WORDS, (batch, 2, 2))
    lengths, of_keywords = torch.full((batch,), LENGTH), torch.full((batch, 2), 2)
    return Texts(words, lengths, keywords, of_keywords, torch.zeros(batch, 0))


def model_of(name: str, *changes: str) -> RetrievalModel:
    """Return a model from random weights."""
    torch.manual_seed(SEED)
    config = load_config(name, changes)
    model: RetrievalModel = load_model(config.model)(config, WORDS)
    return model.train()


def step_of(model: RetrievalModel, images: torch.Tensor, words: Texts) -> Callable[[], None]:
    """Return one step: forward, loss, backward."""

    def step() -> None:
        model.zero_grad()
        scores = model.score(model.encode_images(images), model.encode_texts(words))
        triplet_loss(scores, 0.2).backward()

    return step


def step(size: int, batch: int, times: int) -> str:
    """Measure AMFMN's step against the bare network's."""
    images, words = torch.rand(batch, 3, size, size), texts(batch)
    # AMFMN's backbone runs channels last: so does the one it is held against.
    fast = {"memory_format": torch.channels_last}
    layouts: dict[str, dict[str, torch.memory_format]] = {
        "as timm makes it": {},
        "channels last": fast,
    }
    works: dict[str, Callable[[], None]] = {}
    for layout, options in layouts.items():
        bare = (
            timm.create_model("resnet18", pretrained=False, num_classes=512).train().to(**options)
        )
        seen = images.to(**options)

        def bare_step(bare: torch.nn.Module = bare, seen: torch.Tensor = seen) -> None:
            bare.zero_grad()
            bare(seen).mean().backward()

        works[f"bare ResNet-18, {layout}"] = bare_step
    works |= {f"AMFMN {k}": step_of(model_of(f"amfmn-{k}"), images, words) for k in KINDS}
    for work in works.values():
        work()
    found = alternated({n: (lambda w=w: processor_seconds(w)) for n, w in works.items()}, times)
    base = found["bare ResNet-18, channels last"]
    rows = [(n, f"{s:.2f}", f"{s / base:.3f}") for n, s in found.items()]
    return table(("step", "processor seconds", "x bare, channels last"), rows)


def drawn_batches(config: Config, size: int, batch: int, file: Path) -> Fed:
    """Return a training module with random images and its batches."""
    data = dataset(batch * STEPS, 2)
    parts = split_parts(data, config, frozenset())
    side = resized_size(size)
    with new_array(file, (len(data), side, side, 3), np.uint8) as pixels:
        pixels[:] = np.random.default_rng(SEED).integers(0, 256, pixels.shape, np.uint8)
    source = StoredRows([MappedArray(file)], by_view=False)
    tokenizer = make_tokenizer(config, parts.training)
    module = RetrievalModule(
        make_model(config, tokenizer), config, tokenizer, parts, source, source, np.arange(2)
    )
    batches = Batches(
        Pairs(parts.training, "one", config.views, SEED),
        batch,
        source,
        np.arange(len(parts.training)),
        encode_part(tokenizer, parts.training),
        Targets(parts.training, False, None),
        side - size,
        "cpu",
    )
    return Fed(module.train(), batches)


class Fed(NamedTuple):
    """A module and its batches."""

    module: RetrievalModule
    batches: Batches


def loading(size: int, batch: int, times: int) -> str:
    """Measure steps fed by the batches of a training against steps with images that lie ready."""
    settings = [f"image_size={size}", f"batch_size={batch}", "margin.kind=fixed", "validate=false"]
    ready = torch.rand(batch, 3, size, size)
    rows = []
    for views in (1, 8):
        config = load_config("amfmn-soft", [*settings, f"views={views}"])
        with tempfile.TemporaryDirectory() as scratch:
            fed = drawn_batches(config, size, batch, Path(scratch, "images.npy"))
            module, batches = fed

            def step(images: torch.Tensor, each: Batch, module: RetrievalModule = module) -> None:
                module.zero_grad()
                model = module.model
                scores = model.score(model.encode_images(images), model.encode_texts(each.texts))
                module._loss(scores, each).backward()

            listed = list(batches)[:STEPS]

            def alone(listed: list[Batch] = listed) -> None:
                for each in listed:
                    step(ready[: len(each.rows)], each)

            def whole(batches: Batches = batches, module: RetrievalModule = module) -> None:
                for number, each in enumerate(batches):
                    if number < STEPS:
                        module.zero_grad()
                        module.loss_of(each).backward()

            works = {"images ready": alone, "batches of a training": whole}
            for work in works.values():
                work()
            found = alternated(
                {n: (lambda w=w: seconds(w) / STEPS) for n, w in works.items()}, times
            )
        base = found["images ready"]
        rows += [(views, n, f"{s:.2f}", f"{base / s:.3f}") for n, s in found.items()]
    return table(("views", "AMFMN soft", "seconds a step", "of the speed of the step"), rows)


def optimised_step(config: Config, size: int, batch: int, scratch: Path) -> Callable[[], object]:
    """Return eight whole steps with images that lie ready."""
    module, batches = drawn_batches(config, size, batch, scratch / "images.npy")
    parameters = [part for part in module.parameters() if part.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    ready, listed = torch.rand(batch, 3, size, size), list(batches)[:STEPS]

    def steps() -> None:
        for each in listed:
            optimizer.zero_grad()
            scores = module.model.score(
                module.model.encode_images(ready), module.model.encode_texts(each.texts)
            )
            module._loss(scores, each).backward()
            torch.nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
            optimizer.step()

    return steps


def training(size: int, batch: int, times: int) -> str:
    """Measure images a second of `train` against those of the step alone, with all cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    keep_freed_memory()  # as `train` does
    settings = [f"image_size={size}", f"batch_size={batch}", "margin.kind=fixed", "validate=false"]
    config = load_config("amfmn-soft", [*settings, "epochs=2"])
    found: dict[str, list[float]] = {"step alone": [], "train": []}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        steps = optimised_step(config, size, batch, scratch)
        data = write_files(dataset(5 * STEPS * batch, 2), scratch / "data", size)
        options = Options(cache=scratch / "cache")
        steps()
        for number in range(times):
            found["step alone"].append(STEPS * batch / seconds(steps))
            run = train(data, config, scratch / f"run-{number}", options)
            found["train"].append(Run(run).manifest()["finished"]["images_a_second"])
    torch.set_num_threads(1)
    ratios = [made / alone for alone, made in zip(*found.values(), strict=True)]
    rows = [(name, f"{float(np.median(rates)):.2f}") for name, rates in found.items()]
    rows.append(("x step alone", f"{float(np.median(ratios)):.3f}"))
    return table(("AMFMN soft", "images a second"), rows)


def augmentation(size: int, batch: int, times: int) -> str:
    """Measure the augmentation of a batch against torchvision's of each image."""
    from torchvision.transforms import v2

    side = resized_size(size)
    draw = np.random.default_rng(SEED)
    pixels = torch.from_numpy(draw.integers(0, 256, (batch, side, side, 3), np.uint8))
    degrees = torch.from_numpy(draw.uniform(0, 90, batch).astype(np.float32))
    corners = torch.from_numpy(draw.integers(0, side - size + 1, (batch, 2)))
    views = torch.from_numpy(draw.integers(0, 8, batch))
    rotation = v2.RandomRotation((0, 90), interpolation=v2.InterpolationMode.BILINEAR)
    crop = [v2.RandomCrop(size), v2.ToDtype(torch.float32, scale=True)]
    turning = v2.Compose(crop)
    rotating = v2.Compose([rotation, *crop])

    def loop(transform: v2.Compose, turn: bool) -> None:
        images = [transform(image.permute(2, 0, 1)) for image in pixels]
        if turn:
            images = [turned(i, int(v)) for i, v in zip(images, views, strict=True)]
        torch.stack(images)

    works: dict[str, Callable[[], object]] = {
        "rotation and crop, image by image": lambda: loop(rotating, False),
        "rotation and crop, the batch": lambda: rotated_crops(pixels, size, degrees, corners),
        "view and crop, image by image": lambda: loop(turning, True),
        "view and crop, the batch": lambda: turned_crops(pixels, size, views, corners),
    }
    for work in works.values():
        work()
    found = alternated({n: (lambda w=w: processor_seconds(w)) for n, w in works.items()}, times)
    names = list(found)
    rows = [
        (name, f"{1000 * found[name] / batch:.2f}", f"{found[name] / found[names[k // 2 * 2]]:.2f}")
        for k, name in enumerate(names)
    ]
    return table(("augmentation", "processor ms per image", "x image by image"), rows)


def in_this_process(part: str, size: int, batch: int, times: int) -> float:
    """Return the processor time of a step or of a batch's features, with EfficientNet-Lite0."""
    if part.endswith("kept") and not keep_freed_memory():
        raise SystemExit("the C library cannot keep what is freed")
    model = model_of("amfmn-soft", "backbone=tf_efficientnet_lite0")
    side = size if part.startswith("features") else size // 2
    images = torch.rand(batch, 3, side, side)

    def features() -> None:
        with torch.no_grad():
            model.eval().features(images)

    work = features if part.startswith("features") else step_of(model, images, texts(batch))
    work()
    return float(np.median([processor_seconds(work) for _ in range(times)]))


def memory(size: int, batch: int, times: int) -> str:
    """Measure in processes of their own: the setting cannot be taken back."""
    command = [sys.executable, __file__, "--size", str(size), "--batch", str(batch)]
    command += ["--times", str(times), "--part"]
    found = alternated({part: lambda p=part: _printed([*command, p]) for part in INNER}, 2)
    rows = []
    for part, taken in found.items():
        work, _, what = part.partition("-")
        base = found[f"{work}-given-back"]
        rows.append((work, what.replace("-", " "), f"{taken:.2f}", f"{taken / base:.3f}"))
    return table(("of a batch", "what is freed is", "processor seconds", "ratio"), rows)


def _printed(command: list[str]) -> float:
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def heads(size: int, times: int) -> str:
    """Measure steps on features that are at hand, in full and in mixed precision."""
    rows = []
    for name in names():
        if name.startswith(("clip", "margin")):
            continue
        # CAMP compares each pair anew: the memory grows with the square of the batch.
        batch = 20 if name.startswith("camp") else 100
        words = texts(batch)
        model = model_of(name)
        model.frozen_part().requires_grad_(False)
        with torch.no_grad():
            one = model.eval().features(torch.rand(2, 3, size, size))
        model.train()
        features = [torch.rand(batch, *part.shape[1:]) for part in one]

        def head(
            mixed: bool,
            model: RetrievalModel = model,
            parts: list[torch.Tensor] = features,
            words: Texts = words,
        ) -> None:
            model.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                scores = model.score(model.encode_features(parts), model.encode_texts(words))
            triplet_loss(scores.float(), 0.2).backward()

        taken = []
        for mixed in (False, True):
            head(mixed)
            of_step = [processor_seconds(lambda m=mixed: head(m)) for _ in range(times)]  # type: ignore[misc]
            taken.append(1000 * float(np.median(of_step)))
        full, half = taken
        rows.append((name, batch, f"{full:.0f}", f"{half:.0f}", f"{full / half:.1f}"))
    columns = ("configuration", "batch", "ms a step, 32", "ms a step, bf16-mixed", "times faster")
    return table(columns, rows)


def main() -> None:
    """Measure the parts asked for."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument(
        "--part", choices=("step", "loading", "training", "augmentation", "memory", "heads", *INNER)
    )
    arguments = parser.parse_args()
    parts: dict[str, Callable[[], str]] = {
        "step": lambda: step(arguments.size, arguments.batch, arguments.times),
        "loading": lambda: loading(arguments.size, arguments.batch, arguments.times),
        "training": lambda: training(arguments.size, arguments.batch, arguments.times),
        "augmentation": lambda: augmentation(arguments.size, arguments.batch, arguments.times),
        "memory": lambda: memory(arguments.size, arguments.batch, arguments.times),
        "heads": lambda: heads(arguments.size, arguments.times),
    }
    # With one thread, processor time is a measure that other work hardly disturbs.
    torch.set_num_threads(1)
    if arguments.part in INNER:
        print(in_this_process(arguments.part, arguments.size, arguments.batch, arguments.times))
        return
    print(environment("torch", "timm", seed=SEED))
    for name, measure in parts.items():
        if arguments.part in (None, name):
            print(f"\n{measure()}", flush=True)


if __name__ == "__main__":
    main()
