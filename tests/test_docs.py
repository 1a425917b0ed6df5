"""What the documentation names must exist, and what exists must be named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click
import pytest

from rsitmd_tools.cli import root
from rsitmd_tools.cli.lazy import LazyGroup
from tests.doc_blocks import check_page
from tests.forks import Nursery

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]


def commands_of(group: LazyGroup, *names: str) -> dict[str, str]:
    """Return all commands with their line in the help of their group."""
    found: dict[str, str] = {}
    for name, (_, text) in group.modules.items():
        command = group.get_command(click.Context(group), name)
        inside = isinstance(command, LazyGroup)
        found |= commands_of(command, *names, name) if inside else {" ".join([*names, name]): text}
    return found


def test_the_reference_lists_exactly_the_commands() -> None:
    table = (CHECKOUT / "docs/commands/index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `rsitmd ([a-z]+(?: [a-z-]+)?)[^`]*` \| (.*) \|$", table, re.MULTILINE)
    assert sorted(rows) == sorted(commands_of(root.cli).items())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    absent = [link for link in links if not (page.parent / link).exists()]
    assert not absent


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_commands_of_the_pages_exist(page: Path) -> None:
    """Every `rsitmd ...` line in a code block names a command there is."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    known = commands_of(root.cli)
    for line in "\n".join(blocks).splitlines():
        match = re.match(r"(?:\.venv/bin/)?rsitmd ((?:[a-z]+(?:-[a-z]+)* ?){1,2})", line.strip())
        if match:
            words = match[1].split()
            assert words[0] in known or " ".join(words[:2]) in known, line


@pytest.mark.parametrize("name", ["README.md", "docs/tour.md", "docs/scenes.md", "docs/python.md"])
def test_blocks_print_what_the_page_shows(name: str, tmp_path: Path, commands: Nursery) -> None:
    shutil.copytree(CHECKOUT / "docs" / "example", tmp_path / "docs" / "example")
    check_page(CHECKOUT / name, tmp_path, commands)
