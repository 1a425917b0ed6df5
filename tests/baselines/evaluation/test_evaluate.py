"""Evaluating a run: what the result holds, and what is refused."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from rsitmd_tools.baselines.evaluated_runs import read_runs
from rsitmd_tools.baselines.evaluation import evaluate as evaluation
from rsitmd_tools.baselines.evaluation import maps
from rsitmd_tools.baselines.evaluation.evaluate import EvaluationOptions, evaluate, evaluate_scores
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import BidirectionalHits
from rsitmd_tools.baselines.evaluation.metric import ScoredGallery
from rsitmd_tools.baselines.evaluation.metrics.category_chance import category_chance
from rsitmd_tools.baselines.evaluation.optional import Failures
from rsitmd_tools.baselines.evaluation.queries import read_queries
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.provenance import machine, versions
from rsitmd_tools.schemas import first_error, load_schema


def with_test_images(dataset: Dataset, change: Any) -> Dataset:
    return dataset.with_images(
        change(image) if image.split == "test" else image for image in dataset
    )


def test_the_result_matches_its_schema_and_records_its_inputs(tiny: Dataset, run: Path) -> None:
    result = evaluate(run, tiny)
    assert first_error(result, load_schema("benchmark_result")) is None
    assert json.loads((run / "result.json").read_text()) == result
    examples = json.loads((run / "examples.json").read_text())
    assert first_error(examples, load_schema("benchmark_examples")) is None
    assert result["gallery"] == {"images": 8, "texts": 40}
    assert result["data_sha256"] == tiny.checksum() == result["training_data_sha256"]
    assert result["trained_on_this_data"] is True
    assert result["weights"] == "random"
    assert "hit rate" in result["metric"]
    six = [result[way][k] for way in ("image_to_text", "text_to_image") for k in result[way]]
    assert result["mean_recall"] == pytest.approx(np.mean(six), abs=1e-3)
    low, high = result["interval"]["mean_recall"]
    assert low <= result["mean_recall"] <= high
    ties = result["ties"]
    assert ties["pessimistic"]["mean_recall"] <= result["mean_recall"]
    assert result["mean_recall"] <= ties["optimistic"]["mean_recall"]
    assert result["soft_positive"]["mean_recall"] >= result["mean_recall"]
    assert sum(row["images"] for row in result["categories"].values()) == 8
    hard = result["hardest"]["text_to_image"]
    assert [entry["rank"] for entry in hard] == sorted((e["rank"] for e in hard), reverse=True)
    hits = read_queries(run / "queries.csv")
    assert 100 * hits.image_hits.mean(0) == pytest.approx(
        list(result["image_to_text"].values()), abs=1e-3
    )
    assert evaluate(run, tiny) == result


def test_the_training_is_pinned_as_the_run_records_it(tiny: Dataset, run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    manifest["command"], manifest["devices"] = "rsitmd benchmark train tiny", 2
    manifest["machine"] = {"processor": "another"}
    (run / "run.json").write_text(json.dumps(manifest))
    result = evaluate(run, tiny)
    assert result["training"] == {
        key: manifest[key] for key in ("command", "versions", "machine", "devices", "excluded")
    }
    assert result["machine"] != manifest["machine"]
    for key in ("command", "versions", "devices", "excluded"):
        del manifest[key]
    (run / "run.json").write_text(json.dumps(manifest))
    result = evaluate(run, tiny)
    assert result["training"] == {"machine": {"processor": "another"}}
    assert first_error(result, load_schema("benchmark_result")) is None


def test_the_result_names_the_machine(
    tiny: Dataset, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nmodel name\t: A chip: 9 GHz\nprocessor : 1\nmodel name : B\n")
    monkeypatch.setattr("rsitmd_tools.provenance.CPUINFO", info)
    # No GPU is at hand.
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A card")
    found = evaluate(run, tiny, options=EvaluationOptions(device="cpu"))["machine"]
    assert found == {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": "A chip: 9 GHz",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    assert machine("cuda") == {**found, "gpu": "A card"}
    info.unlink()
    assert machine()["processor"] in {platform.processor(), platform.machine()}


def test_versions_of_what_is_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = versions()
    assert {"python", "torch", "pillow", "open_clip_torch", "scipy"} <= whole.keys()
    installed = importlib.metadata.version

    def absent(name: str) -> str:
        if name == "open_clip_torch":
            raise importlib.metadata.PackageNotFoundError
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert versions() == {k: v for k, v in whole.items() if k != "open_clip_torch"}


def test_the_category_alone_is_a_model_that_scores_by_it(
    tiny: Dataset, run: Path, tmp_path: Path
) -> None:
    def fewer(image: Any) -> Any:
        return replace(image, sentences=image.sentences[: 1 + len(image.filename) % 4])

    data = with_test_images(tiny, fewer)
    gallery = Gallery.of(data, "test")
    names = np.array([image.category for image in gallery.part])
    scores = (names[:, None] == names[gallery.owners]).astype(float)
    both = BidirectionalHits.of(scores, gallery.owners)
    found = category_chance(ScoredGallery(scores, gallery, "test", tmp_path))
    assert found is not None
    six = [found[way][k] for way in ("image_to_text", "text_to_image") for k in found[way]]
    assert six == pytest.approx(both.recalls().tolist(), abs=1e-3)
    assert found["mean_recall"] > evaluate(run, data)["chance"]["mean_recall"]
    nameless = with_test_images(tiny, lambda image: replace(image, category=None))
    assert evaluate(run, nameless)["category_chance"] is None


def test_the_order_of_images_and_sentences_does_not_change_the_result(
    tiny: Dataset, run: Path
) -> None:
    """Ids decide: what stands where in the file has no say."""

    def turned(image: Any) -> Any:
        return replace(image, sentences=image.sentences[::-1])

    plain = evaluate(run, tiny)
    moved = evaluate(run, with_test_images(tiny.with_images(tiny.images[::-1]), turned))
    for way in ("image_to_text", "text_to_image"):
        assert moved[way] == pytest.approx(plain[way], abs=1e-3)
    assert moved["categories"].keys() == plain["categories"].keys()
    assert moved["trained_on_this_data"] is False


def test_training_images_are_marked(tiny: Dataset, run: Path) -> None:
    assert evaluate(run, tiny)["seen_in_training"] is False
    assert evaluate(run, tiny, "train")["seen_in_training"] is True
    # The images of other data are not known.
    other = tiny.with_images(tiny.images[::-1])
    result = evaluate(run, other, "train")
    assert result["seen_in_training"] is None
    assert first_error(result, load_schema("benchmark_result")) is None


def test_images_without_sentences_are_left_out_and_counted(tiny: Dataset, run: Path) -> None:
    test = [image for image in tiny if image.split == "test"]

    def bare(image: Any) -> Any:
        if image.filename == test[0].filename:
            return replace(image, sentences=())
        if image.filename == test[1].filename:
            return replace(image, sentences=(Sentence(" "), *image.sentences[1:]))
        return image

    result = evaluate(run, with_test_images(tiny, bare))
    assert result["gallery"] == {"images": 7, "texts": 34}
    assert (result["images_without_sentences"], result["blank_sentences"]) == (1, 1)
    assert test[0].filename not in read_queries(run / "queries.csv").images


def test_sentences_of_words_never_seen_are_a_result(tiny: Dataset, run: Path) -> None:
    """All texts alike to the model: what it reaches is chance, not an error."""

    def strange(image: Any) -> Any:
        return replace(image, sentences=(Sentence("zxq wvb"), Sentence("zxq " * 500)))

    result = evaluate(run, with_test_images(tiny, strange))
    assert result["gallery"]["texts"] == 16
    low, high = (result["ties"][rule]["image_to_text"]["r1"] for rule in result["ties"])
    assert low < result["image_to_text"]["r1"] < high


def test_a_split_with_one_image_and_an_empty_split(tiny: Dataset, run: Path) -> None:
    test = [image for image in tiny if image.split == "test"]
    with pytest.raises(RsitmdError, match="split 'test' has 1 image with sentences"):
        evaluate(run, tiny.with_images(test[:1]))
    with pytest.raises(RsitmdError, match="in split 'val'; available splits: train, test"):
        evaluate(run, tiny, "val")
    assert not (run / "result.json").exists()


def test_an_unavailable_device(tiny: Dataset, run: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(RsitmdError, match="device cuda: is not available"):
        evaluate(run, tiny, options=EvaluationOptions(device="cuda"))


def test_a_folder_without_a_run_and_an_unfinished_run(
    tiny: Dataset, run: Path, tmp_path: Path
) -> None:
    with pytest.raises(RsitmdError, match="is not a run"):
        evaluate(tmp_path, tiny)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(RsitmdError, match="has no checkpoint yet; to finish the training, run"):
        evaluate(run, tiny)


def test_a_checkpoint_of_another_model(tiny: Dataset, run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "attention": "fusion"}))
    with pytest.raises(RsitmdError, match=r"best.ckpt: does not match the model .* attention"):
        evaluate(run, tiny)


def test_a_checkpoint_of_anything_but_tensors(tiny: Dataset, run: Path) -> None:
    torch.save({"state_dict": {}, "evil": Path("x")}, Run(run).best)
    with pytest.raises(RsitmdError, match="is not a checkpoint of tensors and plain data"):
        evaluate(run, tiny)


def test_an_unfinished_training_is_evaluated_and_marked(tiny: Dataset, run: Path) -> None:
    assert evaluate(run, tiny)["training_finished"] is True
    manifest = json.loads((run / "run.json").read_text())
    del manifest["finished"], manifest["files"]
    (run / "run.json").write_text(json.dumps(manifest))
    assert evaluate(run, tiny)["training_finished"] is False


def test_settings_that_were_changed_afterwards(tiny: Dataset, run: Path) -> None:
    """The same shapes, so the checkpoint loads; and yet it is not this run."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "image_size": 64}))
    with pytest.raises(RsitmdError, match=r"run are inconsistent .*differ in image_size"):
        evaluate(run, tiny)


@pytest.mark.parametrize("file", ["vocabulary.json", "checkpoints/best.ckpt"])
def test_a_file_that_was_replaced_by_another_of_the_same_shape(
    tiny: Dataset, run: Path, file: str
) -> None:
    assert evaluate(run, tiny)["mean_recall"] > 0
    if file == "vocabulary.json":
        vocabulary = json.loads((run / file).read_text())
        vocabulary["words"] = vocabulary["words"][::-1]
        (run / file).write_text(json.dumps(vocabulary))
    else:
        checkpoint = torch.load(run / file, weights_only=True)
        checkpoint["state_dict"] = {k: v + 1 for k, v in checkpoint["state_dict"].items()}
        torch.save(checkpoint, run / file)
    with pytest.raises(RsitmdError, match=f"files of the run are inconsistent .{file} was changed"):
        evaluate(run, tiny)


def test_a_run_json_without_what_an_evaluation_rests_on(tiny: Dataset, run: Path) -> None:
    (run / "run.json").write_text("{}")
    with pytest.raises(RsitmdError, match="lacks data_sha256, weights, config, prior"):
        evaluate(run, tiny)


def test_a_result_that_cannot_be_written_leaves_the_earlier_files(
    tiny: Dataset, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparisons read both files: an old result beside new queries would be a mixture."""
    evaluate(run, tiny)
    before = [(run / name).read_bytes() for name in ("queries.csv", "result.json")]

    def full(*_: Any) -> None:
        raise RsitmdError("cannot be written (no space left)")

    monkeypatch.setattr(evaluation, "write_json", full)
    other = tiny.select("test")
    with pytest.raises(RsitmdError, match="no space left"):
        evaluate(run, other.with_images(other.images[1:]))
    assert [(run / name).read_bytes() for name in ("queries.csv", "result.json")] == before
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


def test_a_killed_evaluation_leaves_no_analysis_of_an_earlier_one(
    tiny: Dataset, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(run, tiny)
    assert (run / "analysis.json").is_file() and (run / "examples.json").is_file()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "examples", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, tiny)
    assert read_runs([run])[0].analysis is None
    assert not (run / "examples.json").exists()


def test_a_result_of_an_earlier_checkpoint_is_not_compared(tiny: Dataset, run: Path) -> None:
    evaluate(run, tiny)
    read_runs([run])
    manifest = json.loads((run / "run.json").read_text())
    manifest["files"]["checkpoints/best.ckpt"] = "0" * 64
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(RsitmdError, match="was trained further after its evaluation"):
        read_runs([run])


def test_maps_are_drawn_and_replaced(tiny: Dataset, run: Path) -> None:
    evaluate(run, tiny, options=EvaluationOptions(maps=True))
    pictures = sorted((run / "maps").iterdir())
    assert len(pictures) == 9
    with Image.open(run / "maps" / "sheet.png") as sheet:
        assert sheet.width > 4 * 2 * 32
    (run / "maps" / "old.png").touch()
    evaluate(run, tiny, options=EvaluationOptions(maps=True))
    assert sorted((run / "maps").iterdir()) == pictures


def test_a_picture_that_cannot_be_drawn_does_not_prevent_the_result(
    tiny: Dataset, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise MemoryError("no room for the picture")

    monkeypatch.setattr(maps, "draw_map", broken)
    before = evaluate(run, tiny)
    (run / "result.json").unlink()
    failures = Failures()
    assert evaluate(run, tiny, options=EvaluationOptions(maps=True), failures=failures) == before
    assert json.loads((run / "result.json").read_text()) == before
    assert [str(error) for error in failures.errors] == [
        f"{run / 'maps'}: cannot be written (no room for the picture); "
        "use the result, which is complete without this file"
    ]
    (run / "result.json").unlink()
    with pytest.raises(RsitmdError, match="no room for the picture"):
        evaluate(run, tiny, options=EvaluationOptions(maps=True))
    assert json.loads((run / "result.json").read_text()) == before


def test_run_files_give_the_same_recall(tiny: Dataset, run: Path) -> None:
    import ir_measures

    result = evaluate(run, tiny, options=EvaluationOptions(run_files=True))
    qrels = list(ir_measures.read_trec_qrels(str(run / "trec" / "text_to_image.qrels")))
    ranked = list(ir_measures.read_trec_run(str(run / "trec" / "text_to_image.run")))
    success = ir_measures.calc_aggregate([ir_measures.Success @ 5], qrels, ranked)
    low, high = (result["ties"][rule]["text_to_image"]["r5"] for rule in result["ties"])
    assert low - 1e-3 <= 100 * success[ir_measures.Success @ 5] <= high + 1e-3


def test_scores_from_a_file_are_evaluated_like_a_run(
    tiny: Dataset, run: Path, tmp_path: Path
) -> None:
    gallery = Gallery.of(tiny, "test")
    scores = np.zeros((8, 40), np.float32)
    scores[gallery.owners, np.arange(40)] = 1
    np.save(tmp_path / "mine.npy", scores)
    result = evaluate_scores(tmp_path / "mine.npy", tiny, output=tmp_path / "out")
    assert first_error(result, load_schema("benchmark_result")) is None
    assert result["mean_recall"] == 100
    assert result["map_at_r"]["own"] == {"image_to_text": 100, "text_to_image": 100}
    assert result["model"] == "scores"
    assert result["weights"] is None
    assert result["training"] is None
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "result.json",
        "examples.json",
        "analysis.json",
        "queries.csv",
    }


def test_infinite_scores_are_ranked_first_and_last(tiny: Dataset, tmp_path: Path) -> None:
    """As masks leave them: the same figures as with plain numbers, and files that are JSON."""
    random = np.random.default_rng(0)
    plain = random.integers(0, 5, (8, 40)).astype(np.float32)
    infinite = plain.copy()
    for value, share in ((-np.inf, 0.9), (np.inf, 0.05)):
        chosen = random.random((8, 40)) < share
        infinite[chosen], plain[chosen] = value, np.sign(value) * 100
    results = []
    for name, scores in (("plain", plain), ("infinite", infinite)):
        np.save(tmp_path / f"{name}.npy", scores)
        options = EvaluationOptions(run_files=True)
        folder = tmp_path / name
        result = evaluate_scores(tmp_path / f"{name}.npy", tiny, options=options, output=folder)
        del result["scores"]
        results.append(result)
    assert results[0] == results[1]
    for file in ("queries.csv", "trec/image_to_text.qrels"):
        assert (tmp_path / "plain" / file).read_text() == (tmp_path / "infinite" / file).read_text()
    one, other = (
        json.loads((tmp_path / name / "examples.json").read_text(), parse_constant=pytest.fail)
        for name in ("plain", "infinite")
    )
    assert first_error(other, load_schema("benchmark_examples")) is None
    for way in one:
        for here, there in zip(one[way], other[way], strict=True):
            for item, same in zip(here["found"], there["found"], strict=True):
                score = None if abs(item["score"]) == 100 else item["score"]
                assert same == {**item, "score": score}
    ranked = (tmp_path / "infinite" / "trec" / "image_to_text.run").read_text().splitlines()
    assert {line.split()[4] for line in ranked} >= {"inf", "-inf", "4.0"}


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_run_whose_scores_are_nan(tiny: Dataset, run: Path, all_of_it: bool) -> None:
    checkpoint = torch.load(Run(run).best, weights_only=True)
    for name, value in checkpoint["state_dict"].items():
        if "embedding" in name:
            value[1 if not all_of_it else slice(None)] = torch.nan
    torch.save(checkpoint, Run(run).best)
    manifest = json.loads((run / "run.json").read_text())
    del manifest["files"]
    (run / "run.json").write_text(json.dumps(manifest))

    def strange(image: Any) -> Any:
        return replace(image, sentences=(*image.sentences[:-1], Sentence("zxq")))

    first = next(image for image in tiny if image.split == "test").filename
    named = f"{first}: 320" if all_of_it else rf"sentence 5 of {first}: \d+"
    with pytest.raises(
        RsitmdError, match=f"soft: {named} of 320 scores are NaN; train the run again"
    ):
        evaluate(run, with_test_images(tiny, strange))
    assert not (run / "result.json").exists()
