"""Leakage across datasets: test images and captions that another dataset has for training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, count_of
from rsitmd_tools.imaging.groups import components, in_one_group
from rsitmd_tools.imaging.measures import picture_pairs
from rsitmd_tools.imaging.pairs import pairs_between
from rsitmd_tools.quality.pictures import measure_images
from rsitmd_tools.quality.places import SamePlace, SharedPlace
from rsitmd_tools.quality.records import PictureOf, Shared, Written
from rsitmd_tools.text.fold import bare

TRAINED = (None, "train")
# Shorter captions can be equal by chance, so they do not exclude an image.
MIN_WORDS = 8


class Trained(NamedTuple):
    """The images of another dataset on which a model was trained.

    Attributes:
        dataset: The other dataset.
        pictures: The training images that have a file, with their measures.
    """

    dataset: Dataset
    pictures: Sequence[PictureOf]


def measure_trained(against: Iterable[Dataset]) -> Iterator[Trained]:
    """Measure the images of other datasets on which a model was trained."""
    for dataset in against:
        trained = dataset.with_images([image for image in dataset if image.split in TRAINED])
        yield Trained(dataset, [PictureOf(*pair) for pair in measure_images(trained)])


def uncompared(
    dataset: Dataset, pictures: Sequence[PictureOf], against: Iterable[Trained]
) -> Iterator[str]:
    """Yield one line for each dataset with images that could not be compared.

    Args:
        dataset: The dataset that is checked.
        pictures: Its measured images.
        against: The other datasets.
    """
    is_tested = _tested_in(dataset)
    tested = [image for image in dataset if is_tested(image)]
    measured: Sequence[PictureOf] = _tested(dataset, pictures)
    sides = [("the checked dataset", tested, measured)]
    for other, theirs in against:
        trained = [image for image in other if image.split in TRAINED]
        sides.append((f"dataset {other.name}", trained, theirs))
    for name, images, found in sides:
        missing = len(images) - sum(entry.picture.problem is None for entry in found)
        if missing:
            yield (
                f"{missing} of {count_of(len(images), 'image')} of {name} had no readable file"
                " to compare"
            )


def shared_images(
    dataset: Dataset, pictures: Sequence[PictureOf], against: Iterable[Trained], distance: int
) -> Iterator[Shared]:
    """Yield the tested images that another dataset trains on, possibly rotated or flipped.

    Args:
        dataset: The dataset that is checked.
        pictures: Its measured images.
        against: The other datasets.
        distance: Maximum number of bits in which the hashes of near duplicates differ.
    """
    tested = _tested(dataset, pictures)
    own = [entry.picture for entry in tested]
    for other, theirs in against:
        pairs = picture_pairs([*own, *(picture for _, picture in theirs)], distance)
        for pair in pairs_between(pairs, len(own)):
            image = theirs[pair.second - len(own)][0]
            yield Shared(tested[pair.first].image, other, image, pair.exact)


def shared_places(
    dataset: Dataset,
    pictures: Sequence[PictureOf],
    against: Iterable[Trained],
    duplicates: Iterable[Shared],
) -> Iterator[SharedPlace]:
    """Yield the tested images that show a place on which another dataset trains.

    Args:
        dataset: The dataset that is checked.
        pictures: Its measured images.
        against: The other datasets.
        duplicates: The shared images, which are left out, and copies of them too.

    Raises:
        RsitmdError: OpenCV is not installed.
    """
    from rsitmd_tools.imaging.opencv import load_opencv
    from rsitmd_tools.imaging.same_place import same_place_pairs

    load_opencv()  # the missing extra is named also if there is nothing to compare
    shared = list(duplicates)
    tested = [e for e in _tested(dataset, pictures) if e.picture.problem is None]
    for other, theirs in against:
        both = [*tested, *(e for e in theirs if e.picture.problem is None)]
        place = {id(entry.image): index for index, entry in enumerate(both)}
        links = [(place[id(s.own)], place[id(s.other)]) for s in shared if s.dataset is other]
        groups = components(len(both), links)
        sides = [index >= len(tested) for index in range(len(both))]
        for pair in same_place_pairs([e.picture.path for e in both], sides=sides):
            if not in_one_group(groups, pair.first, pair.second):
                (first, one), (second, two) = both[pair.first], both[pair.second]
                match = pair.match
                yield SharedPlace(
                    other,
                    SamePlace(
                        *(first, second, match.agreement, match.inliers, match.overlap),
                        map=match.relative(one.size, two.size),
                    ),
                )


def shared_captions(sentences: Sequence[Written], against: Iterable[Dataset]) -> Iterator[Shared]:
    """Yield the tested captions that another dataset trains on, with its images.

    Case, white space and punctuation are ignored.
    """
    splits = {sentence.image.split for sentence in sentences}
    for other in against:
        trained: dict[str, dict[str, ImageRecord]] = defaultdict(dict)
        for image in other:
            if image.split in TRAINED:
                for raw in image.captions:
                    trained[bare(raw)].setdefault(image.location, image)
        # Many sentences can share the tuple of a text. Texts without a word are left out.
        images = {text: tuple(found.values()) for text, found in trained.items() if text}
        for sentence in sentences:
            tested = sentence.image.split != "train" or splits <= {"train"}
            if tested and (found := images.get(bare(sentence.raw))):
                yield Shared(sentence.image, other, found[0], True, sentence.index, found)


def exclusion_list(
    shared: Collection[Shared], places: Collection[SharedPlace] = ()
) -> dict[str, Any]:
    """Return the images of the other datasets to exclude from training, with the reason.

    Captions of fewer than eight words are ignored: they may be equal by chance.

    Args:
        shared: Shared images and captions. The first reason of an image counts.
        places: Places that both datasets show.

    Raises:
        RsitmdError: Two datasets have one name, by which the lists are found.
    """
    names: dict[str, Dataset] = {}
    for dataset in (*(entry.dataset for entry in shared), *(place.dataset for place in places)):
        if names.setdefault(dataset.name, dataset) is not dataset:
            raise RsitmdError(
                f"two datasets have the name {dataset.name!r}",
                where=dataset.source,
                hint="write a list for each of them: one --against and one --exclusions a time",
            )
    datasets: dict[str, dict[str, Any]] = {}
    listed: set[int] = set()  # texts whose images were listed, by the identity of their tuple
    for entry in shared:
        index = entry.sentence_index
        if index is not None and len(bare(entry.own.captions[index]).split()) < MIN_WORDS:
            continue
        why = "caption" if index is not None else "image" if entry.exact else "near image"
        images = datasets.setdefault(str(entry.dataset.name), {})
        if entry.images and id(entry.images) in listed:
            continue
        listed.add(id(entry.images))
        for other in entry.images or (entry.other,):
            images.setdefault(other.filename, {"because": why, "of": entry.own.filename})
    for dataset, pair in places:
        images = datasets.setdefault(str(dataset.name), {})
        entry_of = {"because": "same place", "of": pair.first.filename}
        images.setdefault(pair.second.filename, entry_of)
    return {
        "tool": f"rsitmd-tools {__version__}",
        "exclude": {
            name: [{"filename": key, **images[key]} for key in sorted(images)]
            for name, images in sorted(datasets.items())
        },
    }


def _tested(dataset: Dataset, pictures: Sequence[PictureOf]) -> list[PictureOf]:
    is_tested = _tested_in(dataset)
    return [entry for entry in pictures if is_tested(entry.image)]


def _tested_in(dataset: Dataset) -> Callable[[ImageRecord], bool]:
    """Return a test for tested images. If there is only a training split, all are tested."""
    trained_alone = set(dataset.splits) <= {"train"}
    return lambda image: trained_alone or image.split != "train"
