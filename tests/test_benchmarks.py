"""`make bench`: what ran, what lacked data, and what failed."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
NO_SCRIPTS = {"machine", "run_all", "prior_growth", "prior_plain", "rows"}
HEAD = "import sys\nfrom machine import Parser, data_folder, not_measured, add_data_option\n"
MAIN = '\nif __name__ == "__main__":\n    main()\n'
BODIES = {
    "good": 'print("| 1 |")',
    "bad": "sys.exit(3)",
    "wrong": "raise SystemExit('broken')",
    "usage": "sys.exit(2)",
    "gpu": 'not_measured("no CUDA device")',
    "needs": 'parser = Parser()\n    parser.add_argument("weights")\n    parser.parse_args()',
    "real": "parser = Parser()\n    add_data_option(parser)\n"
    '    data_folder(parser.parse_args().data, "no_such_data")',
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script, *rest = arguments
    return subprocess.run(
        [sys.executable, folder / f"{script}.py", *rest], capture_output=True, text=True
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The runner and scripts of every outcome; importing the module would fail."""
    for name in ("machine", "run_all"):
        shutil.copy(BENCHMARKS / f"{name}.py", tmp_path)
    (tmp_path / "module.py").write_text("raise SystemExit('a module was run')")
    for name, body in BODIES.items():
        text = f"{HEAD}\ndef main():\n    {body}\n{MAIN}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_all_are_run_and_a_failure_is_the_exit_status(folder: Path) -> None:
    done = run(folder, "run_all")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-3:] == [
        "measured: good",
        "not measured: gpu, needs, real",
        "failed: bad, usage, wrong",
    ]
    assert "gpu: not measured; no CUDA device\n" in done.stderr
    assert "needs: not measured; the following arguments are required: weights\n" in done.stderr
    assert "real: not measured; no folder " in done.stderr
    assert "| 1 |" in done.stdout and "usage:" not in done.stderr


def test_what_is_not_measured_is_no_failure(folder: Path) -> None:
    done = run(folder, "run_all", "good", "needs")
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (
        0,
        ["measured: good", "not measured: needs"],
    )
    assert run(folder, "run_all", "goood").returncode == 2


def test_wrong_arguments_are_an_error(folder: Path) -> None:
    done = run(folder, "needs", "a", "--no-such-option")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert run(folder, "needs", "a").returncode == 0


def test_every_script_parses_its_arguments_in_this_way() -> None:
    """And every one that `make bench` runs can be run: it has a main."""
    files = sorted(BENCHMARKS.glob("*.py"))
    trees = {file.stem: ast.parse(file.read_bytes()) for file in files}
    calls = {
        name: {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for name, tree in trees.items()
    }
    own = {name for name, called in calls.items() if "argparse.ArgumentParser" in called}
    assert own == {"run_all"}
    # Those without a parser of their own use that of rows.py or release.py.
    others = {name for name, called in calls.items() if "Parser" not in called} - NO_SCRIPTS
    assert all({"run_script", "arguments_of"} & calls[name] for name in others), others
    mains = {file.stem for file in files if "\nif __name__ ==" in file.read_text("utf-8")}
    assert mains == {*trees} - {"prior_growth", "prior_plain", "rows"}


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda file: file.stem)
def test_what_a_script_imports_from_the_tool_exists(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rsitmd_tools"):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.util.find_spec(
                    f"{node.module}.{alias.name}"
                )
