"""Checks of a changed labeling page, before it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.annotation_templates import TEMPLATES, labeling_config
from rsitmd_tools.cli.annotate.template import command
from rsitmd_tools.studio.campaign.template_check import check_page
from rsitmd_tools.workspace.settings import AnnotationSettings


def problems(page: str, sentences: int | None = None) -> list[str]:
    asked = None if sentences is None else AnnotationSettings(sentences_per_annotator=sentences)
    return [f"{p.severity}: {p.message}" for p in check_page(page, asked)]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("sentences", [1, 5])
def test_the_pages_of_the_tool_are_right(template: str, sentences: int) -> None:
    asked = sentences if template in ("captioning", "correction") else None
    assert problems(labeling_config(sentences, 1, 5, template), asked) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name="keywords"', 'name="tags"', "error: pull does not read the field 'tags'"),
        ('name="sentence2"', 'name="sentence3"', "error: the text areas are not numbered 1, 2, 3"),
        ("$image", "$picture", "error: the page needs one <Image"),
        ("$note", "$remark", "warning: push does not fill the field 'remark'"),
        ("$note", "$remark", "warning: the page does not show $note"),
        ("$machine", "$origin", "warning: the page does not show $machine"),
        ('zoom="true"', 'zoom="false"', "warning: the image cannot be zoomed"),
        ('required="true"', 'required="false"', "warning: 'sentence1' is not required"),
        ('maxSubmissions="1"', "", "warning: 'sentence1' lacks maxSubmissions="),
        ("<TextArea", "<Choices", "error: 'sentence1' is a Choices, but pull expects a textarea"),
    ],
)
def test_each_change_that_loses_texts_is_reported(old: str, new: str, message: str) -> None:
    page = labeling_config(2, 1, 5)
    assert old in page
    assert any(problem.startswith(message) for problem in problems(page.replace(old, new), 2))


def test_a_wrong_number_of_text_areas_is_an_error() -> None:
    assert problems(labeling_config(1, 1, 5), 5) == [
        "error: the page has 1 text area for sentences, but"
        " annotation.sentences_per_annotator is 5; set it to 1, or change the page"
    ]


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (1, 5, []),
        (2, 5, []),  # no attribute of a page demands two
        (1, 3, ["warning: 'keywords' has maxSubmissions='5', but annotation.keywords_max is 3"]),
        (0, 5, ["warning: 'keywords' is required, but annotation.keywords_min is 0"]),
    ],
)
@pytest.mark.parametrize("template", ["captioning", "keywords"])
def test_the_number_of_keywords_is_compared_with_the_settings(
    template: str, least: int, most: int, expected: list[str]
) -> None:
    page = labeling_config(1, 1, 5, template)
    asked = AnnotationSettings(keywords_min=least, keywords_max=most)
    assert [f"{p.severity}: {p.message}" for p in check_page(page, asked)] == expected


def test_the_page_of_a_campaign_without_required_keywords_is_right() -> None:
    page = labeling_config(1, 0, 3)
    assert check_page(page, AnnotationSettings(keywords_min=0, keywords_max=3)) == []
    unlimited = page.replace('maxSubmissions="3"', "")
    [problem] = check_page(unlimited, AnnotationSettings(keywords_min=0, keywords_max=3))
    assert problem.message == "'keywords' has no maxSubmissions, but annotation.keywords_max is 3"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('value="equal"', 'value="gleich"', "error: 'better' has the answer 'gleich', which"),
        ('value="equal"', 'value="equal" alias="3"', "error: 'better' has the answer '3', which"),
        ('value="equal"', 'value="gleich" alias="equal"', None),
        ('choice="single-radio"', 'choice="multiple"', "error: 'better' allows several answers"),
    ],
)
def test_answers_of_a_ranking_that_no_status_counts_are_reported(
    old: str, new: str, message: str | None
) -> None:
    page = labeling_config(1, 1, 5, "ranking")
    assert old in page
    found = problems(page.replace(old, new))
    assert [problem.startswith(message or "") for problem in found] == [True] * bool(message)


def test_a_page_without_known_fields_is_an_error() -> None:
    page = (
        '<View><Image name="image" value="$image" zoom="true"/>'
        '<Text name="n" value="$note"/></View>'
    )
    assert problems(page) == [
        "error: the page has no field that pull reads: all texts would be lost"
    ]


@pytest.mark.parametrize("content", [b"<View>", b"\xff\xfe", b"", None])
def test_a_file_that_is_not_a_template_is_a_one_line_error(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "page.xml"
    if content is not None:
        file.write_bytes(content)
    answer = CliRunner().invoke(command, ["--check", str(file)])
    assert answer.exception is not None
    assert str(answer.exception).startswith(f"{file}: ")
    assert "\n" not in str(answer.exception)


def test_a_page_is_written_out_and_found_right(tmp_path: Path) -> None:
    file = tmp_path / "page.xml"
    runner = CliRunner()
    written = runner.invoke(command, ["correction", "--sentences", "5", "-o", str(file)])
    assert written.exit_code == 0
    assert runner.invoke(command, ["--check", str(file)]).exit_code == 0
    file.write_text(file.read_text().replace('name="keywords"', 'name="tags"'))
    assert runner.invoke(command, ["--check", str(file)]).exit_code == 1
    assert "correction" in runner.invoke(command).output
