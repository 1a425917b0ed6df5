"""Optional files beside a result: written after it, so that an error does not lose it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason


@dataclass(slots=True)
class Failures:
    """Optional files that could not be written.

    Attributes:
        errors: One error for each file or folder.
    """

    errors: list[RsitmdError] = field(default_factory=list)

    def attempt(self, target: Path, write: Callable[[], object]) -> None:
        """Write an optional file; keep any exception as an error of one line.

        Args:
            target: The file or folder.
            write: The function that writes it.
        """
        try:
            write()
        except RsitmdError as error:
            self.errors.append(error)
        except Exception as error:
            # Drawing libraries raise exceptions of any kind; the result is already written.
            self.errors.append(
                RsitmdError(
                    f"cannot be written ({reason(error)})",
                    where=target,
                    hint="use the result, which is complete without this file",
                )
            )

    def raise_first(self) -> None:
        """Raise the first error, if there is one."""
        if self.errors:
            raise self.errors[0]


@contextmanager
def collecting(failures: Failures | None) -> Iterator[Failures]:
    """Yield where the errors of optional files are collected.

    Args:
        failures: Where the caller collects them. If None, the first error is raised once everything
            else is written.

    Raises:
        RsitmdError: An optional file cannot be written, and ``failures`` is None.
    """
    if failures is not None:
        yield failures
        return
    own = Failures()
    yield own
    own.raise_first()
