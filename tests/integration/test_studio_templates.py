"""The pages of the tool on the real server, and what it says of a changed one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.annotation_templates import TEMPLATES, labeling_config
from rsitmd_tools.studio.campaign.template_check import check_on_server
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    from rsitmd_tools.studio.api.client import Client
    from tests.integration.conftest import AddImages, MakeWorkspace, Tool

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_server_accepts_each_template_and_its_tasks(
    template: str, make_workspace: MakeWorkspace, tool: Tool
) -> None:
    folder = make_workspace(
        images=2, settings=f'[annotation]\ntemplate = "{template}"\nassignment = "shared"\n'
    )
    pushed = tool.run("annotate", "push", folder, "--json")
    assert pushed.returncode == 0, pushed.stderr
    assert json.loads(pushed.stdout)["new"] == 2


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<View><Nothing", "the server refuses it"),
        (labeling_config(1, 1, 5).replace('toName="image"', 'toName="img"'), "img"),
        (labeling_config(2, 1, 5).replace("sentence2", "sentence1"), "non-unique"),
    ],
)
def test_the_error_of_a_refused_template_has_the_reason(
    client: Client, page: str, said: str
) -> None:
    [problem] = check_on_server(client, page)
    assert problem.severity == "error"
    assert said in problem.message
    assert "\n" not in problem.message


def test_a_changed_page_of_the_settings_is_used(make_workspace: MakeWorkspace, tool: Tool) -> None:
    folder = make_workspace(
        images=1, settings='[annotation]\ntemplate = "page.xml"\nassignment = "shared"\n'
    )
    assert tool.run("annotate", "template", "captioning", "-o", folder / "page.xml").returncode == 0
    checked = tool.run(
        "annotate", "template", "--check", folder / "page.xml", "--workspace", folder
    )
    assert checked.returncode == 0, checked.stdout
    assert tool.run("annotate", "push", folder).returncode == 0


def test_new_images_are_sent_after_a_change_to_a_page_with_fewer_fields(
    make_workspace: MakeWorkspace, add_images: AddImages, tool: Tool
) -> None:
    """The server refuses tasks without the fields of its page: here caption1 to caption5."""
    settings = '[annotation]\ntemplate = "{}"\nassignment = "shared"\n'
    folder = make_workspace(images=1, settings=settings.format("correction"))
    assert tool.run("annotate", "push", folder).returncode == 0
    (folder / "rsitmd.toml").write_text(settings.format("captioning"), encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        add_images(workspace, 2, first=2)
    pushed = tool.run("annotate", "push", folder, "--json")
    assert pushed.returncode == 0, pushed.stderr
    report = json.loads(pushed.stdout)
    assert (report["new"], report["known"]) == (2, 1)
