"""The rooms of docs/architecture.md, held against what their modules import."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
BELOW = {"errors", "atomic", "hashing", "progress", "extras", "machine", "__version__"}
ROOMS = {
    **{init.parent.name: init.parent for init in CHECKOUT.glob("rsitmd_tools/*/__init__.py")},
    **{name: CHECKOUT / name for name in ("annotation_templates", "baselines", "schemas")},
}


def table() -> dict[str, set[str] | None]:
    """Return of each room what it may import; None where that is every room."""
    rows = re.findall(r"^\| `(?:rsitmd_tools/)?(\w+)/` \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {
        room: None if may == "every room" else set(re.findall(r"`(\w+)`", may))
        for room, may in rows
    }


def imported(file: Path) -> Iterator[str]:
    """Yield the rooms that a module imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "rsitmd_tools":
            names = [f"rsitmd_tools.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        yield from (n.split(".")[1] for n in names if n.startswith("rsitmd_tools."))


def test_every_room_stands_in_the_table() -> None:
    assert set(table()) == set(ROOMS)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_what_the_table_says_and_all_of_it(room: str) -> None:
    found = {
        (other, str(file.relative_to(CHECKOUT)))
        for file in ROOMS[room].rglob("*.py")
        for other in imported(file)
        if other not in {room, *BELOW}
    }
    may = table()[room]
    if may is not None:
        assert sorted((o, f) for o, f in found if o not in may) == []
        assert may == {other for other, _ in found}, "the table names what is not imported"


@pytest.mark.parametrize("room", ["studio", "baselines"])
def test_the_maps_of_the_large_rooms_name_every_module(room: str) -> None:
    part = PAGE.split(f"### Inside `{room}/`")[1].split("##")[0]
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+)`", part.replace("/`", "`"))}
    modules = {f.stem for f in ROOMS[room].rglob("*.py")} - {"__init__"}
    assert modules - named == set()
    folders = {f.name for f in ROOMS[room].rglob("*") if f.is_dir()}
    assert named - modules - folders == set()
