"""What a lead or a member changes on the server by hand is noticed, named and put right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.studio.sync.task_data import PLAIN
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.campaigns import SENT_BACK, MakeCampaign, make_campaign

if TYPE_CHECKING:
    from tests.integration.conftest import MakeOwn, MakeWorkspace, Tool

__all__ = ["make_campaign"]  # a fixture
pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = '[annotation]\nassignment = "shared"\nannotators_per_image = 1\n'


@pytest.fixture
def workspace(make_workspace: MakeWorkspace) -> Iterator[Workspace]:
    """A workspace of three images, pushed, open to write."""
    folder = make_workspace(images=3, settings=SETTINGS)
    with Workspace.open(folder, write=True) as opened:
        push(opened)
        yield opened


def project_of(workspace: Workspace) -> int:
    return int(workspace.db.execute("SELECT server_id FROM project").fetchone()[0])


def tasks_of(workspace: Workspace) -> dict[str, int]:
    rows = workspace.db.execute(
        "SELECT filename, server_id FROM task JOIN image ON image.id = image_id"
    )
    return dict(rows.fetchall())


def read_data(client: Client, task: int) -> Any:
    """Return the data of a task as they are stored, without resolved addresses."""
    return client.sdk.tasks.get(id=str(task), request_options=PLAIN).data


def decide(workspace: Workspace, tmp_path: Path, verb: str, image: str, email: str) -> None:
    file = tmp_path / f"{verb}.csv"
    file.write_text(f"image,annotator,sentence,note\n{image},{email},1,x\n")
    review(workspace, ReviewRequest(reviewer="lead", **{verb: str(file)}))


def decided_and_deleted(
    workspace: Workspace, client: Client, annotators: People, tmp_path: Path, verb: str
) -> tuple[int, Annotator]:
    """Return a task and its author, whose annotation was pulled, decided about, and deleted."""
    email, person = annotators[0]
    task = tasks_of(workspace)["harbour_1.tif"]
    person.submit(task, ["Two boats."], ["red ship"])
    pull(workspace)
    decide(workspace, tmp_path, verb, "harbour_1.tif", email)
    client.sdk.annotations.delete(id=client.sdk.annotations.list(id=task)[0].id)
    return task, person


def captions(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    return {image.filename: image.captions for image in merged_images(workspace) if image.captions}


def test_an_accepted_sentence_is_kept_when_its_task_is_deleted(
    workspace: Workspace, client: Client, annotators: People, tool: Tool, tmp_path: Path
) -> None:
    email, person = annotators[0]
    tasks = tasks_of(workspace)
    for name in ("harbour_1.tif", "harbour_2.tif"):
        person.submit(tasks[name], [f"Two boats in {name}."], ["red ship"])
    pull(workspace)
    decide(workspace, tmp_path, "accept", "harbour_1.tif", email)
    for name in ("harbour_1.tif", "harbour_2.tif"):
        client.sdk.tasks.delete(id=str(tasks[name]))
    folder = workspace.path
    workspace.close()
    pulled = tool.run("annotate", "pull", folder)
    assert pulled.returncode == 0
    said = [line for line in pulled.stderr.splitlines() if "the annotation of" in line]
    assert [line.split(":")[1].strip() for line in said] == ["harbour_1.tif", "harbour_2.tif"]
    assert all(email in line for line in said)
    assert "1 accepted sentence will stay in the dataset." in said[0]
    assert "accepted" not in said[1]
    with Workspace.open(folder, write=True) as again:
        assert captions(again) == {"harbour_1.tif": ("Two boats in harbour_1.tif.",)}
        assert merged_images(again)[0].keywords == ("red ship",)
        # Only the image that lacks a caption is sent again.
        assert push(again).new == 1
        assert tasks_of(again)["harbour_1.tif"] < 0
        # The lead says otherwise.
        decide(again, tmp_path, "reject", "harbour_1.tif", email)
        assert captions(again) == {}
        assert push(again).new == 1


def test_a_new_text_of_the_same_annotator_replaces_the_accepted_text(
    workspace: Workspace, client: Client, annotators: People, tmp_path: Path
) -> None:
    task, person = decided_and_deleted(workspace, client, annotators, tmp_path, "accept")
    pull(workspace)
    assert captions(workspace) == {"harbour_1.tif": ("Two boats.",)}
    person.submit(task, ["Three boats."], ["red ship"])
    pull(workspace)
    assert captions(workspace) == {"harbour_1.tif": ("Three boats.",)}


def test_a_rejected_text_stays_out_when_it_is_submitted_again(
    workspace: Workspace, client: Client, annotators: People, tmp_path: Path
) -> None:
    task, person = decided_and_deleted(workspace, client, annotators, tmp_path, "reject")
    person.submit(task, ["Two boats."], ["red boat"])
    report = pull(workspace)
    assert (report.new, report.deleted) == (1, 1)
    assert captions(workspace) == {}


def test_a_changed_page_is_named_and_restored(
    workspace: Workspace, client: Client, annotators: People, tool: Tool
) -> None:
    number = project_of(workspace)
    page = page_of(workspace)
    changed = page.replace("Sentence, 4 to 50 words", "Write what you like")
    assert changed != page
    client.sdk.projects.update(id=number, label_config=changed, enable_empty_annotation=False)
    folder = workspace.path
    workspace.close()
    pulled = tool.run("annotate", "pull", folder)
    assert f"project {number}: the labeling page was changed on the server" in pulled.stderr
    pushed = tool.run("annotate", "push", folder, "--json")
    report = json.loads(pushed.stdout)
    assert (report["restored_pages"], report["new"], report["known"]) == ([number], 0, 3)
    there = client.sdk.projects.get(id=number)
    assert (there.label_config, there.enable_empty_annotation) == (page, True)
    assert "was changed" not in tool.run("annotate", "pull", folder).stderr
    assert json.loads(tool.run("annotate", "push", folder, "--json").stdout)["restored_pages"] == []


def test_a_changed_picture_and_a_copied_task_are_named_with_their_annotator(
    workspace: Workspace, client: Client, annotators: People
) -> None:
    email, person = annotators[0]
    tasks = tasks_of(workspace)
    first, second = tasks["harbour_1.tif"], tasks["harbour_2.tif"]
    data = {task: read_data(client, task) for task in (first, second)}
    client.sdk.tasks.update(id=str(second), data={**data[second], "image": data[first]["image"]})
    [copy] = client.sdk.projects.import_tasks(
        id=project_of(workspace), request=[{"data": data[first]}], return_task_ids=True
    ).task_ids
    for task in (second, copy):
        person.submit(task, ["Two boats lie at the pier."], ["red ship"])
    picture = {
        "image": "harbour_2.tif",
        "task": second,
        "address": data[first]["image"],
        "annotators": [email],
    }
    copied = {"image": "harbour_1.tif", "task": first, "copy": copy, "annotators": [email]}
    report = pull(workspace)
    assert (report.changed_pictures, report.copies) == ([picture], [copied])
    assert push(workspace).changed_pictures == [picture]
    assert read_data(client, second) == data[second]
    client.sdk.tasks.delete(id=str(first))
    report = pull(workspace)
    assert (report.new, report.changed_pictures, report.copies) == (1, [], [])
    assert captions(workspace).keys() == {"harbour_1.tif", "harbour_2.tif"}


def test_texts_in_a_renamed_field_are_read(
    workspace: Workspace, client: Client, annotators: People
) -> None:
    number, tasks = project_of(workspace), tasks_of(workspace)
    page = page_of(workspace)
    client.sdk.projects.update(id=number, label_config=page.replace("sentence1", "caption1"))
    result = [
        {"from_name": "caption1", "to_name": "image", "type": "textarea", "value": {"text": [raw]}}
        for raw in ("Two boats lie at the pier.",)
    ]
    client.sdk.annotations.create(id=tasks["harbour_1.tif"], result=result)
    report = pull(workspace)
    assert report.changed_pages == [{"project": number, "renamed": {"caption1": "sentence1"}}]
    assert (report.blank, report.unread) == (0, [])
    read = {"harbour_1.tif": ("Two boats lie at the pier.",)}
    assert captions(workspace) == read
    # The page comes back; what was written under the other name is read all the same.
    assert push(workspace).restored_pages == [number]
    assert client.sdk.projects.get(id=number).label_config == page
    [entry] = client.sdk.annotations.list(id=tasks["harbour_1.tif"])
    client.sdk.annotations.update(id=entry.id, result=[*result, _area("keywords", "red boat")])
    assert pull(workspace).changed == 1
    assert captions(workspace) == read


def _area(name: str, text: str) -> dict[str, Any]:
    value = {"text": [text]}
    return {"from_name": name, "to_name": "image", "type": "textarea", "value": value}


def test_texts_in_an_unknown_field_are_reported(
    workspace: Workspace, client: Client, tool: Tool
) -> None:
    number, tasks = project_of(workspace), tasks_of(workspace)
    page = page_of(workspace)
    more = page.replace(
        "</View>\n</View>",
        '<TextArea name="remark" toName="image" maxSubmissions="1"/></View>\n</View>',
    )
    assert more != page
    client.sdk.projects.update(id=number, label_config=more)
    result = [_area("remark", "A remark."), _area("sentence1", "  "), _area("keywords", "red boat")]
    client.sdk.annotations.create(id=tasks["harbour_2.tif"], result=result)
    folder = workspace.path
    workspace.close()
    pulled = tool.run("annotate", "pull", folder)
    assert "harbour_2.tif: the annotation of" in pulled.stderr
    assert "in the unknown field 'remark'" in pulled.stderr
    assert "left sentence 1 empty" in pulled.stderr
    assert "rsitmd annotate push" in pulled.stderr


def test_lost_secrets_are_reported_by_all_commands_and_recreated_by_serve(
    make_own: MakeOwn, tool: Tool
) -> None:
    folder = make_own(images=2)
    secrets = folder / "studio" / "secrets.json"
    with EmbeddedServer(folder) as server:
        with Workspace.open(folder, write=True) as workspace:
            push(workspace)
            key = connection_of(workspace).key
        old = server.secrets
        secrets.unlink()
        for command in ("pull", "push", "status"):
            done = tool.run("annotate", command, folder)
            assert not secrets.exists(), command
            if command != "status":
                assert done.returncode == 1
                assert "secrets.json: is missing" in done.stderr
                assert "--new-secrets" in done.stderr
    with pytest.raises(RsitmdError, match="is missing"):
        EmbeddedServer(folder).start()
    assert not secrets.exists()
    with EmbeddedServer(folder, new_secrets=True) as server:
        assert server.secrets.token != old.token
        with Workspace.open(folder, write=True) as workspace:
            assert connection_of(workspace).key == key
            report = push(workspace)
            assert (report.new, report.known) == (0, 2)
            assert pull(workspace).lost_projects == []
    assert secrets.stat().st_mode & 0o777 == 0o600


def test_a_deleted_project_does_not_stop_the_commands_for_the_others(
    make_campaign: MakeCampaign, client: Client, annotators: People, tool: Tool, tmp_path: Path
) -> None:
    (email, _), (other, person) = annotators[:2]
    campaign = make_campaign(email, other)
    folder, number = campaign.folder, campaign.projects[email]
    task = campaign.tasks(other)[0]
    person.submit(task, [SENT_BACK], [])
    assert tool.run("annotate", "pull", folder).returncode == 0
    client.sdk.projects.delete(id=number)
    warning = f"project {number} was deleted on the server. To create it again, run: rsitmd"

    back = tool.run("annotate", "review", folder, "--send-back", "S104", "--reviewer", "B. Lee")
    assert (back.returncode, back.stderr.count(warning)) == (0, 1), back.stderr
    assert "says 'many'" in read_data(client, task)["note"]
    sentences = {f"harbour_{n}.tif": [{"raw": f"{n} boats."}] for n in (1, 2)}
    images = [{"filename": name, "sentences": given} for name, given in sentences.items()]
    file = tmp_path / "captions.json"
    file.write_text(json.dumps({"dataset": "x", "images": images}))
    given = tool.run("annotate", "prefill", folder, "--captions", file, "--model", "m")
    assert (given.returncode, given.stderr.count(warning)) == (0, 1), given.stderr
    assert "prefilled tasks: 2 sent" in given.stdout

    assert warning in tool.run("annotate", "pull", folder).stderr
    assert tool.run("annotate", "users", folder, "deactivate", email).returncode == 0
    assert tool.run("annotate", "push", folder).returncode == 0
    # No push creates a closed project again.
    assert "was deleted" not in tool.run("annotate", "pull", folder).stderr
