"""Headers and writing of CSV files, and list literals in their cells."""

from __future__ import annotations

import ast
import csv
import io
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from rsitmd_tools.atomic import write_text
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.parts import head_of
from rsitmd_tools.text_files import delimiter_of

# Characters. The longest cell of RSITMD has 735; the module csv reads at most 131 072.
MAX_CELL = 100_000


def header_of(file: Path) -> list[str]:
    """Return the columns of a CSV file, separated by commas or tabs; empty if there are none."""
    line = head_of(file).split("\n", 1)[0].rstrip("\r")
    try:
        # Strict as the rows: a quote that is not closed would take them into the header.
        [header] = csv.reader([line], delimiter=delimiter_of(line), strict=True)
    except (csv.Error, ValueError):
        return []
    return header


def write_rows(
    file: Path, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ","
) -> None:
    """Write a CSV file with lines that end in CR LF, so that a CR in a text is quoted.

    Raises:
        RsitmdError: A cell is longer than what
            :func:`~rsitmd_tools.text_files.read_rows` and :func:`list_literal` read.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        longest = max(len(str(cell)) for cell in row)
        if longest > MAX_CELL:
            raise RsitmdError(
                f"the cell would have {longest} characters, at most {MAX_CELL} are read",
                where=f"{file.name}: {str(row[0])[:80]}",
                hint="use a format without such a limit, such as jsonl",
            )
        writer.writerow(row)
    write_text(file, text.getvalue())


def list_literal(cell: str, file: Path, line: int, column: str) -> list[str]:
    """Return the strings of a cell with a list in Python's notation, ``['a', 'b']``.

    Only literals are read; nothing is executed.

    Raises:
        RsitmdError: The cell is not a list of strings, or is too long.
    """
    try:
        if len(cell) > MAX_CELL:
            raise ValueError("it is too long")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in texts
            value = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        why = error.msg if isinstance(error, SyntaxError) else reason(error)
        raise RsitmdError(
            f"line {line}, column {column}: not a list ({why})", where=file, hint="fix this line"
        ) from error
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise RsitmdError(
            f"line {line}, column {column}: not a list of texts", where=file, hint="fix this line"
        )
    return value
