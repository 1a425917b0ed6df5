"""The pilot: new people caption the same images first; who is let in gets a share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.accounts import Annotator
from rsitmd_tools.studio.people import join
from rsitmd_tools.studio.pilot import ADMITTED, REFUSED, decide, pilot_state, start_pilot
from rsitmd_tools.studio.pull import pull
from rsitmd_tools.studio.push import push
from rsitmd_tools.studio.status import status
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = "[annotation]\nannotators_per_image = 2\nkeywords_min = 0\n"
LIKE = "Two red ships lie at the long quay."
UNLIKE = "There are some trees."


def test_from_pilot_to_campaign(
    make_workspace: MakeWorkspace, annotators: People, tmp_path: Path, tool: Tool
) -> None:
    references = tmp_path / "references.csv"
    lines = [f"harbour_{n},nothing of the kind" for n in (7, 8)]
    lines += [f"harbour_{n}.tif,Two red ships lie at the quay." for n in (1, 2)]
    references.write_text("\n".join(["image,sentence", *lines]), encoding="utf-8")
    folder = make_workspace(images=4, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        assert start_pilot(workspace, 10, references) == ["harbour_1.tif", "harbour_2.tif"]
        with pytest.raises(RsitmdError, match="has a pilot already"):
            start_pilot(workspace)
        for email, _ in annotators[:3]:
            join(workspace, email)
        report = push(workspace)
        assert report.new == 6
        assert {p["kind"] for p in report.projects} == {"pilot"}
        for text, (email, person) in zip((LIKE, LIKE, UNLIKE), annotators[:3], strict=True):
            for (task,) in workspace.db.execute(
                "SELECT task.server_id FROM task JOIN project ON project.id = project_id"
                " JOIN annotator ON annotator.id = project.annotator_id WHERE email = ?",
                (email,),
            ).fetchall():
                person.submit(task, [text], [])
        assert pull(workspace).new == 6
        # Practice: it gets into no dataset.
        assert all(image.sentences == () for image in merged_images(workspace))
        assert status(workspace)["annotations"] == 0
        state = {p["email"]: p for p in pilot_state(workspace)["people"]}
        good, bad = state[annotators[0][0]], state[annotators[2][0]]
        assert (good["done"], bad["done"]) == (2, 2)
        assert good["similarity"] > 0.8 > 0.1 > bad["similarity"]
        assert "S104" in bad["findings"]
        assert "S104" not in good["findings"]

        decide(workspace, annotators[0][0], ADMITTED, "B. Lee")
        decide(workspace, annotators[1][0], ADMITTED, "B. Lee")
        decide(workspace, annotators[2][0], REFUSED, "B. Lee")
        report = push(workspace)
        assert report.new == 8
        mains = [p["annotator"] for p in report.projects if p["kind"] == "main"]
        assert mains == [email for email, _ in annotators[:2]]
        join(workspace, annotators[3][0])  # a newcomer
        report = push(workspace)
        assert report.new == 2
        assert [p["annotator"] for p in report.projects if p["kind"] == "pilot"] == [
            annotators[3][0]
        ]
    shown = json.loads(tool.run("annotate", "pilot", folder, "--json").stdout)
    decisions = {p["email"]: (p["decision"], p["decided_by"]) for p in shown["people"]}
    assert decisions[annotators[2][0]] == ("refused", "B. Lee")
    again = tool.run("annotate", "pilot", folder, "--admit", annotators[3][0], "--reviewer", "C")
    assert f"{annotators[3][0]}: 0 of 2 done" in again.stdout
    assert "admitted by C" in again.stdout
    assert tool.run("annotate", "pilot", folder, "--admit", "x@y.z").returncode == 1


def test_without_references_images_are_drawn_from_all_categories(
    make_workspace: MakeWorkspace, add_images: object
) -> None:
    with Workspace.open(make_workspace(images=5), write=True) as workspace:
        add_images(workspace, 5, category="airport")  # type: ignore[operator]
        names = start_pilot(workspace, 4)
        assert sorted(name.partition("_")[0] for name in names) == ["airport"] * 2 + ["harbour"] * 2
        assert pilot_state(workspace) == {"images": names, "people": []}
