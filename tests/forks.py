"""Commands that start at once: each is forked from a process that has done the imports.

A fresh ``python -m rsitmd_tools`` imports for two seconds before it talks to a server, and for
nine before it trains. A ``Nursery`` is a process that has imported the modules and does nothing
else; it forks a child for each command. The child is a process like any other: it runs the real
``__main__``, has its own streams, environment and working folder, and can be killed.

What differs from a fresh process: the child shares the order of its sets with its siblings
(``PYTHONHASHSEED``), and it is the nursery's child. Tests of how processes start and of what they
import use ``subprocess``.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_LARGEST = 1 << 20  # bytes of a request; an environment has a few thousand
_NEW_NAMESPACE, _RECURSIVE, _PRIVATE = 0x20000, 0x4000, 0x40000  # of unshare and mount


class Forked:
    """A running command, with the part of ``subprocess.Popen`` that the tests use."""

    def __init__(self, args: list[str], status: int, out: int, err: int) -> None:
        self.args = args
        self.stdout = os.fdopen(out, encoding="utf-8")
        self.stderr = os.fdopen(err, encoding="utf-8")
        self.returncode: int | None = None
        self._status = os.fdopen(status, "rb", buffering=0)
        self.pid = int(self._line())

    def _line(self) -> bytes:
        line = self._status.readline()
        if not line:
            raise RuntimeError("the process that starts commands has ended")
        return line

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._line())
            self._status.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end; return what was not yet read of stdout and stderr."""
        found: dict[str, str] = {}

        def read(name: str) -> None:
            with getattr(self, name) as stream:
                found[name] = stream.read()

        readers = [
            threading.Thread(target=read, args=(name,), daemon=True)
            for name in ("stdout", "stderr")
            if not getattr(self, name).closed
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return found.get("stdout", ""), found.get("stderr", "")

    def send_signal(self, sent: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sent)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """Starts commands as children of a process that has imported modules.

    Args:
        modules: What that process imports before its first command.
        python: Its interpreter.
        environment: Variables for libraries that read them when they are imported.
    """

    def __init__(
        self,
        modules: Sequence[str],
        python: str | Path = sys.executable,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [str(python), str(Path(__file__).resolve()), str(theirs.fileno()), *modules],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self._requests.close()
        self._process.wait()

    def start(
        self,
        *arguments: object,
        script: str | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        mount: str = "",
    ) -> Forked:
        """Start ``python -m rsitmd_tools ARGUMENTS``, or ``python -c SCRIPT ARGUMENTS``.

        Args:
            arguments: The arguments.
            script: Source to run in place of the command line.
            environment: The environment; that of this process by default.
            folder: Where to run it; the working folder of this process by default.
            mount: A line of shell that mounts something for this command alone.
        """
        words = [str(argument) for argument in arguments]
        request = {
            "arguments": words,
            "script": script,
            "environment": dict(os.environ if environment is None else environment),
            "folder": str(folder or Path.cwd()),
            "mount": mount,
        }
        pipes = [os.pipe() for _ in range(3)]
        writers = [writer for _, writer in pipes]
        try:
            socket.send_fds(self._requests, [json.dumps(request).encode()], writers)
        finally:
            for writer in writers:
                os.close(writer)
        status, out, err = (reader for reader, _ in pipes)
        return Forked(words, status, out, err)

    def run(
        self, *arguments: object, timeout: float = 300, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; the options are those of ``start``."""
        command = self.start(*arguments, **options)
        try:
            out, err = command.communicate(timeout)
        except subprocess.TimeoutExpired:
            command.kill()
            raise
        assert command.returncode is not None
        return subprocess.CompletedProcess(command.args, command.returncode, out, err)


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork a child for each request; return only in a child, with its request."""
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which close the socket
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, wake], [], [])
        if wake in ready:
            wake.recv(1024)
            _report_ended(running)
        if requests not in ready:
            continue
        message, files, _, _ = socket.recv_fds(requests, _LARGEST, 3)
        if not message:
            sys.exit()
        pid = os.fork()
        if pid == 0:
            for file in (*running.values(), files[0]):
                os.close(file)
            for opened in (requests, wake, woken):
                opened.close()
            _be_fresh(files[1], files[2])
            request: dict[str, Any] = json.loads(message)
            return request
        running[pid] = files[0]
        os.write(files[0], b"%d\n" % pid)
        for file in files[1:]:
            os.close(file)


def _report_ended(running: dict[int, int]) -> None:
    """Write the exit code of each child that has ended to its pipe."""
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            file = running.pop(pid)
            with contextlib.suppress(BrokenPipeError):  # nobody asks any more
                os.write(file, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(file)


def _be_fresh(out: int, err: int) -> None:
    """Give a child what a fresh process has: its streams, signals and random numbers."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file, place in ((out, 1), (err, 2)):
        os.dup2(file, place)
        os.close(file)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _mount(line: str) -> None:
    """Enter a mount namespace of our own, as ``unshare -m`` does, and mount something."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NAMESPACE) or libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None):
        raise OSError(ctypes.get_errno(), "no mount namespace")
    subprocess.run(["sh", "-ec", line], check=True)


def _run(request: dict[str, Any]) -> NoReturn:
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    if request["mount"]:
        _mount(request["mount"])
    script, arguments = request["script"], request["arguments"]
    if script is None:
        sys.argv = ["rsitmd_tools", *arguments]
        runpy.run_module("rsitmd_tools", run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *arguments]
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(compile(script, "<string>", "exec"), main.__dict__)
    sys.exit()


def _import(modules: Sequence[str]) -> None:
    """Import modules; a module that is missing is missing for the command too, which says so."""
    import gc
    import importlib

    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.freeze()  # a collection in a child need not copy their memory


if __name__ == "__main__":
    inherited = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = ""
    _import(sys.argv[2:])
    _run(_serve(inherited))
