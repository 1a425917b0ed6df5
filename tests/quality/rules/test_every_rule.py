"""A case that is bad and one that is good for every rule: none may lack either.

The cases of S, K, L103 and L109 are the examples of their docstrings (``test_examples.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

from rsitmd_tools.dataset import Dataset, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.workspace import Settings, Workspace
from tests.builders import add_team
from tests.pictures import cut, ground
from tests.quality.conftest import FIVE, dataset, document, record
from tests.quality.rules import people
from tests.quality.rules.codes import CODES
from tests.quality.rules.scenes import SIZE, folder_of, placed, scene
from tests.release.conftest import add_image


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule must tell of, and what it must not."""

    bad: Dataset
    good: Dataset
    against: tuple[Dataset, ...] = ()
    expected_splits: Mapping[str, Path] | None = None
    same_place: bool = False


def read(folder: Path, *entries: dict[str, Any]) -> Dataset:
    import json

    folder.mkdir()
    (folder / "dataset_RSITMD.json").write_text(json.dumps(document(*entries)), encoding="utf-8")
    return load_dataset(folder)


def documents(*bad: dict[str, Any]) -> Callable[[Path], Case]:
    return lambda folder: Case(read(folder / "bad", *bad), read(folder / "good", {}, {}))


def records(bad: Dataset, good: Dataset | None = None) -> Callable[[Path], Case]:
    return lambda _: Case(bad, good or dataset(record()))


def files(folder: Path, bad: tuple[str, ...]) -> Case:
    for name, present in (("bad", bad), ("good", ("port_1.tif",))):
        (folder / name).mkdir()
        for file in present:
            (folder / name / file).touch()
    return Case(dataset(record(), folder=folder / "bad"), dataset(record(), folder=folder / "good"))


def pictures(**bad: Image.Image | bytes) -> Callable[[Path], Case]:
    def build(folder: Path) -> Case:
        (folder / "bad").mkdir()
        (folder / "good").mkdir()
        good = folder_of(folder / "good", train__a=scene(1), test__b=scene(2), test__c=scene(3))
        wrong = folder_of(folder / "bad", train__a=scene(1), test__b=scene(2), **bad)
        return Case(wrong, good)

    return build


def swapped(folder: Path) -> Case:
    lists = {name: folder / f"{name}.txt" for name in ("val", "test")}
    lists["val"].write_text("port_1.tif\n")
    lists["test"].write_text("port_2.tif\n")
    bad = dataset(record(split="test"), record("port_2.tif", split="val"))
    good = dataset(record(split="val"), record("port_2.tif", split="test"))
    return Case(bad, good, expected_splits=lists)


def shifted(_: Path) -> Case:
    words = ["port", "farm", "lake", "road", "park", "beach", "river"]
    lines = [f"{words[n % 7]} a{n} b{n} c{n} view {k}." for n in range(60) for k in range(5)]

    def images(rows: list[str]) -> Dataset:
        blocks = [rows[5 * n : 5 * n + 5] for n in range(60)]
        return dataset(*(record(f"{words[n % 7]}_{n}.tif", b) for n, b in enumerate(blocks)))

    return Case(images([*lines[1:], lines[0]]), images(lines))


def against(folder: Path) -> Case:
    for name in ("new", "old", "good"):
        (folder / name).mkdir()
    own = "Seven long red barges lie side by side at the quay."
    old = folder_of(folder / "old", train__x=scene(1))
    old = old.with_images([replace(old.images[0], sentences=(Sentence(own),))])
    bad = folder_of(folder / "new", test__a=scene(1))
    bad = bad.with_images([replace(bad.images[0], sentences=(Sentence(own),))])
    return Case(bad, folder_of(folder / "good", test__b=scene(2)), against=(old,))


def workspace(folder: Path) -> Dataset:
    with Workspace.create(folder) as made:
        with made.transaction() as db:
            add_team(db, *(f"p{number}@x.org" for number in range(5)))
        add_image(made, 0, 5, "train")
        seconds = 0.5 if folder.name == "bad" else 60.0
        with made.transaction() as db:
            db.execute("UPDATE annotation SET lead_time = ?", (seconds,))
    return load_dataset(folder)


def speeds(folder: Path) -> Case:
    return Case(workspace(folder / "bad"), workspace(folder / "good"))


def one_person(say: Callable[[int], str]) -> Callable[[Path], Case]:
    return records(people.campaign(clara=say), people.campaign())


def places(folder: Path) -> Case:
    """Two cuts of one scene, and two of different scenes."""
    found: dict[str, Dataset] = {}
    for name, other in (("bad", cut(ground(3), 120, 0)), ("good", cut(ground(4), 0, 0))):
        (folder / name).mkdir()
        images = {"train__a": cut(ground(3), 0, 0), "test__b": other, "val__c": scene(1)}
        found[name] = folder_of(folder / name, **images)
    return Case(found["bad"], found["good"], same_place=True)


def places_in_other(folder: Path) -> Case:
    """A cut of a scene on which another dataset trains, and one of another scene."""
    case = places(folder)
    (folder / "old").mkdir()
    old = folder_of(folder / "old", train__x=cut(ground(3), 60, 0))
    return replace(case, against=(old,))


NEAR = scene(2).resize((90, 90)).resize((SIZE, SIZE))
EDGE = scene(3)
EDGE.paste((0, 0, 0), (0, 0, SIZE, 60))
LIKE = "Two white boats lie beside {} long grey pier of the port."
CASES: dict[str, Callable[[Path], Case]] = {
    "D101": documents({"keywords": "blue sea"}),
    "D102": records(dataset(record(sentences=FIVE[:4]))),
    "D103": lambda folder: files(folder, ()),
    "D104": lambda folder: files(folder, ("port_1.tif", "port_9.tif")),
    "D105": records(dataset(record(split="train"), record(split="test"))),
    "D106": records(dataset(record(split="train"), record(split="train"))),
    "D107": records(dataset(record(category="river"))),
    "D108": swapped,
    "D109": documents({}, {"imgid": 0}),
    "D110": shifted,
    "D111": documents({"spilt": "test"}),
    "D112": records(dataset(record("../a_1.tif"))),
    "D113": records(dataset(record(sentences=[Sentence(FIVE[0], tokens=("three",))]))),
    "D114": records(replace(dataset(record()), notes=("two annotations have the id 7",))),
    "I101": pictures(test__c=b"no image at all"),
    "I102": pictures(test__c=scene(3).convert("L")),
    "I103": pictures(test__c=Image.new("RGB", (SIZE, SIZE))),
    "I104": pictures(test__c=scene(3).filter(ImageFilter.GaussianBlur(9))),
    "I105": pictures(test__c=EDGE),
    "I106": pictures(test__c=scene(2)),
    "I107": pictures(test__c=NEAR),
    "L101": pictures(test__c=scene(1)),
    "L102": pictures(train__c=NEAR),
    "L104": records(
        dataset(placed("a_1.tif", "train", scene="S2"), placed("a_2.tif", "test", scene="S2")),
        dataset(placed("a_1.tif", "train", scene="S2"), placed("a_2.tif", "test", scene="S3")),
    ),
    "L105": against,
    "L106": against,
    "L107": places,
    "L108": places_in_other,
    "N101": records(
        dataset(people.image(1, *FIVE, people=("anna", "anna", "berta", "anna", "clara"))),
        dataset(people.image(1, *FIVE)),
    ),
    "N102": one_person(lambda number: f"There are trees, {number // 3} of them."),
    "N103": one_person(lambda number: f"Trees {number}."),
    "N104": one_person(lambda n: f"This is a {people.NUMBERS[n % 10]} of the kind {n} by far."),
    "N105": speeds,
    "N106": records(
        dataset(people.image(1, LIKE.format("the"), FIVE[1], LIKE.format("a"))),
        dataset(people.image(1, *FIVE)),
    ),
}
# These need more than a dataset: annotations that were pulled, or the file of a model.
ELSEWHERE = {
    "L110": "release/test_proof_again.py",
    "M101": "quality/rules/test_models.py",
    "N107": "integration/test_studio_campaign_assigned.py",
    "N108": "studio/campaign/test_prefill.py",
}


def codes_found(code: str, data: Dataset, case: Case) -> set[str]:
    chosen = replace(Settings().validate, select=(code,))
    if case.expected_splits:
        chosen = replace(chosen, expected_splits=case.expected_splits)
    settings = Settings(validate=chosen)
    found = check(data, settings, against=case.against, same_place=case.same_place)
    return {finding.code for finding in found}


@pytest.mark.parametrize("code", CASES)
def test_what_is_bad_is_found_and_what_is_good_is_not(code: str, tmp_path: Path) -> None:
    case = CASES[code](tmp_path)
    assert codes_found(code, case.bad, case) == {code}
    assert codes_found(code, case.good, case) == set()


def test_every_rule_has_its_cases() -> None:
    """A new rule takes one file and its test: this finds the one without."""
    assert {*CASES, *CODES, *ELSEWHERE} == set(all_rules())
    tests = Path(__file__).parents[2]
    for code, file in ELSEWHERE.items():
        assert f'"{code}"' in (tests / file).read_text(encoding="utf-8"), code
