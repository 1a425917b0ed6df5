"""``rsitmd``: the root command, exit codes, and errors in one line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from rsitmd_tools import __version__
from rsitmd_tools.cli.lazy import LazyGroup
from rsitmd_tools.cli.streams import prepare
from rsitmd_tools.errors import RsitmdError, printable

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

_COMMANDS = {
    "build": ("rsitmd_tools.cli.build", "Make a dataset: ingest, split, similarity, release."),
    "annotate": ("rsitmd_tools.cli.annotate", "Run the captioning campaign in Label Studio."),
    "validate": ("rsitmd_tools.cli.validate", "Check a dataset by rules; print its statistics."),
    "benchmark": ("rsitmd_tools.cli.benchmark", "Train, evaluate and report baselines."),
    "demo": ("rsitmd_tools.cli.demo", "The whole way on drawn scenes, with the real server."),
}

cli = LazyGroup(
    "rsitmd",
    _COMMANDS,
    """Build, annotate, validate and benchmark RSITMD-format image-text datasets.

    \b
    Start with:
      rsitmd demo                          the whole way, on drawn scenes
      rsitmd build init my-dataset         a workspace for your own images
      rsitmd build ingest my-dataset SRC   take in images from class folders
    """,
)
cli.params.append(click.Option(["--debug"], is_flag=True, help="Show tracebacks and debug logs."))
click.version_option(__version__, prog_name="rsitmd-tools")(cli)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 fine; 1 findings or a failed job; 2 wrong usage; 130 Ctrl-C.
    """
    prepare()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given or os.environ.get("RSITMD_DEBUG") == "1"
    # Accepted at any place, as users append it to the command that has just failed.
    given = [argument for argument in given if argument != "--debug"]
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    sys.exit(_run(given, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        result = cli.main(arguments, prog_name="rsitmd", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        if debug:
            logging.exception("interrupted")
        _say(f"interrupted; what was finished is kept, {_how_to_resume(arguments)}")
        return EXIT_INTERRUPTED
    except RsitmdError as error:
        if debug:
            logging.exception("failed")
        _say(f"error: {error}")
        return error.exit_code
    except Exception as error:
        if debug:
            logging.exception("failed")
        _say(f"error: {_unforeseen(error)}")
        return EXIT_FAILED


def _how_to_resume(arguments: Sequence[str]) -> str:
    """Return how a command is resumed: by ``--resume`` where it has that option."""
    command: click.Command | None = cli
    for argument in arguments:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), argument)
    options = [] if command is None else [name for each in command.params for name in each.opts]
    if "--resume" in options and "--resume" not in arguments:
        return "run the same command again with --resume to go on"
    return "run the same command again to go on"


def _unforeseen(error: Exception) -> str:
    """Describe an error we did not foresee in one line that tells how to learn more."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return printable(f"{place}{error.strerror.lower()}")
    return (
        printable(f"unexpected {type(error).__name__}: {error}")[:300]
        + "; run it again with --debug and report what it prints"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
