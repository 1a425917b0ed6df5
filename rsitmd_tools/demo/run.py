"""``rsitmd demo``: all steps of the tool on a set of captioned images."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_json, write_text
from rsitmd_tools.demo.captioned import FILENAME, CaptionedImage, annotators_of, read_captioned
from rsitmd_tools.demo.compare import Compared, compare
from rsitmd_tools.demo.scenes import write_scenes
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.ingest import ingest_files
from rsitmd_tools.ingest.scan import Found, safe_category
from rsitmd_tools.quality import check_subject, subject_of, summary
from rsitmd_tools.release import ReleaseOptions, make_release, verify_release
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images

VERSION = "1.0.0"
CONFIGS = ("vsepp", "amfmn-fusion")
# Small enough for two cores without pretrained weights. The configurations have the full settings;
# see docs/benchmarks/ for results with them.
SMALLER = ("image_size=128", "batch_size=32", "lr=5e-4", "margin.value=0.2")
SETTINGS = """# Settings of the demo. Run `rsitmd build init` for a file that explains all settings.
[dataset]
name = "demo"

[annotation]
annotators_per_image = {annotators}
sentences_per_annotator = {sentences}

[split]
train = 0.7
val = 0.1
test = 0.2
seed = {seed}

[release]
text_licence = "{licence}"
image_licence = "{licence}"
"""
LICENCE = "CC0-1.0"  # of the drawn scenes; that of other images is not known


@dataclass(slots=True)
class DemoReport:
    """The result of a demo.

    Attributes:
        report: Path of the HTML report.
        results: Benchmark result by configuration.
        compared: Result of the comparison of the release with the submitted annotations.
        seconds: Wall time of each step.
    """

    report: Path
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    compared: Compared | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Report the start of a step on stderr, and measure its time."""
        print(f"== {name}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)


def run_demo(
    out: Path, input_folder: Path | None, *, scenes: int, epochs: int, seed: int = 0
) -> DemoReport:
    """Run all steps: images, annotations, release, trained baselines and a report.

    An interrupted demo continues when it is called again.

    Args:
        out: The output folder.
        input_folder: A folder with ``images/`` and ``annotations.jsonl``, used instead of
            synthetic scenes.
        scenes: Number of synthetic scenes.
        epochs: Training epochs of each model.
        seed: Seed of scenes, split and training.

    Raises:
        RsitmdError: ``out`` contains other files, or a step fails.
    """
    # Read before the folder is claimed, so that an error leaves no output folder.
    images = [] if input_folder is None else _read(input_folder)
    _claim(out, input_folder, scenes, seed)
    demo = DemoReport(out / "report.html")
    source = input_folder or out / "scenes"
    if input_folder is None:
        with demo.step("draw scenes"):
            if not (source / FILENAME).exists():
                write_scenes(source, scenes, seed)
        images = _read(source)
    licence = LICENCE if input_folder is None else ""
    with _workspace(out / "workspace", images, seed, licence) as workspace:
        with demo.step("ingest"):
            add_images(workspace, images)
        _annotate(workspace, images, demo)
        with demo.step("validate"):
            _validate(workspace, out)
        with demo.step("split"):
            split(workspace)
        release = out / "release"
        with demo.step("release"):
            if not release.exists():
                make_release(workspace, VERSION, release, ReleaseOptions(unlicensed=True))
            verify_release(release)
            demo.compared = compare(load_dataset(release), images, _names(workspace, images))
    for config in CONFIGS:
        _benchmark(demo, config, release, out / "runs" / config, epochs, seed)
    with demo.step("report"):
        from rsitmd_tools.report import write_report

        write_report([out / "runs" / config for config in CONFIGS], demo.report, release)
    write_json(out / "demo.json", _document(demo))
    return demo


def _claim(out: Path, input_folder: Path | None, scenes: int, seed: int) -> None:
    """Mark ``out`` as the folder of this demo; refuse a folder with other contents."""
    mark = out / ".rsitmd-demo"
    requested = (
        f"input {input_folder.resolve()}\n" if input_folder else f"scenes {scenes}, seed {seed}\n"
    )
    if mark.exists():
        if mark.read_text(encoding="utf-8") != requested:
            raise RsitmdError(
                "contains a demo with other settings",
                where=out,
                hint="pass another output folder: -o FOLDER",
            )
    elif out.exists() and any(out.iterdir()):
        raise RsitmdError("is not empty", where=out, hint="pass another output folder: -o FOLDER")
    write_text(mark, requested)


def _read(folder: Path) -> list[CaptionedImage]:
    """Read captioned images; two with the same content are refused, as it identifies an image."""
    images = read_captioned(folder)
    seen: dict[str, str] = {}
    for image in images:
        other = seen.setdefault(sha256_file(image.path), image.path.name)
        if other != image.path.name:
            raise RsitmdError(
                f"is the same file as {other}", where=image.path, hint="remove one of them"
            )
    return images


def _workspace(folder: Path, images: list[CaptionedImage], seed: int, licence: str) -> Workspace:
    by_image = [Counter(name for name, _ in image.sentences) for image in images]
    if not (folder / "rsitmd.toml").exists():
        text = SETTINGS.format(
            annotators=max(len(count) for count in by_image),
            sentences=max(max(count.values()) for count in by_image),
            seed=seed,
            licence=licence,
        )
        write_text(folder / "rsitmd.toml", text)
    return Workspace.create(folder)


def add_images(workspace: Workspace, images: Sequence[CaptionedImage]) -> None:
    """Ingest the captioned images of all categories in one step.

    Raises:
        RsitmdError: A file cannot be used as an image.
    """
    files = [
        Found(image.path, safe_category(image.category))
        for image in sorted(images, key=lambda image: image.category)
    ]
    report = ingest_files(workspace, files)
    if report.rejected:
        source, why = report.rejected[0]
        raise RsitmdError(why, where=source, hint="remove this image from the input")


def _annotate(workspace: Workspace, images: list[CaptionedImage], demo: DemoReport) -> None:
    from rsitmd_tools.demo.people import send, sign_up
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from rsitmd_tools.studio.sync.pull import pull
    from rsitmd_tools.studio.sync.push import push

    with ExitStack() as stack:
        with demo.step("start Label Studio"):
            stack.enter_context(EmbeddedServer(workspace.path))
        with demo.step("push"):
            push(workspace)
        with demo.step("sign up"):
            annotators = sign_up(workspace, annotators_of(images))
        with demo.step("annotate"):
            send(workspace, images, annotators)
        with demo.step("pull"):
            pull(workspace)


def _validate(workspace: Workspace, out: Path) -> None:
    dataset = load_dataset(workspace.path)
    result = check_subject(subject_of(dataset, workspace.settings))
    write_json(
        out / "findings.json",
        {
            "findings": [asdict(finding) for finding in result.findings],
            "summary": summary(dataset, result),
        },
    )


def _names(workspace: Workspace, images: Sequence[CaptionedImage]) -> dict[str, str]:
    by_content = {image.sha256: image.filename for image in stored_images(workspace)}
    return {image.path.name: by_content[sha256_file(image.path)] for image in images}


def _benchmark(
    demo: DemoReport, name: str, release: Path, run: Path, epochs: int, seed: int
) -> None:
    from rsitmd_tools.baselines import evaluate, load_config, train
    from rsitmd_tools.baselines.training.train import Options

    dataset = load_dataset(release)
    config = load_config(name, [*SMALLER, f"epochs={epochs}", f"seed={seed}"])
    with demo.step(f"train {name}"):
        train(dataset, config, run, Options(resume=True))
    with demo.step(f"evaluate {name}"):
        demo.results[name] = evaluate(run, dataset)


def _document(demo: DemoReport) -> dict[str, Any]:
    return {
        "tool": f"rsitmd-tools {__version__}",
        "compared": demo.compared and asdict(demo.compared),
        "seconds": demo.seconds,
        "results": demo.results,
    }
