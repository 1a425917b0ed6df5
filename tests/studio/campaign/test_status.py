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
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.report.campaign_figures import spread
from rsitmd_tools.studio.campaign.agreement import Agreement, agreements, similarities
from rsitmd_tools.studio.campaign.payment import payment, payment_csv
from rsitmd_tools.studio.campaign.status import estimate, findings_of_people, status
from rsitmd_tools.studio.campaign.status_page import status_page
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import ACCOUNT_REMOVED
from tests.builders import WHEN, add, add_annotation
from tests.chromium import launched

TODAY = date(2025, 5, 20)


def test_the_estimate_uses_the_pace_of_two_weeks() -> None:
    days = {TODAY - timedelta(days=n): 10 for n in range(10)}
    days[TODAY - timedelta(days=100)] = 5000  # long ago
    assert estimate(days, 100, TODAY) == {"per_day": 10.0, "days": 10, "ends": "2025-05-30"}
    # Four idle days since: the pace falls.
    idle = {day - timedelta(days=4): n for day, n in days.items()}
    assert estimate(idle, 100, TODAY)["days"] == 14


def test_no_recent_annotations_give_no_estimate_and_none_missing_gives_today() -> None:
    assert estimate({}, 7, TODAY) == {"per_day": 0.0, "days": None, "ends": None}
    assert estimate({}, 0, TODAY)["ends"] == "2025-05-20"
    assert estimate({TODAY - timedelta(days=60): 9}, 7, TODAY)["ends"] is None


@given(st.dictionaries(st.dates(), st.integers(1, 10**6)), st.integers(0, 10**9))
def test_estimate_accepts_any_counts(days: dict[date, int], missing: int) -> None:
    found = estimate(days, missing, TODAY)
    assert found["ends"] is None or date.fromisoformat(found["ends"]) >= TODAY


def test_similarity_equals_that_of_the_prior() -> None:
    same = "Two red ships lie at the quay."
    assert similarities([[same, "A field."], ["Cars."]], [same, "Green meadow."]) == pytest.approx(
        [1.0 / 2 + (1.0 + 0.0) / 2 / 2, 0.0]
    )


def test_copied_and_doubtful_sentences_are_found_and_single_ones_left_out() -> None:
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


def test_only_the_sentences_of_annotators_are_compared() -> None:
    said = (
        Sentence("Two red ships lie near a long pier."),  # imported
        Sentence("Two red ships lie here.", annotator="anna"),
        Sentence("Two ships lie near a pier.", annotator="berta"),
    )
    found = agreements([ImageRecord("a.tif", said), ImageRecord("b.tif", said[:2])])
    assert [(a.image, a.index, a.annotator, a.verdict) for a in found] == [
        ("a.tif", 1, "anna", ""), ("a.tif", 2, "berta", ""),
    ]  # fmt: skip


def test_sentences_that_began_as_the_same_given_text_are_no_copies() -> None:
    """Two annotators confirm an imported sentence, or change a model's text in the same way."""
    raw = "Two red ships lie near a long pier."
    for more, verdict in (
        ({"extra": {"corrected_from": "Old"}}, ""),
        ({"origin": "machine changed"}, ""),
        ({"origin": "human"}, "copied"),
    ):
        said = tuple(Sentence(raw, annotator=who, **more) for who in ("anna", "berta"))
        found = agreements([ImageRecord("a.tif", said)])
        assert [(round(entry.value, 3), entry.verdict) for entry in found] == [(1.0, verdict)] * 2


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.0, "doubtful"), (0.05, "doubtful"), (0.06, ""), (0.94, ""), (0.95, "copied")],
)
def test_the_limits_of_agreement(value: float, verdict: str) -> None:
    assert Agreement("a.tif", 0, "anna", value).verdict == verdict


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two people, one of them with a nasty name; annotations of two weeks."""
    with Workspace.create(tmp_path / "w", "<b>Häfen</b> & $x$") as made:
        with made.transaction() as db:
            for number in (1, 2):
                name = f"port_{number}.tif"
                add(db, "image", id=number, filename=name, category="port $_$", number=number)
            names = {"anna@x": "=1+1", "berta@x": "<script>alert(1)</script>"}
            for email, name in names.items():
                add(db, "annotator", email=email, name=name, joined_at=WHEN)
            add(db, "project", id=1)
            for image in (1, 2):
                add(db, "task", id=image, image_id=image)
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
                add_annotation(
                    db, [raw], state=state, origin=origin, id=row, task_id=task,
                    annotator_id=person, created_at=time, lead_time=seconds,
                )  # fmt: skip
        yield made


def test_payment_counts_by_annotator_and_iso_week(workspace: Workspace) -> None:
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


def counts(workspace: Workspace, *columns: str) -> dict[str, tuple[int, ...]]:
    """Return columns of the payment by week of anna."""
    return {
        row["week"]: tuple(row[column] for column in columns)
        for row in payment(workspace)
        if row["annotator"] == "anna@x"
    }


def test_payment_counts_annotations_that_were_deleted_later(workspace: Workspace) -> None:
    asked = ("annotations", "sentences", "accepted", "seconds", "deleted")
    before = counts(workspace, *asked)
    assert before == {"2025-W20": (2, 2, 1, 50, 0), "2025-W21": (1, 1, 0, 0, 0)}
    with workspace.transaction() as db:  # the lead deletes the task of image 2
        db.execute("UPDATE annotation SET deleted_at = 'n' WHERE task_id = 2")
    assert counts(workspace, *asked) == {
        "2025-W20": (2, 2, 1, 50, 1),
        "2025-W21": (1, 1, 0, 0, 0),
    }
    with workspace.transaction() as db:  # and a project with all its tasks
        db.execute("UPDATE annotation SET deleted_at = 'n'")
    # Of image 1 anna had written two: the last one is paid, in the week of the first one.
    assert counts(workspace, *asked) == {"2025-W20": (2, 2, 1, 20, 2)}
    berta = next(row for row in payment(workspace) if row["annotator"] == "berta@x")
    assert (berta["sentences"], berta["machine_untouched"], berta["deleted"]) == (0, 1, 0)


def test_a_text_that_is_deleted_and_written_again_is_paid_once(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE annotation SET deleted_at = 'n' WHERE id = 2")
        # Anew in another task: the lead had deleted the first.
        add(db, "project", id=2)
        add(db, "task", id=9, project_id=2, image_id=2)
        row = add_annotation(
            db, ["New."], task_id=9, server_id=99, created_at="2025-05-26T00:00:00+00:00"
        )
    # In the week of the first text, which may have been paid already.
    assert counts(workspace, "sentences", "deleted") == {"2025-W20": (2, 0), "2025-W21": (1, 0)}
    with workspace.transaction() as db:  # deleted once more
        db.execute("UPDATE annotation SET deleted_at = 'm' WHERE id = ?", (row,))
    assert counts(workspace, "sentences", "deleted") == {"2025-W20": (2, 1), "2025-W21": (1, 0)}


def test_the_second_current_text_of_an_image_is_paid_in_its_own_week(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE annotation SET deleted_at = 'n' WHERE id = 1")  # W20; 3 is of W21
        add(db, "project", id=2)
        add(db, "task", id=9, project_id=2, image_id=1)
        add_annotation(
            db, ["More."], task_id=9, server_id=99, created_at="2025-05-26T00:00:00+00:00"
        )
    assert counts(workspace, "sentences") == {"2025-W20": (2,), "2025-W22": (1,)}


def test_status_counts_annotators_and_missing_annotations(workspace: Workspace) -> None:
    state = status(workspace)
    assert state["annotations"] == 4
    assert state["states"] == {"accepted": 1, "new": 2, "sent back": 1}
    # Anna wrote for both; what berta sent is a machine's.
    assert state["missing"] == 10 - 2
    anna = next(p for p in state["people"] if p["email"] == "anna@x")
    assert (anna["written"], anna["seconds"], anna["words"]) == (3, 25.2, 2.3)
    assert state["categories"] == {"port $_$": {"images": 2, "complete": 0, "sentences": 2}}


def test_sentences_of_removed_images_have_no_state(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        for image in (1, 2):
            add(db, "removed_image", image_id=image, reason="blurred", removed_at="n")
    state = status(workspace)
    assert (state["images"], state["sentences"], state["states"]) == (0, 0, {})


def test_an_annotation_without_one_of_its_sentences_counts_as_missing(workspace: Workspace) -> None:
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
    assert "annotations: 2 pulled, 1 annotation missing, 1 sentence missing" in done.stdout
    # One that was sent back is missing too, once.
    with workspace.transaction() as db:
        add(db, "sentence", annotation_id=2, raw="", state="sent back")
    with Workspace.open(workspace.path) as opened:
        state = status(opened)
    assert [state[key] for key in keys] == [1, 1, 1, 1]
    anna = next(p for p in state["people"] if p["email"] == "anna@x")
    assert anna["words"] == 3.0


def test_status_and_review_count_sentences_not_accepted(workspace: Workspace) -> None:
    expected = "not accepted yet: 1 of 2 sentences; a release includes all sentences"
    assert expected in status_page(workspace)
    workspace.close()  # a review writes
    for shown in (command, review_command):
        assert expected in CliRunner().invoke(shown, [str(workspace.path)]).stdout
    (workspace.path / "rsitmd.toml").write_text("[release]\nonly_accepted = true\n", "utf-8")
    expected = (
        "not accepted yet: 1 of 2 sentences; a release includes only accepted sentences"
        " ([release] only_accepted = true in rsitmd.toml)"
    )
    for shown in (command, review_command):
        assert expected in CliRunner().invoke(shown, [str(workspace.path)]).stdout


def test_the_page_escapes_text_and_loads_nothing(workspace: Workspace) -> None:
    page = status_page(workspace)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;Häfen&lt;/b&gt; &amp; $x$" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<svg") == 2
    assert re.search(r"\. \d+ drafts?, \d+ skips?\.\s", page)


def shown(folder: Path, *options: str) -> str:
    """Return what the command prints, its messages too."""
    done = CliRunner().invoke(command, [str(folder), *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_an_empty_workspace_has_no_estimate(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as empty:
        assert status(empty)["estimate"] == {"per_day": 0.0, "days": None, "ends": None}
        assert "Nothing to estimate yet: no images." in status_page(empty)
    told = shown(tmp_path / "w", "--findings")
    assert "estimated end: unknown, no images yet\n" in told
    assert "annotations per day" not in told
    assert "agreement on keywords: unknown (0 images with two or more annotators)" in told


def test_a_complete_campaign_is_reported(workspace: Workspace) -> None:
    settings = "[annotation]\nannotators_per_image = 1\n"
    (workspace.path / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with workspace.transaction() as db:
        db.execute("UPDATE sentence SET state = 'accepted'")
    folder = workspace.path
    workspace.close()
    assert "estimated end: complete, nothing is missing\n" in shown(folder)
    with Workspace.open(folder) as reopened:
        assert "Nothing is missing." in status_page(reopened)


def test_status_refuses_an_invalid_labeling_page_in_the_settings(workspace: Workspace) -> None:
    folder = workspace.path
    workspace.close()
    for name, what in (("captionning", "cannot be read"), ("broken.xml", "is not XML")):
        (folder / "broken.xml").write_text("<View>", encoding="utf-8")
        (folder / "rsitmd.toml").write_text(
            f'[annotation]\ntemplate = "{name}"\n', encoding="utf-8"
        )
        with Workspace.open(folder) as reopened:
            with pytest.raises(RsitmdError) as of_push:
                page_of(reopened)  # what push reads first
            with pytest.raises(RsitmdError) as of_status:
                status(reopened)
        assert str(of_status.value) == str(of_push.value)
        assert f"{name}: {what}" in str(of_status.value)


def test_agreement_has_a_measure_and_an_interval(workspace: Workspace) -> None:
    """Twelve images: two people give the same keywords and sentences, or those of another."""
    folder = workspace.path
    with workspace.transaction() as db:
        for image in range(3, 15):
            add(db, "image", id=image, category="farm", number=image)
            add(db, "task", id=image, image_id=image)
            for person in (1, 2):
                thing = image if person == 1 or image < 11 else image + 1
                add_annotation(
                    db,
                    [f"The number {thing} stands on roof {thing}."],
                    [f"number {thing}"],
                    task_id=image,
                    server_id=100 * person + image,
                    annotator_id=person,
                    created_at="2025-05-19T00:00:00.000000+00:00",
                )
    found = findings_of_people(workspace)
    assert "prior" in found["agreement_measure"]
    for what, images in (("keywords", 13), ("sentences", 12)):
        entry = found["reliability"][what]
        assert entry["measure"].startswith("Krippendorff's alpha")
        assert entry["meaning"].startswith("0: ")
        assert entry["images"] == images
        low, high = entry["interval"]
        assert 0.3 < low < entry["value"] < high <= 1
    page = status_page(workspace)
    workspace.close()
    told = shown(folder, "--findings")
    for what in ("keywords", "sentences"):
        assert re.search(
            rf"agreement on {what}: 0\.\d\d \(95 % interval 0\.\d\d to [01]\.\d\d; 1[23] images\)\n"
            r"  Krippendorff's alpha.*\. 0: .*; 1: .*\.\n",
            told,
        )
        assert str(found["reliability"][what]["value"]) in page
    assert "similarity to the others' sentences 0." in told
    assert ", agreement " not in told
    assert "Krippendorff&#39;s alpha" in page


def test_counts_agree_with_their_nouns(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE task SET drafts = 1 WHERE id = 1")
        add(db, "skip", task_id=1, server_id=9, annotator_id=1)
        db.execute("UPDATE annotator SET left_at = 'n' WHERE id = 2")
        db.execute(f"UPDATE annotator SET left_reason = '{ACCOUNT_REMOVED}' WHERE id = 2")
    folder = workspace.path
    page = status_page(workspace)
    workspace.close()
    told = shown(folder)
    assert "(1 draft, 1 skip)" in told
    assert "berta@x (left: account removed on the server): 1 done, 0 to do" in told
    assert " 1 draft, 1 skip." in page
    assert "(left: account removed on the server)" in page


@given(st.lists(st.floats(0, 1), max_size=12))
def test_labels_do_not_overlap(heights: list[float]) -> None:
    found = spread(heights)
    order = sorted(found)
    assert all(high - low >= 0.07 - 1e-9 for low, high in itertools.pairwise(order))
    assert all(-1e-9 <= height <= 1 for height in found)
    if all(b - a >= 0.07 for a, b in itertools.pairwise(sorted(heights))):
        assert found == heights


@pytest.mark.browser
def test_tables_wider_than_a_phone_scroll_in_their_cards(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "status.html"
    file.write_text(status_page(workspace), encoding="utf-8")
    with launched() as browser:
        page = browser.new_page(viewport={"width": 400, "height": 800})
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 400
