"""Fields of a labeling page that were renamed on the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.annotation_templates import labeling_config
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.studio.sync.page_changes import config_hash, page_changes, renames
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import MAIN, ProjectRecord

PAGE = labeling_config(3, keywords_min=0, keywords_max=5)
KEYWORDS = '<TextArea name="keywords"'
EXTRA = '<Choices name="extra" toName="image"><Choice value="a"/></Choices>'
RATING = '<TextArea name="rating" toName="image"/>'


def without(name: str) -> str:
    """Return the page without a field."""
    start = PAGE.index(f'<TextArea name="{name}"')
    return PAGE[:start] + PAGE[PAGE.index("/>", start) + 2 :]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (PAGE, {}),
        (PAGE.replace("keywords", "tags"), {"tags": "keywords"}),
        (PAGE.replace("keywords", "tags").replace('size="6"', 'size="5"'), {"tags": "keywords"}),
        # A field of another tag is added, one is added, one is removed.
        (PAGE.replace(KEYWORDS, EXTRA + '<TextArea name="tags"'), {"tags": "keywords"}),
        (PAGE.replace(KEYWORDS, RATING + '<TextArea name="tags"'), {"tags": "keywords"}),
        (without("sentence3").replace("keywords", "tags"), {"tags": "keywords"}),
        # All are renamed, some with other attributes.
        (
            PAGE.replace('"sentence', '"caption').replace('rows="2"', 'rows="9"'),
            {f"caption{number}": f"sentence{number}" for number in (1, 2, 3)},
        ),
        # A field is only added or removed, or nothing tells which one was renamed.
        (PAGE.replace(KEYWORDS, RATING + KEYWORDS), {}),
        (without("sentence2"), {}),
        (without("sentence2").replace("<Choices", RATING + "<Choices"), {}),
        (
            PAGE.replace(KEYWORDS, RATING + '<TextArea name="tags"').replace('rows="1"', ""),
            {},
        ),
        ("no page", {}),
    ],
)
def test_renamed_fields(changed: str, expected: dict[str, str]) -> None:
    assert renames(changed, PAGE) == expected


def test_a_page_from_a_file_that_ends_with_a_line_break_was_not_changed(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        (workspace.path / "my-page.xml").write_text(f"{PAGE}\n", encoding="utf-8")
        (workspace.path / "rsitmd.toml").write_text('[annotation]\ntemplate = "my-page.xml"\n')
    with Workspace.open(tmp_path / "w") as workspace:
        sent = config_hash(page_of(workspace))
        project = ProjectRecord(
            1, 1, None, sent, "captioning", "", MAIN, closed_at=None, pilot=None
        )
        # The server removes white space around what it is sent.
        assert page_changes(workspace, project, PAGE.strip()) is None
