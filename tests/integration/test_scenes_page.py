"""docs/scenes.md to its end, on a real server: the first task shows a tile."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from tests.doc_blocks import check_page

pytestmark = pytest.mark.integration
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenes.md"


def test_the_page_leads_to_a_task(tmp_path: Path, started_once: Path) -> None:
    check_page(PAGE, tmp_path)
    section = PAGE.read_text(encoding="utf-8").split("## The first task")[1]
    (last,) = re.findall(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    serve, push = (shlex.split(line)[1:] for line in last.splitlines())
    tool = [sys.executable, "-m", "rsitmd_tools"]
    shutil.copytree(started_once, tmp_path / "coast" / "studio")
    server = subprocess.Popen(
        [*tool, *serve], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        assert "http://127.0.0.1:" in server.stdout.readline()
        done = subprocess.run([*tool, *push], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        status = subprocess.run(
            [*tool, "annotate", "status", "coast", "--json"], cwd=tmp_path, capture_output=True
        )
        assert json.loads(status.stdout)["tasks"] == 5
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 130
    with Workspace.open(tmp_path / "coast") as workspace:
        (first,) = workspace.db.execute(
            "SELECT filename FROM task JOIN image ON image.id = image_id ORDER BY task.id LIMIT 1"
        ).fetchall()
    assert (tmp_path / "coast" / "images" / first["filename"]).is_file()
