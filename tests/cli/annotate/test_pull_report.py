"""What ``annotate pull`` prints for the lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.cli.annotate.pull_report import print_pull
from rsitmd_tools.studio.sync.pull_report import PullReport


def warnings(report: PullReport, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_pull(Path("dataset"), report)
    return capsys.readouterr().err.splitlines()


def test_a_changed_picture_is_named_with_its_writers_and_the_command_that_restores_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = PullReport()
    report.changed_pictures = [
        {"image": "port_1.tif", "task": 7, "address": "/b.png", "annotators": ["a@x.org"]},
        {"image": "port_2.tif", "task": 8, "address": "/c.png", "annotators": []},
    ]
    written, empty = warnings(report, capsys)
    changed = "warning: port_1.tif: the picture of task 7 was changed on the server to /b.png."
    assert written.startswith(f"{changed} Compare the text of a@x.org with the image. To restore")
    assert written.endswith("annotate push dataset")
    assert "Compare" not in empty


def test_a_text_in_a_copy_of_a_task_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = PullReport()
    report.copies = [{"image": "port_1.tif", "task": 7, "copy": 9, "annotators": ["a@x.org"]}]
    [line] = warnings(report, capsys)
    assert "port_1.tif: task 9 is a copy of task 7, and the text of a@x.org in it is not" in line
    assert "If task 7 has no text, delete it on the server and run: " in line
    assert line.endswith("Otherwise, copy the text to task 7 and delete task 9.")
