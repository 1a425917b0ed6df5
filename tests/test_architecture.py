"""The layers of docs/architecture.md, compared with what the modules import.

Every import counts: at the top of a module, inside a function, under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import networkx
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
AT_THE_TOP = ("annotation_templates", "baselines", "schemas")
BELOW = {
    "errors",
    "atomic",
    "collector",
    "compiled",
    "hashing",
    "indented",
    "progress",
    "extras",
    "plugins",
    "provenance",
    "templates",
    "text_files",
    "__version__",
}


def modules() -> dict[str, Path]:
    """Return every module of the installed package by its dotted name."""
    found = {}
    folders = [("rsitmd_tools", CHECKOUT / "rsitmd_tools")]
    folders += [(f"rsitmd_tools.{name}", CHECKOUT / name) for name in AT_THE_TOP]
    for package, folder in folders:
        for file in folder.rglob("*.py"):
            parts = file.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = file
    return found


MODULES = modules()


def imported(file: Path) -> Iterator[str]:
    """Yield the modules of the package that a module imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            of_package = [f"{node.module}.{alias.name}" for alias in node.names]
            # A constant, which is there before the package imports anything.
            of_package = [name for name in of_package if name != "rsitmd_tools.__version__"]
            names = [name if name in MODULES else node.module for name in of_package]
        else:
            continue
        yield from (name for name in names if name.startswith("rsitmd_tools"))


def graph() -> networkx.DiGraph:
    """Return the modules, and an edge for each import."""
    found = networkx.DiGraph()
    found.add_nodes_from(MODULES)
    for module, file in MODULES.items():
        found.add_edges_from((module, other) for other in imported(file) if other != module)
    return found


GRAPH = graph()


def packages_at(depth: int) -> networkx.DiGraph:
    """Return the imports between packages, named by ``depth`` parts below ``rsitmd_tools``."""
    found = networkx.DiGraph()
    for one, other in GRAPH.edges:
        # A module that lies beside the packages stands for itself.
        left, right = (".".join(name.split(".")[: depth + 1]) for name in (one, other))
        if left != right:
            found.add_edge(left, right)
    return found


def circles(of: networkx.DiGraph) -> list[list[str]]:
    groups = networkx.strongly_connected_components(of)
    return [sorted(group) for group in groups if len(group) > 1]


def table() -> dict[str, set[str] | None]:
    """Return for each package what it can import; None where that is every package."""
    rows = re.findall(r"^\| `(?:rsitmd_tools/)?(\w+)/` \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {
        package: None if may == "every package" else set(re.findall(r"`(\w+)`", may))
        for package, may in rows
    }


def packages() -> set[str]:
    parts = (name.split(".") for name, file in MODULES.items() if file.name == "__init__.py")
    return {part[1] for part in parts if len(part) == 2}


def test_modules_have_no_circular_imports() -> None:
    assert circles(GRAPH) == []


@pytest.mark.parametrize("depth", [1, 2])
def test_packages_have_no_circular_imports(depth: int) -> None:
    assert circles(packages_at(depth)) == []


def test_a_circle_is_found() -> None:
    made = networkx.DiGraph([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])
    assert circles(made) == [["a", "b", "c"]]


def test_imports_in_functions_and_for_types_count(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from rsitmd_tools.studio.sync import push\n"
        "def f():\n    import rsitmd_tools.errors\n"
    )
    assert set(imported(file)) == {"rsitmd_tools.studio.sync.push", "rsitmd_tools.errors"}


def test_the_table_has_every_package() -> None:
    assert set(table()) == packages()


@pytest.mark.parametrize("package", sorted(packages()))
def test_the_table_lists_exactly_the_imports_of_a_package(package: str) -> None:
    found = {
        (other.split(".")[1], one)
        for one, other in GRAPH.edges
        if one.split(".")[1:2] == [package] and other.count(".")
    }
    found = {(other, one) for other, one in found if other not in {package, *BELOW}}
    may = table()[package]
    if may is not None:
        assert sorted((other, one) for other, one in found if other not in may) == []
        assert may == {other for other, _ in found}, "the table names what is not imported"


@pytest.mark.parametrize("package", ["studio", "baselines"])
def test_the_maps_of_the_large_packages_name_every_module(package: str) -> None:
    part = PAGE.split(f"### Inside `{package}/`")[1].split("##")[0]
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+)`", part.replace("/`", "`"))}
    files = [file for name, file in MODULES.items() if name.split(".")[1:2] == [package]]
    stems = {file.stem for file in files} - {"__init__"}
    folders = {file.parent.name for file in files}
    assert stems - named == set()
    assert named - stems - folders - {"scripts"} == set()


def test_only_the_workspace_package_has_sql() -> None:
    calls = {"execute", "executemany", "executescript"}
    found = {
        name
        for name, file in MODULES.items()
        if not name.startswith("rsitmd_tools.workspace")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in calls
    }
    assert found == set()


def test_the_four_common_changes_fit_the_files() -> None:
    part = PAGE.split("## Four common changes")[1].split("\n**A figure of results**")[0]
    blocks = re.findall(r"^```diff\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    # The fourth, a rule, is the example of CONTRIBUTING.md; tests/quality/test_check.py runs it.
    assert "\n**A rule**" in part and "(contributing.md#a-new-rule)" in part
    contributing = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = contributing.split("\n## A new rule\n")[1].split("\n## ")[0]
    (folder,) = re.findall(r"one file to `([\w/]+/)`", example)
    (name,) = re.findall(r"`(\w+\.py)`", example)
    assert (CHECKOUT / folder).is_dir() and not (CHECKOUT / folder / name).exists()
    for change in (file for block in blocks for file in re.split(r"(?m)^\+\+\+ ", block)[1:]):
        name, *lines = change.splitlines()
        old = [line[1:] for line in lines if not line.startswith(("+", "@@"))]
        new = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
        if (CHECKOUT / name).exists():
            there = [line.strip() for line in (CHECKOUT / name).read_text("utf-8").splitlines()]
            assert [line for line in old if line.strip() not in there] == [], name
            assert not new.strip() or new.splitlines()[0].strip() not in there, name
        else:
            assert old == [], name
            if name.startswith("baselines/") and name.endswith(".py"):
                exec(compile(new, name, "exec"), {"__name__": "example"})


def layers() -> dict[str, int]:
    """Return the layer of each package in the picture, counted from the top."""
    picture = PAGE.split("## The layers")[1].split("```")[1]
    found: dict[str, int] = {}
    for number, layer in enumerate(re.split(r"├─+┤", picture)):
        for name in re.findall(r"\w+", layer):
            assert name not in found
            found[name] = number
    return found


def test_packages_import_only_the_layers_below() -> None:
    place = layers()
    lowest = max(place.values())
    assert {name for name, layer in place.items() if layer == lowest} == BELOW - {"__version__"}
    edges = {
        (left.split(".")[1], right.split(".")[1])
        for left, right in GRAPH.edges
        if "." in left and "." in right
    }
    packages = {name for edge in edges for name in edge} - {"__version__", "__main__"}
    assert packages == set(place)
    upward = {
        (left, right)
        for left, right in edges
        if left != right
        and {left, right} <= set(place)
        and place[left] >= place[right]
        and place[left] != lowest  # those modules may import each other
    }
    assert upward == set()


def test_no_module_imports_a_file_of_tests() -> None:
    """What several files of tests use lies in a module of helpers or in a conftest.py."""
    importing = re.compile(r"^\s*(?:from|import) tests\b.*\btest_\w+", re.MULTILINE)
    files = [*(CHECKOUT / "tests").rglob("*.py"), *(CHECKOUT / "benchmarks").rglob("*.py")]
    assert len(files) > 300
    found = {
        str(file.relative_to(CHECKOUT)): importing.findall(file.read_text(encoding="utf-8"))
        for file in files
    }
    assert {name: lines for name, lines in found.items() if lines} == {}
