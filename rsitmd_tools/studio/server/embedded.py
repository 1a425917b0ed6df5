"""The embedded server: runs the installed Label Studio as a child process on loopback."""

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
    make_secrets,
    private_folder,
    save_secrets,
    secrets_of,
)
from rsitmd_tools.studio.api.secrets import FILENAME as SECRETS
from rsitmd_tools.studio.server.database import (
    database_environment,
    record_postgres,
    recorded_postgres,
)
from rsitmd_tools.studio.server.log import FILENAME as LOG
from rsitmd_tools.studio.server.log import last_error
from rsitmd_tools.studio.server.port import HOST, choose_port, record_port
from rsitmd_tools.studio.server.public import public_environment, record_public, recorded_public
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import last_server

START_SECONDS = 240.0
# The first start creates the database in a hundred migrations, and would begin them anew each time.
FIRST_START_SECONDS = 1800.0
STOP_SECONDS = 20.0
LOCK_SECONDS = 5.0
LAUNCH = "rsitmd_tools.studio.page.launch"
RESET_ACCOUNT = "RSITMD_RESET_ACCOUNT"  # read by that module
SQLITE = "data/label_studio.sqlite3"
# This file exists from the first start until the server has answered.
FIRST_START = "first-start"
_PR_SET_PDEATHSIG = 1
# Variables that the server inherits. Label Studio reads many others without a prefix, such as
# DATABASE_NAME and DEBUG, which programs of the user may need with another meaning.
INHERITED = ("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "TEMP", "TMP", "TMPDIR", "TZ", "USER")
INHERITED_PREFIXES = ("CONDA", "DYLD_", "GLIBC_", "LC_", "LD_", "PG", "PYTHON", "SSL_", "VIRTUAL_")


class EmbeddedServer:
    """A Label Studio server whose data is in the workspace; a context manager.

    The server listens only on 127.0.0.1, with analytics and open sign-up disabled. It ends with
    the thread that started it, even if that process is killed (Linux).

    Args:
        folder: The workspace.
        port: Port to listen on. Default: the port of the last start, or a free port at the first
            start.
        postgres: URL of a PostgreSQL database, without the password, which is read from
            ``PGPASSWORD``; empty for SQLite. Default: the database of the last start, or SQLite.
        public: URL of a proxy that annotators use; empty for none. Default: the URL of the last
            start.
        assist: Allow the server to connect to this machine, which the assist requires.
        new_secrets: Create a new password and token for the lead's account, for a workspace
            whose secrets were lost.

    Raises:
        RsitmdError: Label Studio is not installed, the port is in use, the server is already
            running, or it does not start.
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
            Workspace.open(folder)  # raises an error with the reason
        self.workspace = folder.resolve()
        self._studio = self.workspace / "studio"
        self._requested_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._lock: IO[str] | None = None
        private_folder(self._studio)
        self._postgres = recorded_postgres(self._studio) if postgres is None else postgres or None
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
            time.sleep(0.2)  # the child of a killed parent is about to end
        self._lock = lock
        if lock is None:
            where = running_server(self._studio)
            raise RsitmdError(
                f"the server of this workspace is already running at {where.url}"
                if where
                else "the server of this workspace is already starting",
                where=self.workspace,
                hint="use that server, or stop it first",
            )
        try:
            self._refuse_other_database()
            self._remove_unfinished_database()
            self.secrets = self._secrets()
            remove_state(self._studio)  # left over from a killed server
            port = choose_port(self._studio, self._requested_port)
            self.url = f"http://{HOST}:{port}"
            self._process = self._launch(port)
            self._wait_for_health()
            self._check_account()
            (self._studio / FIRST_START).unlink(missing_ok=True)
            record_port(self._studio, port)
            if self._postgres != recorded_postgres(self._studio):
                record_postgres(self._studio, self._postgres or "")
            if self.public != recorded_public(self._studio):
                record_public(self._studio, self.public)
            write_state(self._studio, Running(self.url, self.public, str(self.workspace)))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, if it runs."""
        if self._process is not None:
            remove_state(self._studio)
            _end(self._process)
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Wait until the server process ends.

        Raises:
            RsitmdError: The process ended; the message has the path of the log.
        """
        if self._process is not None:
            self._process.wait()
            raise self._ended()

    def _refuse_other_database(self) -> None:
        """Refuse to change between SQLite and PostgreSQL after the first push.

        The other database is empty, so a pull would take every annotation as deleted.

        Raises:
            RsitmdError: The campaign is in the other database.
        """
        before = recorded_postgres(self._studio)
        has_run = before is not None or (self._studio / SQLITE).exists()
        same = (before is None) == (self._postgres is None)
        if same or not has_run or self._known_key() is None:
            return
        raise RsitmdError(
            f"the campaign is in {'SQLite' if before is None else 'PostgreSQL'} and cannot be moved"
            " to another database",
            where=self.workspace,
            hint="omit --postgres",
        )

    def _remove_unfinished_database(self) -> None:
        """Remove a SQLite database whose first migration was killed.

        Label Studio cannot continue such a migration: it fails with a ``KeyError``. The server
        has never answered, so the database contains no annotations.
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
        """Return the lead's account; create it for a server that has never run."""
        # A PostgreSQL database is recorded once the server has started with it.
        has_run = (self._studio / SQLITE).exists() or recorded_postgres(self._studio) is not None
        if not self._new_secrets and (has_run or (self._studio / SECRETS).exists()):
            return secrets_of(self._studio)  # the error explains how to restore lost secrets
        self._new_secrets = has_run  # the account of a server that has run gets a new password
        return make_secrets(self._studio, self._known_key())

    def _known_key(self) -> str | None:
        """Return the key of this server in the workspace; None before the first push."""
        with Workspace.open(self.workspace) as workspace:
            return last_server(workspace.db, EMBEDDED)

    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        assert self._lock is not None
        try:
            (self.workspace / "renditions" / "images").mkdir(parents=True, exist_ok=True)
            log = (self._studio / LOG).open("ab")
            self._log_start = log.seek(0, os.SEEK_END)
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
        first = (self._studio / FIRST_START).exists()
        most = FIRST_START_SECONDS if first else START_SECONDS
        deadline = time.monotonic() + most
        with open_session(self.url, timeout=5.0) as session:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    raise self._ended()
                with contextlib.suppress(httpx.HTTPError):
                    if session.get("/health").status_code == 200:
                        return
                time.sleep(0.3)
        raise RsitmdError(
            f"Label Studio did not answer within {most:.0f} s",
            where=self._studio / LOG,
            hint="check the end of this log file",
        )

    def _check_account(self) -> None:
        """Read the token of the lead's account from the server if the saved token is not valid.

        This happens after a first start that was killed between the creation of the account and
        the setting of its token.
        """
        client = Client(Connection(self.secrets.server, self.url, self.secrets.token))
        try:
            client.check()
        except RsitmdError:
            token = log_in(self.url, self.secrets.email, self.secrets.password)
            self.secrets = replace(self.secrets, token=token)
            save_secrets(self._studio, self.secrets)

    def _ended(self) -> RsitmdError:
        assert self._process is not None
        error = last_error(self._studio / LOG, self._log_start)
        return RsitmdError(
            f"Label Studio ended with code {self._process.returncode}"
            + (f" after {error}" if error else ""),
            where=self._studio / LOG,
            hint="check the end of this log file",
        )

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in INHERITED or name.startswith(INHERITED_PREFIXES)
        }
        return {
            **inherited,
            # In the environment and not as flags, which the process list shows.
            "LABEL_STUDIO_USERNAME": self.secrets.email,
            "LABEL_STUDIO_PASSWORD": self.secrets.password,
            "LABEL_STUDIO_USER_TOKEN": self.secrets.token,
            **({RESET_ACCOUNT: "true"} if self._new_secrets else {}),
            **self._database,
            **public_environment(self.public),
            # Otherwise every member could make the server send requests to this machine.
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
    """Stop a process and its children: SIGTERM first, then SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _die_with(parent: int) -> Callable[[], None]:
    """Return a function that makes the child end when its parent dies (Linux)."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # the parent died before this call
                os._exit(1)

    return prepare
