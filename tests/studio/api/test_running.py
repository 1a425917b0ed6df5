"""The state of the server depends on a lock that the system releases, not on a file."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.studio.api.running import (
    LOCK,
    Running,
    remove_state,
    running_server,
    take_lock,
    write_state,
)


def test_no_server_was_ever_started(tmp_path: Path) -> None:
    assert running_server(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_running_server_is_found_and_a_stale_file_is_not(tmp_path: Path) -> None:
    lock = take_lock(tmp_path)
    assert lock is not None
    assert running_server(tmp_path) is None  # starting
    write_state(tmp_path, Running("http://127.0.0.1:1", "https://label.example.org"))
    assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600
    assert running_server(tmp_path) == Running("http://127.0.0.1:1", "https://label.example.org")
    assert take_lock(tmp_path) is None
    (tmp_path / "server.json").write_text("[", encoding="utf-8")
    assert running_server(tmp_path) is None
    write_state(tmp_path, Running("http://127.0.0.1:2"))
    lock.close()  # as the system does when the server is killed
    assert running_server(tmp_path) is None
    remove_state(tmp_path)
    remove_state(tmp_path)


def test_readers_of_the_lock_do_not_block_each_other(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    first = take_lock(tmp_path, shared=True)
    second = take_lock(tmp_path, shared=True)
    assert first is not None
    assert second is not None
    first.close()
    second.close()
