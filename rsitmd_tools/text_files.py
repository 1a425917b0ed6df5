"""Reading of text files and CSV files, with errors that name the file and the line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, count_of, reason

# The captions of RSICD have 8 MB. A file of this size is not a dataset of captions, and would not
# fit into memory when parsed.
MAX_BYTES = 500_000_000


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        RsitmdError: The file cannot be read, has another encoding, or is larger than 500 MB.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RsitmdError(
                f"has {size / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f}",
                where=path,
                hint="split it into several datasets",
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RsitmdError("does not exist", where=path, hint="check the path") from error
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=path, hint="check the file"
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RsitmdError("is UTF-16", where=path, hint="save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RsitmdError(
            f"is not UTF-8 (byte {error.start})", where=path, hint="save it as UTF-8"
        ) from error


def read_rows(
    file: Path, required: Sequence[str] = (), hint: str = ""
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the cells of each row by column; empty lines are ignored.

    The columns are separated by commas or tabs.

    Args:
        file: The file.
        required: Columns that it must have.
        hint: What the user can do if one is missing.

    Raises:
        RsitmdError: The file is not CSV, a column is missing, or a row has another number of cells
            than the header.
    """
    text = read_text(file)
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter_of(text.split("\n", 1)[0]), strict=True
    )
    try:
        header = next(rows, [])
        _check_header(header, required, file, hint)
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise RsitmdError(
                    f"line {rows.line_num} has {count_of(len(row), 'cell')},"
                    f" the header has {len(header)}",
                    where=file,
                    hint="put texts with commas in quotes",
                )
            yield rows.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise RsitmdError(
            f"is not CSV (line {rows.line_num}: {reason(error)})", where=file, hint="fix this line"
        ) from error


def delimiter_of(header: str) -> str:
    """Return what separates the columns of a CSV file, from its first line."""
    return "\t" if "\t" in header and "," not in header else ","


def _check_header(header: Sequence[str], required: Sequence[str], file: Path, hint: str) -> None:
    twice = [name for name, number in Counter(filter(None, header)).items() if number > 1]
    if twice:
        raise RsitmdError(
            f"has two columns {twice[0]!r}", where=file, hint="rename or remove one of them"
        )
    missing = [repr(name) for name in required if name not in header]
    if missing:
        raise RsitmdError(
            f"has no column{'s' if len(missing) > 1 else ''} {' and '.join(missing)}",
            where=file,
            hint=hint,
        )
