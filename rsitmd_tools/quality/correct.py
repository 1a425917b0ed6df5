"""Write changes back to the source of a dataset, and keep the texts before the change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_json, write_text
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line, reason
from rsitmd_tools.quality.fixes import Change
from rsitmd_tools.quality.texts import edit_distance
from rsitmd_tools.text.tokens import tokenize

HISTORY = "corrections.jsonl"
LINES_PER_IMAGE = 5


def apply(dataset: Dataset, changes: Sequence[Change]) -> str:
    """Apply changes to the dataset's own file, folder or workspace.

    The texts before the change are kept: in ``corrections.jsonl`` beside the files, in the
    table ``correction`` of a workspace. The history is written before the texts, so that no kill
    loses one, and after all texts were checked.

    Returns:
        Where the texts before the change are kept.

    Raises:
        RsitmdError: The source cannot be written, or has changed since it was read.
        WrongUsage: The format cannot be changed in place.
    """
    writers: dict[str, Callable[[Dataset, Sequence[Change]], str]] = {
        "precomp": _precomp,
        "rsitmd": _rsitmd,
        "karpathy": _rsitmd,
        "workspace": _workspace,
    }
    if dataset.format not in writers:
        raise WrongUsage(
            f"format {dataset.format!r} cannot be fixed in place",
            where=dataset.source,
            hint="first run: "
            + command_line("build", "convert", dataset.source, "DST", "--to", "rsitmd"),
        )
    return writers[dataset.format](dataset, changes)


def _rsitmd(dataset: Dataset, changes: Sequence[Change]) -> str:
    from rsitmd_tools.formats.rsitmd import load_document

    document = load_document(dataset.source)
    for change in changes:
        sentences = document["images"][change.record]["sentences"]
        entry = sentences[change.sentence_index]
        _check(dataset.source, change, entry if isinstance(entry, str) else entry["raw"])
        if isinstance(entry, str):
            sentences[change.sentence_index] = change.after
        else:
            entry["raw"] = change.after
            if "tokens" in entry:
                entry["tokens"] = _tokens_like(entry["tokens"], change.after)
    _check_text(json.dumps(document, ensure_ascii=False), dataset.source)
    history = _write_history(dataset.source.parent, changes)
    write_json(dataset.source, document)
    return history


def _tokens_like(before: Any, text: str) -> list[str]:
    """Return the tokens of a text in the style of those before: case and punctuation."""
    known = list(map(str, before)) if isinstance(before, list) else []
    old = "".join(known)
    tokens = tokenize(text)
    if old == old.lower():
        tokens = [token.lower() for token in tokens]
    if any(not any(map(str.isalnum, token)) for token in known) or not old:
        return tokens
    return [token for token in tokens if any(map(str.isalnum, token))]


def _precomp(dataset: Dataset, changes: Sequence[Change]) -> str:
    from rsitmd_tools.text_files import read_text

    written: dict[Path, str] = {}
    for split in dataset.splits:
        path = dataset.source / f"{split}_caps.txt"
        first = next(n for n, image in enumerate(dataset) if image.split == split)
        lines = read_text(path).split("\n")
        own = [change for change in changes if change.split == split]
        for change in own:
            number = LINES_PER_IMAGE * (change.record - first) + change.sentence_index
            text = lines[number].removesuffix("\r")
            _check(path, change, text)
            lines[number] = change.after + lines[number][len(text) :]
        if own:
            written[path] = "\n".join(lines)
            _check_text(written[path], path)
    history = _write_history(dataset.source, changes)
    for path, content in written.items():
        write_text(path, content)
    return history


def _workspace(dataset: Dataset, changes: Sequence[Change]) -> str:
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.corrections import record_correction, stored_text
    from rsitmd_tools.workspace.imported_corrections import (
        record_imported_correction,
        stored_imported_text,
    )
    from rsitmd_tools.workspace.merge import imported_places, sentence_ids
    from rsitmd_tools.workspace.store import utc_now

    with Workspace.open(dataset.source, write=True) as workspace:
        ids = sentence_ids(workspace)
        imported = imported_places(workspace)
        with workspace.transaction() as db:
            for change in changes:
                place = (change.image, change.sentence_index)
                record = {
                    "codes": " ".join(change.codes),
                    "tool": f"rsitmd-tools {__version__}",
                    "made_at": utc_now(),
                }
                if place in imported:
                    row = imported[place]
                    _check(dataset.source, change, stored_imported_text(workspace, row))
                    record_imported_correction(db, row, change.before, change.after, **record)
                    continue
                number = ids.get(place)
                stored = stored_text(workspace, number)
                _check(dataset.source, change, None if stored is None else stored.raw)
                assert number is not None
                assert stored is not None
                machine = stored.machine
                record_correction(
                    db,
                    number,
                    change.before,
                    change.after,
                    edit_distance=None if machine is None else edit_distance(change.after, machine),
                    **record,
                )
    return f"the table correction of {dataset.source / 'workspace.db'}"


def _check(where: Path, change: Change, found: str | None) -> None:
    if found != change.before:
        raise RsitmdError(
            f"{change.image}, {change.label}: the text has changed since it was read",
            where=where,
            hint="run the command again",
        )


def _check_text(text: str, where: Path) -> None:
    """Check that a text can be written, before the history says that it was."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RsitmdError(
            "a text has an unpaired surrogate, which cannot be written as UTF-8",
            where=where,
            hint="correct this text in the source",
        ) from error


def _write_history(folder: Path, changes: Sequence[Change]) -> str:
    """Append the changes to the history beside the files, durably."""
    path = folder / HISTORY
    lines = "".join(json.dumps(_entry(change)) + "\n" for change in changes)
    try:
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise RsitmdError(
            f"cannot be written ({reason(error)})",
            where=path,
            hint="use a writable folder",
        ) from error
    return str(path)


def _entry(change: Change) -> dict[str, Any]:
    return {"tool": f"rsitmd-tools {__version__}", **asdict(change)}
