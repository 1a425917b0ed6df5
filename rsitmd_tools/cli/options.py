"""Arguments and options that several commands share."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage

if TYPE_CHECKING:
    from rsitmd_tools.dataset.records import Dataset

# How each page begins, in lower case.
PAGE_HEAD = b"<!doctype html"
PAGE_SUFFIXES = (".html", ".htm")

# The type of an option that names a file.
FILE = PathType(dir_okay=False, path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])

# Listed here so that help and completion do not import the modules of the formats. A test
# compares the list with the registry.
FORMATS = (
    "rsitmd",
    "precomp",
    "workspace",
    "karpathy",
    "albef",
    "open-clip-csv",
    "imagefolder",
    "webdataset",
    "coco",
    "csv",
    "jsonl",
)
WRITABLE = tuple(name for name in FORMATS if name != "workspace")


def reviewer_name(given: str | None) -> str:
    """Return the name of a reviewer: the given one, or the user name.

    Raises:
        WrongUsage: The given name is blank, or the user has no name.
    """
    if given is None:
        try:
            return getpass.getuser()
        except (KeyError, OSError, ImportError):  # as in a container with an unknown user number
            raise WrongUsage("your user name is unknown", hint="use --reviewer NAME") from None
    if not given.strip():
        raise WrongUsage("--reviewer is blank", hint="use --reviewer NAME")
    return given


class FormatName(click.ParamType[str]):
    """The name of a format: a built-in one, or one that another package adds.

    Attributes:
        shown: The built-in names for help and completion.
    """

    name = "format"

    def __init__(self, shown: tuple[str, ...] = FORMATS) -> None:
        self.shown = shown

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the built-in names, as :class:`click.Choice` shows them."""
        return f"[{'|'.join(self.shown)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name.

        Raises:
            BadParameter: There is no format of that name.
        """
        if value in FORMATS:
            return str(value)
        from rsitmd_tools.formats import formats

        # The built-in message of click.Choice.
        known = (*FORMATS, *(name for name in formats() if name not in FORMATS))
        return str(click.Choice(known).convert(value, param, ctx))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the built-in names that begin so."""
        return [CompletionItem(name) for name in self.shown if name.startswith(incomplete)]


def workspace_argument(function: F) -> F:
    """Add DIR, the workspace, as ``folder``."""
    return click.argument("folder", metavar="DIR", type=PathType(file_okay=False, path_type=Path))(
        function
    )


def path_argument(function: F) -> F:
    """Add PATH, a dataset in any format, as ``path``."""
    return click.argument("path", metavar="PATH", type=PathType(path_type=Path))(function)


def input_options(function: F) -> F:
    """Add ``--input-format`` and ``--images``, for commands that read a dataset."""
    function = click.option(
        "--images",
        "image_folder",
        metavar="DIR",
        type=PathType(file_okay=False, path_type=Path),
        help="Folder of the images, if it is not beside the dataset.",
    )(function)
    return input_format_option(function)


def input_format_option(function: F) -> F:
    """Add ``--input-format``."""
    return click.option(
        "--input-format",
        type=FormatName(),
        help="Format of the dataset; detected by default.",
    )(function)


workers_option = click.option(
    "--workers", type=click.IntRange(1, 64), help="Number of processes; one per core by default."
)

decode_threads_option = click.option(
    "--workers",
    type=click.IntRange(0),
    help="Number of threads that decode images; one per core by default.",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def check_page_name(target: Path) -> None:
    """Refuse a name for a page that says another format, and a file that is not a page.

    Raises:
        WrongUsage: The name does not end in .html or .htm, or see :func:`check_page`.
    """
    other = target.suffix.lower() not in PAGE_SUFFIXES
    if other and (target.is_file() or not target.exists()):  # a pipe may have any name
        raise WrongUsage(
            "is not the name of an HTML page",
            where=target,
            hint="use a name that ends in .html for -o",
        )
    check_page(target)


def check_page(target: Path) -> None:
    """Refuse to replace a file that is not an HTML page, such as the data that is read.

    Raises:
        WrongUsage: The file exists, and does not begin like a page of this tool.
    """
    if not target.is_file():
        return  # a pipe would wait for whoever writes to it
    try:
        with target.open("rb") as stream:
            head = stream.read(len(PAGE_HEAD))
    except OSError:
        return  # whoever writes it says why it cannot be written
    if head.lower() not in (PAGE_HEAD, b""):
        raise WrongUsage(
            "exists and is not an HTML page", where=target, hint="use another name for the page"
        )


def refuse_one_file(targets: Mapping[str, Path | None]) -> None:
    """Refuse to write two outputs into one file: the second would replace the first.

    Args:
        targets: The files that a command is about to write, by option; None is ignored.

    Raises:
        WrongUsage: Two options name one file.
    """
    option_of: dict[Path, str] = {}
    for option, target in targets.items():
        if target is None:
            continue
        first = option_of.setdefault(target.resolve(), option)
        if first != option:
            raise WrongUsage(f"{first} and {option} are the same file", hint="use two files")


def refuse_inputs(
    datasets: Iterable[Dataset], *targets: Path | None, files: Collection[Path] = ()
) -> None:
    """Refuse to write over what is read.

    Args:
        datasets: The datasets that the command reads.
        targets: The files that it is about to write; None is ignored.
        files: Resolved paths of other files that it reads.

    Raises:
        WrongUsage: A target is one of these files, or belongs to one of the datasets.
    """
    from rsitmd_tools.workspace.outputs import refuse_own_file

    sources = [(dataset.source.resolve(), dataset.format) for dataset in datasets]
    for target in filter(None, targets):
        file = target.resolve()
        read = file in files
        for source, name in sources:
            if name == "workspace":
                refuse_own_file(source, target)
            else:
                read |= file == source or (file.is_file() and file.is_relative_to(source))
        if read:
            raise WrongUsage(
                "is read, and would be overwritten", where=target, hint="use another name"
            )
