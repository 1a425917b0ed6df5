"""Runs the code blocks of a page and compares what they print with what the page shows.

Three kinds of blocks are run, in the order of the page and in one folder:

- ``console``: a line that starts with ``$`` is a command; the lines below it are its output.
- ``python``: a script. A ``text`` block right after it is its output.
- ``sh``: commands whose output the page does not show.

Only `rsitmd` commands are run: installing is left to other tests. Set ``RSITMD_UPDATE_DOCS=1`` to
write the new output into the page instead of comparing.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.forks import Nursery

FENCE = re.compile(r"^```(console|python|sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
WIDTH = "100"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: Its language.
        content: The text between the fences.
        start: Where the content starts in the page.
        end: Where the content ends in the page.
    """

    language: str
    content: str
    start: int
    end: int


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page that are run, and the outputs of scripts."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in FENCE.finditer(page)]


def executed(page: str, folder: Path, commands: Nursery) -> str:
    """Run the blocks of a page in a folder; return the page with the output that they print."""
    parts, position = [], 0
    blocks = blocks_of(page)
    for number, block in enumerate(blocks):
        content = block.content
        if block.language == "console":
            content = _console(content, folder, commands)
        elif block.language == "sh":
            for line in content.splitlines():
                _command(line, folder, commands)
        elif block.language == "text" and number and _follows(page, blocks[number - 1], block):
            content = _checked(_script(blocks[number - 1].content, folder, commands))
        elif block.language == "python" and not _output_follows(page, blocks, number):
            _checked(_script(content, folder, commands))
        parts += [page[position : block.start], content]
        position = block.end
    return "".join([*parts, page[position:]])


def check_page(file: Path, folder: Path, commands: Nursery) -> None:
    """Run a page; fail if it shows other output than its blocks print."""
    page = file.read_text(encoding="utf-8")
    new = executed(page, folder, commands)
    if os.environ.get("RSITMD_UPDATE_DOCS") == "1":
        file.write_text(new, encoding="utf-8")
    else:
        assert new == page, f"{file.name} shows other output; RSITMD_UPDATE_DOCS=1 updates it"


def _follows(page: str, script: Block, output: Block) -> bool:
    """Whether an output belongs to a script: at most one short paragraph is between them."""
    between = page[script.end : output.start].removeprefix("```").removesuffix("```text\n")
    return script.language == "python" and not between.strip()


def _output_follows(page: str, blocks: list[Block], number: int) -> bool:
    after = blocks[number + 1 : number + 2]
    return bool(after) and after[0].language == "text" and _follows(page, blocks[number], after[0])


def _console(content: str, folder: Path, commands: Nursery) -> str:
    found = []
    for line in content.splitlines():
        if line.startswith("$ "):
            found += [line, *_command(line[2:], folder, commands).splitlines()]
    return "".join(f"{line}\n" for line in found)


def _command(line: str, folder: Path, commands: Nursery) -> str:
    words = shlex.split(line, comments=True)
    if not words or words[0] != "rsitmd":
        return ""
    done = commands.run(*words[1:], folder=folder, environment=_environment())
    # Findings are exit code 1: the output shows them.
    return _checked(done, (0, 1))


def _script(source: str, folder: Path, commands: Nursery) -> subprocess.CompletedProcess[str]:
    return commands.run(script=source, folder=folder, environment=_environment())


def _environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": WIDTH}


def _checked(done: subprocess.CompletedProcess[str], codes: tuple[int, ...] = (0,)) -> str:
    assert done.returncode in codes, (done.args, done.stderr)
    assert "Traceback" not in done.stderr, (done.args, done.stderr)
    return done.stdout
