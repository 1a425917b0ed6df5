"""Review: send back, the note on the page, the correction, who decided what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.history import history
from rsitmd_tools.studio.campaign.review import CLEAN, ReviewRequest, review
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import join
from tests.integration.reviewed import SETTINGS, VAGUE, tasks_of
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
GOOD = (
    "Two white ships lie at the long grey quay.",
    "A red crane stands beside three small boats.",
    "The blue sea meets a narrow stone pier on the left.",
)
OTHER = (
    "Three grey cargo vessels wait behind a breakwater.",
    "Nine yachts fill the marina between two jetties.",
    "An empty dock opens to the dark green water.",
)


@pytest.fixture
def written(make_workspace: MakeWorkspace, annotators: People) -> Iterator[Workspace]:
    """Three images by two people; anna's first sentence is vague. Pulled."""
    with Workspace.open(make_workspace(images=3, settings=SETTINGS), write=True) as workspace:
        for email, _ in annotators[:2]:
            join(workspace, email)
        push(workspace)
        for number, (email, person) in enumerate(annotators[:2]):
            for place, (task, _) in enumerate(tasks_of(workspace, email)):
                text = VAGUE if number == place == 0 else (GOOD, OTHER)[number][place]
                person.submit(task, [text], [])
        pull(workspace)
        yield workspace


def notes_on_server(workspace: Workspace, client: Client) -> dict[int, str]:
    return {
        task.id: task.data["note"]
        for (number,) in workspace.db.execute("SELECT server_id FROM project").fetchall()
        for page in client.pages(number, annotations=False)
        for task in page
    }


def notes_on_server_of(folder: Path, client: Client) -> dict[int, str]:
    with Workspace.open(folder) as workspace:
        return notes_on_server(workspace, client)


def test_a_sentence_is_sent_back_corrected_and_accepted(
    written: Workspace, annotators: People, client: Client
) -> None:
    email, person = annotators[0]
    task, project = tasks_of(written, email)[0]
    of_assist = {"hint": f"For {email}: count", "suggested": [{"value": "grey quay"}]}
    there = client.call(client.sdk.tasks.get, id=str(task)).data
    client.call(client.sdk.tasks.update, id=str(task), data={**there, **of_assist})
    report = review(written, ReviewRequest("B. Lee", send_back="S104", accept=CLEAN))
    there = client.call(client.sdk.tasks.get, id=str(task)).data
    assert {name: there[name] for name in of_assist} == of_assist  # a note leaves them
    assert [(f["code"], f["annotator"]) for f in report.findings if f["code"] == "S104"]
    (back,) = report.sent_back
    assert (back["image"], back["annotator"]) == ("harbour_1.tif", email)
    assert back["link"].endswith(f"/projects/{project}/data?task={task}")
    assert not report.shared
    assert report.accepted == 5
    assert report.states == {"accepted": 5, "sent back": 1}
    # Left out until it is corrected.
    assert all(VAGUE not in image.captions for image in merged_images(written))

    said = notes_on_server(written, client)
    assert [t for t, note in said.items() if note] == [task]
    assert email in said[task]
    assert "some" in said[task]

    rewrite(person, task, ["Two ships lie before four houses."], [])
    pulled = pull(written)
    assert (pulled.new, pulled.changed, pulled.corrected) == (0, 1, 1)
    assert pulled.foreign == []
    assert "Two ships lie before four houses." in merged_images(written)[0].captions
    again = review(written, ReviewRequest("C. Roy", accept=CLEAN))
    assert again.accepted == 1
    assert again.states == {"accepted": 6, "replaced": 1}
    assert set(notes_on_server(written, client).values()) == {""}

    revisions = history(written, "harbour_1.tif")["revisions"]
    mine = [entry for entry in revisions if entry["annotator"] == email]
    assert [s["raw"] for entry in mine for s in entry["sentences"]] == [
        VAGUE, "Two ships lie before four houses.",
    ]  # fmt: skip
    decided = [(d["state"], d["by"]) for d in mine[0]["sentences"][0]["decisions"]]
    assert decided == [("sent back", "B. Lee"), ("replaced", "pull")]
    assert mine[1]["sentences"][0]["decisions"][0]["by"] == "C. Roy"


def test_a_file_of_decisions_with_an_error_changes_nothing(
    written: Workspace, annotators: People, tmp_path: Path
) -> None:
    file = tmp_path / "notes.csv"
    lines = [
        "image,annotator,sentence,note",
        f'harbour_2.tif,{annotators[1][0]},1,"Say how they relate, ""please"""',
        f"harbour_3.tif,{annotators[0][0]},,Count the boats <b>now</b>",
    ]
    file.write_text("\n".join([*lines, "harbour_9.tif,,1,no such image"]), encoding="utf-8")
    with pytest.raises(RsitmdError, match=r"line 4: no sentence matches image harbour_9.tif"):
        review(written, ReviewRequest("B. Lee", send_back=str(file)))
    assert review(written, ReviewRequest("B. Lee")).states == {"new": 6}
    file.write_text("\n".join(lines), encoding="utf-8")
    report = review(written, ReviewRequest("B. Lee", send_back=str(file)))
    assert [(e["image"], e["note"]) for e in report.sent_back] == [
        ("harbour_2.tif", 'Say how they relate, "please"'),
        ("harbour_3.tif", "Count the boats <b>now</b>"),
    ]
    with pytest.raises(RsitmdError, match="two decisions"):
        review(written, ReviewRequest("B. Lee", send_back=str(file), reject=str(file)))
    assert report.overruled == [], "nobody had decided"
    file.write_text("\n".join([*lines[:2], lines[2].replace("now", "again")]), encoding="utf-8")
    [other] = review(written, ReviewRequest("C. Roy", send_back=str(file))).overruled
    assert (other["before"], other["decided_by"], other["after"]) == (
        "sent back", "B. Lee", "sent back",
    )  # fmt: skip
    assert other["note"] == "Count the boats <b>now</b>", "the author reads the last note only"
    # Another reviewer accepts them.
    taken = review(written, ReviewRequest("C. Roy", accept=str(file)))
    assert (taken.accepted, taken.states) == (2, {"accepted": 2, "new": 4})
    assert taken.overruled == [], "the last decisions were C. Roy's"


def test_findings_of_validate_are_a_file_too(
    written: Workspace, tool: Tool, tmp_path: Path
) -> None:
    file = tmp_path / "findings.json"
    tool.run("validate", written.path, "--select", "S104", "--format", "json", "-o", file)
    found = json.loads(file.read_text(encoding="utf-8"))["findings"]
    report = review(written, ReviewRequest("B. Lee", send_back=str(file)))
    assert len(report.sent_back) == len(found) == 1


SEVERAL = SETTINGS.replace("= 2\n", "= 1\nsentences_per_annotator = 3\n")


def test_the_named_sentence_is_the_one_that_is_sent_back(
    make_workspace: MakeWorkspace, annotators: People, client: Client, tool: Tool, tmp_path: Path
) -> None:
    """Where one person writes several, all that is printed and the file have one number."""
    email, person = annotators[0]
    folder = make_workspace(images=1, settings=SEVERAL)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        task = workspace.db.execute("SELECT server_id FROM task").fetchone()[0]
    texts = [GOOD[0], GOOD[1], VAGUE]
    person.submit(task, texts, [])
    assert tool.run("annotate", "pull", folder).returncode == 0
    name = f"harbour_1.tif, {email}, sentence 3"
    shown = tool.run("annotate", "review", folder, "--select", "S104").stdout
    assert f"{name}: S104 says 'some'" in shown
    assert f"  3. {VAGUE}" in tool.run("annotate", "log", folder, "harbour_1.tif").stdout
    file = tmp_path / "back.csv"
    file.write_text(f"image,annotator,sentence,note\nharbour_1.tif,{email},3,Count them\n")
    back = tool.run("annotate", "review", folder, "--send-back", file)
    assert back.returncode == 0, back.stderr
    assert f"sent back: {name}: Count them" in back.stdout
    assert notes_on_server_of(folder, client) == {
        task: f"Sent back to {email}, sentence 3: Count them"
    }
    with Workspace.open(folder, write=True) as workspace:
        assert merged_images(workspace)[0].captions == (GOOD[0], GOOD[1])
        rewrite(person, task, [*texts[:2], "Two ships lie before four houses."], [])
        assert pull(workspace).corrected == 1


def test_an_empty_sentence_can_be_sent_back(
    make_workspace: MakeWorkspace, annotators: People, client: Client, tool: Tool, tmp_path: Path
) -> None:
    """The server takes spaces for a sentence; the person learns of it by the note."""
    email, person = annotators[0]
    folder = make_workspace(images=1, settings=SEVERAL)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        task = workspace.db.execute("SELECT server_id FROM task").fetchone()[0]
        person.submit(task, [GOOD[0], "   ", GOOD[2]], [])
        assert pull(workspace).blank == 1
    state = json.loads(tool.run("annotate", "status", folder, "--json").stdout)
    keys = ("complete", "incomplete", "missing", "missing_sentences")
    assert [state[key] for key in keys] == [0, 1, 1, 1]
    name = f"harbour_1.tif, {email}, sentence 2"
    assert f"{name}: empty" in tool.run("annotate", "review", folder).stdout
    file = tmp_path / "back.csv"
    file.write_text(f"image,annotator,sentence,note\nharbour_1.tif,{email},2,\n")
    back = tool.run("annotate", "review", folder, "--send-back", file, "--accept")
    assert back.returncode == 0, back.stderr
    assert f"sent back: {name}: " in back.stdout
    assert "accepted: 2, rejected: 0" in back.stdout
    told = f"Sent back to {email}, sentence 2: please write it: it was left empty"
    assert notes_on_server_of(folder, client) == {task: told}
    with Workspace.open(folder, write=True) as workspace:
        # Submitted once more without it: it stays sent back.
        rewrite(person, task, [GOOD[0], " ", GOOD[2]], ["red ship"])
        assert pull(workspace).corrected == 0
        assert notes_on_server(workspace, client) == {task: told}
        rewrite(person, task, [GOOD[0], GOOD[1], GOOD[2]], ["red ship"])
        assert pull(workspace).corrected == 1
        assert notes_on_server(workspace, client) == {task: ""}
        assert merged_images(workspace)[0].captions == GOOD
        assert status(workspace)["missing"] == 0


def test_the_commands_report_what_they_did(
    written: Workspace, annotators: People, tool: Tool
) -> None:
    folder = written.path
    written.close()
    shown = tool.run("annotate", "review", folder)
    assert shown.returncode == 0, shown.stderr
    assert "S104" in shown.stdout
    assert "sentences by state: new 6" in shown.stdout
    back = tool.run(
        "annotate", "review", folder, "--send-back", "S104", "--accept", "--reviewer", "B. Lee"
    )
    assert back.returncode == 0, back.stderr
    assert f"sent back: harbour_1.tif, {annotators[0][0]}: " in back.stdout
    assert "accepted: 5, rejected: 0" in back.stdout
    log = tool.run("annotate", "log", folder, "harbour_1.tif")
    assert "sent back by B. Lee" in log.stdout
    assert tool.run("annotate", "log", folder, "harbour_77.tif").returncode == 1
    assert tool.run("annotate", "review", folder, "--send-back", " ").returncode == 2
    assert tool.run("annotate", "review", folder, "--reviewer", "").returncode == 2


def test_a_sentence_changed_by_another_user_is_sent_back_to_its_author(
    written: Workspace, annotators: People, client: Client
) -> None:
    email, person = annotators[1]
    task, _ = tasks_of(written, email)[1]
    [annotation] = client.call(client.sdk.annotations.list, id=task)
    result = as_result(["The lead wrote this sentence about four vessels."], [])
    client.call(client.sdk.annotations.update, id=annotation.id, result=result)
    pull(written)
    report = review(written, ReviewRequest("B. Lee", send_back="N107", accept=CLEAN))
    [back] = report.sent_back
    assert (back["image"], back["annotator"], back["sentence"]) == ("harbour_2.tif", email, 1)
    [raw] = written.db.execute("SELECT raw FROM sentence WHERE state = 'sent back'").fetchone()
    assert raw == "The lead wrote this sentence about four vessels."
    rewrite(person, task, [OTHER[1]], [])
    assert pull(written).corrected == 1
    assert review(written, ReviewRequest("B. Lee")).annotators.get(email, {}).get("N107") is None


def test_in_a_shared_project_the_lead_is_warned(
    make_workspace: MakeWorkspace, annotators: People, client: Client
) -> None:
    with Workspace.open(make_workspace(images=1), write=True) as workspace:
        push(workspace)
        task = workspace.db.execute("SELECT server_id FROM task").fetchone()[0]
        annotators[0][1].submit(task, [VAGUE], [])
        annotators[1][1].submit(task, [GOOD[0]], [])
        pull(workspace)
        report = review(workspace, ReviewRequest("B. Lee", send_back="S104"))
        assert report.shared
        note = notes_on_server(workspace, client)[task]
        assert annotators[0][0] in note
        assert annotators[1][0] not in note


def test_decisions_are_kept_if_the_server_cannot_be_reached(
    written: Workspace, annotators: People, client: Client, server: EmbeddedServer
) -> None:
    from rsitmd_tools.studio.api.connection import Connection, save_connection

    gone = "http://127.0.0.1:9"
    how = "https://images.example.org/folder"
    save_connection(written, Connection(server.url, gone, server.token, how))
    with pytest.raises(RsitmdError, match="Label Studio does not answer"):
        review(written, ReviewRequest("B. Lee", send_back="S104"))
    save_connection(written, Connection(server.url, server.url, server.token, how))
    assert review(written, ReviewRequest("B. Lee")).states == {"new": 5, "sent back": 1}
    assert push(written).changed == 1
    assert sum(bool(note) for note in notes_on_server(written, client).values()) == 1
