"""Files beside a result: they are written after it, and their failure does not cost it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason


@dataclass(slots=True)
class Failures:
    """What could not be written beside results that stand.

    Attributes:
        errors: One for each file or folder.
    """

    errors: list[RsitmdError] = field(default_factory=list)

    def attempt(self, target: Path, write: Callable[[], object]) -> None:
        """Write something optional; whatever goes wrong is kept as an error of one line.

        Args:
            target: The file or folder.
            write: Writes it.
        """
        try:
            write()
        except RsitmdError as error:
            self.errors.append(error)
        except Exception as error:
            # A library that draws fails in ways of its own; the figures are written already.
            self.errors.append(
                RsitmdError(
                    f"cannot be written ({reason(error)})",
                    where=target,
                    hint="the result is complete without it",
                )
            )

    def raise_first(self) -> None:
        """Raise the first error, where there is one."""
        if self.errors:
            raise self.errors[0]
