"""What is paid for: each annotation in its week, with its counts."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.dataset.records import CHANGED, UNTOUCHED
from rsitmd_tools.studio.campaign.payment import payment, payment_csv
from rsitmd_tools.workspace import Workspace
from tests.builders import add, add_annotation

SUNDAY, MONDAY = "2026-01-04T23:59:59.000000+00:00", "2026-01-05T00:00:00.000000+00:00"


def test_each_annotation_is_counted_in_its_week(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction() as db:
            add(db, "annotator", email="anna@x.org", name="=Anna")
            add(db, "project")
            for number in (1, 2, 3):
                add(db, "image", id=number, number=number)
                add(db, "task", id=number, image_id=number)
            words = ["two", "grey boats", "at the pier", ""]
            row = add_annotation(db, words, ["red ship"], created_at=SUNDAY, lead_time=10.6)
            states = {"accepted": 1, "sent back": 2, "rejected": 3}
            for state, slot in states.items():
                db.execute("UPDATE sentence SET state = ? WHERE slot = ?", (state, slot))
            for slot, origin in ((5, UNTOUCHED), (6, CHANGED)):
                text = {"slot": slot, "raw": "A machine wrote this.", "origin": origin}
                add(db, "sentence", annotation_id=row, **text)
            add_annotation(db, ["A pier."], task_id=2, server_id=2, created_at=MONDAY)
            gone = {"created_at": MONDAY, "deleted_at": MONDAY, "lead_time": 2.0}
            add_annotation(db, ["A crane.", "A road."], task_id=3, server_id=3, **gone)
        first, second = payment(workspace)
        lines = payment_csv(workspace).splitlines()
    assert first == {
        "annotator": "anna@x.org", "name": "=Anna", "week": "2026-W01", "annotations": 1,
        "sentences": 4, "accepted": 1, "sent_back": 1, "rejected": 1, "deleted": 0,
        "machine_untouched": 1, "imported_unchanged": 0, "words": 10, "keywords": 1, "seconds": 11,
    }  # fmt: skip
    expected = {"annotations": 2, "sentences": 3, "words": 6, "deleted": 2, "seconds": 2}
    assert second["week"] == "2026-W02"
    assert {key: second[key] for key in expected} == expected
    assert [line.split(",")[1] for line in lines[1:]] == ["'=Anna"] * 2
