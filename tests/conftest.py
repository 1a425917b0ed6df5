"""Fixtures and rules that all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator, MutableMapping
from pathlib import Path

import pytest
from hypothesis import settings

from tests.forks import Nursery
from tests.plugged import Plug, plugged
from tests.real_data import CHECKOUT, REAL_DATA

# No test asserts on time: on a busy machine, an example can take seconds.
settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")

# A shell without job control starts what is in the background with Ctrl-C ignored, and the commands
# that tests start would inherit this.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Helpers that assert: their failures show both sides, as those of tests do.
pytest.register_assert_rewrite("tests.integration.campaigns", "tests.integration.written")

MUST_RUN = ("integration", "browser", "libraries")
# Long files that need no server: all test processes but the first start with two of them.
BESIDE_THE_FIRST_START = (
    "baselines/training/test_train.py",
    "baselines/suite/test_commands.py",
    "integration/test_kills_tiles.py",
    "baselines/training/test_processes.py",
)
# Read by the libraries when they are imported, and by the commands that tests start.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What most commands import before they do anything.
IMPORTED = (
    "rsitmd_tools.cli.annotate.push",
    "rsitmd_tools.cli.building",
    "rsitmd_tools.cli.validate",
    "rsitmd_tools.formats",
    "rsitmd_tools.quality",
    "rsitmd_tools.studio.assist.run",
    "rsitmd_tools.studio.campaign.review",
    "rsitmd_tools.studio.campaign.status",
    "rsitmd_tools.studio.server.embedded",
    "rsitmd_tools.studio.sync.pull",
    "rsitmd_tools.studio.sync.push",
    "label_studio_sdk.client",
    "label_studio_sdk.files.client",
    "label_studio_sdk.label_interface.base",
    "label_studio_sdk.ml.client",
    "label_studio_sdk.projects.client",
    "label_studio_sdk.tasks.client",
    "label_studio_sdk.tokens.client",
    "label_studio_sdk.users.client",
    "label_studio_sdk.versions.client",
    "label_studio_sdk.webhooks.client",
    "numba",
    "rich.progress",
)
IMPORTED_BY_TRAINING = (
    "rsitmd_tools.cli.benchmark",
    "rsitmd_tools.formats",
    "rsitmd_tools.baselines.evaluation.evaluate",
    "rsitmd_tools.baselines.training.sweep",
    "lightning",
    "timm",
)


def limit_threads(environment: MutableMapping[str, str]) -> None:
    """Share the cores between the test processes of ``pytest -n``.

    Otherwise each process starts a thread per core. Threads that wait for one another on a busy
    core spin, which makes a training two to three times slower.
    """
    processes = int(environment.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        share = max(1, (os.cpu_count() or 1) // processes)
        for name in THREADS:
            environment.setdefault(name, str(share))


limit_threads(os.environ)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data; the test is skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA}: set RSITMD_DATA to its folder")
    return REAL_DATA


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the cache of the user; commands that tests start have it too."""
    os.environ["RSITMD_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def commands(own_cache: None) -> Iterator[Nursery]:
    """Starts commands without the time of their imports."""
    nursery = Nursery(IMPORTED)
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def training_commands(own_cache: None) -> Iterator[Nursery]:
    """Starts commands that train and evaluate, with one thread each."""
    nursery = Nursery(IMPORTED_BY_TRAINING, environment=dict.fromkeys(THREADS, "1"))
    yield nursery
    nursery.close()


@pytest.fixture
def plug(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plug]:
    """Install a package with one plugin for the time of a test."""
    yield from plugged(tmp_path_factory.mktemp("packages"), monkeypatch)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, None, None]:
    """In CI, a skipped test that needs a server, a browser or another library is a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    must_run = any(item.get_closest_marker(name) for name in MUST_RUN)
    if report.skipped and must_run and os.environ.get("RSITMD_CI") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, but must run in CI: {report.longrepr}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long campaigns to `make soak`, and start with the tests that take longest.

    Files are distributed over processes in this order (``--no-loadscope-reorder``): the short unit
    tests come last, so the processes end at about the same time. The first process runs the
    migrations of its server; the others start with long files that need no server.
    """
    items.sort(key=lambda item: item.get_closest_marker("integration") is None)
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    beside = [CHECKOUT / "tests" / name for name in BESIDE_THE_FIRST_START]
    order = [path for path in files if path not in beside]
    # Each process gets two files at first, by turns: the first one those at 0 and `processes`.
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    for place in range(1, 2 * processes):
        if beside and place != processes:
            order.insert(place, beside.pop(0))
    order = [path for path in (*order, *beside) if path in files]
    items[:] = [item for path in order for item in files[path]]
    if config.getoption("-m"):
        return
    campaigns = [item for item in items if item.get_closest_marker("soak")]
    if campaigns:
        config.hook.pytest_deselected(items=campaigns)
        items[:] = [item for item in items if item not in set(campaigns)]
