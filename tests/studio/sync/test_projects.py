"""Projects on the server: what their sentences are, and when a project keeps its page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsitmd_tools.annotation_templates import labeling_config
from rsitmd_tools.studio.sync.page_changes import config_hash
from rsitmd_tools.studio.sync.projects import PAGE_SETTINGS, Projects
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.imported import NewImported, add_imported
from rsitmd_tools.workspace.projects import project_record
from tests.builders import WHEN, add


def projects_of(workspace: Workspace, page: str, written: set[str]) -> Projects:
    """Return the projects of a server that has project 7 with a page and texts in some fields."""
    found = SimpleNamespace(
        id=7,
        title="ships",
        description="",
        created_at=WHEN,
        label_config=page,
        maximum_annotations=1,
        **PAGE_SETTINGS,
    )
    found.model_copy = lambda update: found
    listed = SimpleNamespace(list=lambda: [found], update=lambda **changed: None)
    client = SimpleNamespace(
        connection=SimpleNamespace(key="here"),
        call=lambda function, **options: function(**options),
        sdk=SimpleNamespace(projects=listed),
        written_fields=lambda number: written,
    )
    return Projects(workspace, cast("Any", client))


@pytest.mark.parametrize(
    ("before", "after", "written", "imported", "expected"),
    [
        ("correction", "captioning", {"sentence1", "keywords"}, True, "corrections of imported"),
        ("captioning", "correction", {"sentence1", "keywords"}, True, "new sentences, and"),
        ("keywords", "correction", {"keywords", "suggested"}, True, ""),
        ("correction", "captioning", {"sentence1"}, False, ""),
        ("captioning", "captioning", {"sentence1"}, True, ""),
    ],
)
def test_a_project_has_corrections_or_new_sentences(
    tmp_path: Path, before: str, after: str, written: set[str], imported: bool, expected: str
) -> None:
    with Workspace.create(tmp_path / "w", "ships") as made, made.transaction() as db:
        page = labeling_config(1, 1, 5, before)
        add(
            db, "project", server="here", server_id=7, template=before, config=config_hash(page),
            created_at=WHEN,
        )  # fmt: skip
        add(db, "image")
        if imported:
            old = NewImported("1.tif", "harbour", 1, None, ("An old sentence.",), ())
            add_imported(db, "Old", [old], WHEN)
            db.execute("UPDATE imported_image SET image_id = 1")
        settings = f'[annotation]\ntemplate = "{after}"\nkeywords_max = 4\n'
        (made.path / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        projects = projects_of(workspace, page, written)
        project = projects.ensure()
        # The page is not sent yet: what was written keeps its meaning.
        assert project_record(workspace.db, project.row).template == before
        reason = projects.other_sentences(project)
        assert reason.startswith(expected)
        assert bool(reason) == bool(expected)
        if not reason:
            projects.send_page(project)
            assert project_record(workspace.db, project.row).template == after


def test_a_project_of_an_earlier_version_learns_what_its_page_works_like(tmp_path: Path) -> None:
    page = labeling_config(1, 1, 5, "correction")
    with Workspace.create(tmp_path / "w", "ships") as made, made.transaction() as db:
        add(
            db, "project", server="here", server_id=7, template="my-page.xml",
            config=config_hash(page), created_at=WHEN,
        )  # fmt: skip
        (made.path / "my-page.xml").write_text(f"{page}\n", encoding="utf-8")
        (made.path / "rsitmd.toml").write_text('[annotation]\ntemplate = "my-page.xml"\n')
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        project = projects_of(workspace, page, {"sentence1"}).ensure()
        assert project_record(workspace.db, project.row).template == "correction"
