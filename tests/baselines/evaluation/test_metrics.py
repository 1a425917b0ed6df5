"""The registry: a new metric is in the JSON, the tables and the report by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools import plugins
from rsitmd_tools.baselines.evaluation import metrics
from rsitmd_tools.baselines.evaluation.compare import compare
from rsitmd_tools.baselines.evaluation.evaluate import evaluate_scores
from rsitmd_tools.baselines.evaluation.metrics import (
    Figure,
    Metric,
    ScoredGallery,
    load_metrics,
)
from rsitmd_tools.baselines.evaluation.tables import render
from rsitmd_tools.cli.benchmark.evaluate import result_lines
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.report import write_report
from rsitmd_tools.schemas import first_error, load_schema
from tests.plugged import Plug


def spread(scored: ScoredGallery) -> dict[str, float]:
    return {"highest": float(scored.scores.max()), "lowest": float(scored.scores.min())}


def spread_under_ties(scored: ScoredGallery, rule: str) -> str:
    return f"no ties matter, {rule}"


TOY = Metric(
    "spread",
    "score spread",
    spread,
    key="score_spread",
    under_ties=spread_under_ties,
    figures=(
        Figure("score spread highest", ("score_spread", "highest"), unit="points", digits=3),
        Figure("score spread lowest", ("score_spread", "lowest"), better="lower", digits=1),
    ),
)


def register(monkeypatch: pytest.MonkeyPatch, **added: Any) -> None:
    plugins.warn_once.cache_clear()
    monkeypatch.setattr(metrics, "load_plugins", lambda group: added)


def evaluated(data: Dataset, folder: Path, highest: float) -> Path:
    scores = np.linspace(-2, highest, 4 * 7).reshape(4, 7)
    np.save(folder / "scores.npy", scores)
    evaluate_scores(folder / "scores.npy", data, output=folder / f"to-{highest}")
    return folder / f"to-{highest}"


def test_a_new_metric_is_everywhere(
    uneven: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, toy=TOY)
    run = evaluated(uneven, tmp_path, 3)
    result = json.loads((run / "result.json").read_text())
    assert result["score_spread"] == {"highest": 3.0, "lowest": -2.0}
    assert result["ties"]["optimistic"]["score_spread"] == "no ties matter, optimistic"
    assert list(result)[-4:] == ["score_spread", "command", "versions", "machine"]
    assert first_error(result, load_schema("benchmark_result")) is None
    assert "score spread: highest 3.000, lowest -2.0" in result_lines(result)

    comparison = compare([run])
    assert comparison["systems"][0]["score_spread"] == result["score_spread"]
    heading, row = render(comparison, "text").splitlines()[2:4]
    assert heading.endswith("score spread highest (points)  score spread lowest ↓")
    assert row.split()[-2:] == ["3.000", "-2.0"]
    assert "score spread lowest $\\downarrow$" in render(comparison, "latex")

    write_report([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<dt>score spread</dt><dd>highest 3.000, lowest -2.0</dd>" in page


def test_a_result_without_the_metric_is_shown_without_it(
    uneven: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = evaluated(uneven, tmp_path, 3)
    register(monkeypatch, toy=TOY)
    comparison = compare([run, evaluated(uneven, tmp_path, 4)])
    assert comparison["systems"][0]["score_spread"] == {"highest": None, "lowest": None}
    assert render(comparison, "text").splitlines()[3].split()[-2:] == ["–", "–"]
    lines = result_lines(json.loads((run / "result.json").read_text()))
    assert [line for line in lines if "spread" in line] == []
    write_report([run], tmp_path / "report.html")
    assert "score spread" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        (spread, "it is not a Metric"),
        (Metric("recall", "recall", spread, key="other"), "the name recall is taken"),
        (Metric("toy", "toy", spread, key="machine"), "the key machine is taken"),
        (Metric("toy", "toy", spread, key="runs"), "the key runs is taken"),
        (Metric("toy", "toy", spread), "it has no key; set a key"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, plugin: Any, why: str
) -> None:
    register(monkeypatch)
    built_in = load_metrics()
    register(monkeypatch, toy=plugin)
    assert load_metrics() == load_metrics() == built_in
    [warning] = caplog.messages
    assert warning.startswith(f"plugin toy of another package is left out: {why}")


FAILING = """
import numpy as np
from rsitmd_tools.baselines.evaluation.metrics import Figure, Metric

def summary(result):
    return {summary}

METRIC = Metric("toy", "toy", lambda scored: {value}, key="toy", figures=(Figure("toy", ("toy",)),),
                summary=summary)
"""


def add_failing(plug: Plug, value: str, summary: str = "'shown'") -> None:
    plug(plugins.METRICS, "toy", FAILING.format(value=value, summary=summary), "METRIC")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("np.float32(1)", "TypeError: Object of type float32 is not JSON serializable"),
        ("float('nan')", "ValueError: Out of range float values"),
        ("np.zeros(2)", "TypeError: Object of type ndarray is not JSON serializable"),
    ],
)
def test_a_metric_that_fails_is_left_out(
    plug: Plug,
    uneven: Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    value: str,
    said: str,
) -> None:
    add_failing(plug, value)
    result = json.loads((evaluated(uneven, tmp_path, 3) / "result.json").read_text())
    assert "toy" not in result and result["mean_recall"] > 0
    assert not [line for line in result_lines(result) if "toy" in line]
    [warning] = caplog.messages
    assert warning.startswith(f"metric toy of rsitmd-other failed ({said}")


@pytest.mark.parametrize(
    ("value", "summary", "warning"),
    [
        ("1", "result['zz']", "metric toy of rsitmd-other failed (KeyError: 'zz'); report it"),
        ("{'other': 1}", "'shown'", "metric toy of rsitmd-other: no number at toy"),
    ],
)
def test_a_metric_without_a_line_or_a_figure(
    plug: Plug,
    uneven: Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    value: str,
    summary: str,
    warning: str,
) -> None:
    add_failing(plug, value, summary)
    result = json.loads((evaluated(uneven, tmp_path, 3) / "result.json").read_text())
    assert "toy" in result
    lines = [line for line in result_lines(result) if line.startswith("toy")]
    assert lines == (["toy: shown"] if summary == "'shown'" else [])
    assert [message.startswith(warning) for message in caplog.messages] == [True]


def test_every_built_in_metric_has_a_name_a_label_and_figures_in_the_result(
    uneven: Dataset, tmp_path: Path
) -> None:
    result = json.loads((evaluated(uneven, tmp_path, 3) / "result.json").read_text())
    found = load_metrics()
    assert [metric.name for metric in found][:2] == ["recall", "median-rank"]
    assert len({metric.label for metric in found}) == len(found)
    for figure in (figure for metric in found for figure in metric.figures):
        assert figure.value(result) is not None, figure.label


def test_metrics_need_no_torch() -> None:
    script = (
        "import sys; from rsitmd_tools.baselines.evaluation.metrics import load_metrics; "
        "load_metrics(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
