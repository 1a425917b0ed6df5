"""The number of accepted sentences, and whether a release includes the others."""

from __future__ import annotations

from dataclasses import dataclass

from rsitmd_tools.errors import count_of
from rsitmd_tools.workspace.merge import count_not_accepted, merged_images
from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The review state of the sentences of a workspace.

    Attributes:
        sentences: Number of sentences that are neither sent back nor rejected.
        not_accepted: How many of them no reviewer accepted.
        only_accepted: Whether a release includes only accepted sentences.
    """

    sentences: int
    not_accepted: int
    only_accepted: bool

    @property
    def line(self) -> str:
        """The counts as one line of text."""
        what = "only accepted" if self.only_accepted else "all"
        setting = f"[release] only_accepted = {str(self.only_accepted).lower()}"
        return (
            f"not accepted yet: {self.not_accepted} of {count_of(self.sentences, 'sentence')};"
            f" a release includes {what} sentences ({setting} in rsitmd.toml)"
        )


def acceptance(workspace: Workspace) -> Acceptance:
    """Return the number of sentences and of accepted sentences."""
    return Acceptance(
        sentences=sum(len(image.sentences) for image in merged_images(workspace)),
        not_accepted=count_not_accepted(workspace).total(),
        only_accepted=workspace.settings.release.only_accepted,
    )
