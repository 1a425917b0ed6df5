"""The embedded server: the installed Label Studio as a child on loopback."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.extras import require
from rsitmd_tools.studio.secrets import OWNER_ONLY, Secrets, secrets_of
from rsitmd_tools.workspace import Workspace

HOST = "127.0.0.1"
START_SECONDS = 240.0
STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


class EmbeddedServer:
    """A Label Studio server whose data lie in the workspace; a context manager.

    It listens on 127.0.0.1 only, keeps analytics and open sign-up off, and ends with the
    process that started it, even when that one is killed.

    Args:
        folder: The workspace.
        port: The port; a free one by default.

    Raises:
        RsitmdError: Label Studio is not installed, the port is taken, the server runs
            already, or it does not come up.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        require("label_studio", "label_studio_sdk")
        if not Workspace.is_workspace(folder):
            Workspace.open(folder)  # says what is wrong
        self._folder = folder.resolve()
        self._studio = self._folder / "studio"
        self._asked_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.secrets: Secrets = secrets_of(self._studio)
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def token(self) -> str:
        """The lead's token."""
        return self.secrets.token

    def start(self) -> None:
        """Start the server and wait until it answers."""
        running = running_server(self._studio)
        if running is not None:
            raise RsitmdError(
                f"its server runs already at {running}",
                where=self._folder,
                mend="use that one, or stop it first",
            )
        port = _free_port() if self._asked_port is None else _check_port(self._asked_port)
        (self._folder / "renditions" / "images").mkdir(parents=True, exist_ok=True)
        self.url = f"http://{HOST}:{port}"
        log = (self._studio / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _LAUNCH, "start", "--no-browser"),
                    *("--internal-host", HOST, "--port", str(port)),
                ],
                env=self._environment(),
                cwd=self._studio,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        try:
            self._wait_for_health()
        except BaseException:
            self.stop()
            raise
        state = {"url": self.url, "pid": self._process.pid}
        write_json(self._studio / "server.json", state, mode=OWNER_ONLY)

    def stop(self) -> None:
        """Stop the server; nothing happens when it does not run."""
        process = self._process
        if process is None:
            return
        (self._studio / "server.json").unlink(missing_ok=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._process = None

    def wait(self) -> None:
        """Wait until the server ends by itself.

        Raises:
            RsitmdError: It ended; the log is named.
        """
        if self._process is not None:
            self._process.wait()
            raise self._ended()

    def _wait_for_health(self) -> None:
        import httpx

        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise self._ended()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            time.sleep(0.3)
        raise RsitmdError(
            f"Label Studio did not answer within {START_SECONDS:.0f} s",
            where=self._studio / "server.log",
            mend="read the end of that log",
        )

    def _ended(self) -> RsitmdError:
        assert self._process is not None
        return RsitmdError(
            f"Label Studio ended with code {self._process.returncode}",
            where=self._studio / "server.log",
            mend="read the end of that log",
        )

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LABEL_STUDIO_")}
        return {
            **kept,
            # In the environment, not among the flags: those show in the process list.
            "LABEL_STUDIO_USERNAME": self.secrets.email,
            "LABEL_STUDIO_PASSWORD": self.secrets.password,
            "LABEL_STUDIO_USER_TOKEN": self.secrets.token,
            "LABEL_STUDIO_BASE_DATA_DIR": str(self._studio / "data"),
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self._folder / "renditions"),
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }


# The console script's own way in, found in the environment that runs this tool.
_LAUNCH = "import sys; from label_studio.server import main; sys.argv[0] = 'label-studio'; main()"


def running_server(studio: Path) -> str | None:
    """Return the address of a workspace's server where it runs, else None."""
    try:
        state = json.loads((studio / "server.json").read_text(encoding="utf-8"))
        pid, url = int(state["pid"]), str(state["url"])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # The number may belong to another process by now.
    return url if b"label_studio" in command else None


def _check_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RsitmdError(
                "the port is taken", where=f"{HOST}:{port}", mend="name another with --port"
            ) from error
    return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Ask the system to end this child when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
