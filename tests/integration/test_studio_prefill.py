"""Pre-filled captions through the real server: given, unchanged or changed by the annotator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.campaign.review import CLEAN, ReviewRequest, review
from rsitmd_tools.studio.campaign.status import findings_of_people
from rsitmd_tools.studio.sync.captions import machine_note
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    from rsitmd_tools.demo.annotator import Annotator
    from rsitmd_tools.studio.api.client import Client
    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = pytest.mark.integration


def captions(folder: Path, word: str, numbers: Sequence[int] = (1, 2, 3)) -> Path:
    images = [
        {
            "filename": f"harbour_{number}.png",
            "imgid": number,
            "split": "train",
            "sentids": [number],
            "sentences": [
                {"raw": f"{word} {number} boats.", "tokens": [], "imgid": number, "sentid": number}
            ],
        }
        for number in numbers
    ]
    file = folder / "captions.json"
    file.write_text(json.dumps({"dataset": "x", "images": images}), encoding="utf-8")
    return file


def test_untouched_text_never_counts(
    make_workspace: MakeWorkspace,
    tool: Tool,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    folder = make_workspace(images=3, settings='[annotation]\nassignment = "shared"\n')
    assert tool.run("annotate", "push", folder).returncode == 0

    def prefill(*options: object) -> dict[str, int]:
        answer = tool.run("annotate", "prefill", folder, "--json", *options)
        assert answer.returncode == 0, answer.stderr
        found: dict[str, int] = json.loads(answer.stdout)
        return found

    file = captions(folder, "There are")
    report = prefill("--captions", file, "--model", "m-1")
    assert (report["captions"], report["sent"], report["known"]) == (3, 3, 0)
    report = prefill()  # again: nothing to do
    assert (report["sent"], report["known"]) == (0, 3)
    report = prefill("--captions", captions(folder, "Here lie"), "--model", "m-1")
    assert (report["sent"], report["replaced"]) == (3, 3)

    email, person = annotators[0]
    written = ["Here lie 1 boats.", "Here lie two boats.", "A red ship leaves the quay."]
    for task, text in zip(check_what_is_shown(folder, client), written, strict=True):
        person.submit(task, [text], ["red ship"])
    assert tool.run("annotate", "pull", folder).returncode == 0
    check_what_counts(folder, written)
    checked = tool.run("validate", folder, "--select", "N108", "--format", "json")
    [finding] = json.loads(checked.stdout)["findings"]
    assert finding["image"] == "harbour_1.tif"
    file = folder / "found.json"
    file.write_text(checked.stdout, encoding="utf-8")
    review_it(folder, email, file, written[0])


def test_captions_of_a_second_model_do_not_empty_the_fields_of_other_tasks(
    make_workspace: MakeWorkspace,
    tool: Tool,
    annotators: list[tuple[str, Annotator]],
) -> None:
    folder = make_workspace(images=3, settings='[annotation]\nassignment = "shared"\n')
    assert tool.run("annotate", "push", folder).returncode == 0
    for model, word, numbers in (("m-1", "There are", (1, 2)), ("m-2", "Here lie", (2, 3))):
        file = captions(folder, word, numbers)
        given = tool.run("annotate", "prefill", folder, "--captions", file, "--model", model)
        assert given.returncode == 0, given.stderr
    with Workspace.open(folder) as workspace:
        project = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
        names = dict(
            workspace.db.execute(
                "SELECT server_id, filename FROM task JOIN image ON image.id = image_id"
            ).fetchall()
        )
    _, person = annotators[0]
    connection = person._client.connection
    shown = {}
    for _ in range(3):
        # What the server gives the page of the annotator.
        task = httpx.get(
            f"{connection.url}/api/projects/{project}/next",
            headers={"Authorization": f"Token {connection.token}"},
        ).json()
        shown[Path(names[task["id"]]).stem] = [
            part["value"]["text"] for given in task["predictions"] for part in given["result"]
        ]
        person.submit(task["id"], ["A red ship leaves the quay."], ["red ship"])
    assert shown == {
        "harbour_1": [["There are 1 boats."]],
        "harbour_2": [["Here lie 2 boats."]],
        "harbour_3": [["Here lie 3 boats."]],
    }


def check_what_is_shown(folder: Path, client: Client) -> list[int]:
    """The server has the last captions and their origin; return the tasks."""
    with Workspace.open(folder) as workspace:
        tasks = [row[0] for row in workspace.db.execute("SELECT server_id FROM task ORDER BY id")]
        project = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
    there = client.call(client.sdk.predictions.list, project=project)
    assert [p.result[0]["value"]["text"] for p in there] == [
        [f"Here lie {number} boats."] for number in (1, 2, 3)
    ]
    shown = client.call(client.sdk.tasks.get, id=str(tasks[0])).data
    assert shown["machine"] == machine_note("m-1")  # without another push
    return tasks


def check_what_counts(folder: Path, written: list[str]) -> None:
    with Workspace.open(folder) as workspace:
        assert [image.captions for image in merged_images(workspace)] == [
            (),
            (written[1],),
            (written[2],),
        ]
        rows = workspace.db.execute("SELECT origin, edit_distance FROM sentence ORDER BY id")
        assert [tuple(row) for row in rows] == [
            ("machine untouched", 0),
            ("machine changed", 3),
            ("human", 19),  # of its own, though a machine's text was given
        ]


def review_it(folder: Path, email: str, findings: Path, untouched: str) -> None:
    """A review takes it for what it is: never accepted, sent back to who submitted it."""
    with Workspace.open(folder, write=True) as workspace:
        assert findings_of_people(workspace)["findings"][email]["N108"] == 1
        with pytest.raises(RsitmdError, match="an unchanged machine text cannot be accepted"):
            review(workspace, ReviewRequest("B. Lee", accept="N108"))
        # Whatever rules run, clean is what a human wrote.
        decided = review(workspace, ReviewRequest("B. Lee", accept=CLEAN, ignore=("S",)))
        assert decided.states == {"accepted": 2, "new": 1}
        assert review(workspace, ReviewRequest("B. Lee")).annotators == {email: {"N108": 1}}
    with Workspace.open(folder, write=True) as workspace:
        decided = review(workspace, ReviewRequest("B. Lee", reject=str(findings)))
        assert decided.states == {"accepted": 2, "rejected": 1}
        [rejected] = workspace.db.execute("SELECT raw FROM sentence WHERE state = 'rejected'")
        assert rejected["raw"] == untouched


def test_untouched_text_is_sent_back_and_counts_once_it_is_rewritten(
    make_workspace: MakeWorkspace,
    tool: Tool,
    client: Client,
    annotators: list[tuple[str, Annotator]],
) -> None:
    settings = '[annotation]\nassignment = "shared"\nannotators_per_image = 2\nkeywords_min = 0\n'
    folder = make_workspace(images=3, settings=settings)
    assert tool.run("annotate", "push", folder).returncode == 0
    file = captions(folder, "Here lie")
    made = tool.run("annotate", "prefill", folder, "--captions", file, "--model", "m-1")
    assert made.returncode == 0, made.stderr
    with Workspace.open(folder) as workspace:
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
    (email, person), (other, second) = annotators[:2]
    second.submit(task, ["Two white ships lie at the long grey quay."], [])
    person.submit(task, ["Here lie 1 boats."], [])
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        report = review(workspace, ReviewRequest("B. Lee", send_back="N108"))
        [back] = report.sent_back
        assert (back["image"], back["annotator"], back["sentence"]) == ("harbour_1.tif", email, 1)
        assert "Here lie 1 boats." in back["note"]
        states = workspace.db.execute("SELECT raw, state FROM sentence ORDER BY id").fetchall()
        assert {tuple(row) for row in states} == {
            ("Here lie 1 boats.", "sent back"),
            ("Two white ships lie at the long grey quay.", "new"),
        }
        note = client.call(client.sdk.tasks.get, id=str(task)).data["note"]
        assert email in note
        assert other not in note
        rewrite(person, task, ["One red tug waits in front of the quay."], [])
        assert pull(workspace).corrected == 1
        assert "One red tug waits in front of the quay." in merged_images(workspace)[0].captions
        assert review(workspace, ReviewRequest("B. Lee", accept=CLEAN)).accepted == 2
