"""The page: differences between the runs, and the figures of the paper beside them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.report import write_report
from tests.report.pages import Page, words

MakeRun = Callable[..., Path]


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The gallery of the fixture's runs, for which the paper now has the figures of UCM."""
    from rsitmd_tools.baselines.evaluation import published

    sizes = {"images": 2, "texts": 10}
    document = copy.deepcopy(published._document())
    document["datasets"]["ucm"]["gallery"] = sizes
    monkeypatch.setattr(published, "_document", lambda: document)
    return sizes


def settings(config: str, *changes: str) -> dict[str, Any]:
    """Return model and settings of a configuration, as a result has them."""
    own = load_config(config, changes).as_dict()
    return {"model": own.pop("model"), "settings": own}


def recalls(value: float) -> dict[str, Any]:
    """Return the recalls of a result in which all have one value."""
    way = dict.fromkeys(("r1", "r5", "r10"), value)
    return {"mean_recall": value, "image_to_text": way, "text_to_image": way}


def test_differences_are_tested(make_run: MakeRun, output: Path) -> None:
    """A system is right for each query, another one for none."""
    gallery = {"images": 12, "texts": 12}
    all_right, none_right = (recalls(value) for value in (100.0, 0.0))
    runs = [
        make_run("good", gallery=gallery, **all_right),
        make_run("bad", model="vsepp", gallery=gallery, **none_right),
    ]
    for run, hit in zip(runs, (1, 0), strict=True):
        rows = ["image,sentence_index,rank,r1,r5,r10"]
        for image in range(12):
            rows += [f"{image}.tif,{place},1,{hit},{hit},{hit}" for place in ("", 0)]
        (run / "queries.csv").write_text("\n".join(rows) + "\n")
    write_report(runs, output)
    text = words(output)
    assert "Differences between the runs" in text
    assert "good − bad +100.00 100.00 to 100.00 –" in text
    assert "good above bad" in text
    other = make_run("elsewhere", data_sha256="a" * 64)
    report = write_report([*runs, other], output)
    assert "was evaluated on other data than good" in " ".join(report.left_out)
    assert "good above bad" not in Page(output).text


def test_a_folder_of_runs_is_one_system(make_run: MakeRun, output: Path) -> None:
    runs = [make_run(f"soft/seed-{seed}", seed=seed) for seed in range(3)]
    write_report([runs[0].parent], output)
    text = words(output)
    assert "3 runs on the test split" in text
    assert "soft 3 62.00 0.00 – 62.00 to 62.00" in text
    make_run("soft/other", model="vsepp")
    report = write_report([runs[0].parent], output)
    assert "4 runs on the test split" in words(output)
    assert "differences" not in " ".join(report.left_out).lower()


def test_published_figures_have_their_columns(
    make_run: MakeRun, output: Path, gallery: dict[str, int]
) -> None:
    runs = [
        make_run("paper", data="UCM", **settings("vsepp")),
        make_run("recipe", data="UCM", **settings("amfmn-soft-frozen")),
    ]
    report = write_report(runs, output)
    text = words(output)
    assert "published mR compared with it paper 1 62.00" in text
    assert "36.93 table II, VSE++ one run: not decided" in text
    assert "45.97 table II, AMFMN-soft other settings" in text
    assert "IEEE TGRS 60, 2021" in text
    assert "Differences between the runs" in text
    assert not any("Differences" in sentence for sentence in report.left_out)


def test_one_run_is_shown_beside_the_published_figure(
    make_run: MakeRun, output: Path, gallery: dict[str, int]
) -> None:
    report = write_report([make_run("paper", data="UCM", **settings("vsepp"))], output)
    text = words(output)
    assert "Beside the published figure" in text
    assert "36.93 table II, VSE++" in text
    assert "Fisher" not in text
    assert "Differences between the runs: there is only one run." in report.left_out


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"data": "Mine"}, ""),
        ({"data": "UCM", "gallery": {"images": 3, "texts": 15}}, "published figures of ucm left"),
    ],
)
def test_other_data_have_no_published_column(
    make_run: MakeRun, output: Path, gallery: dict[str, int], changes: dict[str, Any], note: str
) -> None:
    runs = [make_run(name, **{**settings("vsepp", f"lr={lr}"), **changes}) for name, lr in
            (("one", "1e-4"), ("two", "1e-3"))]  # fmt: skip
    write_report(runs, output)
    assert "published mR" not in words(output)
    assert note in words(output)
    write_report(runs[:1], output)
    assert "Beside the published figure" not in words(output)
    assert Page(output).tags["script"] == 0
