"""The root command: help, exit codes, one-line errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from rsitmd_tools import __version__
from rsitmd_tools.cli import root
from rsitmd_tools.cli.lazy import LazyGroup
from tests.command import rsitmd

HEAVY = ("torch", "numba", "pandas", "matplotlib", "label_studio_sdk", "nltk", "PIL", "numpy")


def leaves(group: LazyGroup, *names: str) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.modules:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, LazyGroup):
            found += leaves(command, *names, name)
        else:
            found.append(((*names, name), command))
    return found


COMMANDS = leaves(root.cli)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=lambda value: str(value))
def test_every_command_has_examples_and_help(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    assert f"rsitmd {' '.join(path)}" in command.help, "help needs an example"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_help_of_every_command_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from rsitmd_tools.cli import root\n"
        f"for arguments in {[path for path, _ in COMMANDS]!r}:\n"
        "    assert root._run([*arguments, '--help'], False) == 0\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_version() -> None:
    assert rsitmd("--version").stdout.strip() == f"rsitmd-tools, version {__version__}"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["nonsense"], 2, "No such command"),
        (["build", "ingest"], 2, "Missing argument"),
        (["build", "split", "/nowhere"], 1, "error: /nowhere: is not a workspace"),
        (["validate", "/nowhere"], 1, "error: /nowhere: does not exist"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, line: str) -> None:
    done = rsitmd(*arguments)
    assert done.returncode == code
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_debug_shows_the_traceback_at_any_position() -> None:
    for arguments in (["--debug", "validate", "/nowhere"], ["validate", "/nowhere", "--debug"]):
        assert "Traceback" in rsitmd(*arguments).stderr


def failing(error: BaseException) -> click.Command:
    @click.command("fail")
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "Run the same command again to continue."),
        (ValueError("two\nlines \x1b[31m"), 1, r"unexpected ValueError: two\nlines \x1b[31m"),
        (
            UnicodeEncodeError("utf-8", "A \ud83d tree.", 2, 3, "surrogates not allowed"),
            1,
            r"error: a text has an unpaired surrogate, which UTF-8 cannot encode (A \ud83d tree.)",
        ),
        (PermissionError(13, "Permission denied", "/x/y"), 1, "error: /x/y: permission denied"),
        (
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried\nmore"),
            1,
            "error: the memory of the GPU is too small (CUDA out of memory); end other programs",
        ),
        (
            RuntimeError("CUDA error: device-side assert\nCompile with"),
            1,
            "error: the GPU failed (CUDA error: device-side assert); check it with nvidia-smi",
        ),
    ],
)
def test_no_error_is_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    monkeypatch.setattr(root.cli, "get_command", lambda *_: failing(error))
    assert root._run(["fail"], False) == code
    printed = capsys.readouterr().err
    assert line in printed
    # click ends the line on which a terminal shows ^C before anything is said.
    assert len(printed.strip().splitlines()) == 1


def test_init_prints_the_next_step(tmp_path: Path) -> None:
    done = rsitmd("build", "init", str(tmp_path / "w"))
    assert done.returncode == 0
    assert "rsitmd build ingest" in done.stdout
    unwritable = rsitmd("build", "init", "/proc/w")
    assert unwritable.returncode == 1
    assert unwritable.stderr.startswith("error: /proc/w: cannot be created")


def test_a_command_with_resume_mentions_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr(root.cli, "main", interrupted)
    train = ["benchmark", "train", "release", "-o", "run"]
    for arguments, hint in (
        (train, "again with --resume to continue.\n"),
        ([*train, "--resume"], "again to continue.\n"),
        (["build", "ingest", "w", "src"], "again to continue.\n"),
    ):
        assert root._run(arguments, False) == 130
        said = capsys.readouterr().err
        assert said.endswith(hint) and ("--resume" in said) == ("--resume" in hint)
