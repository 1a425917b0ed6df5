"""The port of the embedded server: saved, checked, never changed silently."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.server.port import FIRST, LAST, choose_port, record_port, recorded_port


def test_the_first_start_uses_a_free_port_below_the_ephemeral_range(
    tmp_path: Path,
) -> None:
    assert recorded_port(tmp_path) is None
    assert FIRST <= choose_port(tmp_path, None) <= LAST


def test_the_saved_port_is_used_again(tmp_path: Path) -> None:
    port = choose_port(tmp_path, None)
    record_port(tmp_path, port)
    assert (tmp_path / "port.json").stat().st_mode & 0o777 == 0o600
    assert choose_port(tmp_path, None) == port
    other = choose_port(tmp_path / "elsewhere", None)
    assert choose_port(tmp_path, other) == other


@pytest.mark.parametrize("asked", [False, True])
def test_a_port_in_use_is_refused_and_the_hint_names_the_option(
    asked: bool, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        record_port(tmp_path, port)
        with pytest.raises(RsitmdError, match="--port") as refused:
            choose_port(tmp_path, port if asked else None)
    assert str(refused.value).startswith(f"127.0.0.1:{port}: ")


def test_a_port_that_needs_more_rights_is_not_reported_as_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(self: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(RsitmdError, match=r"81: this port cannot be used \(permission denied\)"):
        choose_port(tmp_path, 81)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"port": "eight"}', '{"port": 0}', '{"port": 70000}']
)
def test_a_malformed_file_is_a_one_line_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "port.json").write_text(content, encoding="utf-8")
    with pytest.raises(RsitmdError, match="--port") as refused:
        choose_port(tmp_path, None)
    assert str(refused.value).startswith(f"{tmp_path / 'port.json'}: is malformed")
