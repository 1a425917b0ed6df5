"""Selecting rules, ignores with a reason, the baseline, exclusion lists, pages."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.exclusions import read_exclusions
from rsitmd_tools.dataset.locations import Member
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.quality import check, check_subject, subject_of, summary
from rsitmd_tools.quality.against import exclusion_list
from rsitmd_tools.quality.baseline import Baseline
from rsitmd_tools.quality.configure import settings_for
from rsitmd_tools.quality.explain import explain, pages, write_pages
from rsitmd_tools.quality.output import Findings, render
from rsitmd_tools.quality.registry import all_rules, selected_rules
from rsitmd_tools.quality.words import WordLists
from tests.quality.conftest import FIVE, dataset, record

CHECKOUT = Path(__file__).resolve().parents[2]


def faulty() -> Dataset:
    return dataset(
        record("a_1.tif", ["", "Many planes.", *FIVE[2:]]),
        record("b_2.tif", ["Two  boats lie here.", *FIVE[:4]]),
    )


def test_rules_are_selected_by_code_family_and_beginning() -> None:
    codes = [entry.code for entry in selected_rules(("S10", "K"), ("S104",))]
    assert {"S101", "S109", "K101"} <= set(codes)
    assert not {"S104", "S110", "D101"} & set(codes)
    with pytest.raises(WrongUsage, match="unknown rule 'X9'"):
        selected_rules(("X9",), ())


def test_settings_files_thresholds_and_ignores(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        '[validate]\nselect = ["S1"]\n'
        'image_ignores = [{image = "a_1.tif", codes = ["S101"], reason = "published so"}]\n'
        "[validate.thresholds]\nwords_min = 9\n"
    )
    settings = settings_for(faulty(), file, ignore="s104")
    result = check_subject(subject_of(faulty(), settings))
    codes = {(f.image, f.code) for f in result.findings}
    assert result.ignored == 1
    assert ("a_1.tif", "S101") not in codes
    assert ("a_1.tif", "S105") in codes
    assert not any(code == "S104" for _, code in codes)
    told = summary(faulty(), result)
    assert told["ignored"] == 1
    assert sum(told["severities"].values()) == len(result.findings) == sum(told["codes"].values())


@pytest.mark.parametrize(
    "text",
    [
        "[validate]\nselct = []\n",
        '[validate]\nimage_ignores = [{image = "a", codes = ["S1"]}]\n',
        "[validate.thresholds]\nwords_min = 'x'\n",
    ],
)
def test_wrong_settings_name_the_key(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(RsitmdError, match="validate") as caught:
        settings_for(faulty(), file)
    assert len(str(caught.value).splitlines()) == 1


def test_the_users_words_extend_the_lists(tmp_path: Path) -> None:
    (tmp_path / "domain.txt").write_text("quayside # ours\n", encoding="utf-8")
    assert "quayside" in WordLists(tmp_path)["domain"]
    assert "quayside" not in WordLists()["domain"]
    (tmp_path / "domian.txt").touch()
    with pytest.raises(RsitmdError, match="unknown word list"):
        WordLists(tmp_path)
    with pytest.raises(RsitmdError, match="is not a folder"):
        WordLists(tmp_path / "absent")


def test_only_findings_that_are_not_in_the_baseline_count(tmp_path: Path) -> None:
    data = faulty()
    found = check(data)
    Baseline.of(found, data).write(tmp_path / "known.json")
    known = Baseline.read(tmp_path / "known.json")
    assert known.unknown(found, data) == []
    # Images move and one more sentence goes wrong: only that one is new.
    moved = data.with_images(
        [data.images[1], data.images[0], record("c_3.tif", ["", *FIVE[1:]], split=None)]
    )
    new = known.unknown([f for f in check(moved) if f.code == "S101"], moved)
    assert [f.image for f in new] == ["c_3.tif"]
    for text in ("{", "[]", '{"findings": {"a": "x"}}'):
        (tmp_path / "known.json").write_text(text)
        with pytest.raises(RsitmdError, match="is not a file of known findings"):
            Baseline.read(tmp_path / "known.json")


def test_an_exclusion_list_is_written_and_read(tmp_path: Path) -> None:
    own = "Seven long red barges lie side by side at the quay."
    new = dataset(record("n_1.tif", [own, *FIVE[1:]], split="test"))
    old = dataset(
        record("o_1.tif", [own, "1", "2", "3", "4"], split="train"),
        record("o_2.tif", ["Many trees."] * 5, split="train"),
        name="old",
    )
    subject = subject_of(new, against=[old])
    file = tmp_path / "exclude.json"
    file.write_text(json.dumps(exclusion_list(subject.shared_captions)))
    assert read_exclusions(file, old) == {"o_1.tif"}
    with pytest.raises(RsitmdError, match="lists images of 'old', but not of 'test'"):
        read_exclusions(file, new)
    (tmp_path / "none.json").write_text('{"exclude": {}}')
    assert read_exclusions(tmp_path / "none.json", new) == frozenset()
    for text in ("{", "[]", '{"exclude": 3}', '{"exclude": {"old": [1]}}'):
        file.write_text(text)
        with pytest.raises(RsitmdError, match="is not an exclusion list"):
            read_exclusions(file, old)


@pytest.mark.parametrize("code", list(all_rules()))
def test_every_code_is_explained(code: str) -> None:
    text = explain(code.lower())
    assert text.startswith(f"# {code} ")
    assert all(f"## {title}" in text for title in ("Bad", "Good", "Fix", "Ignore"))


def test_pages_are_written_for_the_site_and_old_ones_removed(tmp_path: Path) -> None:
    (tmp_path / "X999.md").write_text("a rule that no longer exists")
    write_pages(tmp_path)
    written = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.glob("*.md")}
    assert written == pages()
    assert all(f"[{code}]({code}.md)" in written["index.md"] for code in all_rules())


def test_the_example_of_a_new_rule_in_contributing_works(tmp_path: Path) -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = text.split("```python\n", 1)[1].split("```", 1)[0]
    script = tmp_path / "new_rule.py"
    script.write_text(
        code + "\nfrom tests.quality.conftest import dataset, record\n"
        "from rsitmd_tools.quality import check\n"
        'found = check(dataset(record(sentences=["Look! A pier lies here."])))\n'
        'assert [f.code for f in found if f.name == "exclamation"] == ["S199"], found\n'
        'found = check(dataset(record(sentences=["A long pier lies here."])))\n'
        'assert not [f.code for f in found if f.name == "exclamation"], found\n'
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_findings_of_records_with_one_name_are_kept_apart(tmp_path: Path) -> None:
    typo = ["There are three drivez.", *FIVE[1:]]
    data = dataset(
        record("port_1.tif", FIVE, split="test"),
        record("port_1.tif", typo, split="train"),
        record("port_1.tif", ["Two  boats lie here.", *FIVE[1:]], split="train"),
    )
    settings = settings_for(data, select="S111,S113")
    subject = subject_of(data, settings)
    result = check_subject(subject)
    assert [(f.code, f.split, f.record) for f in result.findings] == [
        ("S111", "train", 1),
        ("S113", "train", 2),
    ]
    findings = Findings(subject, result, summary(data, result))
    rows = list(csv.DictReader(io.StringIO(render("csv", findings))))
    assert [row["sentence"] for row in rows] == [typo[0], "Two  boats lie here."]
    assert render("text", findings).count("port_1.tif (train)") == 2
    # A baseline knows the text of the record that a finding is of.
    Baseline.of(result.findings, data).write(tmp_path / "known.json")
    images = list(data.images)
    images[1] = record("port_1.tif", ["There are three housez.", *FIVE[1:]], split="train")
    changed = data.with_images(images)
    chosen = settings_for(changed, select="S111,S113", baseline=tmp_path / "known.json")
    assert [f.code for f in check(changed, chosen)] == ["S111"]


@pytest.mark.parametrize("text", ['{"findings": {"S101:abc": 1e999}}', "[", '{"findings": 3}'])
def test_another_file_is_no_baseline(tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_text(text)
    with pytest.raises(RsitmdError, match="is not a file of known findings"):
        Baseline.read(tmp_path / "known.json")


def test_all_images_with_a_tested_caption_are_excluded() -> None:
    caption = "Seven long red barges lie side by side at the old quay."
    old = dataset(*(record(f"o{n}.tif", [caption], split="train") for n in (1, 2)), name="old")
    new = dataset(record("n.tif", [caption, *FIVE[1:]], split="test"))
    subject = subject_of(new, settings_for(new, select="L106"), [old])
    [finding] = check_subject(subject).findings
    assert finding.message == "also used for o1.tif and 1 other image in dataset old"
    listed = exclusion_list(subject.shared_captions)["exclude"]["old"]
    assert [entry["filename"] for entry in listed] == ["o1.tif", "o2.tif"]
    # Also if one of them is on the list for another caption, and captions repeat.
    second = "Nine small blue boats wait in a row before the harbour."
    more = dataset(
        record("o1.tif", [caption, second], split="train"),
        *(record(f"o{n}.tif", [text], split="train") for n, text in ((2, caption), (4, second))),
        name="old",
    )
    tested = dataset(record("n.tif", [caption, second, caption, *FIVE[3:]], split="test"))
    subject = subject_of(tested, settings_for(tested, select="L106"), [more])
    listed = exclusion_list(subject.shared_captions)["exclude"]["old"]
    assert [entry["filename"] for entry in listed] == ["o1.tif", "o2.tif", "o4.tif"]
    again = dataset(record("o3.tif", [caption], split="train"), name="old")
    both = subject_of(new, settings_for(new, select="L106"), [old, again])
    with pytest.raises(RsitmdError, match="two datasets have the name 'old'"):
        exclusion_list(both.shared_captions)


def test_a_caption_is_found_that_another_file_writes_with_other_punctuation() -> None:
    """As RSITMD in its ``precomp`` files, in ``RSITMD.csv`` and in the files of ALBEF."""
    own = "Seven long red barges lie side by side at the old quay."
    seven = "Many small boats lie at the pier"  # and a full stop is not an eighth word
    old = dataset(
        record(
            "o1.tif", [own.lower().replace(".", " ."), f"{seven.lower()} .", " . "], split="train"
        ),
        name="old",
    )
    new = dataset(record("n.tif", [own[:-1], f"{seven} .", "..."], split="test"))
    subject = subject_of(new, settings_for(new, select="L106"), [old])
    assert [finding.sentence_index for finding in check_subject(subject).findings] == [0, 1]
    [long, short] = subject.shared_captions
    assert exclusion_list([short]) | {"tool": ""} == {"tool": "", "exclude": {}}
    assert exclusion_list([long])["exclude"]["old"][0]["filename"] == "o1.tif"


def test_rules_of_images_inside_tar_files_are_named_as_not_checked(tmp_path: Path) -> None:
    data = replace(
        dataset(record(split="train"), record("port_2.tif", split="test")),
        members={("train", "port_1.tif"): Member(tmp_path / "a.tar", 0, 1)},
    )
    result = check_subject(subject_of(data, settings_for(data, select="D,I106,L101,L105,S")))
    assert set(result.unchecked) == {"I106", "L101", "L105"}
    assert "inside tar files were not read" in result.unchecked["I106"]
