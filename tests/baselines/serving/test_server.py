"""The command: what is wrong is said before a port is used, and it stops cleanly."""

from __future__ import annotations

import shutil
import signal
import socket
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.serving.server import listening
from rsitmd_tools.cli.root import _run
from rsitmd_tools.errors import RsitmdError
from tests.baselines.serving.conftest import Serving
from tests.forks import Nursery


def test_two_servers_on_one_port(
    serving: Serving, served_runs: list[Path], saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["benchmark", "serve", str(served_runs[0]), str(saved), "--port", str(serving.port)]
    assert _run(call, False) == 1
    shown = capsys.readouterr()
    line = f"127.0.0.1:{serving.port}: another program uses this port; use another port with --port"
    assert shown.err == f"error: {line}\n"
    assert shown.out == ""
    assert httpx.get(serving.url).status_code == 200


def test_only_loopback_is_listened_on() -> None:
    with listening(0) as opened:
        assert opened.getsockname()[0] == "127.0.0.1"
        with pytest.raises(RsitmdError, match="another program uses this port"):
            listening(opened.getsockname()[1])


def test_connections_do_not_wait_for_acknowledgements() -> None:
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol. With it, each
    # answer of a kept connection takes 40 ms longer.
    with (
        listening(0) as opened,
        socket.create_connection(opened.getsockname()),
        opened.accept()[0] as accepted,
    ):
        assert accepted.proto == socket.IPPROTO_TCP


def test_the_longest_sentence_of_any_letters_is_answered(serving: Serving) -> None:
    # httpx refuses addresses of 120 000 characters; browsers do not.
    connection = HTTPConnection("127.0.0.1", serving.port, timeout=60)
    connection.request("GET", "/?text=" + quote("\N{SATELLITE}" * 10_000))
    answer = connection.getresponse()
    assert answer.status == 200
    assert "words not in the vocabulary of the model" in answer.read().decode()
    connection.close()


@pytest.mark.parametrize(
    "address",
    [
        "/image/../../../etc/passwd",
        "/image/0.jpg/../../app.py",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "//etc/passwd",
        "file:///etc/passwd",
    ],
)
def test_no_address_leaves_the_folders(serving: Serving, address: str) -> None:
    # httpx and browsers remove the dots before they send an address.
    connection = HTTPConnection("127.0.0.1", serving.port, timeout=60)
    connection.request("GET", address)
    answer = connection.getresponse()
    assert answer.status == 404
    assert answer.read() == b"there is no such page\n"
    connection.close()


def test_a_request_of_nonsense_does_not_stop_the_server(serving: Serving) -> None:
    for raw in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET"):
        with socket.create_connection(("127.0.0.1", serving.port)) as opened:
            opened.sendall(raw)
            opened.shutdown(socket.SHUT_WR)
            assert b" 200 " not in opened.recv(1000)
    assert httpx.get(serving.url).status_code == 200


@pytest.mark.parametrize("address", ["", "image/0.jpg", "static/page.css"])
def test_the_head_of_a_page_has_no_body(serving: Serving, address: str) -> None:
    whole, head = httpx.get(serving.url + address), httpx.head(serving.url + address)
    assert head.status_code == 200
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.content == b""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_request_under_way_is_finished_when_the_server_stops(
    training_commands: Nursery, served_runs: list[Path], saved: Path, sent: int
) -> None:
    made = Serving(training_commands, served_runs[1], saved)
    connection = HTTPConnection("127.0.0.1", made.port, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().read()
    connection.request("GET", f"/words/0?k=32&text={'+'.join(['boat'] * 100)}")
    # The server reads requests in order: when it answers the next one, this one is under way.
    other = HTTPConnection("127.0.0.1", made.port, timeout=60)
    other.request("GET", "/static/page.css")
    assert other.getresponse().read()
    other.close()
    assert made.stop(sent) == 130
    answer = connection.getresponse()
    assert answer.status == 200 and b"boat" in answer.read()
    connection.close()
    last = made.process.stderr.read().splitlines()[-1]
    assert last.startswith("interrupted; ")
    # The port is free at once.
    listening(made.port).close()


def test_a_run_without_weights_and_other_wrong_usage(
    served_runs: list[Path], saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(served_runs[0], tmp_path / "run"))
    Run(run).best.unlink()
    cases: list[tuple[list[object], int, str]] = [
        ([run, saved], 1, "has no checkpoint yet"),
        ([saved, saved], 1, "contains no run"),
        ([served_runs[0], tmp_path / "none"], 1, "does not exist"),
        ([*served_runs, served_runs[0], saved], 2, "3 runs are given"),
        ([served_runs[0]], 2, "Missing argument"),
        ([served_runs[0], saved, "--scene", tmp_path / "none.tif"], 1, "none.tif: cannot be read"),
        ([served_runs[0], saved, "--split", "none"], 1, "no images in split 'none'"),
    ]
    for arguments, code, message in cases:
        call = ["benchmark", "serve", *map(str, arguments), "--port", "0"]
        assert _run(call, False) == code
        shown = capsys.readouterr()
        assert message in shown.err and "Traceback" not in shown.err
        assert shown.out == ""
