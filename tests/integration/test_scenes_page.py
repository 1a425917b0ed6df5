"""docs/scenes.md to its end, on a real server: the first task shows a tile."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from tests.doc_blocks import check_page
from tests.forks import Nursery

pytestmark = pytest.mark.integration
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenes.md"


def test_the_page_leads_to_a_task(tmp_path: Path, started_once: Path, commands: Nursery) -> None:
    check_page(PAGE, tmp_path, commands)
    section = PAGE.read_text(encoding="utf-8").split("## The first task")[1]
    (last,) = re.findall(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    serve, push = (shlex.split(line)[1:] for line in last.splitlines())
    shutil.copytree(started_once, tmp_path / "coast" / "studio")
    server = commands.start(*serve, folder=tmp_path)
    try:
        assert "http://127.0.0.1:" in server.stdout.readline()
        done = commands.run(*push, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        status = commands.run("annotate", "status", "coast", "--json", folder=tmp_path)
        assert json.loads(status.stdout)["tasks"] == 5
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 130
    with Workspace.open(tmp_path / "coast") as workspace:
        (first,) = workspace.db.execute(
            "SELECT filename FROM task JOIN image ON image.id = image_id ORDER BY task.id LIMIT 1"
        ).fetchall()
    assert (tmp_path / "coast" / "images" / first["filename"]).is_file()
