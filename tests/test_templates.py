"""The templates of HTML pages escape text, and refuse names that nobody gave."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from rsitmd_tools.templates import page_templates


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> jinja2.Environment:
    folder = tmp_path_factory.mktemp("packages")
    files: dict[Path, str] = {
        Path("with_pages/__init__.py"): "",
        Path("with_pages/templates/page.html"): '{{ images|count_of("image") }}: {{ name }}',
        Path("with_pages/templates/line.html"): "{{ name|printable }}",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        return page_templates("with_pages")


@pytest.mark.parametrize(("images", "shown"), [(1, "1 image"), (2, "2 images")])
def test_text_is_escaped(templates: jinja2.Environment, images: int, shown: str) -> None:
    page = templates.get_template("page.html").render(images=images, name="<b>")
    assert page == f"{shown}: &lt;b&gt;"


def test_control_characters_are_shown(templates: jinja2.Environment) -> None:
    assert templates.get_template("line.html").render(name="a\x1b[0m") == r"a\x1b[0m"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\u202eb\u2066c", r"1 image: a\u202eb\u2066c"),
        ("\x1b[0m\x00\x85", r"1 image: \x1b[0m\x00\x85"),
        ("two\nlines\t\u200d\u00a0\u200f", "1 image: two\nlines\t\u200d\u00a0\u200f"),
    ],
)
def test_characters_that_turn_text_are_shown(
    templates: jinja2.Environment, name: str, shown: str
) -> None:
    assert templates.get_template("page.html").render(images=1, name=name) == shown


def test_a_missing_name_is_an_error(templates: jinja2.Environment) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
        templates.get_template("page.html").render(images=1)
