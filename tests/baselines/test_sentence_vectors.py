"""The vectors of a pretrained sentence encoder: what is encoded, what is refused."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.baselines import evaluate, load_config
from rsitmd_tools.baselines.evaluation.compare import compare
from rsitmd_tools.baselines.evaluation.scoring import encode, score
from rsitmd_tools.baselines.evaluation.search import search
from rsitmd_tools.baselines.models import load_tokenizer, make_model, make_tokenizer
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.sentence_folder import folder_checksum
from rsitmd_tools.baselines.sentence_vectors import SentenceVectors, VectorTokenizer
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import MissingExtra, RsitmdError, WrongUsage
from tests.baselines.sentence_encoders import DIMENSION, MAX_TOKENS, write_encoder
from tests.baselines.training.common import CPU, losses, small

SHIPS = ["Two ships lie at the quay.", "A plane.", "Two ships lie at the quay.", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="module")
def vectors(folder: Path) -> SentenceVectors:
    return SentenceVectors(folder)


@pytest.fixture
def other(folder: Path, tmp_path: Path) -> Path:
    """A copy of the encoder, which a test may change."""
    return Path(shutil.copytree(folder, tmp_path / "other"))


def with_vectors(folder: Path, *changes: str, name: str = "vsepp") -> list[str]:
    return [name, "epochs=2", "freeze_backbone=true", f"text_weights={folder}", *changes]


def test_vectors_are_those_of_the_library(folder: Path, vectors: SentenceVectors) -> None:
    from sentence_transformers import SentenceTransformer

    found = vectors.encode(SHIPS)
    library = SentenceTransformer(str(folder), device="cpu")
    expected = library.encode(SHIPS, convert_to_tensor=True, normalize_embeddings=True)
    torch.testing.assert_close(found / DIMENSION**0.5, expected, atol=1e-5, rtol=0)
    assert found.shape == (4, DIMENSION) == (4, vectors.dimension)
    assert torch.equal(found[0], found[2])
    assert vectors.encode([]).shape == (0, DIMENSION)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=20))
def test_any_text_has_a_finite_vector_of_one_length(
    vectors: SentenceVectors, texts: list[str]
) -> None:
    found = vectors.encode(texts)
    torch.testing.assert_close(found.pow(2).mean(1), torch.ones(len(texts)))


def test_several_threads_can_encode(vectors: SentenceVectors) -> None:
    expected = vectors.encode(SHIPS)
    with ThreadPoolExecutor(8) as threads:
        for found in threads.map(lambda _: vectors.encode(SHIPS), range(64)):
            assert torch.equal(found, expected)


def test_a_text_has_its_words_and_its_vector(tiny: Dataset, vectors: SentenceVectors) -> None:
    vocabulary = Vocabulary.of(tiny.select("train"))
    tokenizer = VectorTokenizer(vocabulary, vectors)
    texts, words = tokenizer.encode(SHIPS), vocabulary.encode(SHIPS)
    assert torch.equal(texts.words, words.words) and words.vectors.shape == (4, 0)
    assert torch.equal(texts.vectors, vectors.encode(SHIPS))
    taken = texts.take(torch.tensor([1, 0]))
    assert torch.equal(taken.vectors, texts.vectors[[1, 0]])
    assert torch.equal(texts.take(torch.tensor([3]), fixed_sizes=True).vectors, texts.vectors[3:])
    assert len(tokenizer) == len(vocabulary)
    assert tokenizer.keywords_of(tiny) == vocabulary.keywords_of(tiny)


def test_keywords_as_the_query_are_encoded_as_one_text(
    tiny: Dataset, vectors: SentenceVectors
) -> None:
    tokenizer = VectorTokenizer(Vocabulary.of(tiny.select("train"), "keywords"), vectors)
    found = tokenizer.encode(["A ship.", "A plane."], [("red quay", "ship"), ()])
    assert torch.equal(found.vectors, vectors.encode(["red quay, ship", "A plane."]))


def test_only_tokens_beyond_the_maximum_are_not_read(
    tiny: Dataset, vectors: SentenceVectors
) -> None:
    tokenizer = VectorTokenizer(Vocabulary.of(tiny.select("train")), vectors)
    assert tokenizer.unread("quux zyzzy") == []
    assert tokenizer.unread("a " * 101)[0] == (
        "the sentence has 101 words; only the first 100 are used"
    )
    (note,) = tokenizer.unread("a " * MAX_TOKENS)
    assert note == f"the sentence has {MAX_TOKENS + 2} tokens; only the first {MAX_TOKENS} are used"


@pytest.mark.parametrize("name", ["vsepp", "amfmn-soft", "amfmn-fusion", "m1"])
def test_models_score_with_words_and_vectors(
    tmp_path: Path, tiny: Dataset, folder: Path, name: str
) -> None:
    run = train(tiny, small(*with_vectors(folder, name=name)), tmp_path / "r", CPU)
    result = evaluate(run, tiny)
    assert result["text_weights"] == {"folder": "tiny", "sha256": folder_checksum(folder)}
    model, tokenizer, _ = Run(run).load()
    texts = tokenizer.encode(["Two ships.", "A plane."])
    with torch.no_grad():
        encoded = model.encode_texts(texts)
        without = model.encode_texts(replace(texts, vectors=torch.zeros_like(texts.vectors)))
        other_words = model.encode_texts(replace(texts, words=torch.full_like(texts.words, 3)))
    assert not torch.allclose(encoded, without) and not torch.allclose(encoded, other_words)


def test_texts_that_differ_in_unknown_words_have_scores_of_their_own(
    tiny: Dataset, folder: Path
) -> None:
    """To the vocabulary they are equal, to the sentence encoder they are not."""
    config = small(*with_vectors(folder))
    tokenizer = make_tokenizer(config, tiny.select("train"))
    model = make_model(config, tokenizer).eval()
    pixels = torch.randint(0, 255, (3, 48, 48, 3), dtype=torch.uint8).numpy()
    found = score(model, encode(model, tokenizer, pixels, ["a quux", "a zyzzy", "a quux"]))
    assert (found[:, 0] == found[:, 2]).all() and (found[:, 0] != found[:, 1]).all()


def test_a_run_resumes_with_the_same_encoder(tmp_path: Path, tiny: Dataset, other: Path) -> None:
    config = small(*with_vectors(other))
    whole = train(tiny, config, tmp_path / "whole", CPU)
    run = train(tiny, replace(config, epochs=1), tmp_path / "r", CPU)
    train(tiny, config, run, replace(CPU, resume=True))
    assert losses(run) == losses(whole)
    write_encoder(other, seed=1)
    with pytest.raises(RsitmdError, match="was started with another sentence encoder"):
        train(tiny, replace(config, epochs=3), run, replace(CPU, resume=True))


def test_a_run_holds_its_encoder(tmp_path: Path, tiny: Dataset, other: Path) -> None:
    run = train(tiny, small(*with_vectors(other)), tmp_path / "r", CPU)
    checksum = folder_checksum(other)
    (other / "README.md").write_text("Not read.")
    assert folder_checksum(run / "encoder") == checksum
    assert not list(run.rglob("README.md"))
    shutil.rmtree(other)
    expected = evaluate(run, tiny)
    moved = run.rename(tmp_path / "moved")
    assert evaluate(moved, tiny)["mean_recall"] == expected["mean_recall"]
    write_encoder(moved / "encoder", seed=1)
    with pytest.raises(RsitmdError, match="is not the sentence encoder with which the run was"):
        evaluate(moved, tiny)
    shutil.rmtree(moved / "encoder")
    with pytest.raises(RsitmdError, match="encoder: does not exist; use a folder saved by"):
        evaluate(moved, tiny)


def test_a_search_uses_the_encoder(tmp_path: Path, tiny: Dataset, folder: Path) -> None:
    run = train(tiny, small(*with_vectors(folder)), tmp_path / "r", CPU)
    one, other = (search(run, tiny, f"a {word}", len(tiny)) for word in ("quux", "zyzzy"))
    assert one.notes == other.notes == []
    # Both words are unknown to the vocabulary.
    scores = [{entry["image"]: entry["score"] for entry in done.found} for done in (one, other)]
    assert scores[0].keys() == scores[1].keys() and scores[0] != scores[1]


def test_runs_with_and_without_vectors_are_two_systems(
    tmp_path: Path, tiny: Dataset, folder: Path, other: Path
) -> None:
    runs = []
    for number, changes in enumerate(
        [with_vectors(folder), with_vectors(other, "seed=1"), ["vsepp", "epochs=2", "seed=1"]]
    ):
        runs.append(train(tiny, small(*changes), tmp_path / str(number), CPU))
        evaluate(runs[-1], tiny)
    # The path is another one, the encoder is the same.
    assert [len(system["runs"]) for system in compare(runs)["systems"]] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (["scan-t2i"], "text_weights cannot be combined with model=scan"),
        (["clip"], "text_weights cannot be combined with model=clip"),
        (["m9", "text=keywords"], "text_weights cannot be combined with text=keywords"),
    ],
)
def test_models_without_a_vector_of_the_sentence_are_refused(changes: list[str], what: str) -> None:
    with pytest.raises(WrongUsage, match=what):
        load_config(changes[0], [*changes[1:], "text_weights=folder"])


def test_a_folder_that_is_no_encoder_is_refused(other: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RsitmdError, match="empty: is not a sentence encoder"):
        SentenceVectors(tmp_path / "empty")
    (other / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(RsitmdError, match="other: cannot be read"):
        SentenceVectors(other)
    (other / "model.safetensors").unlink()
    with pytest.raises(RsitmdError, match="other: cannot be read"):
        SentenceVectors(other)
    for text in ("[]", "{}", "[1]", "no JSON"):
        (other / "modules.json").write_text(text)
        with pytest.raises(RsitmdError):
            SentenceVectors(other)


def test_code_in_the_folder_is_not_executed(other: Path, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    (other / "evil.py").write_text(
        f"open({str(mark)!r}, 'w')\nfrom sentence_transformers.sentence_transformer.modules import"
        " Pooling\nclass Evil(Pooling): pass\n"
    )
    modules = json.loads((other / "modules.json").read_text())
    modules[1]["type"] = "evil.Evil"
    (other / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(RsitmdError, match=r"modules\.json: the module evil\.Evil is not supported"):
        SentenceVectors(other)
    modules[1]["type"] = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    (other / "modules.json").write_text(json.dumps(modules))
    config = json.loads((other / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}
    config["model_type"] = "evil"
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(RsitmdError, match="other: cannot be read"):
        SentenceVectors(other)
    assert not mark.exists()


def test_pickles_are_not_read(other: Path) -> None:
    (other / "model.safetensors").unlink()
    torch.save({}, other / "pytorch_model.bin")
    with pytest.raises(RsitmdError, match="use a folder saved by sentence-transformers, with"):
        SentenceVectors(other)


@pytest.mark.parametrize("name", ["Dense", "Router", "WordEmbeddings", "StaticEmbedding"])
def test_modules_that_can_have_pickles_or_name_classes_are_refused(other: Path, name: str) -> None:
    modules = json.loads((other / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2", "type": f"sentence_transformers.m.{name}"})
    (other / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(RsitmdError, match=f"the module sentence_transformers.m.{name} is not"):
        SentenceVectors(other)


def test_a_folder_of_the_user_is_not_replaced(tmp_path: Path, tiny: Dataset, folder: Path) -> None:
    (tmp_path / "r" / "encoder").mkdir(parents=True)
    (tmp_path / "r" / "encoder" / "mine.txt").write_text("mine")
    with pytest.raises(RsitmdError, match="encoder: already exists and is not of a run"):
        train(tiny, small(*with_vectors(folder)), tmp_path / "r", replace(CPU, resume=True))
    assert (tmp_path / "r" / "encoder" / "mine.txt").read_text() == "mine"


def test_a_damaged_copy_is_replaced_when_the_run_is_resumed(
    tmp_path: Path, tiny: Dataset, folder: Path
) -> None:
    config = small(*with_vectors(folder))
    run = train(tiny, replace(config, epochs=1), tmp_path / "r", CPU)
    (run / "encoder" / "modules.json").unlink()
    train(tiny, config, run, replace(CPU, resume=True))
    assert folder_checksum(run / "encoder") == folder_checksum(folder)


def test_an_encoder_that_changes_while_it_is_copied_is_an_error(
    tmp_path: Path, tiny: Dataset, other: Path
) -> None:
    tokenizer = VectorTokenizer(Vocabulary.of(tiny), SentenceVectors(other))
    write_encoder(other, seed=1)
    with pytest.raises(RsitmdError, match="is not the sentence encoder"):
        tokenizer.save(tmp_path / "vocabulary.json")


def test_the_checksum_is_that_of_names_and_contents(folder: Path, other: Path) -> None:
    assert folder_checksum(folder) == folder_checksum(other)
    (other / "README.md").write_text("Other words.")
    assert folder_checksum(folder) == folder_checksum(other)
    (other / "1_Pooling").rename(other / "2_Pooling")
    assert folder_checksum(folder) != folder_checksum(other)


def test_without_the_package_the_message_names_the_extra(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"sentence-transformers is not installed; .*sentences"):
        SentenceVectors(folder)


def test_the_vocabulary_of_a_run_without_vectors_has_no_encoder(
    tmp_path: Path, tiny: Dataset, folder: Path
) -> None:
    words = small("vsepp")
    make_tokenizer(words, tiny.select("train")).save(tmp_path / "vocabulary.json")
    shutil.copytree(folder, tmp_path / "encoder")
    with pytest.raises(RsitmdError, match="is not the sentence encoder with which"):
        load_tokenizer(small(*with_vectors(folder)), tmp_path / "vocabulary.json")
