"""What the calibration counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.baselines.state_dict_diff import StateDictMismatch
from rsitmd_tools.baselines.suite import calibrate
from rsitmd_tools.baselines.suite.plan import plan_runs
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from tests.baselines.suite.conftest import CHANGES


def test_the_sentences_of_training_are_encoded_once(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "_seconds_a_sentence", lambda *_: 2.0)
    changes = [*CHANGES, "epochs=0", "validate=false"]
    plan = plan_runs(["vsepp"], changes, [0])
    found = calibrate.calibrate(plan, tiny, "cpu", {}, pytest.fail)["vsepp"]
    assert found.training == 2.0 * len(set(tiny.select("train").captions()))
    assert found.evaluation > 2.0 * len(set(tiny.select("test").captions()))


def test_the_error_of_a_run_is_one_line(tmp_path: Path) -> None:
    """Its hint is that of a suite, and the mismatches of weights are no lines of a table."""
    wrong = StateDictMismatch("does not match", ["a missing"], where=tmp_path, hint="use others")
    assert calibrate.error_line(wrong) == f"{tmp_path}: does not match; use others"
    disk = RsitmdError("cannot be written", hint="free some space and run it again with --resume")
    assert calibrate.error_line(disk) == "cannot be written; free some space and run it again"
    assert calibrate.error_line(disk, hint=False) == "cannot be written"
    assert calibrate.error_line(ValueError("a\nb")) == "ValueError: a"
