"""A thousand faults of known kinds in clean captions: the share that is found, by kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality import check

EACH = 56
Insert = Callable[[str, random.Random], str]


def typo(raw: str, chance: random.Random) -> str:
    """Swap two letters within a long word."""
    words = raw.split(" ")
    k = chance.choice([n for n, word in enumerate(words) if len(word) > 5 and word.isalpha()])
    word = words[k]
    at = chance.choice([n for n in range(1, len(word) - 1) if word[n] != word[n + 1]])
    words[k] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def after(mark: str) -> Insert:
    """Insert text after a word."""

    def insert(raw: str, chance: random.Random) -> str:
        words = raw.split(" ")
        k = chance.randrange(1, len(words) - 1)
        return " ".join([*words[:k], mark, *words[k:]])

    return insert


def doubled(raw: str, chance: random.Random) -> str:
    words = raw.split(" ")
    k = chance.choice([n for n, w in enumerate(words) if w.isalpha() and w not in ("that", "is")])
    return " ".join([*words[: k + 1], *words[k:]])


KINDS: dict[str, tuple[str, Insert]] = {
    "blank": ("S101", lambda raw, chance: chance.choice(["", " ", "\t"])),
    "vague quantifier": ("S104", lambda raw, chance: f"Many boats and {raw[0].lower()}{raw[1:]}"),
    "too short": ("S105", lambda raw, chance: " ".join(raw.split()[:2]) + "."),
    "too long": ("S106", lambda raw, chance: raw.rstrip(".") + " and a road" * 18 + "."),
    "typo": ("S111", typo),
    "doubled word": ("S112", doubled),
    "two blanks": ("S113", lambda raw, chance: raw.replace(" ", "  ", 1)),
    "no end mark": ("S114", lambda raw, chance: raw.rstrip(".")),
    "mojibake": ("S115", after("cafÃ©")),
    "markup": ("S116", after("<b>big</b>")),
    "code": ("S117", after("x=3;")),
    "other script": ("S118", after("船")),
    "control character": ("S119", lambda raw, chance: raw.replace(" ", " \u202e", 1)),
    "digit count": ("S120", after("3 boats and")),
    "question": ("S122", lambda raw, chance: "Is there " + raw.rstrip(".") + "?"),
}


def clean(data: Dataset) -> list[ImageRecord]:
    """Return images with no finding, each sentence marked by its image so that none repeats."""
    split = data.select("train")
    faulty = {f.image for f in check(split) if f.code not in ("K101", "S104", "S110", "S113")}
    images = []
    for image in split:
        raws = [f"{raw.removesuffix('.').strip()}." for raw in image.captions]
        if image.filename not in faulty and all(len(raw.split()) > 6 for raw in raws):
            images.append(image.__class__(image.filename, tuple(map(Sentence, raws))))
    return images


@pytest.fixture(scope="module")
def captions(shared_data: Path) -> list[ImageRecord]:
    images = clean(load_dataset(shared_data / "rsitmd_precomp"))
    data = Dataset("clean", tuple(images), Path("memory"), "memory")
    faulty = {f.image for f in check(data) if f.code not in ("K101", "S110")}
    return [image for image in images if image.filename not in faulty]


def share_found(captions: list[ImageRecord], code: str, insert: Insert, seed: int) -> float:
    """Insert a fault into one sentence of each of some images; return the share found."""
    chance = random.Random(seed)
    chosen = chance.sample(range(len(captions)), EACH)
    images, places = list(captions), set()
    for number in chosen:
        image = images[number]
        slots = list(range(len(image.sentences)))
        chance.shuffle(slots)
        for slot in slots:
            try:
                raw = insert(image.captions[slot], chance)
            except (IndexError, ValueError):
                continue  # no word in this sentence can take the fault
            sentences = list(image.sentences)
            sentences[slot] = Sentence(raw)
            images[number] = image.__class__(image.filename, tuple(sentences))
            places.add((image.filename, slot))
            break
    data = Dataset("faults", tuple(images), Path("memory"), "memory")
    found = {(f.image, f.sentence_index) for f in check(data) if f.code == code}
    assert found <= places, "nothing else is found"
    return len(found) / len(places)


@pytest.mark.parametrize("kind", KINDS)
def test_faults_in_a_sentence(
    captions: list[ImageRecord], kind: str, record_property: Callable[[str, object], None]
) -> None:
    code, insert = KINDS[kind]
    share = share_found(captions, code, insert, seed=len(kind))
    record_property(kind, share)
    print(f"{kind}: {share:.0%} found")
    # A swap may give another word that exists ("form", "from"); two words may be four parts.
    least = {"typo": 0.9, "too short": 0.95}.get(kind, 1.0)
    assert share >= least, f"{kind}: {share:.0%} found"


@pytest.mark.parametrize("kind", ["in the image", "on another image", "nearly", "padded"])
def test_repeated_sentences(captions: list[ImageRecord], kind: str) -> None:
    code = {"in the image": "S102", "on another image": "S103", "nearly": "S107", "padded": "S108"}
    chance = random.Random(3)
    images, wanted = list(captions), set()
    for number in chance.sample(range(1, len(images)), EACH):
        image, other = images[number], captions[number - 1]
        sentences = list(image.sentences)
        if kind == "padded":
            sentences = [sentences[0]] * 5
        elif kind == "nearly":
            words = image.captions[0].split()
            longer = " ".join([*words[:3], "tiny", *words[3:]])
            if len(words) < 7:
                continue
            sentences[4] = Sentence(longer)
        else:
            source = image if kind == "in the image" else other
            sentences[4] = Sentence(source.captions[0].upper())
        images[number] = image.__class__(image.filename, tuple(sentences))
        wanted.add(image.filename)
    data = Dataset("faults", tuple(images), Path("memory"), "memory")
    found = {f.image for f in check(data) if f.code == code[kind]}
    # The copy stands behind what it was copied from, and the later place is the one told.
    assert found >= wanted, f"{kind}: {len(found & wanted)} of {len(wanted)} found"
