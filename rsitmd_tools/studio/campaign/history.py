"""``annotate log``: every revision of an image's annotations, and the decisions about them."""

from __future__ import annotations

import json
from typing import Any

from rsitmd_tools.studio.sync.page_changes import renamed_fields
from rsitmd_tools.studio.sync.results import parse_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import find_image
from rsitmd_tools.workspace.changes import history as image_changes
from rsitmd_tools.workspace.history import (
    assigned_annotators,
    revisions_of_image,
    sentences_of_revision,
    skips_of_image,
)
from rsitmd_tools.workspace.imported_corrections import imported_changes
from rsitmd_tools.workspace.numbering import numbers_before


def history(workspace: Workspace, filename: str) -> dict[str, Any]:
    """Return the history of an image, oldest first.

    Keys: ``image``, ``assigned`` (addresses), ``revisions`` (each with ``annotator``,
    ``changed_by`` (None for the annotator), ``time``, ``seconds`` that the server measured,
    ``server_id``, ``project``, ``pilot``, ``latest``, ``deleted_at``, ``sentences``,
    ``keywords``, ``choice`` of a ranking), ``skips``, and ``changes`` of the image itself
    (``kind``, ``before``, ``after``, ``reason``, ``time``). A sentence has ``slot``, ``number``
    (from 1, over all sentences of its annotator about the image), ``raw`` ("" if it was left
    empty and sent back), ``state``, ``origin``, ``machine`` (the most similar of the machine
    texts that were shown), ``edit_distance`` from it, and its ``decisions``. ``imported`` are the
    sentences from other datasets, see
    :func:`~rsitmd_tools.workspace.imported_corrections.imported_changes`.

    Raises:
        RsitmdError: There is no such image.
    """
    image = find_image(workspace, filename)
    revisions = revisions_of_image(workspace, image.row)
    before = numbers_before(workspace)
    # Earlier revisions use the sentence numbers of the latest one.
    first = {(r.task, r.server_id): before.get(r.row, 0) for r in revisions if r.latest}
    return {
        "image": image.filename,
        "assigned": assigned_annotators(workspace, image.row),
        "imported": imported_changes(workspace, image.row),
        "revisions": [
            {
                "annotator": revision.annotator,
                "changed_by": revision.changed_by,
                "time": revision.updated_at,
                "seconds": revision.seconds,
                "server_id": revision.server_id,
                "project": revision.project,
                "pilot": revision.pilot,
                "latest": revision.latest,
                "deleted_at": revision.deleted_at,
                "sentences": _sentences(
                    workspace, revision.row, first.get((revision.task, revision.server_id), 0)
                ),
                "keywords": list(revision.keywords),
                "choice": parse_result(
                    json.loads(revision.result), renamed_fields(workspace, revision.project_row)
                ).choice,
            }
            for revision in revisions
        ],
        "skips": [
            {"annotator": skip.annotator, "time": skip.skipped_at}
            for skip in skips_of_image(workspace, image.row)
        ],
        "changes": [
            {
                "kind": change.kind,
                "before": change.before,
                "after": change.after,
                "reason": change.reason,
                "time": change.changed_at,
            }
            for change in image_changes(workspace.db, image.filename)
        ],
    }


def _sentences(workspace: Workspace, annotation: int, before: int) -> list[dict[str, Any]]:
    """Return the sentences of a revision.

    Args:
        workspace: The workspace.
        annotation: Row of the revision.
        before: Number of the annotator's sentences about the image in earlier annotations.
    """
    return [
        {
            "slot": sentence.slot,
            "number": before + sentence.slot,
            "raw": sentence.raw,
            "state": sentence.state,
            "origin": sentence.origin,
            "machine": sentence.machine_raw,
            "edit_distance": sentence.edit_distance,
            "decisions": [
                {
                    "state": decision.state,
                    "by": decision.decided_by,
                    "time": decision.decided_at,
                    "note": decision.note,
                    "codes": list(decision.codes),
                }
                for decision in sentence.decisions
            ],
        }
        for sentence in sentences_of_revision(workspace, annotation)
    ]
