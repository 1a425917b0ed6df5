"""Imported sentences on the correction page of the real server: shown, corrected, replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.studio.campaign.payment import payment
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images

if TYPE_CHECKING:
    from rsitmd_tools.demo.annotator import Annotator
    from rsitmd_tools.studio.api.client import Client
    from tests.integration.conftest import Draw, MakeWorkspace, Tool

pytestmark = pytest.mark.integration

SETTINGS = """[annotation]
template = "correction"
assignment = "shared"
annotators_per_image = 1
sentences_per_annotator = 5
keywords_min = 0
"""


def write_old(folder: Path, texts: dict[int, list[str]], draw: Draw) -> None:
    """Write a dataset in the precomp format: images by number, and their sentences."""
    (folder / "images").mkdir(parents=True)
    for number in texts:
        draw(folder / "images" / f"port_{number}.tif", number)
    lines = "".join(f"{text}\n" for sentences in texts.values() for text in sentences)
    (folder / "test_caps.txt").write_text(lines)
    (folder / "test_filename.txt").write_text("".join(f"port_{n}.tif\n" for n in texts))


def test_imported_sentences_are_corrected_on_the_page(
    make_workspace: MakeWorkspace,
    tool: Tool,
    client: Client,
    annotators: list[tuple[str, Annotator]],
    draw: Draw,
) -> None:
    folder = make_workspace(images=0, settings=SETTINGS)
    texts = {n: [f"Boat {k} of port {n} lies at the pear." for k in range(1, 6)] for n in (1, 2)}
    write_old(folder.parent / "old", texts, draw)
    imported = tool.run("build", "import", folder, folder.parent / "old", "--json")
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["added"] == 2

    assert tool.run("annotate", "push", folder).returncode == 0
    given = tool.run("annotate", "prefill", folder, "--json")
    assert json.loads(given.stdout)["sent"] == 2, given.stderr
    assert json.loads(tool.run("annotate", "prefill", folder, "--json").stdout)["known"] == 2
    with Workspace.open(folder) as workspace:
        tasks = [row[0] for row in workspace.db.execute("SELECT server_id FROM task ORDER BY id")]
    task = client.call(client.sdk.tasks.get, id=str(tasks[0]))
    assert [task.data[f"caption{k}"] for k in range(1, 6)] == texts[1]
    assert "come from the dataset old" in task.data["machine"]
    [prediction] = client.call(client.sdk.predictions.list, task=tasks[0])
    assert [part["value"]["text"] for part in prediction.result] == [[t] for t in texts[1]]

    def status() -> dict[str, object]:
        found: dict[str, object] = json.loads(
            tool.run("annotate", "status", folder, "--json").stdout
        )
        return found

    before = status()
    assert (before["annotations"], before["complete"], before["missing"]) == (0, 0, 2)
    assert (before["sentences"], before["imported_sentences"], before["states"]) == (10, 10, {})

    # One sentence is corrected, the others are confirmed.
    email, person = annotators[0]
    corrected = [texts[1][0].replace("pear", "pier"), *texts[1][1:]]
    person.submit(tasks[0], corrected, ["white boat"])
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).new == 1
        first, second = merged_images(workspace)
        assert list(first.captions) == corrected
        assert {s.annotator for s in first.sentences} == {email}
        assert {s.origin for s in first.sentences} == {"human"}
        assert {s.extra["corrected_from"] for s in first.sentences} == {"old"}
        assert first.keywords == ("white boat",)
        assert list(second.captions) == texts[2]
        assert {s.annotator for s in second.sentences} == {None}
        [paid] = payment(workspace)
        assert (paid["annotator"], paid["annotations"]) == (email, 1)
        # What was there before is not their work.
        assert (paid["sentences"], paid["imported_unchanged"]) == (1, 4)
    after = status()
    assert (after["annotations"], after["complete"], after["missing"]) == (1, 1, 1)
    assert (after["sentences"], after["imported_sentences"]) == (10, 5)
    log = json.loads(tool.run("annotate", "log", folder, "port_1.tif", "--json").stdout)
    assert [entry["raw"] for entry in log["imported"]] == texts[1]
    assert [s["raw"] for s in log["revisions"][0]["sentences"]] == corrected
