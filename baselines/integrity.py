"""Whether the files of a run belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file

NEEDED = ("data_sha256", "weights", "config", "prior")


def file_checksums(run: Run) -> dict[str, str]:
    """Return the checksums of the files that an evaluation reads, for RUN/run.json."""
    files = (run.config_file, run.vocabulary_file, run.best)
    return {
        file.relative_to(run.folder).as_posix(): sha256_file(file)
        for file in files
        if file.is_file()
    }


def check_run(run: Run, config: Config) -> Mapping[str, Any]:
    """Check that the files of a run fit each other.

    Args:
        run: The run.
        config: What its config.yaml says.

    Returns:
        What its run.json says.

    Raises:
        RsitmdError: A file is another than the one the run was finished with.
    """
    about = run.about()
    absent = [key for key in NEEDED if key not in about]
    if absent:
        raise _unfit(run, f"{run.about_file.name} says nothing of {', '.join(absent)}")
    made, read = about["config"], config.as_dict()
    differing = sorted(key for key in made | read if made.get(key) != read.get(key))
    if differing:
        raise _unfit(
            run,
            f"{run.config_file.name} and {run.about_file.name} differ in {', '.join(differing)}",
        )
    now = file_checksums(run)
    for file, checksum in about.get("files", {}).items():
        if now.get(file) != checksum:
            raise _unfit(run, f"{file} is not the one this run was finished with")
    return about


def _unfit(run: Run, what: str) -> RsitmdError:
    return RsitmdError(
        f"its files do not fit each other ({what})",
        where=run.folder,
        hint="restore the run, or train it again",
    )
