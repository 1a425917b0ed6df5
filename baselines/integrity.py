"""Check that the files of a run belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file

REQUIRED = ("data_sha256", "weights", "config", "prior")


def file_checksums(run: Run) -> dict[str, str]:
    """Return the checksums of the files that an evaluation reads, for RUN/run.json."""
    files = (run.config_file, run.vocabulary_file, run.backbone_file, run.best)
    return {
        file.relative_to(run.folder).as_posix(): sha256_file(file)
        for file in files
        if file.is_file()
    }


def check_run(
    run: Run, config: Config, checksums: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """Check that the files of a run belong together.

    Args:
        run: The run.
        config: The content of its config.yaml.
        checksums: What :func:`file_checksums` returned; None to read the files.

    Returns:
        The content of its run.json.

    Raises:
        RsitmdError: A file was changed since the training finished.
    """
    manifest = run.manifest()
    missing = [key for key in REQUIRED if key not in manifest]
    if missing:
        raise _inconsistent(run, f"{run.manifest_file.name} lacks {', '.join(missing)}")
    recorded, current = manifest["config"], config.as_dict()
    changed = sorted(k for k in recorded | current if recorded.get(k) != current.get(k))
    if changed:
        raise _inconsistent(
            run,
            f"{run.config_file.name} and {run.manifest_file.name} differ in {', '.join(changed)}",
        )
    checksums = file_checksums(run) if checksums is None else checksums
    for file, checksum in manifest.get("files", {}).items():
        if checksums.get(file) != checksum:
            raise _inconsistent(run, f"{file} was changed after the training finished")
    return manifest


def _inconsistent(run: Run, what: str) -> RsitmdError:
    return RsitmdError(
        f"the files of the run are inconsistent ({what})",
        where=run.folder,
        hint="restore the run from a copy, or train it again",
    )
