"""How many sentences a reviewer has accepted, and whether the others get into a release."""

from __future__ import annotations

from dataclasses import dataclass

from rsitmd_tools.workspace.merge import count_not_accepted, merged_images
from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What of a workspace's sentences is accepted.

    Attributes:
        sentences: Sentences that count; those sent back or rejected do not.
        not_accepted: Those of them that no reviewer has accepted.
        only_accepted: Whether a release takes accepted sentences only.
    """

    sentences: int
    not_accepted: int
    only_accepted: bool

    @property
    def line(self) -> str:
        """One line for people."""
        what = "leaves them out" if self.only_accepted else "includes them"
        setting = f"[release] only_accepted = {str(self.only_accepted).lower()}"
        return (
            f"not accepted yet: {self.not_accepted} of {self.sentences} sentences;"
            f" a release {what} ({setting} in rsitmd.toml)"
        )


def acceptance(workspace: Workspace) -> Acceptance:
    """Return how many sentences are accepted now."""
    return Acceptance(
        sentences=sum(len(image.sentences) for image in merged_images(workspace)),
        not_accepted=count_not_accepted(workspace).total(),
        only_accepted=workspace.settings.release.only_accepted,
    )
