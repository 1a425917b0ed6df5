"""``rsitmd``: the root command, the exit codes and one-line errors."""

from __future__ import annotations

import gc
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
    "build": ("rsitmd_tools.cli.building", "Build a dataset: ingest, split, similarity, release."),
    "annotate": ("rsitmd_tools.cli.annotate", "Run a captioning campaign in Label Studio."),
    "validate": (
        "rsitmd_tools.cli.validate",
        "Check a dataset by rules, fix it, or print its statistics.",
    ),
    "benchmark": ("rsitmd_tools.cli.benchmark", "Train, evaluate and compare the baselines."),
    "demo": (
        "rsitmd_tools.cli.demo",
        "Run all steps on synthetic scenes with a real Label Studio.",
    ),
}

cli = LazyGroup(
    "rsitmd",
    _COMMANDS,
    """Build, annotate, validate and benchmark RSITMD-format image-text datasets.

    \b
    Start with:
      rsitmd demo                          run all steps on synthetic scenes
      rsitmd build init my-dataset         create a workspace for your images
      rsitmd build ingest my-dataset SRC   add images from class folders
    """,
)
cli.params.append(click.Option(["--debug"], is_flag=True, help="Show tracebacks and debug logs."))
click.version_option(__version__, prog_name="rsitmd-tools")(cli)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 success; 1 findings or a failed job; 2 wrong usage; 130 Ctrl-C.
    """
    prepare()
    passed = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in passed or os.environ.get("RSITMD_DEBUG") == "1"
    # Accepted in any position, because users append it to the command that failed.
    passed = [argument for argument in passed if argument != "--debug"]
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    code = _run(passed, debug)
    # The interpreter would search all records for cycles once more before it ends.
    gc.freeze()
    sys.exit(code)


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
        _report(f"interrupted; finished work is kept. {_how_to_resume(arguments)}")
        return EXIT_INTERRUPTED
    except RsitmdError as error:
        if debug:
            logging.exception("failed")
        _report(f"error: {error}")
        return error.exit_code
    except Exception as error:
        if debug:
            logging.exception("failed")
        _report(f"error: {_unexpected(error)}")
        return EXIT_FAILED


def _how_to_resume(arguments: Sequence[str]) -> str:
    """Return how to resume a command: with ``--resume`` if it has that option."""
    command: click.Command | None = cli
    for argument in arguments:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), argument)
    options = [] if command is None else [name for each in command.params for name in each.opts]
    if "--resume" in options and "--resume" not in arguments:
        return "Run the same command again with --resume to continue."
    return "Run the same command again to continue."


def _unexpected(error: Exception) -> str:
    """Describe an unexpected error in one line, with a hint on how to report it."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return printable(f"{place}{error.strerror.lower()}")
    if isinstance(error, UnicodeEncodeError) and "surrogate" in error.reason:
        text = error.object[max(error.start - 20, 0) : error.end + 20]
        return printable(
            f"a text has an unpaired surrogate, which UTF-8 cannot encode ({text}); correct it"
        )
    line = str(error).strip().partition("\n")[0]
    if type(error).__name__ == "OutOfMemoryError":  # of torch, which is not imported for this
        return printable(
            f"the memory of the GPU is too small ({line.partition('. ')[0]}); end other programs"
            " that use it, use a smaller image_size, or --device cpu"
        )
    if isinstance(error, RuntimeError) and ("CUDA error" in line or "cuDNN error" in line):
        return printable(
            f"the GPU failed ({line}); check it with nvidia-smi, and run the command again"
        )
    return (
        printable(f"unexpected {type(error).__name__}: {error}")[:300]
        + "; run the command again with --debug and report the output"
    )


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
