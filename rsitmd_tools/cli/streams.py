"""The standard streams: any text can be written to them, and a job outlives its reader.

- Characters that the encoding of a stream lacks are written as ``\\uXXXX``, which is also how
  JSON writes them.
- A stream that was closed before the start (``>&-``) leads nowhere.
- A reader that goes away (``| head -1``) does not stop the job, nor change its exit code.
- A full device under standard output is an error; under standard error there is nobody to
  report it to.
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
# Click replaces a stream whose encoding is called "ascii" by one in UTF-8. Someone who sets
# PYTHONIOENCODING=ascii asks for ASCII, so the stream gets the same codec by another name.
ASCII = "rsitmd-ascii"


def prepare() -> None:
    """Set up the standard streams of this process; streams that a caller replaced stay."""
    codecs.register_error(ESCAPED, escaped)
    codecs.register(_ascii)
    # In this order: a closed descriptor is taken by the first file that is opened.
    if sys.__stdin__ is None and sys.stdin is None:
        sys.stdin = open(_nowhere(), encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(sys.stdout, "standard output")
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(sys.stderr, None)


def escaped(error: UnicodeError) -> tuple[str, int]:
    """Return the characters that cannot be encoded as ``\\uXXXX``; an error handler of codecs."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[first : first + 2].hex() for first in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


class _Output(io.FileIO):
    """A descriptor to write to; after a failure it leads nowhere.

    Args:
        descriptor: The descriptor; it is not closed with this object.
        name: What it is called in an error; None where an error is of no use to anybody.
    """

    def __init__(self, descriptor: int, name: str | None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._called = name

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # Python writes what is left in the buffer once more when it ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if error.errno == errno.EPIPE or self._called is None:
                return memoryview(data).nbytes
            raise OSError(error.errno, error.strerror, self._called) from error


def _stream(old: TextIO | None, name: str | None) -> TextIO:
    """Return a stream in the place of a standard one."""
    if old is None:
        # Python found its descriptor closed.
        return _text(_Output(_nowhere(), name), "utf-8", line_buffering=False, write_through=False)
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


def _nowhere() -> int:
    """Open the null device as the lowest free descriptor, for processes started here too."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(descriptor, True)
    return descriptor


def _ascii(name: str) -> codecs.CodecInfo | None:
    # The name comes in lower case, its hyphens as underscores from Python 3.9 on.
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
