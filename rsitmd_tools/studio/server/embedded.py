"""The embedded server: the installed Label Studio as a child on loopback."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.extras import require
from rsitmd_tools.studio.api.accounts import log_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.api.http import open_session
from rsitmd_tools.studio.api.running import (
    Running,
    remove_state,
    running_server,
    take_lock,
    write_state,
)
from rsitmd_tools.studio.api.secrets import (
    EMBEDDED,
    Secrets,
    keep,
    make_secrets,
    private_folder,
    secrets_of,
)
from rsitmd_tools.studio.api.secrets import FILENAME as SECRETS
from rsitmd_tools.studio.server.database import (
    database_environment,
    record_postgres,
    recorded_postgres,
)
from rsitmd_tools.studio.server.port import HOST, choose_port, record_port
from rsitmd_tools.studio.server.public import public_environment, record_public, recorded_public
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.server import last_server

START_SECONDS = 240.0
STOP_SECONDS = 20.0
LOCK_SECONDS = 5.0
LOG = "server.log"
LAUNCH = "rsitmd_tools.studio.page.launch"
RESET_ACCOUNT = "RSITMD_RESET_ACCOUNT"  # read by that module
SQLITE = "data/label_studio.sqlite3"
# Present from the first start until the server has answered.
FIRST_START = "first-start"
_PR_SET_PDEATHSIG = 1


class EmbeddedServer:
    """A Label Studio server whose data lie in the workspace; a context manager.

    It listens on 127.0.0.1 only, keeps analytics and open sign-up off, and ends with the
    thread that started it, even when its process is killed (Linux).

    Args:
        folder: The workspace.
        port: The port; by default the one used before, at the first start a free one.
        postgres: Address of a PostgreSQL database, without its password (that is taken from
            ``PGPASSWORD``); by default the one used before, else SQLite.
        public: The address of a proxy under which people elsewhere reach it; by default the
            one used before, none when empty.
        assist: Let the server speak to addresses of this machine, as the assist needs.
        new_secrets: Give the lead's account a new password and token; for a workspace whose
            secrets were lost.

    Raises:
        RsitmdError: Label Studio is not installed, the port is taken, the server runs
            already, or it does not come up.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        postgres: str | None = None,
        *,
        public: str | None = None,
        assist: bool = False,
        new_secrets: bool = False,
    ) -> None:
        require("label_studio", "label_studio_sdk")
        if not Workspace.is_workspace(folder):
            Workspace.open(folder)  # says what is wrong
        self.workspace = folder.resolve()
        self._studio = self.workspace / "studio"
        self._asked_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        private_folder(self._studio)
        self._postgres = postgres or recorded_postgres(self._studio)
        self.public = recorded_public(self._studio) if public is None else public
        self._assist = assist
        self._new_secrets = new_secrets
        self._database = database_environment(self._postgres)
        self.secrets: Secrets
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
        deadline = time.monotonic() + LOCK_SECONDS
        while (lock := take_lock(self._studio)) is None and time.monotonic() < deadline:
            time.sleep(0.2)  # the child of a parent that was killed is about to end
        self._lock = lock
        if lock is None:
            where = running_server(self._studio)
            raise RsitmdError(
                f"its server runs already at {where.url}"
                if where
                else "its server is being started",
                where=self.workspace,
                hint="use that one, or stop it first",
            )
        try:
            self._remove_unfinished_database()
            self.secrets = self._secrets()
            remove_state(self._studio)  # left by a server that was killed
            port = choose_port(self._studio, self._asked_port)
            self.url = f"http://{HOST}:{port}"
            self._process = self._launch(port)
            self._wait_for_health()
            self._check_account()
            (self._studio / FIRST_START).unlink(missing_ok=True)
            record_port(self._studio, port)
            if self._postgres is not None:
                record_postgres(self._studio, self._postgres)
            if self.public != recorded_public(self._studio):
                record_public(self._studio, self.public)
            write_state(self._studio, Running(self.url, self.public))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; nothing happens when it does not run."""
        if self._process is not None:
            remove_state(self._studio)
            _end(self._process)
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Wait until the server ends by itself.

        Raises:
            RsitmdError: It ended; the log is named.
        """
        if self._process is not None:
            self._process.wait()
            raise self._ended()

    def _remove_unfinished_database(self) -> None:
        """Remove a SQLite database whose first migration was killed.

        Label Studio cannot continue such a migration: it fails with a ``KeyError``. The server
        has never answered, so the database holds nothing that anybody wrote.
        """
        if self._postgres is not None:
            return
        database, marker = self._studio / SQLITE, self._studio / FIRST_START
        if marker.exists():
            for suffix in ("", "-journal", "-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
        elif not database.exists():
            marker.touch(mode=0o600)

    def _secrets(self) -> Secrets:
        """Return the lead's account; it is made for a server that has never run."""
        # A PostgreSQL database is recorded once the server has started with it.
        has_run = (self._studio / SQLITE).exists() or recorded_postgres(self._studio) is not None
        if not self._new_secrets and (has_run or (self._studio / SECRETS).exists()):
            return secrets_of(self._studio)  # says how to restore them if they are lost
        self._new_secrets = has_run  # the account of a server that has run gets a new password
        return make_secrets(self._studio, self._known_key())

    def _known_key(self) -> str | None:
        """Return the key of this server in the workspace; None if nothing was pushed."""
        with Workspace.open(self.workspace) as workspace:
            return last_server(workspace, EMBEDDED)

    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        assert self._lock is not None
        try:
            (self.workspace / "renditions" / "images").mkdir(parents=True, exist_ok=True)
            log = (self._studio / LOG).open("ab")
        except OSError as error:
            raise RsitmdError(
                f"cannot be written ({reason(error)})",
                where=self.workspace,
                hint="choose a folder you may write to",
            ) from error
        with log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", LAUNCH, "start", "--no-browser"),
                    *("--internal-host", HOST, "--port", str(port)),
                ],
                env=self._environment(),
                cwd=self._studio,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._lock.fileno()],
                preexec_fn=_die_with(os.getpid()),
            )

    def _wait_for_health(self) -> None:
        import httpx

        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        with open_session(self.url, timeout=5.0) as session:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    raise self._ended()
                with contextlib.suppress(httpx.HTTPError):
                    if session.get("/health").status_code == 200:
                        return
                time.sleep(0.3)
        raise RsitmdError(
            f"Label Studio did not answer within {START_SECONDS:.0f} s",
            where=self._studio / LOG,
            hint="read the end of that log",
        )

    def _check_account(self) -> None:
        """Take over the token of the lead's account where the server has given it another.

        That is so after a first start that was killed between making the account and
        setting its token.
        """
        client = Client(Connection(self.secrets.server, self.url, self.secrets.token))
        try:
            client.check()
        except RsitmdError:
            token = log_in(self.url, self.secrets.email, self.secrets.password)
            self.secrets = replace(self.secrets, token=token)
            keep(self._studio, self.secrets)

    def _ended(self) -> RsitmdError:
        assert self._process is not None
        return RsitmdError(
            f"Label Studio ended with code {self._process.returncode}",
            where=self._studio / LOG,
            hint="read the end of that log",
        )

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LABEL_STUDIO_")
        }
        return {
            **kept,
            # In the environment, not among the flags: those show in the process list.
            "LABEL_STUDIO_USERNAME": self.secrets.email,
            "LABEL_STUDIO_PASSWORD": self.secrets.password,
            "LABEL_STUDIO_USER_TOKEN": self.secrets.token,
            **({RESET_ACCOUNT: "true"} if self._new_secrets else {}),
            **self._database,
            **public_environment(self.public),
            # Else every member could make the server call what listens on this machine.
            "SSRF_PROTECTION_ENABLED": "false" if self._assist else "true",
            "ML_BLOCK_LOCAL_IP": "false" if self._assist else "true",
            "LABEL_STUDIO_BASE_DATA_DIR": str(self._studio / "data"),
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.workspace / "renditions"),
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those it started, gently first."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _die_with(parent: int) -> Callable[[], None]:
    """Return what asks the system, in the child, to end it when its parent dies (Linux)."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before it could be asked
                os._exit(1)

    return prepare
