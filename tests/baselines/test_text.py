"""The vocabulary, the three kinds of query, and the sentence encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.data.keywords import derive_keywords, derived_keyword_words
from rsitmd_tools.baselines.text import MAX_WORDS, UNKNOWN, SentenceEncoder, Vocabulary
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError


def dataset(*records: tuple[list[str], list[str]]) -> Dataset:
    images = [
        ImageRecord(f"{n}.png", tuple(map(Sentence, captions)), tuple(keywords), "train")
        for n, (captions, keywords) in enumerate(records)
    ]
    return Dataset("d", tuple(images), Path("d"), "rsitmd")


# "- port" is on three of four images: frequent.
PORTS = dataset(
    (["A red boat in the port."], ["red boat", "- port"]),
    (["A blue sea."], ["blue sea", "- port"]),
    (["A port."], ["- port"]),
    (["Sand."], []),
)


def words(vocabulary: Vocabulary, numbers: list[int]) -> list[str]:
    return ["?" if n == UNKNOWN else vocabulary.words[n - 2] for n in numbers if n]


def phrases(vocabulary: Vocabulary, texts, row: int = 0) -> list[str]:  # type: ignore[no-untyped-def]
    return [
        " ".join(words(vocabulary, phrase.tolist()))
        for phrase, length in zip(texts.keywords[row], texts.keyword_lengths[row], strict=True)
        if length
    ]


def test_a_sentence_query_uses_its_keyword_words() -> None:
    vocabulary = Vocabulary.of(PORTS)
    texts = vocabulary.encode(["The red house by the sea , the red one ."], [["blue sea"]])
    assert words(vocabulary, texts.words[0].tolist())[:2] == ["the", "red"]
    assert phrases(vocabulary, texts) == ["red", "sea"]


def test_a_keywords_query_joins_the_keywords() -> None:
    vocabulary = Vocabulary.of(PORTS, "keywords")
    texts = vocabulary.encode(["A sentence nobody looks at."], [["red boat", "- port"]])
    assert words(vocabulary, texts.words[0].tolist()) == ["red", "boat", "port"]
    assert phrases(vocabulary, texts) == ["red boat", "port"]
    # A query by hand has no keywords beside it: its words are taken for one.
    alone = vocabulary.encode(["red boat"])
    assert phrases(vocabulary, alone) == ["red boat"]


def test_a_query_of_both_drops_frequent_keywords() -> None:
    vocabulary = Vocabulary.of(PORTS, "both")
    assert "port" in vocabulary.frequent
    texts = vocabulary.encode(["A red boat in the port."], [["red  boat", "- port", "Blue sea"]])
    # On four images everything is on more than a tenth of them.
    assert phrases(vocabulary, texts) == []
    rare = Vocabulary(vocabulary.words, vocabulary.keyword_words, ("port",), "both")
    texts = rare.encode(["A red boat in the port."], [["red  boat", "- port", "Blue sea"]])
    assert phrases(rare, texts) == ["red boat", "blue sea"]


def test_unusual_queries_are_encoded() -> None:
    vocabulary = Vocabulary.of(PORTS, "both")
    texts = vocabulary.encode(
        ["", "zebra " * 500, "- -", "\x00\n"], [[], ["", "-", "  "], ["zebra"], []]
    )
    assert texts.lengths.tolist()[:2] == [1, MAX_WORDS]
    assert (texts.lengths > 0).all()
    assert set(texts.words[1].tolist()) == {UNKNOWN}
    assert phrases(vocabulary, texts, 1) == []
    assert phrases(vocabulary, texts, 2) == ["?"]


@given(st.lists(st.tuples(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=4))))
def test_any_text_can_be_encoded(pairs: list[tuple[str, list[str]]]) -> None:
    for query in ("sentence", "keywords", "both"):
        vocabulary = Vocabulary.of(PORTS, query)
        if not pairs:
            continue
        texts = vocabulary.encode([raw for raw, _ in pairs], [keys for _, keys in pairs])
        assert len(texts) == len(pairs) and (texts.lengths > 0).all()
        assert int(texts.words.max()) < len(vocabulary)
        assert ((texts.keywords != 0).sum(2) == texts.keyword_lengths).all()


def test_take_equals_encoding_the_rows() -> None:
    vocabulary = Vocabulary.of(PORTS, "keywords")
    captions, keywords = PORTS.captions(), vocabulary.keywords_of(PORTS)
    some = vocabulary.encode(captions, keywords).take(torch.tensor([2, 1]))
    fresh = vocabulary.encode([captions[2], captions[1]], [keywords[2], keywords[1]])
    for name in ("words", "lengths", "keywords", "keyword_lengths"):
        torch.testing.assert_close(getattr(some, name), getattr(fresh, name))


def test_a_vocabulary_is_saved_and_loaded(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of(PORTS, "both")
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary
    (tmp_path / "v.json").write_text('{"words": 3}')
    with pytest.raises(RsitmdError, match="not a vocabulary"):
        Vocabulary.load(tmp_path / "v.json")


def test_derived_keyword_words() -> None:
    # 100 images: "pond" on 6 of them, "grass" on 50, "ox" too short, "rare" on 4.
    captions = ["the pond ox"] * 6 + ["the grass"] * 50 + ["a"] * 40 + ["rare"] * 4
    data = dataset(*[([raw], []) for raw in captions])
    assert derived_keyword_words(data) == ("pond",)
    vocabulary = Vocabulary.of(data, "both", derived=True)
    assert vocabulary.keywords_of(data)[0] == ("pond",)
    assert vocabulary.keywords_of(data)[-1] == ()


def test_derived_keywords_are_ordered_by_number_of_sentences() -> None:
    captions = ["a pond and a road", "the road", "a pier"]
    assert derive_keywords(captions, ("pier", "pond", "road")) == ("road", "pier", "pond")
    many = [" ".join("abcdefgh")]
    assert len(derive_keywords(many, tuple("abcdefgh"))) == 5


def test_derived_keywords_of_a_query_are_those_of_its_image() -> None:
    data = dataset((["a", "a pond", "the pier"], []), (["a road"], []))
    for query, expected in (("both", ["pier", "pond"]), ("sentence", [])):
        vocabulary = Vocabulary(("pier", "pond", "road"), ("pier", "pond", "road"), (), query, True)
        texts = vocabulary.encode(data.captions(), vocabulary.keywords_of(data))
        assert phrases(vocabulary, texts, 0) == expected


def test_a_sentence_is_the_mean_of_both_directions_and_all_steps() -> None:
    torch.manual_seed(0)
    encoder = SentenceEncoder(20, 4, 3)
    words = torch.tensor([[5, 6, 7, 8], [9, 3, 0, 0]])
    found = encoder(words, torch.tensor([4, 2]))
    alone, _ = encoder.gru(encoder.embedding(words[1:, :2]))
    expected = ((alone[..., :3] + alone[..., 3:]) / 2).mean(1)
    torch.testing.assert_close(found[1:], expected)


def test_the_branch_of_a_gpu_encodes_sentences_alike() -> None:
    """It packs nothing, so that it need not know the lengths; the states are the same."""
    torch.manual_seed(0)
    encoder = SentenceEncoder(9, 6, 5).eval()
    words = torch.tensor([[3, 4, 5, 6], [7, 0, 0, 0], [8, 3, 0, 0]])
    lengths = torch.tensor([4, 1, 2])
    packed = encoder.states(words, lengths)
    packed.square().sum().backward()
    gradients = {
        name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None
    }
    encoder.zero_grad()
    forward, backward = encoder._both_directions(encoder.embedding(words), lengths)
    padded = (forward + backward) / 2
    torch.testing.assert_close(padded, packed)
    padded.square().sum().backward()
    assert gradients
    for name, parameter in encoder.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name])


KEYWORDS = [f"boat {n}" for n in range(12)]
LONG = "a b c d e f g h i"


@pytest.mark.parametrize(
    ("query", "caption", "keywords", "expected"),
    [
        ("sentence", LONG, [*KEYWORDS, "port"], []),
        ("both", "x", [*KEYWORDS[:9], "port"], ["not used as keywords: port"]),
        ("both", "x", KEYWORDS, ["12 keywords are given; only the first 10 are used as keywords"]),
        ("both", "x", ["port", *KEYWORDS[:10]], ["not used as keywords: port"]),
        ("keywords", "x", ["port", *KEYWORDS[:10]], ["11 keywords are given; only the first 10"]),
        ("both", LONG, [LONG], ["only the first 8 words of a long keyword are used as a keyword"]),
        ("both", LONG, [], []),
        ("keywords", LONG, [], ["only the first 8 words of the sentence are used as a keyword"]),
    ],
)
def test_keywords_that_a_model_leaves_out_are_named(
    query: str, caption: str, keywords: list[str], expected: list[str]
) -> None:
    words = ("port", "boat", "x", *LONG.split(), *map(str, range(12)))
    vocabulary = Vocabulary(words, frequent=("port",), query=query)
    notes = vocabulary.unread(caption, keywords)
    assert len(notes) == len(expected)
    assert all(part in note for note, part in zip(notes, expected, strict=True))
    # What is said is what is encoded.
    shown = [phrase for phrase in keywords if query == "keywords" or phrase != "port"][:10]
    texts = vocabulary.encode([caption] * 2, [keywords, shown])
    assert torch.equal(texts.keywords[0], texts.keywords[1])
