"""``annotate status`` prints its numbers even if a file cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rsitmd_tools.cli.root import _run
from rsitmd_tools.workspace import Workspace


def test_numbers_are_printed_if_the_page_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "file").touch()
    page, payment = tmp_path / "file" / "page.html", tmp_path / "weeks.csv"
    command = ["annotate", "status", str(tmp_path / "w"), "--json"]
    assert _run([*command, "--html", str(page), "--payment", str(payment)], False) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["images"] == 0
    assert said.err.splitlines()[-1].startswith(f"error: {page}: cannot be written")
    assert payment.is_file()
