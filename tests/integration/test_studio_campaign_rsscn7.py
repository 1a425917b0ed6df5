"""A campaign by script, from init to release, on real images, with two send-backs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.studio.api.accounts import sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    from tests.integration.conftest import Tool

pytestmark = pytest.mark.integration

DRAFTS = ("There are some things in the picture.", "Many trees and a few houses.")


def test_rsscn7_from_init_to_release_with_two_send_backs(
    tool: Tool, shared_data: Path, tmp_path: Path, started_once: Path
) -> None:
    given = shared_data / "rsscn7_sample"
    entries = [
        json.loads(line)
        for line in (given / "annotations.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    folder = tmp_path / "campaign"
    counts: list[str] = []

    def run(*words: object) -> Any:
        done = tool.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        counts.append(f"{shlex.join(map(str, words[:2]))}: {done.stdout.strip().splitlines()[0]}")
        return json.loads(done.stdout) if "--json" in words else done.stdout

    run("build", "init", folder, "--text-licence", "CC-BY-4.0", "--image-licence", "CC-BY-4.0")
    for category in sorted({entry["category"] for entry in entries}):
        names = [given / "images" / e["image"] for e in entries if e["category"] == category]
        run("build", "ingest", folder, *names, "--category", category)
    shutil.copytree(started_once, folder / "studio")
    with EmbeddedServer(folder) as server:
        link = run("annotate", "invite", folder).strip()
        people = {
            name: Annotator(
                Connection("people", server.url, ""),
                sign_up_or_in(link, f"{name}@example.org", "a long password for tests"),
            )
            for name in sorted({s["annotator"] for e in entries for s in e["sentences"]})
        }
        pushed = run("annotate", "push", folder, "--order", "random", "--json")
        assert (pushed["mode"], pushed["new"], pushed["short"]) == ("assigned", 28 * 5, 0)

        back = iter(DRAFTS)
        rewritten = []
        by_content = {sha256_file(given / "images" / e["image"]): e for e in entries}
        for filename, content, name, task in _tasks(folder):
            entry = by_content[content]
            (text,) = [s["raw"] for s in entry["sentences"] if s["annotator"] == name]
            first = name in ("annotator1", "annotator4") and not any(
                filename == done[0] or name == done[2] for done in rewritten
            )
            people[name].submit(task, [next(back) if first else text], entry["keywords"])
            if first:
                rewritten.append((filename, task, name, text, entry["keywords"]))
        pulled = run("annotate", "pull", folder, "--json")
        assert (pulled["new"], pulled["deleted"], pulled["unknown_tasks"]) == (140, 0, [])

        file = tmp_path / "back.csv"
        file.write_text(
            "\n".join(
                ["image,annotator,sentence,note"]
                + [f"{f},{n}@example.org,1,Count what you see." for f, _, n, *_ in rewritten]
            ),
            encoding="utf-8",
        )
        reviewed = run("annotate", "review", folder, "--send-back", file, "--json")
        assert len(reviewed["sent_back"]) == 2
        assert reviewed["states"] == {"new": 138, "sent back": 2}
        state = run("annotate", "status", folder, "--json")
        assert (state["complete"], state["sentences"], state["missing"]) == (26, 138, 2)

        for _, task, name, text, keywords in rewritten:
            people[name].rewrite(task, [text], keywords)
        pulled = run("annotate", "pull", folder, "--json")
        assert (pulled["new"], pulled["changed"], pulled["foreign"]) == (0, 2, [])
        ids = tmp_path / "all.csv"
        ids.write_text(_everything(folder), encoding="utf-8")
        reviewed = run("annotate", "review", folder, "--accept", ids, "--json")
        assert reviewed["states"] == {"accepted": 140, "replaced": 2}
        assert _notes(folder, server) == Counter({"": 140})

    state = run("annotate", "status", folder, "--json")
    assert (state["complete"], state["sentences"], state["missing"]) == (28, 140, 0)
    run("build", "split", folder)
    release = tmp_path / "release"
    run("build", "release", folder, "--version", "1.0.0", "-o", release)
    print("\n".join(counts))

    images = json.loads((release / "dataset_RSITMD.json").read_text("utf-8"))["images"]
    released = {frozenset(s["raw"] for s in i["sentences"]): sorted(i["keywords"]) for i in images}
    wanted = {
        frozenset(s["raw"] for s in e["sentences"]): sorted(e["keywords"][:5]) for e in entries
    }
    assert released == wanted
    assert not set(DRAFTS) & {s["raw"] for i in images for s in i["sentences"]}


def _tasks(folder: Path) -> list[tuple[str, str, str, int]]:
    with Workspace.open(folder) as workspace:
        rows = workspace.db.execute(
            "SELECT filename, sha256, email, task.server_id FROM task"
            " JOIN image ON image.id = image_id JOIN project ON project.id = project_id"
            " JOIN annotator ON annotator.id = project.annotator_id ORDER BY task.id"
        ).fetchall()
    return [(r[0], r[1], re.sub("@.*", "", r[2]), r[3]) for r in rows]


def _everything(folder: Path) -> str:
    with Workspace.open(folder) as workspace:
        rows = workspace.db.execute(
            "SELECT filename, email FROM annotation JOIN task ON task.id = task_id"
            " JOIN image ON image.id = image_id"
            " JOIN annotator ON annotator.id = annotation.annotator_id WHERE latest"
        ).fetchall()
    return "\n".join(["image,annotator,sentence,note", *(f"{r[0]},{r[1]},1," for r in rows)])


def _notes(folder: Path, server: EmbeddedServer) -> Counter[str]:
    client = Client(Connection("lead", server.url, server.token))
    with Workspace.open(folder) as workspace:
        numbers = [row[0] for row in workspace.db.execute("SELECT server_id FROM project")]
    return Counter(
        task.data["note"]
        for number in numbers
        for page in client.pages(number, annotations=False)
        for task in page
    )
