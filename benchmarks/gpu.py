"""Training and evaluation on a GPU against a bare network, and how long a whole command takes.

Run: python benchmarks/gpu.py [--parts step,training,command,evaluation,memory] [--size 256]
    [--batch 100]

It runs from a copy of the repository, without an installation: PYTHONPATH=. python
benchmarks/gpu.py. Beside torch, timm, lightning, tensorboard, open-clip-torch and numba it needs
the wheels click, ftfy, wcwidth, jinja2, jsonschema, jsonschema-specifications, referencing,
rpds-py, krippendorff, matplotlib, nltk, pandas, pillow, pyyaml, rich, safetensors, scipy,
symspellpy and editdistpy.

- ``step``: forward, loss, backward and optimiser with a batch that lies on the device, against
  those of the bare timm network (bf16, channels last), measured in turn;
- ``training``: images a second of `benchmark train` against the step alone;
- ``command``: 30 epochs of 1890 images, the whole command in a process of its own, started cold;
- ``evaluation``: 2000 images x 10 000 sentences against encoding them;
- ``memory``: the most memory that a step of each kind took.

Images and sentences are random: how long a step takes does not depend on them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import timm
import torch
from machine import Parser, environment, not_measured, table
from PIL import Image

from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.data.augmentation import resized_size
from rsitmd_tools.baselines.data.batches import Batch, Batches
from rsitmd_tools.baselines.data.mapped import MappedArray, new_array
from rsitmd_tools.baselines.data.pairs import Pairs
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.targets import Targets
from rsitmd_tools.baselines.data.train_val_split import split_parts
from rsitmd_tools.baselines.models import make_model, make_tokenizer
from rsitmd_tools.baselines.training.graphs import GraphedSteps
from rsitmd_tools.baselines.training.module import RetrievalModule, encode_part
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset

SEED = 0
KINDS = ("soft", "fusion", "similarity")
WORDS = 3000
STEPS = 20
REPEATS = 5


class RandomPrior:
    """A prior of random numbers."""

    def at(self, images: np.ndarray[Any, Any], captions: np.ndarray[Any, Any]) -> Any:
        """Return a block."""
        draw = np.random.default_rng(len(images))
        return draw.random((len(images), len(captions)), np.float32) / 4


def sentence(draw: np.random.Generator) -> str:
    """Return a sentence of eight to twenty random words."""
    return " ".join(f"w{word}" for word in draw.integers(WORDS, size=draw.integers(8, 21)))


def dataset(train: int, test: int) -> Dataset:
    """Return images of random sentences, five each."""
    draw = np.random.default_rng(SEED)
    images = [
        ImageRecord(
            f"class_{number}.jpg",
            tuple(Sentence(sentence(draw)) for _ in range(5)),
            split="train" if number < train else "test",
        )
        for number in range(train + test)
    ]
    return Dataset("random", tuple(images), Path("random"), "rsitmd")


def write_files(data: Dataset, folder: Path, size: int) -> Dataset:
    """Write a dataset with its images, and read it."""
    draw = np.random.default_rng(SEED)
    (folder / "images").mkdir(parents=True)
    for image in data:
        small = draw.integers(0, 256, (16, 16, 3), np.uint8)
        picture = Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)
        picture.save(folder / "images" / image.filename, quality=90)
    for split in ("train", "test"):
        part = data.select(split)
        (folder / f"{split}_caps.txt").write_text("\n".join(part.captions()) + "\n")
        names = "\n".join(image.filename for image in part)
        (folder / f"{split}_filename.txt").write_text(names + "\n")
    return load_dataset(folder)


class Fixture:
    """A module with a batch on the device."""

    def __init__(self, config: Config, scratch: Path, count: int) -> None:
        torch.manual_seed(SEED)
        data = dataset(count, 2)
        parts = split_parts(data, config, frozenset())
        tokenizer = make_tokenizer(config, parts.training)
        self.model: RetrievalModel = make_model(config, tokenizer)
        side = resized_size(config.image_size)
        file = scratch / f"images-{side}-{count}.npy"
        if not file.exists():
            with new_array(file, (count, side, side, 3), np.uint8) as pixels:
                pixels[:] = np.random.default_rng(SEED).integers(0, 256, pixels.shape, np.uint8)
        source = StoredRows([MappedArray(file)], by_view=False)
        source.load(torch.device("cuda"))
        self.batches = Batches(
            Pairs(parts.training, config.captions, config.views, SEED),
            config.batch_size,
            source,
            np.arange(len(parts.training)),
            encode_part(tokenizer, parts.training),
            Targets(parts.training, config.mask_equal, RandomPrior()),
            side - config.image_size,
            "cuda",
        )
        self.module = RetrievalModule(
            self.model, config, tokenizer, parts, source, source, np.arange(2)
        ).cuda()
        self.model.train()
        first = next(iter(self.batches))
        self.batch: Batch = first.map(lambda tensor: tensor.cuda())
        # Images that need no augmentation: the step alone.
        self.ready = torch.rand(
            (config.batch_size, 3, config.image_size, config.image_size), device="cuda"
        )

    def ready_loss(self, batch: Batch) -> torch.Tensor:
        """Return the loss with images that lie ready."""
        encoded = self.model.encode_images(self.ready)
        scores = self.model.score(encoded, self.model.encode_texts(batch.texts)).float()
        return self.module._loss(scores, batch)


def step_of(loss_of: Callable[[Batch], torch.Tensor], fixture: Fixture, graph: bool) -> Any:
    """Return a whole step: loss, gradients, clipping, optimiser."""
    parameters = [p for p in fixture.module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
    steps = GraphedSteps(loss_of, parameters)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            if graph:
                loss, done = steps(fixture.batch)
            else:
                loss, done = loss_of(fixture.batch), False
        if not done:
            optimizer.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()

    return step


def bare_step(
    size: int, batch: int, backbone: str, dtype: torch.dtype | None = torch.bfloat16
) -> Any:
    """Return forward, backward and Adam of a bare network, channels last."""
    network = timm.create_model(backbone, pretrained=False, num_classes=512)
    network = network.cuda().train().to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, size, size, device="cuda")
    images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cuda", dtype or torch.bfloat16, enabled=dtype is not None):
            loss = network(images).float().mean()
        loss.backward()
        optimizer.step()

    return step


def rates(works: dict[str, Callable[[], object]], batch: int) -> dict[str, float]:
    """Return images a second of each kind of step, measured in turn."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        for _ in range(5):
            work()
    for _ in range(REPEATS):
        for name, work in works.items():
            torch.cuda.synchronize()
            began = time.perf_counter()
            for _ in range(STEPS):
                work()
            torch.cuda.synchronize()
            found[name].append(batch * STEPS / (time.perf_counter() - began))
    return {name: median(values) for name, values in found.items()}


def deterministic(on: bool) -> None:
    """Set what Lightning sets in a training."""
    torch.use_deterministic_algorithms(on, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not on
    torch.backends.cudnn.deterministic = on


def step(size: int, batch: int, scratch: Path) -> str:
    """Measure steps against those of the bare networks."""
    works: dict[str, Callable[[], object]] = {}
    bases: dict[str, str] = {}
    for backbone, kinds in (("resnet18", KINDS), ("tf_efficientnet_lite0", KINDS[:1])):
        bare = f"bare {backbone}, bf16"
        works[bare] = bare_step(size, batch, backbone)
        for kind in kinds:
            settings = [f"image_size={size}", f"batch_size={batch}", f"backbone={backbone}"]
            fixture = Fixture(load_config(f"amfmn-{kind}", settings), scratch, 2 * batch)
            loss_of, name = fixture.module.loss_of, f"AMFMN {kind}, {backbone}"
            works[f"{name}, images ready"] = step_of(fixture.ready_loss, fixture, True)
            works[f"{name}, with augmentation"] = step_of(loss_of, fixture, True)
            if kind == KINDS[0]:
                works[f"{name}, images ready, no graph"] = step_of(
                    fixture.ready_loss, fixture, False
                )
        bases.update({name: bare for name in works if name not in bases})
    works["bare resnet18, fp32"] = bare_step(size, batch, "resnet18", None)
    bases["bare resnet18, fp32"] = "bare resnet18, bf16"
    # The bare networks may use the fastest kernels; ours uses deterministic ones, as in training.
    deterministic(False)
    fastest = rates({name: work for name, work in works.items() if name.startswith("bare")}, batch)
    deterministic(True)
    found = {**rates(works, batch), **fastest}
    rows = [(n, f"{r:.0f}", f"{r / found[bases[n]]:.2f}") for n, r in found.items()]
    return table(("step", "images a second", "x bare bf16"), rows)


def memory(size: int, batch: int, scratch: Path) -> str:
    """Measure the most memory of a step."""
    rows = []
    for kind in KINDS:
        config = load_config(f"amfmn-{kind}", [f"image_size={size}", f"batch_size={batch}"])
        for graph in (False, True):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            fixture = Fixture(config, scratch, 2 * batch)
            work = step_of(fixture.module.loss_of, fixture, graph)
            for _ in range(4):
                work()
            torch.cuda.synchronize()
            used = torch.cuda.max_memory_reserved() / 1e9
            rows.append((f"AMFMN {kind}", "graph" if graph else "eager", f"{used:.2f}"))
            del fixture, work
    return table(("step", "computed", "GB of GPU memory reserved"), rows)


def command(*arguments: str) -> tuple[float, str]:
    """Run a command of the tool; return its seconds and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "rsitmd_tools", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    taken = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return taken, done.stdout + done.stderr


def training(size: int, batch: int, scratch: Path) -> str:
    """Measure images a second of trainings, and of the step alone in the same process."""
    from rsitmd_tools.baselines.training.train import Options, train

    data = write_files(dataset(4000, 2), scratch / "training", size)
    rows = []
    for kind in KINDS:
        settings = [f"image_size={size}", f"batch_size={batch}", "epochs=5", "validate=false"]
        config = load_config(f"amfmn-{kind}", [*settings, "margin.kind=fixed"])
        run = train(data, config, scratch / f"run-{kind}", Options(cache=scratch / "cache"))
        finished = json.loads((run / "run.json").read_text())["finished"]
        deterministic(True)
        fixture = Fixture(config, scratch, 2 * batch)
        alone = rates({"step": step_of(fixture.module.loss_of, fixture, True)}, batch)["step"]
        rate = finished["images_a_second"]
        rows.append((f"AMFMN {kind}", f"{rate:.0f}", f"{alone:.0f}", f"{rate / alone:.2f}"))
    return table(("train", "images a second", "of the step alone", "x step"), rows)


def whole_command(size: int, batch: int, scratch: Path) -> str:
    """Measure a whole training command."""
    folder = scratch / "command"
    write_files(dataset(2100, 210), folder, size)
    run = scratch / "run-command"
    epochs = 30
    settings = [f"image_size={size}", f"batch_size={batch}", f"epochs={epochs}"]
    options = [part for setting in settings for part in ("--set", setting)]
    arguments = ["benchmark", "train", str(folder), "--config", "amfmn-soft", *options]
    first, said = command(*arguments, "-o", str(run))
    print(said[-300:])
    test, _ = command("benchmark", "evaluate", str(run), str(folder))
    finished = json.loads((run / "run.json").read_text())["finished"]
    steps = epochs * finished["pairs_an_epoch"] / finished["images_a_second"]
    rows = [
        ("train, 30 epochs of 1890 images and validation, started cold", f"{first:.1f}"),
        ("of it start, decoding and end", f"{first - finished['seconds']:.1f}"),
        ("of it the steps of the epochs", f"{steps:.1f}"),
        ("of it validation, checkpoints and logs", f"{finished['seconds'] - steps:.1f}"),
        ("evaluate, 210 images x 1050 sentences", f"{test:.1f}"),
    ]
    return table(("command", "seconds"), rows)


def evaluation(size: int, batch: int, scratch: Path) -> str:
    """Measure an evaluation against encoding."""
    from rsitmd_tools.baselines.evaluation.evaluate import evaluate
    from rsitmd_tools.baselines.evaluation.scoring import encode_images, encode_texts
    from rsitmd_tools.baselines.run import Run
    from rsitmd_tools.baselines.training.train import Options, train

    data = write_files(dataset(200, 2000), scratch / "evaluation", size)
    config = load_config("amfmn-soft", [f"image_size={size}", "epochs=0", "margin.kind=fixed"])
    run = train(data, config, scratch / "run-evaluation", Options())
    model, tokenizer, _ = Run(run).load()
    model.cuda()
    part = data.select("test")

    def encoding() -> None:
        from rsitmd_tools.baselines.data.images import decode_images

        pixels = decode_images(part, size, scratch / "evaluated.npy")
        encode_images(model, pixels)
        encode_texts(model, tokenizer, part.captions())
        torch.cuda.synchronize()

    taken: dict[str, list[float]] = {"decode and encode": [], "evaluate": []}
    for _ in range(2):
        for name, work in (
            ("decode and encode", encoding),
            ("evaluate", lambda: evaluate(run, data)),
        ):
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    base = median(taken["decode and encode"])
    rows = [(n, f"{median(t):.2f}", f"{median(t) / base:.2f}") for n, t in taken.items()]
    return table(("2000 images x 10 000 sentences", "seconds", "x encoding"), rows)


def main() -> None:
    """Measure the parts asked for."""
    parser = Parser(description=__doc__.splitlines()[0])
    parts = {
        "step": step,
        "training": training,
        "command": whole_command,
        "evaluation": evaluation,
        "memory": memory,
    }
    parser.add_argument("--parts", default=",".join(parts))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=100)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        not_measured("no CUDA device")
    print(torch.cuda.get_device_name(), environment("torch", "timm", seed=SEED), sep="; ")
    for name in arguments.parts.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            print(f"\n{parts[name](arguments.size, arguments.batch, Path(scratch))}", flush=True)


if __name__ == "__main__":
    main()
