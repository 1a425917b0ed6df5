"""The standard streams: they accept any text, and a job outlives its reader.

- Characters that the encoding of a stream lacks are written as ``\\uXXXX``, as in JSON.
- A stream that was closed before the start (``>&-``) is connected to the null device.
- If the reader closes the pipe (``| head -1``), the job continues and its exit code is the same.
- A full device is an error for standard output. For standard error it is ignored, because it
  cannot be reported.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ESCAPED = "rsitmd-escaped"
# Click replaces a stream whose encoding is called "ascii" by one in UTF-8. With
# PYTHONIOENCODING=ascii the user requests ASCII, so the stream uses that codec under another name.
ASCII = "rsitmd-ascii"


def prepare() -> None:
    """Set up the standard streams of this process. Replaced streams are left unchanged."""
    codecs.register_error(ESCAPED, escaped)
    codecs.register(_ascii)
    # The order matters: the first file that is opened gets the closed descriptor.
    if sys.__stdin__ is None and sys.stdin is None:
        sys.stdin = open(_null_device(), encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(sys.stdout, "standard output")
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(sys.stderr, None)


def escaped(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that cannot be encoded by ``\\uXXXX``: a codecs error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[first : first + 2].hex() for first in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


class _Output(io.FileIO):
    """A descriptor for writing; after a failure it is the null device.

    Args:
        descriptor: The descriptor; it is not closed with this object.
        name: Its name in errors; None ignores errors.
    """

    def __init__(self, descriptor: int, name: str | None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._name_in_errors = name

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # Python writes the rest of the buffer again at exit.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if error.errno == errno.EPIPE or self._name_in_errors is None:
                return memoryview(data).nbytes
            raise OSError(error.errno, error.strerror, self._name_in_errors) from error


def _stream(old: TextIO | None, name: str | None) -> TextIO:
    """Return a stream that replaces a standard one."""
    if old is None:
        # Python found its descriptor closed.
        return _text(
            _Output(_null_device(), name), "utf-8", line_buffering=False, write_through=False
        )
    if not isinstance(old, io.TextIOWrapper):
        return old
    old.flush()
    encoding = ASCII if codecs.lookup(old.encoding).name == "ascii" else old.encoding
    return _text(
        _Output(old.fileno(), name),
        encoding,
        line_buffering=old.line_buffering,
        write_through=old.write_through,
    )


def _text(raw: _Output, encoding: str, *, line_buffering: bool, write_through: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding,
        ESCAPED,
        line_buffering=line_buffering,
        write_through=write_through,
    )


def _null_device() -> int:
    """Open the null device at the lowest free descriptor; child processes inherit it."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(descriptor, True)
    return descriptor


def _ascii(name: str) -> codecs.CodecInfo | None:
    # Python passes the name in lower case, since 3.9 with underscores for hyphens.
    if name.replace("_", "-") != ASCII:
        return None
    codec = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=ASCII,
        encode=codec.encode,
        decode=codec.decode,
        streamreader=codec.streamreader,
        streamwriter=codec.streamwriter,
        incrementalencoder=codec.incrementalencoder,
        incrementaldecoder=codec.incrementaldecoder,
    )
