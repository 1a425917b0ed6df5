"""Every command of the handbook, run in its order against a real server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.accounts import sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.licence import ACCEPTED, CHOICE
from rsitmd_tools.workspace import Workspace
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    from tests.integration.conftest import Draw, Tool

pytestmark = pytest.mark.integration

HANDBOOK = Path(__file__).resolve().parents[2] / "docs" / "handbook.md"
PAINTED = ("red", "green", "blue", "white", "grey", "brown", "black", "yellow")
WORDS = ("ship", "crane", "quay", "barge", "tanker", "buoy", "jetty", "warehouse")
NAMES = ("anna", "berta", "clara")


def commands() -> list[str]:
    text = HANDBOOK.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class Team:
    """The people of the handbook: they write what is open whenever they are asked."""

    def __init__(self, folder: Path, link: str) -> None:
        self._folder = folder
        with Workspace.open(folder) as workspace:
            connection = connection_of(workspace)
        self._people = {
            f"{name}@example.org": Annotator(
                connection, sign_up_or_in(link, f"{name}@example.org", "a long password")
            )
            for name in NAMES
        }

    def write(self, vague: bool = False) -> int:
        """Let everybody write what they have to do; return how many annotations it were."""
        with Workspace.open(self._folder) as workspace:
            client = Client(connection_of(workspace))
            rows = workspace.db.execute(
                "SELECT email, project.server_id FROM project"
                " JOIN annotator ON annotator.id = annotator_id WHERE closed_at IS NULL"
            ).fetchall()
        count = 0
        for email, project in rows:
            for page in client.pages(project):
                for task in page:
                    if not task.annotations and email in self._people:
                        text = (
                            f"Two {PAINTED[task.id % 8]} {WORDS[task.id // 8 % 8]}s lie left of"
                            f" the {PAINTED[(task.id + 3) % 8]} {WORDS[(task.id + 5) % 8]}."
                        )
                        if vague and not count:
                            text = "Some ships lie before many houses."
                        self._people[email].submit(task.id, [text], ["red ship"])
                        count += 1
        return count

    def accept(self, page: str) -> None:
        """Let everybody accept the licence on its page."""
        with Workspace.open(self._folder) as workspace:
            client = Client(connection_of(workspace))
        (tasks,) = client.pages(int(page.split("/projects/")[1].split("/")[0]))
        accepts = {"from_name": CHOICE, "to_name": "text", "type": "choices",
                   "value": {"choices": [ACCEPTED]}}  # fmt: skip
        for person in self._people.values():
            person._client.sdk.annotations.create(id=tasks[0].id, result=[accepts])

    def rewrite(self) -> int:
        """Let everybody correct what was sent back; return how many sentences it were."""
        with Workspace.open(self._folder) as workspace:
            rows = workspace.db.execute(
                "SELECT email, task.server_id FROM sentence"
                " JOIN annotation ON annotation.id = annotation_id JOIN task ON task.id = task_id"
                " JOIN annotator ON annotator.id = annotation.annotator_id"
                " WHERE latest AND state = 'sent back'"
            ).fetchall()
        for email, task in rows:
            words = f"A corrected {PAINTED[task % 8]} {WORDS[task % 7]} beside the stone pier."
            rewrite(self._people[email], task, [words], ["red ship"])
        return len(rows)


def test_every_command_runs(
    tmp_path: Path, started_once: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch, tool: Tool
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sources(tmp_path, draw)
    listed = commands()
    assert len(listed) > 25
    written: list[str] = []
    server: EmbeddedServer | None = None
    team: Team | None = None

    def after(line: str, out: str) -> None:
        """What people and the lead do between two commands."""
        nonlocal team
        folder = Path("campaign")
        if " invite " in line:
            team = Team(folder, out.strip())
        elif line.endswith(("push campaign", "--replan")):
            assert team is not None
            if not written:
                team.accept(re.findall(r"once per annotator: (\S+)", out)[0])
            team.write(vague=len(written) == 1)  # the first one is the pilot
            written.append(line)
        elif "--send-back S104" in line:
            assert "sent back: " in out
            _csv("back.csv", folder, "note", "Say how they relate.", 1)
        elif "--send-back back.csv" in line:
            assert team is not None
            assert team.rewrite() == 2
        elif line.endswith("log campaign port_1.tif"):
            _csv("reject.csv", folder, "note", "Another image.", 1)

    try:
        for line in listed:
            words = shlex.split(line)
            assert words[0] == "rsitmd"
            if words[1:3] == ["annotate", "serve"]:
                shutil.copytree(started_once, tmp_path / "campaign" / "studio")
                _settings(tmp_path / "campaign")
                server = EmbeddedServer(tmp_path / words[3])
                server.start()
                continue
            if words[1:3] == ["annotate", "connect"]:
                assert server is not None
                Workspace.create(tmp_path / words[3]).close()
                Path("token.txt").write_text(server.token, encoding="ascii")
                words[words.index("--url") + 1] = server.url
            done = tool.run(*words[1:])
            findings = words[1] == "validate"  # which end in 1 where there are some
            assert done.returncode == 0 or (findings and done.returncode == 1), (line, done.stderr)
            assert "Traceback" not in done.stderr
            after(line, done.stdout)
    finally:
        if server is not None:
            server.stop()
    check_release_and_files()


def write_sources(folder: Path, draw: Draw) -> None:
    """Write the photos and the reference sentences that the page speaks of."""
    photos = folder / "photos" / "port"
    photos.mkdir(parents=True)
    for number in range(1, 13):
        draw(photos / f"{number}.tif", number)
    (folder / "references.csv").write_text(
        "image,sentence\nport_1.tif,Two red ships lie at the quay.\nport_2.tif,Three boats.\n",
        encoding="utf-8",
    )


def check_release_and_files() -> None:
    released = json.loads(Path("campaign-1.0.0", "dataset_RSITMD.json").read_text("utf-8"))
    assert len(released["images"]) == 12
    raws = [s["raw"] for image in released["images"] for s in image["sentences"]]
    assert len(raws) == 24
    assert not [raw for raw in raws if raw.startswith("Some")]
    assert any(raw.startswith("A corrected") for raw in raws)
    manifest = json.loads(Path("campaign-1.0.0", "release.json").read_text("utf-8"))
    assert manifest["annotators_licence"]["name"] == "CC-BY-4.0"
    assert manifest["annotators_licence"]["not_accepted"] == []
    assert Path("status.html").is_file()
    assert "anna@example.org" in Path("weeks.csv").read_text(encoding="utf-8")


def _settings(folder: Path) -> None:
    """Two people an image, so that a test is enough, and the licence that the page names."""
    file = folder / "rsitmd.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        ("annotators_per_image = 5", "annotators_per_image = 2"),
        ('licence = ""', 'licence = "CC-BY-4.0"'),
    ):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def _csv(name: str, folder: Path, column: str, value: str, count: int) -> None:
    """Write a file of decisions about sentences that are new."""
    with Workspace.open(folder) as workspace:
        rows = workspace.db.execute(
            "SELECT filename, email FROM sentence JOIN annotation ON annotation.id = annotation_id"
            " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
            " JOIN project ON project.id = project_id AND kind = 'main'"
            " JOIN annotator ON annotator.id = annotation.annotator_id"
            " WHERE latest AND state = 'new' ORDER BY sentence.id LIMIT ?",
            (count,),
        ).fetchall()
    assert rows
    lines = [f"{row[0]},{row[1]},1,{value}" for row in rows]
    Path(name).write_text("\n".join([f"image,annotator,sentence,{column}", *lines]), "utf-8")
