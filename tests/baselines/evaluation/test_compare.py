"""Comparing runs over seeds and folds: groups, tests, verdicts, tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.evaluation.compare import compare
from rsitmd_tools.baselines.evaluation.evaluate import evaluate_scores
from rsitmd_tools.baselines.evaluation.published import datasets, find_published
from rsitmd_tools.baselines.evaluation.systems import group_runs
from rsitmd_tools.baselines.evaluation.tables import render
from rsitmd_tools.cli.benchmark.compare import FORMATS
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError, WrongUsage

IMAGES = 40
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def data() -> Dataset:
    images = [
        ImageRecord(f"{n}.png", tuple(Sentence(f"{n} {k}") for k in range(5)), (), "test")
        for n in range(IMAGES)
    ]
    return Dataset("UCM-like", tuple(images), Path("nowhere"), "rsitmd")


@pytest.fixture
def make(data: Dataset, tmp_path: Path) -> Make:
    """Return a function that writes an evaluated run of a model as good as ``skill`` says."""

    def run(name: str, skill: float, seed: int = 0, config: str = "vsepp", **changes: Any) -> Path:
        random = np.random.default_rng([seed, len(name)])
        scores = random.normal(size=(IMAGES, 5 * IMAGES))
        scores[np.arange(5 * IMAGES) // 5, np.arange(5 * IMAGES)] += skill
        np.save(tmp_path / "scores.npy", scores)
        folder = tmp_path / "runs" / name
        result = evaluate_scores(tmp_path / "scores.npy", data, output=folder)
        settings = {**load_config(config).as_dict(), "seed": seed, "weights": f"/{name}"}
        del result["scores"]
        result.update(
            model=settings["model"],
            settings=settings,
            seed=seed,
            weights={"file": "w.pth", "sha256": "1" * 64},
            trained_on_this_data=True,
            training_data_sha256=result["data_sha256"],
            checkpoint_sha256="1" * 64,
        )
        result.update(changes)
        (folder / "result.json").write_text(json.dumps(result))
        return folder

    return run


def test_single_runs_that_differ_in_seed_alone_are_one_system(make: Make) -> None:
    runs = [make("vse-0", 1.5), make("soft-0", 1.5, config="amfmn-soft"), make("vse-1", 1.5, 1)]
    systems = compare(runs)["systems"]
    assert [system["name"] for system in systems] == ["vse", "soft-0"]
    assert systems[0]["seeds"] == [0, 1]
    values = np.array(systems[0]["mean_recall"]["values"])
    assert systems[0]["mean_recall"]["mean"] == pytest.approx(values.mean(), abs=1e-4)
    assert systems[0]["mean_recall"]["deviation"] == pytest.approx(values.std(ddof=1), abs=1e-4)
    expected = stats.t.interval(0.95, 1, values.mean(), stats.sem(values))
    assert systems[0]["mean_recall"]["over_runs"] == pytest.approx(expected, abs=1e-3)
    assert systems[1]["mean_recall"]["over_runs"] is None
    low, high = systems[1]["mean_recall"]["over_images"]
    assert low < systems[1]["mean_recall"]["mean"] < high


def test_the_name_of_a_system_ends_at_no_digit_of_a_seed(make: Make) -> None:
    systems = compare([make("vse-10", 1.5, 10), make("vse-11", 1.5, 11)])["systems"]
    assert [system["name"] for system in systems] == ["vse"]


def test_a_run_of_a_version_with_fewer_settings_is_of_the_same_system(make: Make) -> None:
    settings = load_config("vsepp", ["seed=1"]).as_dict()
    for key in ("text_weights", "validate"):
        del settings[key]
    runs = [make("vse-0", 1.5), make("vse-1", 1.5, 1, settings=settings)]
    assert [system["seeds"] for system in compare(runs)["systems"]] == [[0, 1]]


def test_weights_that_were_renamed_between_seeds_are_the_same(make: Make, tmp_path: Path) -> None:
    before, after = ({"file": name, "sha256": "2" * 64} for name in ("a.pth", "b.pth"))
    make("vse/seed-0", 1.5, weights=before)
    make("vse/seed-1", 1.5, 1, weights=after)
    (system,) = compare([tmp_path / "runs" / "vse"])["systems"]
    assert system["seeds"] == [0, 1]
    make("vse/seed-2", 1.5, 2, weights={**after, "sha256": "3" * 64})
    with pytest.raises(RsitmdError, match="holds runs of different settings"):
        compare([tmp_path / "runs" / "vse"])


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"excluded": {"file": "leak.csv", "sha256": "2" * 64}}},
        {"prior": {"definition": "paper", "sha256": "2" * 64}},
    ],
)
def test_runs_on_other_images_or_with_another_prior_are_another_system(
    make: Make, change: dict[str, Any]
) -> None:
    runs = [
        make("all-0", 1.5),
        make("less-0", 1.5, **change),
        make("all-1", 1.5, 1),
        make("less-1", 1.5, 1, **change),
    ]
    systems = compare(runs)["systems"]
    assert [system["runs"] for system in systems] == [["all-0", "all-1"], ["less-0", "less-1"]]


def test_a_folder_names_what_is_left_out_and_counts_no_run_twice(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make("vse/seed-0", 1.5)
    (make("vse/seed-1", 1.5, 1) / "run.json").write_text("{}")
    (tmp_path / "runs" / "vse" / "seed-1" / "result.json").unlink()
    (system,) = compare([tmp_path / "runs" / "vse"])["systems"]
    assert system["runs"] == ["seed-0"]
    assert "vse: not evaluated, and left out: seed-1\n" in capsys.readouterr().err
    make("vse/copy", 1.5)
    with pytest.raises(RsitmdError, match="two runs of one seed and fold, copy and seed-0"):
        compare([tmp_path / "runs" / "vse"])


def test_a_folder_of_runs_is_one_system(make: Make, tmp_path: Path) -> None:
    make("vse/seed-0", 1.5)
    make("vse/seed-1", 1.5, 1)
    (system,) = compare([tmp_path / "runs" / "vse"])["systems"]
    assert (system["name"], system["runs"]) == ("vse", ["seed-0", "seed-1"])
    make("vse/other", 1.5, config="amfmn-soft")
    with pytest.raises(RsitmdError, match="holds runs of different settings"):
        compare([tmp_path / "runs" / "vse"])


def test_the_same_seed_twice_counts_as_one_seed(make: Make) -> None:
    systems = compare([make("a", 1.5), make("b", 1.5)])["systems"]
    assert [system["name"] for system in systems] == ["a", "b"]


@pytest.mark.parametrize("order", ["a-0 a-1 b-0 b-1", "a-0 b-0 a-1 b-1", "b-1 a-0 a-1 b-0"])
def test_two_series_of_equal_settings_are_divided_by_their_names(make: Make, order: str) -> None:
    runs = [make(name, 2.5 if name[0] == "a" else 1.0, int(name[-1])) for name in order.split()]
    systems = compare(runs)["systems"]
    assert {system["name"]: sorted(system["runs"]) for system in systems} == {
        "a": ["a-0", "a-1"],
        "b": ["b-0", "b-1"],
    }


def test_the_interval_of_one_run_is_that_of_its_result(make: Make) -> None:
    run = make("soft", 1.5)
    recorded = json.loads((run / "result.json").read_text())["interval"]["mean_recall"]
    (system,) = compare([run])["systems"]
    assert system["mean_recall"]["over_images"] == recorded


def test_a_run_that_is_given_twice_has_one_number(make: Make) -> None:
    run = make("soft", 1.5)
    systems = compare([run, make("other", 1.0, config="amfmn-soft"), run])["systems"]
    assert [system["name"] for system in systems] == ["soft", "other", "soft (2)"]


def test_significant_and_insignificant_differences_are_distinguished(make: Make) -> None:
    good = [make(f"good-{seed}", 2.5, seed, "amfmn-soft") for seed in range(3)]
    bad = [make(f"bad-{seed}", 1.0, seed) for seed in range(3)]
    same = [make(f"same-{seed}", 2.5, seed, "amfmn-fusion") for seed in range(3)]
    found = compare([*good, *bad, *same])
    verdicts = {tuple(pair["systems"]): pair for pair in found["comparisons"]}
    assert len(verdicts) == 3
    assert verdicts["good", "bad"]["verdict"] == "good above bad"
    assert verdicts["bad", "same"]["verdict"] == "same above bad"
    assert verdicts["good", "same"]["verdict"] == "not decided"
    first = verdicts["good", "bad"]
    assert first["over_images"][0] < first["difference"] < first["over_images"][1]
    assert first["over_runs"][0] < first["difference"] < first["over_runs"][1]
    assert first["p"] <= first["p_corrected"] <= 3 * first["p"] + 1e-6
    against = compare([*good, *bad, *same], baseline="bad")["comparisons"]
    assert [pair["systems"] for pair in against] == [["good", "bad"], ["same", "bad"]]


def test_two_seeds_with_a_large_variance_are_not_significant(make: Make) -> None:
    """Images alone would decide: but the seeds do not agree."""
    one = [make("x-0", 1.0, 0, "amfmn-soft"), make("x-1", 3.0, 1, "amfmn-soft")]
    two = [make("y-0", 1.0, 0), make("y-1", 1.1, 1)]
    (pair,) = compare([*one, *two])["comparisons"]
    assert pair["p_corrected"] < 0.05
    assert pair["verdict"] == "not decided"


def test_other_folds_are_another_system(make: Make) -> None:
    def fold(name: str, folds: int, fold: int) -> Path:
        settings = {**load_config("vsepp").as_dict(), "folds": folds, "fold": fold}
        return make(name, 1.5, settings=settings)

    runs = [fold("one-0", 5, 0), fold("one-1", 5, 1), fold("two-0", 2, 0), fold("none", 0, 0)]
    assert [s["runs"] for s in compare(runs)["systems"]] == [
        ["one-0", "one-1"],
        ["two-0"],
        ["none"],
    ]
    # Without folds, the fold has no effect: these are one run twice, not two repetitions.
    same = [fold("none-0", 0, 0), fold("none-1", 0, 1)]
    assert [s["runs"] for s in compare(same)["systems"]] == [["none-0"], ["none-1"]]


def test_a_run_that_is_trained_further_is_refused(make: Make) -> None:
    run = make("a", 1.5, training_finished=True)
    (run / "run.json").write_text('{"config": {}, "finished": {"seconds": 1.0}}')
    assert len(compare([run])["systems"]) == 1
    (run / "run.json").write_text('{"config": {}}')
    with pytest.raises(RsitmdError, match="a: was trained further after its evaluation"):
        compare([run])
    # A result of a training that was not finished says so itself.
    unfinished = make("b", 1.5, training_finished=False)
    (unfinished / "run.json").write_text('{"config": {}}')
    assert "b: evaluated before its training was finished: b" in compare([unfinished])["notes"]


def test_without_queries_there_is_no_test(make: Make) -> None:
    runs = [make("a", 1.5), make("b", 2, config="amfmn-soft")]
    (runs[0] / "queries.csv").unlink()
    found = compare(runs)
    assert found["comparisons"] == []
    assert found["systems"][0]["mean_recall"]["over_images"] is None
    assert "no test and no interval over images, as queries.csv is missing: a" in found["notes"]


def test_other_data_do_not_compare(make: Make) -> None:
    first = make("a", 1.5)
    for name, change, said in (
        ("b", {"data_sha256": "0" * 64}, "other data"),
        ("c", {"split": "val"}, "another split"),
        ("d", {"gallery": {"images": 40, "texts": 199}}, "another gallery"),
    ):
        with pytest.raises(RsitmdError, match=f"{name}: was evaluated on {said} than a"):
            compare([first, make(name, 1.5, **change)])


def test_other_image_files_do_not_compare(make: Make) -> None:
    old, known = make("a", 1.5), make("b", 1.5, 1, images_sha256="1" * 64)
    assert len(compare([old, known])["systems"]) == 1
    other = make("c", 1.5, 2, images_sha256="2" * 64)
    with pytest.raises(RsitmdError, match="c: was evaluated on other image files than b"):
        compare([old, known, other])


def test_a_run_trained_on_other_data_is_marked(make: Make) -> None:
    found = compare([make("a", 1.5, trained_on_this_data=False)], published="none")
    assert found["notes"] == ["a: trained on other data than evaluated on"]


def test_random_weights_are_marked(make: Make) -> None:
    part = {"model": "vsepp", "seed": 0, "settings": {}}
    runs = [
        {"run": f"{n}", **part, "weights": weights, "checkpoint_sha256": f"{n}" * 64}
        for n, weights in enumerate(("random", {"file": "w.pth", "sha256": "1" * 64}))
    ]
    folders = [
        make("a", 1.5, weights="random"),
        make("b", 1.5, 1),
        make("c", 1.5, ensemble=runs, weights=None),
        make("d", 1.5, model="scores", settings={}, weights=None),
    ]
    found = compare(folders, published="none")
    said = "its backbone began with random weights, not with a weights file"
    assert [note for note in found["notes"] if "random" in note] == [f"a: {said}", f"c: {said}"]
    assert f"a: {said}" in render(found, "text")


def test_an_ensemble_is_marked(make: Make) -> None:
    part = {"model": "vsepp", "seed": 0, "weights": "random", "settings": {}}
    runs = [{"run": f"seed-{n}", **part, "checkpoint_sha256": f"{n}" * 64} for n in range(2)]
    found = compare([make("both", 1.5, ensemble=runs), make("one", 1.5)])
    marked = [note for note in found["notes"] if "an ensemble" in note]
    assert marked == ["both: an ensemble, its scores are means over 2 runs"]


def test_a_run_evaluated_on_its_training_images_is_marked(make: Make) -> None:
    runs = [make("a", 1.5, seen_in_training=True), make("b", 1.5, config="amfmn-soft")]
    assert compare(runs, published="none")["notes"] == [
        "a: evaluated on images that it learned from"
    ]
    # Results of an earlier version do not say.
    result = json.loads((runs[0] / "result.json").read_text())
    del result["seen_in_training"]
    (runs[0] / "result.json").write_text(json.dumps(result))
    assert compare(runs, published="none")["notes"] == []


def test_bad_input_is_a_one_line_error(make: Make, tmp_path: Path) -> None:
    run = make("a", 1.5)
    with pytest.raises(
        WrongUsage, match="--baseline 'b': no run or configuration has this name; use one of: a"
    ):
        compare([run], baseline="b")
    with pytest.raises(WrongUsage, match="no published figures for 'x'; known: rsicd"):
        compare([run], published="x")
    with pytest.raises(RsitmdError, match="does not exist"):
        compare([tmp_path / "absent"])
    (run / "result.json").write_text("{}")
    with pytest.raises(RsitmdError, match=r"result.json: has no|result.json: document"):
        compare([run])


def test_numbers_of_another_gallery_are_left_out(make: Make) -> None:
    found = compare([make("a", 1.5)])
    assert found["published"] is None
    assert found["notes"] == [
        "published figures of ucm left out: their gallery has 210 images and 1050 texts"
    ]
    assert compare([make("a", 1.5)], published="none")["notes"] == []


def test_published_rows_are_found_by_settings() -> None:
    assert datasets() == ["rsicd", "rsitmd", "ucm", "sydney"]
    printed, why = find_published(None, "RSITMD", {"images": 452, "texts": 2260})
    assert why is None
    assert printed is not None
    for config, value in (
        ("vsepp", 24.83),
        ("scan-t2i", 26.64),
        ("scan-i2t", 26.28),
        ("camp-triplet", 26.2),
        ("camp-bce", 22.03),
        ("mtfn", 26.92),
        ("amfmn-soft", 28.74),
        ("amfmn-fusion", 29.32),
        ("amfmn-similarity", 29.72),
        ("margin-0.4", 27.87),
        ("m1", 24.83),
        ("m9", 30.58),
    ):
        settings = load_config(config, ["backbone=resnet34", "seed=4"]).as_dict()
        row = printed.row_of(settings)
        assert row is not None
        assert row["mean_recall"] == value
        # As an earlier version wrote it: what it did not know had its default.
        del settings["mask_equal"]
        assert printed.row_of(settings) == row
    assert printed.row_of({"model": "scores"}) is None
    # A model that reads sentences only does not depend on the source of the keywords.
    derived = load_config("amfmn-soft", ["keywords=derived"]).as_dict()
    assert printed.row_of(derived) is not None


@pytest.mark.parametrize(
    ("config", "change"),
    [
        ("amfmn-soft", "margin.gamma=0.3"),
        ("amfmn-soft", "margin.kind=fixed"),
        ("amfmn-fusion", "loss=infonce"),
        ("amfmn-fusion", "negatives=hardest"),
        ("amfmn-fusion", "mask_equal=true"),
        ("margin-0.4", "negatives=hardest"),
        ("m9", "attention=soft"),
        ("m9", "keywords=derived"),
        ("m2", "keywords=derived"),
        ("vsepp", "loss=infonce"),
        ("vsepp", "negatives=sum"),
        ("vsepp", "margin.value=0.4"),
        ("vsepp", "margin.kind=dynamic"),
        ("vsepp", "query=keywords"),
        ("vsepp", "text_weights=folder"),
        ("amfmn-soft", "text_weights=folder"),
        ("scan-t2i", "scan.pooling=avg"),
        ("scan-i2t", "scan.direction=t2i"),
        ("camp-bce", "loss=infonce"),
        ("mtfn", "mtfn.rank=5"),
        ("clip", "seed=1"),
    ],
)
def test_systems_that_the_paper_lacks_have_no_published_row(config: str, change: str) -> None:
    printed, _ = find_published(None, "RSITMD", {"images": 452, "texts": 2260})
    assert printed is not None
    assert printed.row_of(load_config(config, [change]).as_dict()) is None
    if change.startswith("text_weights"):
        assert printed.row_of_model(load_config(config, [change]).as_dict()) is None


@pytest.fixture
def comparison(make: Make, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two systems beside published numbers; a name that every form must escape."""
    from rsitmd_tools.baselines.evaluation import published

    document = json.loads(json.dumps(published._document()))
    document["datasets"]["ucm"]["gallery"] = {"images": IMAGES, "texts": 5 * IMAGES}
    monkeypatch.setattr(published, "_document", lambda: document)
    runs = [make("v_0", 1.5), make("v_1", 1.5, 1), make("a|b&<i>_%", 2.5, config="amfmn-soft")]
    return compare(runs)


def test_published_numbers_have_a_separate_column(comparison: dict[str, Any]) -> None:
    printed = [system["published"] for system in comparison["systems"]]
    assert [(row["mean_recall"], row["table"]) for row in printed] == [(36.93, "II"), (45.97, "II")]
    assert printed[0]["verdict"] in {"above", "below", "not decided"}
    assert printed[1]["verdict"] == "one run: not decided"
    assert comparison["systems"][0]["mean_recall"]["mean"] != 36.93


def test_text(comparison: dict[str, Any]) -> None:
    text = render(comparison, "text")
    assert "UCM-like, test: 40 images, 200 texts; percent, hit rate" in text
    assert "36.93 (table II, VSE++)" in text
    assert "Fisher randomisation" in text
    assert "Holm" in text
    assert "IEEE TGRS" in text


def test_markdown(comparison: dict[str, Any]) -> None:
    text = render(comparison, "markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert len(rows) == 4 + 3
    assert widths == {15, 8}
    assert r"a\|b&\<i\>\_%" in text


def test_latex(comparison: dict[str, Any]) -> None:
    text = render(comparison, "latex")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    table = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert r"a|b\&<i>\_\%" in table
    rows = [line for line in table.strip().splitlines() if line]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {13}
    assert all(row.endswith(r" \\") for row in rows)
    outside = [line for line in text.splitlines() if line.startswith("%")]
    assert any("IEEE TGRS" in line for line in outside)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "json"])
def test_names_cannot_leave_their_line(comparison: dict[str, Any], form: str) -> None:
    evil = "ucm\n\\input{x}\x1b[31m"
    changed = {**comparison, "data": evil, "notes": [f"{evil}: a note"]}
    lines, before = (render(each, form).splitlines() for each in (changed, comparison))
    assert not any("\x1b" in line or line.startswith("\\input") for line in lines)
    assert len(lines) == len(before) + 1 - len(comparison["notes"])


def test_latex_has_minus_signs_and_a_table_below_the_other(make: Make) -> None:
    runs = [make("run-1", 1.5), make("run-2", 2.5)]
    text = render(compare(runs, published="none"), "latex")
    first, second = text.split("\n\n")
    assert text.startswith("% ")
    assert "\n% \\usepackage{booktabs}\n\\begin{tabular}" in first
    assert second.startswith("\\begin{tabular}")
    row = next(line for line in second.splitlines() if "run-1 $-$ run-2" in line)
    numbers = re.findall(r"[^ ]*[0-9]+\.[0-9]+", row)
    assert any(number.startswith("$-$") for number in numbers), row
    assert not any(number.startswith("-") for number in numbers), row


def test_a_name_in_brackets_is_no_length_in_latex(make: Make) -> None:
    table = render(compare([make("[2cm]", 1.5)], published="none"), "latex")
    assert "    {[}2cm] & 1 &" in table


def test_each_output_format_is_another_text(comparison: dict[str, Any]) -> None:
    rendered = {render(comparison, form) for form in FORMATS if form != "json"}
    assert len(rendered) == len(FORMATS) - 1


def test_the_command_lists_every_device() -> None:
    from rsitmd_tools.baselines.device import DEVICES
    from rsitmd_tools.cli.benchmark import device

    assert device.DEVICES == DEVICES


def test_queries_of_another_evaluation_are_refused(make: Make) -> None:
    run = make("a", 2.0)
    file = run / "queries.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(
        RsitmdError, match=r"queries\.csv: does not hold the queries of result\.json"
    ):
        group_runs([run])


def test_queries_that_a_killed_evaluation_left_are_refused(make: Make) -> None:
    """The gallery is the same; the hits are those of an earlier result."""
    run, other = make("a", 2.0), make("b", 1.0, 1)
    assert len(group_runs([run, other])) == 1
    (run / "queries.csv").write_bytes((other / "queries.csv").read_bytes())
    with pytest.raises(RsitmdError, match="evaluate the run again"):
        group_runs([run])
