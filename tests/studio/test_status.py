"""Estimate, counts for payment, agreement, and the page of a campaign without a server."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.cli.annotate.review import command as review_command
from rsitmd_tools.cli.annotate.status import command
from rsitmd_tools.dataset.records import ImageRecord, Sentence
from rsitmd_tools.report.campaign_figures import spread
from rsitmd_tools.studio.agreement import agreements, similarities
from rsitmd_tools.studio.payment import payment_csv
from rsitmd_tools.studio.status import estimate, status
from rsitmd_tools.studio.status_page import status_page
from rsitmd_tools.workspace import Workspace

TODAY = date(2025, 5, 20)


def test_the_pace_of_two_weeks_tells_the_end() -> None:
    days = {TODAY - timedelta(days=n): 10 for n in range(10)}
    days[TODAY - timedelta(days=100)] = 5000  # long ago
    assert estimate(days, 100, TODAY) == {"per_day": 10.0, "days": 10, "ends": "2025-05-30"}
    # Four idle days since: the pace falls.
    idle = {day - timedelta(days=4): n for day, n in days.items()}
    assert estimate(idle, 100, TODAY)["days"] == 14


def test_without_work_there_is_no_end_and_without_need_it_is_today() -> None:
    assert estimate({}, 7, TODAY) == {"per_day": 0.0, "days": None, "ends": None}
    assert estimate({}, 0, TODAY)["ends"] == "2025-05-20"
    assert estimate({TODAY - timedelta(days=60): 9}, 7, TODAY)["ends"] is None


@given(st.dictionaries(st.dates(), st.integers(1, 10**6)), st.integers(0, 10**9))
def test_an_estimate_never_breaks(days: dict[date, int], missing: int) -> None:
    found = estimate(days, missing, TODAY)
    assert found["ends"] is None or date.fromisoformat(found["ends"]) >= TODAY


def test_similarity_is_that_of_the_prior() -> None:
    same = "Two red ships lie at the quay."
    assert similarities([[same, "A field."], ["Cars."]], [same, "Green meadow."]) == pytest.approx(
        [1.0 / 2 + (1.0 + 0.0) / 2 / 2, 0.0]
    )


def test_near_and_far_are_told_and_lone_sentences_left_out() -> None:
    def image(name: str, *texts: str) -> ImageRecord:
        people = ("anna", "berta", "clara")
        said = [Sentence(t, annotator=p) for t, p in zip(texts, people, strict=False)]
        return ImageRecord(name, tuple(said))

    found = agreements(
        [
            image("a.tif", "Two red ships lie here.", "Two red ships lie here."),
            image("b.tif", "Two red ships lie here.", "Cows graze."),
            image("c.tif", "Alone."),
            ImageRecord("d.tif", (Sentence("No name."), Sentence("None either."))),
        ]
    )
    assert [(a.image, a.index, a.verdict) for a in found] == [
        ("a.tif", 0, "copied"), ("a.tif", 1, "copied"),
        ("b.tif", 0, "doubtful"), ("b.tif", 1, "doubtful"),
    ]  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two people, one of them with a nasty name; annotations of two weeks."""
    with Workspace.create(tmp_path / "w", "<b>Häfen</b> & $x$") as made:
        with made.transaction() as db:
            for number in (1, 2):
                db.execute(
                    "INSERT INTO image (id, sha256, filename, category, number, source, width,"
                    " height, pixel_sha256, phash, ingested_at)"
                    " VALUES (?, ?, ?, 'port $_$', ?, 's', 1, 1, 'p', 'h', 'n')",
                    (number, f"k{number}", f"port_{number}.tif", number),
                )
            db.executemany(
                "INSERT INTO annotator (id, email, name, joined_at) VALUES (?, ?, ?, 'n')",
                [(1, "anna@x", "=1+1"), (2, "berta@x", "<script>alert(1)</script>")],
            )
            db.execute(
                "INSERT INTO project (id, server, server_id, template, config, created_at)"
                " VALUES (1, 's', 1, 't', 'c', 'n')"
            )
            for image in (1, 2):
                db.execute(
                    "INSERT INTO task (id, project_id, image_id, server_id, pushed_at)"
                    " VALUES (?, 1, ?, ?, 'n')",
                    (image, image, image),
                )
            for row, task, person, time, seconds, raw, state, origin in (
                (1, 1, 1, "2025-05-12T08:00:00.000000+00:00", 30.4, "Two red ships.", "new",
                 "human"),
                (2, 2, 1, "2025-05-18T23:59:59.000000+00:00", 20.0, "Three boats.", "accepted",
                 "human"),
                (3, 1, 1, "2025-05-19T00:00:00.000000+00:00", None, "A port.", "sent back",
                 "human"),
                (4, 1, 2, "2025-05-19T10:00:00.000000+00:00", 5.0, "A machine's words.", "new",
                 "machine untouched"),
            ):  # fmt: skip
                db.execute(
                    "INSERT INTO annotation (id, task_id, server_id, updated_at, created_at,"
                    " annotator_id, lead_time, result, pulled_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, '[]', 'n')",
                    (row, task, row, time, time, person, seconds),
                )
                db.execute(
                    "INSERT INTO sentence (annotation_id, slot, raw, state, origin)"
                    " VALUES (?, 1, ?, ?, ?)",
                    (row, raw, state, origin),
                )
        yield made


def test_payment_counts_by_person_and_iso_week(workspace: Workspace) -> None:
    rows = list(csv.DictReader(io.StringIO(payment_csv(workspace))))
    assert [
        (r["annotator"], r["week"], r["annotations"], r["sentences"], r["seconds"]) for r in rows
    ] == [
        ("anna@x", "2025-W20", "2", "2", "50"),
        ("anna@x", "2025-W21", "1", "1", "0"),
        ("berta@x", "2025-W21", "1", "0", "5"),
    ]
    assert (rows[0]["accepted"], rows[1]["sent_back"]) == ("1", "1")
    assert rows[2]["machine_untouched"] == "1"
    assert rows[0]["name"] == "'=1+1"  # no formula


def test_status_counts_people_and_what_is_missing(workspace: Workspace) -> None:
    state = status(workspace)
    assert state["annotations"] == 4
    assert state["states"] == {"accepted": 1, "new": 2, "sent back": 1}
    # Anna wrote for both; what berta sent is a machine's.
    assert state["missing"] == 10 - 2
    anna = next(p for p in state["people"] if p["email"] == "anna@x")
    assert (anna["written"], anna["seconds"], anna["words"]) == (3, 25.2, 2.3)
    assert state["categories"] == {"port $_$": {"images": 2, "complete": 0, "sentences": 2}}


def test_an_annotation_that_lacks_a_sentence_is_missing(workspace: Workspace) -> None:
    """Incomplete images, missing annotations and missing sentences tell the same."""
    settings = "[annotation]\nannotators_per_image = 1\n"
    (workspace.path / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with workspace.transaction() as db:
        db.execute("DELETE FROM annotation WHERE id IN (3, 4)")
    with Workspace.open(workspace.path) as opened:
        state = status(opened)
    keys = ("complete", "incomplete", "missing", "missing_sentences")
    assert [state[key] for key in keys] == [2, 0, 0, 0]
    with workspace.transaction() as db:
        db.execute("DELETE FROM sentence WHERE annotation_id = 2")  # it was left empty
    with Workspace.open(workspace.path) as opened:
        state = status(opened)
    assert [state[key] for key in keys] == [1, 1, 1, 1]
    done = CliRunner().invoke(command, [str(workspace.path)])
    assert "1 complete, 1 incomplete" in done.stdout
    assert "annotations: 2, 1 missing, 1 sentences missing" in done.stdout
    # One that was sent back is missing too, once.
    with workspace.transaction() as db:
        db.execute(
            "INSERT INTO sentence (annotation_id, slot, raw, state) VALUES (2, 1, '', 'sent back')"
        )
    with Workspace.open(workspace.path) as opened:
        state = status(opened)
    assert [state[key] for key in keys] == [1, 1, 1, 1]
    anna = next(p for p in state["people"] if p["email"] == "anna@x")
    assert anna["words"] == 3.0


def test_status_and_review_say_what_is_not_accepted(workspace: Workspace) -> None:
    told = "not accepted: 1 of 2 sentences; a release takes them all the same"
    assert told in status_page(workspace)
    workspace.close()  # a review writes
    for shown in (command, review_command):
        assert told in CliRunner().invoke(shown, [str(workspace.path)]).stdout
    (workspace.path / "rsitmd.toml").write_text("[release]\nonly_accepted = true\n", "utf-8")
    told = (
        "not accepted: 1 of 2 sentences; a release leaves them out"
        " ([release] only_accepted = true in rsitmd.toml)"
    )
    for shown in (command, review_command):
        assert told in CliRunner().invoke(shown, [str(workspace.path)]).stdout


def test_the_page_escapes_everything_and_asks_for_nothing(workspace: Workspace) -> None:
    page = status_page(workspace)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;Häfen&lt;/b&gt; &amp; $x$" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<svg") == 2
    assert re.search(r"\. \d+ drafts, \d+ skips\.\s", page)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_labels_do_not_lie_over_each_other(heights: list[float]) -> None:
    found = spread(heights)
    order = sorted(found)
    assert all(high - low >= 0.07 - 1e-9 for low, high in itertools.pairwise(order))
    assert all(-1e-9 <= height <= 1 for height in found)
    if all(b - a >= 0.07 for a, b in itertools.pairwise(sorted(heights))):
        assert found == heights
