"""The assignments of images to splits that a workspace records, for later splits and releases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rsitmd_tools.dataset.records import SPLITS
from rsitmd_tools.workspace import Workspace

FACT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A run of ``build split`` that assigned images.

    Attributes:
        shares: The shares of the splits.
        seed: The seed.
        keep_together: The relations of images that were kept together. Like all further
            attributes, it is None if an earlier version recorded the assignment.
        by: What was never parted.
        block: Side of the blocks of spatial groups in metres; 0 for no blocks.
        images: Number of images.
        keep_data_sha256: Checksum of the release whose test images were put into test; None
            without one.
        exclude_sha256: SHA-256 of the list of images that were put into test; None without one.
    """

    shares: dict[str, float]
    seed: int
    keep_together: list[str] | None = None
    by: str | None = None
    block: float | None = None
    images: int | None = None
    keep_data_sha256: str | None = None
    exclude_sha256: str | None = None

    def differs(self, other: Assigned) -> bool:
        """Return whether shares, seed or relations are others, as far as both are recorded."""
        together = (self.keep_together, other.keep_together)
        relations = None not in together and together[0] != together[1]
        return (self.shares, self.seed) != (other.shares, other.seed) or relations

    def document(self) -> dict[str, Any]:
        """Return it for a JSON file, without what is not recorded."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def recorded_assignments(workspace: Workspace) -> list[Assigned]:
    """Return the assignments since all images were last assigned, the earliest first."""
    found = json.loads(workspace.fact(FACT) or "[]")
    # Earlier versions recorded one.
    return [_read(entry) for entry in ([found] if isinstance(found, dict) else found)]


def record_assignments(workspace: Workspace, before: Sequence[Assigned], new: Assigned) -> None:
    """Record assignments. Call it inside a transaction.

    Args:
        workspace: A workspace opened for writing.
        before: The earlier ones that still count.
        new: The last one. If only its number of images differs from the one before, they become
            one.
    """
    every = [*before, new]
    if before and replace(before[-1], images=new.images) == new:
        images = (before[-1].images or 0) + (new.images or 0)
        every[-2:] = [replace(new, images=images)]
    documents = [entry.document() for entry in every]
    workspace.set_fact(FACT, json.dumps(documents, sort_keys=True))


def _read(entry: dict[str, Any]) -> Assigned:
    found = Assigned(**entry)
    return replace(found, shares={name: found.shares[name] for name in SPLITS})
