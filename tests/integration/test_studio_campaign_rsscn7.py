"""A campaign by script, from init to release, on real images, with two send-backs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from dataclasses import dataclass, field
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
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    from tests.integration.conftest import Tool

pytestmark = pytest.mark.integration

DRAFTS = ("There are some things in the picture.", "Many trees and a few houses.")


@dataclass(frozen=True)
class Draft:
    """A sentence that is sent back, and what its author writes in its place."""

    filename: str
    task: int
    author: str
    text: str
    keywords: list[str]


@dataclass
class Campaign:
    """A campaign on a running server; each command is one that a user types."""

    tool: Tool
    folder: Path
    given: Path
    entries: list[dict[str, Any]]
    counts: list[str] = field(default_factory=list)
    people: dict[str, Annotator] = field(default_factory=dict)

    def run(self, *words: object) -> Any:
        done = self.tool.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        first = done.stdout.strip().splitlines()[0]
        self.counts.append(f"{shlex.join(map(str, words[:2]))}: {first}")
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def ingest(self) -> None:
        licences = ("--text-licence", "CC-BY-4.0", "--image-licence", "CC-BY-4.0")
        self.run("build", "init", self.folder, *licences)
        for category in sorted({entry["category"] for entry in self.entries}):
            names = [
                self.given / "images" / e["image"]
                for e in self.entries
                if e["category"] == category
            ]
            self.run("build", "ingest", self.folder, *names, "--category", category)

    def sign_up(self, url: str) -> None:
        link = self.run("annotate", "invite", self.folder).strip()
        names = {s["annotator"] for e in self.entries for s in e["sentences"]}
        for name in sorted(names):
            token = sign_up_or_in(link, f"{name}@example.org", "a long password for tests")
            self.people[name] = Annotator(Connection("people", url, ""), token)

    def write(self) -> list[Draft]:
        """All write; two of them write a draft first, each for another image."""
        back = iter(DRAFTS)
        drafts: list[Draft] = []
        by_content = {sha256_file(self.given / "images" / e["image"]): e for e in self.entries}
        for filename, content, name, task in _tasks(self.folder):
            entry = by_content[content]
            (text,) = [s["raw"] for s in entry["sentences"] if s["annotator"] == name]
            first = name in ("annotator1", "annotator4") and not any(
                filename == done.filename or name == done.author for done in drafts
            )
            self.people[name].submit(task, [next(back) if first else text], entry["keywords"])
            if first:
                drafts.append(Draft(filename, task, name, text, entry["keywords"]))
        return drafts

    def review(self, drafts: list[Draft], server: EmbeddedServer) -> None:
        """Send the drafts back; accept everything when they are rewritten."""
        file = self.folder.parent / "back.csv"
        lines = [f"{d.filename},{d.author}@example.org,1,Count what you see." for d in drafts]
        file.write_text("\n".join(["image,annotator,sentence,note", *lines]), encoding="utf-8")
        reviewed = self.run("annotate", "review", self.folder, "--send-back", file, "--json")
        assert len(reviewed["sent_back"]) == 2
        assert reviewed["states"] == {"new": 138, "sent back": 2}
        state = self.run("annotate", "status", self.folder, "--json")
        assert (state["complete"], state["sentences"], state["missing"]) == (26, 138, 2)

        for draft in drafts:
            rewrite(self.people[draft.author], draft.task, [draft.text], draft.keywords)
        pulled = self.run("annotate", "pull", self.folder, "--json")
        assert (pulled["new"], pulled["changed"], pulled["foreign"]) == (0, 2, [])
        ids = self.folder.parent / "all.csv"
        ids.write_text(_everything(self.folder), encoding="utf-8")
        reviewed = self.run("annotate", "review", self.folder, "--accept", ids, "--json")
        assert reviewed["states"] == {"accepted": 140, "replaced": 2}
        assert _notes(self.folder, server) == Counter({"": 140})


def test_rsscn7_from_init_to_release_with_two_send_backs(
    tool: Tool, shared_data: Path, tmp_path: Path, started_once: Path
) -> None:
    given, folder = shared_data / "rsscn7_sample", tmp_path / "campaign"
    lines = (given / "annotations.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    campaign = Campaign(tool, folder, given, entries)
    campaign.ingest()
    shutil.copytree(started_once, folder / "studio")
    with EmbeddedServer(folder) as server:
        campaign.sign_up(server.url)
        pushed = campaign.run("annotate", "push", folder, "--order", "random", "--json")
        assert (pushed["mode"], pushed["new"], pushed["short"]) == ("assigned", 28 * 5, 0)
        drafts = campaign.write()
        pulled = campaign.run("annotate", "pull", folder, "--json")
        assert (pulled["new"], pulled["deleted"], pulled["unknown_tasks"]) == (140, 0, [])
        campaign.review(drafts, server)

    state = campaign.run("annotate", "status", folder, "--json")
    assert (state["complete"], state["sentences"], state["missing"]) == (28, 140, 0)
    campaign.run("build", "split", folder)
    release = tmp_path / "release"
    campaign.run("build", "release", folder, "--version", "1.0.0", "-o", release)
    print("\n".join(campaign.counts))
    check_release(release, entries)


def check_release(release: Path, entries: list[dict[str, Any]]) -> None:
    """Every sentence and keyword that was given is released, and no draft."""
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
