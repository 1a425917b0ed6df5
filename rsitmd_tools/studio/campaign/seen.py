"""Findings that a review has listed already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.review import add_seen_findings


def mark_seen(workspace: Workspace, findings: Iterable[Mapping[str, Any]]) -> None:
    """Record that these findings of a review were listed; call it after they were printed.

    Args:
        workspace: The workspace, open for writing.
        findings: Findings of a :class:`~rsitmd_tools.studio.campaign.review.ReviewReport`.
    """
    add_seen_findings(workspace, [(f["row"], f["code"], f["message"]) for f in findings])
