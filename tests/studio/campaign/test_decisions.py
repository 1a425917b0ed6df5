"""Which sentence a reviewer names: one name everywhere, in what is printed and in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.annotate.log import command as log_command
from rsitmd_tools.cli.annotate.review import command as review_command
from rsitmd_tools.cli.annotate.status import command as status_command
from rsitmd_tools.cli.validate import command as validate_command
from rsitmd_tools.dataset.suspects import ranked, suspects_document
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.studio.campaign.decisions import Found, by_codes, by_file
from rsitmd_tools.studio.campaign.payment import payment
from rsitmd_tools.studio.campaign.review import ReviewRequest, look, review
from rsitmd_tools.studio.campaign.sentences import Empty, row_of
from rsitmd_tools.studio.sync.notes import notes
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.review import state_counts
from rsitmd_tools.workspace.states import PULL, move
from tests.builders import add, add_annotation, add_team

SETTINGS = "[annotation]\nannotators_per_image = 2\nsentences_per_annotator = 3\nkeywords_min = 0\n"
ANNA = (
    "Two white ships lie at the long grey quay.",
    "A red crane stands beside three small boats.",
    "There are many ships in the small harbour.",
)
BERTA = (
    "Three grey cargo vessels wait behind a breakwater.",
    "There are some yachts between the two jetties.",
    "An empty dock opens to the dark green water.",
)
WHEN = "2026-01-01T00:00:00+00:00"
Texts = dict[int, tuple[str | None, ...]]


def make(folder: Path, texts: Texts, settings: str = SETTINGS) -> Path:
    """Make a workspace of one image; ``texts`` are annotations by row of the annotator."""
    with Workspace.create(folder) as workspace, workspace.transaction() as db:
        add_team(db, "anna@x", "berta@x")
        add(db, "task", image_id=add(db, "image", category="port", number=1))
        for person, written in texts.items():
            annotate(workspace, person, person, written)
    (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")
    return folder


def annotate(workspace: Workspace, number: int, person: int, texts: tuple[str | None, ...]) -> None:
    add_annotation(workspace.db, texts, id=number, annotator_id=person)


@pytest.mark.parametrize("template", ["keywords", "ranking"])
def test_a_review_of_a_page_without_sentences_says_what_it_does_not_review(
    tmp_path: Path, template: str
) -> None:
    folder = make(tmp_path / "w", {1: ()}, f'[annotation]\ntemplate = "{template}"\n')
    answer = CliRunner().invoke(review_command, [str(folder), "--reviewer", "B. Lee", "--accept"])
    assert answer.exit_code == 0
    assert "asks for no sentences; keywords and choices are not reviewed" in answer.output
    assert "yet" not in answer.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "w", {1: ANNA, 2: BERTA})


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace.open(folder, write=True) as opened:
        yield opened


def named(workspace: Workspace, tmp_path: Path, *lines: str, name: str = "back.csv") -> list[str]:
    """Return the words of the sentences that a CSV names."""
    file = tmp_path / name
    file.write_text("\n".join(lines), encoding="utf-8")
    found = Found(workspace)
    return [found.entries[c.sentence].raw for c in by_file(file, workspace, found)]


def test_the_printed_number_identifies_the_sentence(folder: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(validate_command, [str(folder), "--select", "S104"]).stdout
    assert "S104 info: anna@x, sentence 3: says 'many'" in shown
    assert "S104 info: berta@x, sentence 2: says 'some'" in shown
    shown = CliRunner().invoke(review_command, [str(folder), "--select", "S104"]).stdout
    assert "port_1.tif, anna@x, sentence 3: S104 says 'many'" in shown
    shown = CliRunner().invoke(log_command, [str(folder), "port_1.tif"]).stdout
    assert f"  3. {ANNA[2]}" in shown
    with Workspace.open(folder) as workspace:
        lines = ("image,annotator,sentence,note", "port_1.tif,anna@x,3,count")
        assert named(workspace, tmp_path, *lines) == [ANNA[2]]
        lines = ("image,annotator,sentence,note", "port_1.tif,berta@x,2.0,count")
        assert named(workspace, tmp_path, *lines) == [BERTA[1]]


def test_numbers_do_not_change_when_an_earlier_sentence_is_sent_back(
    workspace: Workspace,
) -> None:
    with workspace.transaction() as db:
        move(db, 1, "sent back", "B. Lee", note="count")
        move(db, 2, "rejected", "B. Lee")
    [mine] = [
        f for f in review(workspace, ReviewRequest("B. Lee")).findings if f["annotator"] == "anna@x"
    ]
    assert (mine["sentence"], mine["sentence_index"]) == (3, 0)
    assert notes(workspace, 1) == {1: "Sent back to anna@x, sentence 1: count"}


def test_numbers_continue_over_several_annotations_of_one_annotator(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The server allows it in a shared project; a number names one sentence all the same."""
    with workspace.transaction():
        annotate(workspace, 9, 1, ("Some grey sheds stand behind the quay.",))
    findings = review(workspace, ReviewRequest("B. Lee", select=("S104",))).findings
    mine = [f["sentence"] for f in findings if f["annotator"] == "anna@x"]
    assert mine == [3, 4]
    lines = ("image,annotator,sentence,note", "port_1.tif,anna@x,4,count")
    assert named(workspace, tmp_path, *lines) == ["Some grey sheds stand behind the quay."]


def test_the_text_identifies_a_sentence(workspace: Workspace, tmp_path: Path) -> None:
    lines = ("image,text,note", f"port_1.tif,{BERTA[1].replace(' ', '  ')},count")
    assert named(workspace, tmp_path, *lines) == [BERTA[1]]
    # Words in the column of the number are words too.
    lines = ("image,annotator,sentence,note", f"port_1.tif,,{ANNA[2]},count")
    assert named(workspace, tmp_path, *lines) == [ANNA[2]]
    # With a number they are a check.
    lines = ("image,annotator,sentence,text,note", f"port_1.tif,anna@x,2,{ANNA[2]},count")
    with pytest.raises(
        RsitmdError, match=r"no sentence matches .* anna@x, sentence 2, text \"There"
    ):
        named(workspace, tmp_path, *lines)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "port_9.tif,,1,",
            r"line 2: no sentence matches image port_9.tif.*; use the file name of an",
        ),
        (
            "port_1.tif,,3,",
            r"2 sentences match image port_1.tif, sentence 3; use one of: anna@x, sentence 3; b",
        ),
        (
            "port_1.tif,anna@x,,",
            r"3 sentences match .*, annotator anna@x; use one of: anna@x, sentence 1; ",
        ),
        ("port_1.tif,anna@x,0,", r"no sentence matches .* annotator anna@x, sentence 0;"),
        ("port_1.tif,anna@x,7,", r"no sentence matches .* annotator anna@x, sentence 7;"),
        ("port_1.tif,carl@x,1,", r"carl@x, sentence 1; use an annotator of this image: anna@x, b"),
        (",anna@x,1,", r"no sentence matches an empty file name"),
        ("port_1.tif,,,", r"6 sentences match image port_1.tif; .*; and 1 more"),
    ],
)
def test_a_line_that_matches_no_sentence_or_several_is_refused(
    workspace: Workspace, tmp_path: Path, line: str, message: str
) -> None:
    with pytest.raises(RsitmdError, match=message):
        named(workspace, tmp_path, "image,annotator,sentence,note", line)


def test_a_single_sentence_of_an_annotator_needs_no_number(tmp_path: Path) -> None:
    settings = SETTINGS.replace("annotator = 3", "annotator = 1")
    folder = make(tmp_path / "w", {1: ANNA[2:], 2: BERTA[1:2]}, settings)
    with Workspace.open(folder, write=True) as workspace:
        labels = [
            f["label"]
            for f in review(workspace, ReviewRequest("B. Lee", select=("S104",))).findings
        ]
        assert labels == ["port_1.tif, anna@x", "port_1.tif, berta@x"]
        lines = ("image,annotator,note", "port_1.tif,berta@x,count")
        assert named(workspace, tmp_path, *lines) == [BERTA[1]]
        with workspace.transaction() as db:
            move(db, 1, "sent back", "B. Lee")
        assert notes(workspace, 1) == {1: "Sent back to anna@x: please write it again"}


def test_the_json_of_validate_means_the_sentences_it_was_made_of(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "findings.json"
    arguments = [str(folder), "--select", "S104", "--format", "json", "-o", str(file)]
    CliRunner().invoke(validate_command, arguments)
    with Workspace.open(folder, write=True) as workspace:
        found = Found(workspace)
        chosen = by_file(file, workspace, found)
        assert [found.entries[c.sentence].raw for c in chosen] == [ANNA[2], BERTA[1]]
        # One more sentence leaves the dataset: the indices mean others now.
        with workspace.transaction() as db:
            move(db, 1, "sent back", "B. Lee")
        with pytest.raises(RsitmdError, match=r"is out of date: the sentences .* changed; run: rs"):
            by_file(file, workspace, Found(workspace))
        file.write_text(json.dumps({"summary": []}), encoding="utf-8")
        with pytest.raises(RsitmdError, match="is not a list of findings"):
            by_file(file, workspace, Found(workspace))


def test_a_note_hides_the_addresses_of_other_annotators(tmp_path: Path) -> None:
    folder = make(tmp_path / "w", {1: (ANNA[0],), 2: (ANNA[0],)})
    with Workspace.open(folder, write=True) as workspace:
        findings = look(workspace, ("S102", "N106"))
        assert any("sentence 1 of anna@x" in f.message for f in findings)
        [chosen] = by_codes("S102,N106", findings, Found(workspace))
        assert "another annotator" in chosen.note
        assert "anna@x" not in chosen.note


def test_a_note_keeps_complete_addresses(tmp_path: Path) -> None:
    """The address of one person may be the end of another's."""
    folder = make(tmp_path / "w", {1: (ANNA[0],), 2: BERTA})
    with Workspace.open(folder, write=True) as workspace:
        with workspace.transaction() as db:
            db.execute("UPDATE annotator SET email = 'a@x.org' WHERE id = 2")
            db.execute("UPDATE annotator SET email = 'anna@x.org' WHERE id = 1")
        note = Found(workspace).note(1, "anna@x.org and a@x.org are alike; ask a@x.org.")
    assert note == "anna@x.org and another annotator are alike; ask another annotator."


def test_the_json_of_review_is_checked_too(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "findings.json"
    done = CliRunner().invoke(review_command, [str(folder), "--select", "S104", "--json"])
    file.write_text(done.stdout, encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        assert len(by_file(file, workspace, Found(workspace))) == 2
        with workspace.transaction() as db:
            move(db, 1, "sent back", "B. Lee")
        with pytest.raises(RsitmdError, match="is out of date"):
            by_file(file, workspace, Found(workspace))


def test_status_names_a_copied_sentence_in_the_same_way(tmp_path: Path) -> None:
    settings = SETTINGS.replace("annotator = 3", "annotator = 1")
    folder = make(tmp_path / "w", {1: (ANNA[0],), 2: (ANNA[0],)}, settings)
    shown = CliRunner().invoke(status_command, [str(folder), "--findings"]).stdout
    assert "copied: port_1.tif, berta@x (1.00)" in shown
    (folder / "rsitmd.toml").write_text(SETTINGS, encoding="utf-8")
    shown = CliRunner().invoke(status_command, [str(folder), "--findings"]).stdout
    assert "copied: port_1.tif, berta@x, sentence 1 (1.00)" in shown


def test_without_a_server_the_message_says_that_decisions_are_recorded(folder: Path) -> None:
    done = CliRunner().invoke(review_command, [str(folder), "--send-back", "S104"])
    assert done.exit_code != 0
    assert str(done.exception).startswith(
        f"{folder}: Label Studio is not running for this workspace (2 decisions recorded; the next"
        " push or review sends the notes for annotators); to start it, run"
    )
    with Workspace.open(folder) as workspace:
        assert state_counts(workspace)["sent back"] == 2


def test_an_unknown_code_is_wrong_usage_and_names_the_closest(folder: Path) -> None:
    for option in ("--send-back", "--accept", "--reject"):
        done = CliRunner().invoke(review_command, [str(folder), option, "S999"])
        assert isinstance(done.exception, WrongUsage)
        assert "no rule has the code 'S999'" in str(done.exception)
        assert "S109" in str(done.exception)
    done = CliRunner().invoke(review_command, [str(folder), "--send-back", "s104"])
    assert "did you mean S104" in str(done.exception)
    done = CliRunner().invoke(review_command, [str(folder), "--send-back", "nofile"])
    assert "use codes such as S104" in str(done.exception)


def test_clean_sentences_are_not_those_of_a_selection(folder: Path) -> None:
    done = CliRunner().invoke(review_command, [str(folder), "--accept", "--select", "S104"])
    assert isinstance(done.exception, WrongUsage)
    assert "cannot be combined with --select" in str(done.exception)


def test_two_decisions_about_one_sentence_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    head, line = "image,annotator,sentence,note\n", "port_1.tif,anna@x,3,count\n"
    once.write_text(head + line, encoding="utf-8")
    twice.write_text(head + line + line, encoding="utf-8")
    for option in ("send_back", "reject", "accept"):
        with pytest.raises(WrongUsage, match=r"contains port_1\.tif, anna@x, sentence 3 twice;"):
            review(workspace, ReviewRequest("B. Lee", **{option: str(twice)}))
    for one, other in (("send_back", "reject"), ("send_back", "accept"), ("reject", "accept")):
        options = {one: "S104", other: str(once)}
        with pytest.raises(WrongUsage, match="selected for two decisions"):
            review(workspace, ReviewRequest("B. Lee", **options))
    assert state_counts(workspace) == {"new": 6}


def test_only_the_selected_rules_run(tmp_path: Path) -> None:
    folder = make(tmp_path / "w", {1: ("Many ships lie at the the pier.", *ANNA[1:])})
    with Workspace.open(folder, write=True) as workspace:
        for select in (("S104",), ("S112",)):
            found = review(workspace, ReviewRequest("B. Lee", select=select)).findings
            assert {finding["code"] for finding in found} == {*select}


@pytest.mark.parametrize("name", ["", " ", PULL])
def test_a_decision_has_a_reviewer(workspace: Workspace, name: str) -> None:
    with pytest.raises(WrongUsage, match="the reviewer's name is missing"):
        review(workspace, ReviewRequest(name))


def test_a_file_without_sentences_is_reported(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "back.csv"
    file.write_text("image,annotator,sentence,text,note\n", encoding="utf-8")
    done = CliRunner().invoke(review_command, [str(folder), "--send-back", str(file)])
    assert f"{file} lists no sentences\n" in done.stdout
    assert done.exit_code == 0


def test_a_known_code_without_findings_is_reported(folder: Path) -> None:
    done = CliRunner().invoke(review_command, [str(folder), "--send-back", "S122"])
    assert done.exit_code == 0
    assert "no new sentence has a finding of S122\n" in done.stdout
    done = CliRunner().invoke(review_command, [str(folder), "--send-back", "L103"])
    assert (
        "no new sentence has a finding of L103; the rule did not run, use --select" in done.stdout
    )
    assert done.exit_code == 0


def test_findings_are_listed_once_and_again_on_request(folder: Path) -> None:
    def listed(*options: str) -> tuple[int, str]:
        done = CliRunner().invoke(review_command, [str(folder), "--select", "S104", *options])
        assert done.exit_code == 0, done.output
        lines = done.stdout.splitlines()
        return sum("S104 says" in line for line in lines), done.stdout

    count, shown = listed()
    assert count == 2
    assert "earlier finding" not in shown
    count, shown = listed()
    assert count == 0
    assert "2 earlier findings not listed; use --all to list all" in shown
    assert "anna@x: S104 1" in shown
    assert listed("--all")[0] == 2
    # Rules that did not run before bring what nobody saw.
    done = CliRunner().invoke(review_command, [str(folder), "--select", "S", "--json"])
    report = json.loads(done.stdout)
    assert report["seen_before"] == 2
    assert {f["code"] for f in report["findings"]}.isdisjoint({"S104"})
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE sentence SET raw = 'There are several ships here.' WHERE id = 3")
    assert listed()[0] == 1


def test_what_was_seen_before_can_still_be_decided(workspace: Workspace) -> None:
    from rsitmd_tools.studio.campaign.seen import mark_seen

    mark_seen(workspace, review(workspace, ReviewRequest("B. Lee")).findings)
    report = review(workspace, ReviewRequest("B. Lee", accept="S104"))
    assert report.accepted == 2
    assert report.findings == []


def test_an_empty_sentence_is_listed_and_sent_back(tmp_path: Path) -> None:
    folder = make(tmp_path / "w", {1: (ANNA[0], None, ANNA[1]), 2: BERTA})
    done = CliRunner().invoke(review_command, [str(folder)])
    assert "port_1.tif, anna@x, sentence 2: empty" in done.stdout
    file = tmp_path / "back.csv"
    file.write_text("image,annotator,sentence,note\nport_1.tif,anna@x,2,\n", encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        [chosen] = by_file(file, workspace, Found(workspace))
        assert chosen.sentence == Empty(1, 2)
        with workspace.transaction() as db:
            move(db, row_of(db, chosen.sentence), "sent back", "B. Lee", note=chosen.note)
        message = "Sent back to anna@x, sentence 2: please write it: it was left empty"
        assert notes(workspace, 1) == {1: message}
        # It is in no dataset, and no reviewer can accept it.
        with pytest.raises(RsitmdError, match="left empty cannot be accepted"):
            review(workspace, ReviewRequest("B. Lee", accept=str(file)))
        report = review(workspace, ReviewRequest("B. Lee"))
        assert report.empty == []
        assert report.states == {"new": 5, "sent back": 1}
        assert [len(image.sentences) for image in merged_images(workspace)] == [5]
        assert payment(workspace)[0]["sentences"] == 2
    shown = CliRunner().invoke(log_command, [str(folder), "port_1.tif"]).stdout
    assert "  2. (left empty)  [sent back]" in shown


def test_flagged_suspects_of_a_model_are_chosen(workspace: Workspace, tmp_path: Path) -> None:
    dataset = load_dataset(workspace.path, "workspace")
    [image] = dataset.images
    entries = [
        (image.filename, index, raw, float(index), "port_2.tif")
        for index, raw in enumerate(image.captions)
    ]
    made = {"config": "vsepp", "set": [], "folds": 2, "seed": 0}
    document = suspects_document(ranked(entries, 2), dataset, made)
    file = tmp_path / "suspects.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    found = Found(workspace)
    chosen = by_file(file, workspace, found)
    assert [found.entries[c.sentence].raw for c in chosen] == list(image.captions[:-3:-1])
    assert {(c.note, c.codes) for c in chosen} == {
        ("fits port_2.tif better, according to a model", ("M101",))
    }
    with pytest.raises(RsitmdError, match="Label Studio is not running"):  # the notes wait for it
        review(workspace, ReviewRequest("B. Lee", send_back=str(file)))
    assert review(workspace, ReviewRequest("B. Lee")).states["sent back"] == 2
    assert notes(workspace, 1)[1].count("fits port_2.tif better, according to a model") == 2
    for change in ({"data_sha256": "0" * 64}, {"suspects": [{}]}):
        file.write_text(json.dumps(document | change), encoding="utf-8")
        with pytest.raises(RsitmdError, match="run: rsitmd benchmark suspects"):
            by_file(file, workspace, found)


def test_a_decision_of_another_reviewer_is_not_replaced_silently(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "one.csv"

    def decide(option: str, reviewer: str, note: str = "") -> list[str]:
        file.write_text(f"image,annotator,sentence,note\nport_1.tif,anna@x,1,{note}\n")
        done = CliRunner().invoke(
            review_command, [str(folder), option, str(file), "--reviewer", reviewer]
        )
        return [line for line in done.stderr.splitlines() if "anna@x" in line]

    where = "warning: port_1.tif, anna@x, sentence 1: was"
    assert decide("--accept", "Rita", "good") == []
    assert decide("--accept", "Bob") == [], "they agree"
    assert decide("--reject", "Bob", "wrong colour") == [], "he changes his own decision"
    assert decide("--accept", "Rita") == [f"{where} rejected by Bob (wrong colour); now accepted"]
