"""Training and validation parts, and the prior of a training part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.train_val_split import learns_from, split_parts
from rsitmd_tools.baselines.training.prior import training_prior
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.similarity import compute_prior, write_prior


def with_val(dataset: Dataset) -> Dataset:
    return dataset.with_images(
        replace(image, split="val") if n % 4 == 0 and image.split == "train" else image
        for n, image in enumerate(dataset)
    )


def names(dataset: Dataset) -> set[str]:
    return {image.filename for image in dataset}


def test_a_fold_without_folds_is_refused(tiny: Dataset) -> None:
    """It had no effect: all folds were one run, and counted as repetitions."""
    with pytest.raises(WrongUsage, match="fold=2 has no effect without folds"):
        split_parts(tiny, Config(fold=2))


def test_a_seeded_tenth_of_train_is_the_validation_part(tiny: Dataset) -> None:
    parts = split_parts(tiny, Config(seed=1))
    assert len(parts.validation) == 2 and len(parts.training) == 22
    assert names(parts.training) | names(parts.validation) == names(tiny.select("train"))
    assert names(split_parts(tiny, Config(seed=1)).validation) == names(parts.validation)
    assert names(split_parts(tiny, Config(seed=2)).validation) != names(parts.validation)


def test_the_split_val_is_the_validation_part(tiny: Dataset) -> None:
    data = with_val(tiny)
    parts = split_parts(data, Config())
    assert names(parts.validation) == names(data.select("val"))
    assert names(parts.training) == names(data.select("train"))


def test_validate_false_uses_all_images_for_training(tiny: Dataset) -> None:
    parts = split_parts(with_val(tiny), Config(validate=False))
    assert names(parts.training) == names(tiny.select("train"))
    assert len(parts.val_rows) == 0
    with pytest.raises(RsitmdError, match="split 'train' has 1 image with"):
        split_parts(tiny.with_images(tiny.select("train").images[:1]), Config(validate=False))


def test_folds_use_train_and_val_but_not_test(tiny: Dataset) -> None:
    data = with_val(tiny)
    parts = [split_parts(data, Config(folds=5, fold=fold)) for fold in range(5)]
    dealt = [name for each in parts for name in names(each.validation)]
    assert sorted(dealt) == sorted(names(tiny.select("train")))
    for each in parts:
        assert not names(each.training) & names(each.validation)
        assert not names(each.pool) & names(tiny.select("test"))
    with pytest.raises(WrongUsage, match="fold=5 does not exist; use a fold from 0 to 4"):
        split_parts(data, Config(folds=5, fold=5))


@pytest.mark.parametrize(
    "config", [Config(), Config(folds=3, fold=1), Config(validate=False), Config(seed=2)]
)
def test_learns_from_agrees_with_split_parts(tiny: Dataset, config: Config) -> None:
    data = with_val(tiny)
    learned = names(split_parts(data, config).training)
    for split in data.splits:
        seen = bool(learned & names(data.select(split)))
        assert learns_from(config, split) == seen, split
        assert not learns_from(replace(config, epochs=0), split)
    assert learns_from(config, "train") and not learns_from(config, "test")


def test_blank_sentences_and_images_without_sentences_are_ignored(tiny: Dataset) -> None:
    images = list(tiny.images)
    images[0] = replace(images[0], sentences=(Sentence(" "), Sentence("")))
    images[1] = replace(images[1], sentences=())
    images[2] = replace(images[2], sentences=(Sentence(" "), Sentence("A pond.")))
    pool = split_parts(tiny.with_images(images), Config()).pool
    assert names(pool) == names(tiny.select("train")) - {images[0].filename, images[1].filename}
    kept = next(image for image in pool if image.filename == images[2].filename)
    assert kept.captions == ("A pond.",)


def test_two_records_of_an_image_are_an_error(tiny: Dataset) -> None:
    """The prior and the folds identify images by name."""
    one = tiny.images[3]
    for extra, line in (
        (replace(one, sentences=one.sentences[:2]), r"has 2 records in train; .* \(D106\)"),
        (replace(one, sentences=()), r"has 2 records in train; .* \(D106\)"),
        (replace(one, split="val"), r"has 2 records in train and val; .* \(D105\)"),
    ):
        data = tiny.with_images([*tiny.images, extra])
        with pytest.raises(RsitmdError, match=f"{one.filename}: {line}"):
            split_parts(data, Config())
        gone = {one.filename, *(image.filename for image in tiny.images[:2])}
        assert names(split_parts(data, Config(), gone).pool) == names(tiny.select("train")) - gone
    tested = tiny.with_images([*tiny.images, replace(one, split="test")])
    assert len(split_parts(tested, Config()).pool) == 24


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_splits_that_are_too_small(tiny: Dataset, kept: int) -> None:
    few = tiny.with_images(tiny.select("train").images[:kept])
    with pytest.raises(RsitmdError, match="train"):
        split_parts(few, Config())


def test_an_error_counts_the_images_held_out(tiny: Dataset) -> None:
    """It said that ``train`` had one image, although it had three."""
    three = tiny.with_images(tiny.select("train").images[:3])
    with pytest.raises(RsitmdError, match=r"images held out for validation, .*1 image"):
        split_parts(three, Config())
    with pytest.raises(RsitmdError, match="training without fold 0 of 2 has 1 image"):
        split_parts(three, Config(folds=2))
    assert len(split_parts(three, Config(validate=False)).train_rows) == 3


def test_more_folds_than_images_allow(tiny: Dataset) -> None:
    with pytest.raises(RsitmdError, match=r"fold 4 of 20 has 1 image .*\n?.*fewer folds"):
        split_parts(tiny, Config(folds=20, fold=4))


def test_a_validation_part_of_one_image_is_an_error(tiny: Dataset) -> None:
    images = [replace(image, split="val") if n == 0 else image for n, image in enumerate(tiny)]
    with pytest.raises(RsitmdError, match="split 'val' has 1 image with"):
        split_parts(tiny.with_images(images), Config())
    assert len(split_parts(tiny.with_images(images), Config(validate=False)).val_rows) == 0


def test_excluded_images_are_ignored(tiny: Dataset) -> None:
    gone = names(tiny.with_images(tiny.images[:4]))
    parts = split_parts(tiny, Config(), gone)
    assert names(parts.pool) == names(tiny.select("train")) - gone


def at(prior, images, columns):  # type: ignore[no-untyped-def]
    return np.asarray(prior.at(np.array(images), np.array(columns)))


def test_the_prior_is_that_of_the_training_part(tmp_path: Path, tiny: Dataset) -> None:
    parts = split_parts(tiny, Config(seed=4))
    expected = compute_prior(parts.training)
    prior = training_prior(tiny, parts, tmp_path)
    rows, columns = [3, 0, 21], [7, 50, 109]
    np.testing.assert_allclose(at(prior, rows, columns), expected[np.ix_(rows, columns)], atol=1e-6)
    # A second run finds it, whatever its seed.
    written = (tmp_path / "train.npy").stat().st_mtime_ns
    training_prior(tiny, split_parts(tiny, Config(seed=5)), tmp_path)
    assert (tmp_path / "train.npy").stat().st_mtime_ns == written


def test_a_given_prior_must_match(tmp_path: Path, tiny: Dataset) -> None:
    parts = split_parts(tiny, Config())
    good, bad = tmp_path / "good.npy", tmp_path / "bad.npy"
    write_prior(tiny.select("train"), good)
    assert training_prior(tiny, parts, tmp_path / "own", good).prior.path == good
    assert not (tmp_path / "own").exists()
    write_prior(tiny.select("test"), bad)
    with pytest.raises(RsitmdError, match="other data"):
        training_prior(tiny, parts, tmp_path / "own", bad)
    with pytest.raises(RsitmdError, match="absent"):
        training_prior(tiny, parts, tmp_path / "own", tmp_path / "absent.npy")


def test_the_prior_of_the_release_is_used_if_it_matches(tmp_path: Path, tiny: Dataset) -> None:
    data = replace(tiny, source=tmp_path)
    write_prior(data.select("train"), tmp_path / "prior" / "train.npy")
    parts = split_parts(data, Config(seed=9))
    assert training_prior(data, parts, tmp_path / "run").prior.path.parent == tmp_path / "prior"
    # Folds over val too need images it does not know: one is computed.
    folds = split_parts(with_val(data), Config(folds=3))
    made = training_prior(with_val(data), folds, tmp_path / "run")
    assert made.prior.path.parent == tmp_path / "run"
    expected = compute_prior(folds.training)[np.ix_([1, 2], [0, 9])]
    np.testing.assert_allclose(at(made, [1, 2], [0, 9]), expected, atol=1e-6)


def test_a_record_needs_no_category() -> None:
    images = tuple(ImageRecord(f"{n}.png", (Sentence("A pond."),), (), "train") for n in range(4))
    data = Dataset("d", images, Path("d"), "rsitmd")
    assert len(split_parts(data, Config()).training) == 2
