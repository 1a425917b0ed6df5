"""OUT: the folder of a suite, what it is a suite of, and which of its runs are finished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rsitmd_tools.atomic import check_writable, write_json
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.digests import images_checksum
from rsitmd_tools.baselines.data.train_val_split import split_parts
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun, read_runs
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.run import OWN_CACHE
from rsitmd_tools.baselines.suite.plan import (
    PlannedRun,
    backbones_of,
    priors_of,
    settings_of,
    text_weights_of,
    weights_of,
)
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.records import SPLITS
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.provenance import command, machine, versions
from rsitmd_tools.workspace.lock import WriterLock

LOCK = ".suite.lock"
# Written by an evaluation, the last one last.
EVALUATED = ("queries.csv", "result.json", "examples.json", "analysis.json")
OTHER_FOLDER = "use another folder"
# Keys among the settings of a configuration: checksums of the file that describes the backbone, and
# of the prior of the release.
BACKBONE, PRIOR = "backbone file", "prior"


@dataclass(frozen=True, slots=True)
class Checksums:
    """Checksums of what all runs of a suite read. Image files can change while it runs.

    Attributes:
        data: Of the records of the dataset.
        learned: Of the image files of training and validation.
        evaluated: Of the image files of the test gallery.
    """

    data: str
    learned: str
    evaluated: str

    @classmethod
    def of(cls, plan: Sequence[PlannedRun], dataset: Dataset) -> Self:
        """Read the image files of a dataset.

        Raises:
            RsitmdError: An image is missing or cannot be read.
        """
        pool = split_parts(dataset, plan[0].config).pool
        gallery = Gallery.of(dataset, "test").part
        return cls(dataset.checksum(), images_checksum(pool), images_checksum(gallery))

    def are_those_of(self, manifest: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
        """Return whether a run was trained and evaluated on these files.

        Args:
            manifest: Content of its run.json. Earlier versions did not record the image files.
            result: Its result.
        """
        learned = manifest.get("images_sha256", self.learned)
        evaluated = result.get("images_sha256", self.evaluated)
        found = (result["data_sha256"], learned, evaluated)
        return found == (self.data, self.learned, self.evaluated)


class SuiteFolder:
    """The folder of a suite.

    Args:
        folder: OUT.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def record_file(self) -> Path:
        """What the suite is a suite of: data and settings."""
        return self.folder / "suite.json"

    @property
    def times_file(self) -> Path:
        """The calibration."""
        return self.folder / "times.json"

    @property
    def cache(self) -> Path:
        """Decoded images and features, if no other folder is given."""
        return self.folder / OWN_CACHE

    def run(self, planned: PlannedRun) -> Path:
        """Return the folder of a run."""
        return self.folder / planned.place

    def check(self, plan: Sequence[PlannedRun], dataset: Dataset) -> None:
        """Check that the folder is new, or a suite of the same data and settings.

        Configurations and seeds may be added.

        Raises:
            RsitmdError: It is something else, or cannot be written.
        """
        self._check(_describe(plan, dataset))

    def _check(self, now: dict[str, Any]) -> None:
        check_writable(self.folder, OTHER_FOLDER)
        if not self.record_file.exists():
            # Hidden files are the lock, and what a killed writer of the record left.
            names = [file.name for file in self.folder.iterdir()] if self.folder.exists() else []
            if any(not name.startswith(".") for name in names):
                raise RsitmdError(
                    "is not the folder of a suite", where=self.folder, hint=OTHER_FOLDER
                )
            return
        before = self._record()
        if before["data_sha256"] != now["data_sha256"]:
            raise RsitmdError(
                f"is a suite of other data ({before['data']})",
                where=self.folder,
                hint=OTHER_FOLDER,
            )
        # Earlier versions did not record the image files.
        if before.get("images_sha256", now["images_sha256"]) != now["images_sha256"]:
            raise RsitmdError(
                "is a suite of other image files", where=self.folder, hint=OTHER_FOLDER
            )
        if before["folds"] != now["folds"]:
            raise RsitmdError(
                f"is a suite with --folds {before['folds']}, not {now['folds']}"
                if before["folds"] and now["folds"]
                else f"is a suite {'with' if before['folds'] else 'without'} folds",
                where=self.folder,
                hint=OTHER_FOLDER,
            )
        for name, settings in now["configs"].items():
            self._check_settings(name, before["configs"].get(name), settings)

    def _check_settings(
        self, name: str, before: dict[str, Any] | None, now: dict[str, Any]
    ) -> None:
        if before is None:
            return
        # Keys that an earlier version did not have get their defaults.
        default = {**Config().as_dict(), **{key: now[key] for key in (BACKBONE, PRIOR)}}
        before = {**{key: default[key] for key in now if key in default}, **before}
        changed = sorted(key for key in before | now if before.get(key) != now.get(key))
        if changed:
            raise RsitmdError(
                f"is a suite with other settings of {name} ({', '.join(changed)})",
                where=self.folder,
                hint=OTHER_FOLDER,
            )

    @contextmanager
    def opened(self, plan: Sequence[PlannedRun], dataset: Dataset) -> Iterator[None]:
        """Hold the lock of the suite, and record what it is a suite of.

        Raises:
            RsitmdError: Another command holds the lock; see :meth:`check` for others.
        """
        now = _describe(plan, dataset)
        self._check(now)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = WriterLock(self.folder / LOCK, "suite")
            lock.acquire()
        except OSError as error:
            raise RsitmdError(
                f"cannot be written ({reason(error)})", where=self.folder, hint=OTHER_FOLDER
            ) from error
        try:
            self._check(now)  # another command may have made it in the meantime
            before = self._record() if self.record_file.exists() else now
            configs = {**before["configs"], **now["configs"]}
            if before is now or configs != before["configs"]:
                write_json(self.record_file, {**before, "configs": configs})
            yield
        finally:
            lock.release()

    def finished(self, planned: PlannedRun, checksums: Checksums) -> EvaluatedRun | None:
        """Return a run that is trained and evaluated; None if something is left to do.

        Args:
            planned: The run.
            checksums: Those of the dataset.
        """
        folder = self.run(planned)
        if not all((folder / name).is_file() for name in ("run.json", *EVALUATED)):
            return None
        try:
            (run,) = read_runs([folder])
        except RsitmdError:
            return None  # It is evaluated again; if the run itself is damaged, that is an error.
        result = run.result
        complete = run.manifest.get("finished") is not None
        same = (result["split"], result.get("views", 1)) == ("test", 1)
        return run if complete and same and checksums.are_those_of(run.manifest, result) else None

    def _record(self) -> dict[str, Any]:
        document = load_document(self.record_file)
        keys = ("data", "data_sha256", "folds", "configs")
        if not isinstance(document, dict) or any(key not in document for key in keys):
            raise RsitmdError(
                f"does not contain {', '.join(keys)}", where=self.record_file, hint=OTHER_FOLDER
            )
        configs = document["configs"]
        if not isinstance(configs, dict) or not all(isinstance(c, dict) for c in configs.values()):
            raise RsitmdError(
                "configs: must contain an object for each configuration",
                where=self.record_file,
                hint=OTHER_FOLDER,
            )
        return document


def _describe(plan: Sequence[PlannedRun], dataset: Dataset) -> dict[str, Any]:
    files: dict[str, Mapping[str, Any]] = {
        "weights": weights_of(plan),
        "text_weights": text_weights_of(plan),
        BACKBONE: backbones_of(plan),
        PRIOR: priors_of(plan, dataset),
    }
    settings = {
        name: {**common, **{key: of_name[name] for key, of_name in files.items()}}
        for name, common in settings_of(plan).items()
    }
    used = dataset.with_images(image for image in dataset if image.split in SPLITS)
    return {
        "data": dataset.name,
        "data_path": str(dataset.source.resolve()),
        "data_sha256": dataset.checksum(),
        "images_sha256": images_checksum(used),
        "folds": plan[0].config.folds,
        "configs": settings,
        "versions": versions(),
        "machine": machine(),
        "command": command(),
    }
