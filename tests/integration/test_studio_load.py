"""Twenty people at once for five minutes, on SQLite and on PostgreSQL: nothing lost or twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.soak]

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "load.py"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_twenty_people_at_once(database: str, tmp_path: Path) -> None:
    """What the server took with 201 is in the pull, once; how long they wait is printed."""
    seconds = os.environ.get("RSITMD_LOAD_SECONDS", "300")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--database", database, "--people", "20", "--seconds",
         seconds, "--json", str(tmp_path / "load.json")],
        capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    if "no PostgreSQL found" in done.stderr:
        pytest.skip("no PostgreSQL found: apt-get install postgresql")
    print(done.stdout)
    (load,) = json.loads((tmp_path / "load.json").read_text(encoding="utf-8"))
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert load["accepted"]
    assert (load["lost"], load["twice"], load["idle"]) == (0, 0, 0)
