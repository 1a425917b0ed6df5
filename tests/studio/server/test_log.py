from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.studio.server.log import last_error

TRACEBACK = (
    'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    connect()\n'
    'django.db.utils.OperationalError: connection failed: "127.0.0.1": no password supplied\n'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TRACEBACK, 'OperationalError: connection failed: "127.0.0.1": no password supplied'),
        (TRACEBACK + "\tIs the server running?\n", TRACEBACK.splitlines()[-1][16:]),
        ("KeyError: 'a'\n" + TRACEBACK, TRACEBACK.splitlines()[-1][16:]),
        (TRACEBACK + "GET /health 200\n" * 20, None),
        ("x" * 100_000 + "\n" + TRACEBACK, TRACEBACK.splitlines()[-1][16:]),
        ("GET /health 200\n", None),
        ("", None),
    ],
)
def test_the_exception_at_the_end_of_the_log(
    text: str, expected: str | None, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    log.write_text(text, encoding="utf-8")
    assert last_error(log, 0) == expected


def test_errors_of_earlier_starts_do_not_count(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(TRACEBACK, encoding="utf-8")
    assert last_error(log, log.stat().st_size) is None
    assert last_error(tmp_path / "none.log", 0) is None
