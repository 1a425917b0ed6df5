"""The type of arguments and options that name a file or folder."""

from __future__ import annotations

import os
from typing import Any

import click


class PathType(click.Path):
    """A path that is neither empty nor ``-``.

    Python takes an empty path as the current folder. A script passes one if a variable is not
    set: ``rsitmd build init "$FOLDER"``. No command reads standard input or writes its files to
    standard output, so ``-`` would be a file of that name.
    """

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path.

        Raises:
            BadParameter: The path is empty, or ``-``, or what :class:`click.Path` refuses.
        """
        if not os.fspath(value):
            self.fail("The path is empty. Use . for the current folder.", param, ctx)
        if os.fspath(value) == "-":
            self.fail(
                "- is not supported. Use the name of a file; ./- is a file named -.", param, ctx
            )
        return super().convert(value, param, ctx)
