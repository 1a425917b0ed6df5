"""What a format can hold, and what of a dataset is lost in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence, category_of, split_order
from rsitmd_tools.errors import count_of

YES, NO = "yes", "no"
REQUIRED = "required"  # a dataset without it is refused
IN_NAME = "in file names"
WITHIN_SPLIT = "within a split"
ANEW = "computed again"
IDS = "`img_id`, `sent_id`"  # the texts of RSITMD.csv
EXCEPT_OWN = "yes, except own names"
# Fields of a dataset that keep a detail of the layout of another format.
DETAILS = frozenset(("precomp",))
# Fields of a sentence about its origin. Other tools use the names for other things.
ORIGIN_FIELDS = ("origin", "edit_distance", "machine_given")
ANY, SOME, FIVE = "any number", "one or more", "five, of one line"


@dataclass(frozen=True, slots=True)
class Holds:
    """What a format can hold. Each text is a cell of the table in ``docs/formats.md``.

    A format uses some names of fields itself. It cannot store other fields of these names.

    Attributes:
        sentences: Number of sentences of an image. A dataset with another number is refused.
        splits: Split of an image; :data:`REQUIRED` if every image must have one.
        categories: Category of an image; :data:`IN_NAME` if only file names have it.
        keywords: Keywords of an image.
        folders: Folder of an image file in the image folder.
        image_fields: Fields of an image that this tool does not know; :data:`IDS` if only its ids.
        annotators: Annotator of a sentence.
        origins: Origin of a sentence, edit distance and whether a machine text was given.
        sentence_fields: Fields of a sentence that this tool does not know.
        tokens: Tokens of a sentence; :data:`ANEW` if they are computed from the text.
        name: Name of the dataset.
        dataset_fields: Fields of the dataset that this tool does not know.
        order: Order of the images; :data:`WITHIN_SPLIT` if there is a file for each split.
        own_image_fields: Names that the format uses itself among the fields of an image.
        own_sentence_fields: The same for a sentence.
        own_dataset_fields: The same for the dataset.
    """

    sentences: str = ANY
    splits: str = YES
    categories: str = NO
    keywords: str = NO
    folders: str = YES
    image_fields: str = NO
    annotators: str = NO
    origins: str = NO
    sentence_fields: str = NO
    tokens: str = NO
    name: str = NO
    dataset_fields: str = NO
    order: str = YES
    own_image_fields: frozenset[str] = frozenset()
    own_sentence_fields: frozenset[str] = frozenset()
    own_dataset_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Clashes:
    """Other fields whose names a format uses itself.

    Attributes:
        names: Returns these names for each object that has other fields, such as an image.
        owners: Returns the objects in words by their number.
    """

    names: Callable[[Dataset, Holds], Iterable[Set[str]]]
    owners: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Content:
    """A kind of content that a format can lack.

    Attributes:
        key: Name of the attribute of :class:`Holds`.
        heading: Heading of its row.
        count: Counts what a dataset loses in a format with the given value.
        message: Returns the loss in words.
        clashes: What is lost of it in a format that stores it; None if nothing can be.
    """

    key: str
    heading: str
    count: Callable[[Dataset, str], int]
    message: Callable[[int], str]
    clashes: Clashes | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a format cannot store.

    Attributes:
        content: Name of the content, an attribute of :class:`Holds`.
        count: Number of images, sentences, keywords or fields.
        message: The loss in words, such as ``12 keywords``.
    """

    content: str
    count: int
    message: str


def losses(dataset: Dataset, holds: Holds) -> list[Loss]:
    """Return what is lost if a dataset is written in a format that holds this."""
    found = []
    for content in CONTENTS:
        count = content.count(dataset, getattr(holds, content.key))
        if count:
            found.append(Loss(content.key, count, content.message(count)))
        elif content.clashes is not None:
            found += _lost_to_own_names(content.key, content.clashes, dataset, holds)
    return found


def table(formats: Iterable[tuple[str, Holds]]) -> str:
    """Return a Markdown table of what formats can hold, a column for each name."""
    named = list(formats)
    rows = [
        ["", *(f"`{name}`" for name, _ in named)],
        ["---"] * (len(named) + 1),
        ["sentences of an image", *(holds.sentences for _, holds in named)],
    ]
    for content in CONTENTS:
        rows.append([content.heading, *(_cell(holds, content.key) for _, holds in named)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def other_fields(image: ImageRecord) -> Mapping[str, object]:
    """Return the unknown fields of an image, without the folder of its file."""
    return {
        key: value
        for key, value in image.extra.items()
        if key != "filepath" or not isinstance(value, str)
    }


def without(fields: Mapping[str, Any], own: Set[str]) -> dict[str, Any]:
    """Return the fields whose names a format does not use itself.

    Args:
        fields: Fields of an image, a sentence or a dataset.
        own: The names that the format uses.
    """
    return {name: value for name, value in fields.items() if name not in own}


def own_sentence_fields(sentence: Sentence, holds: Holds) -> Set[str]:
    """Return the names that a format uses for a sentence: those of its origin only if known."""
    return holds.own_sentence_fields.union(
        name for name in ORIGIN_FIELDS if getattr(sentence, name) is not None
    )


def _cell(holds: Holds, key: str) -> str:
    held: str = getattr(holds, key)
    own: frozenset[str] | None = getattr(holds, f"own_{key}", None)
    return EXCEPT_OWN if held == YES and own else held


def _lost_to_own_names(key: str, clashes: Clashes, dataset: Dataset, holds: Holds) -> list[Loss]:
    """Return the loss of the fields whose names a format uses itself; empty if there are none."""
    found = [names for names in clashes.names(dataset, holds) if names]
    if not found:
        return []
    *first, last = sorted(set[str]().union(*found))
    what = f"fields {', '.join(first)} and {last}" if first else f"field {last}"
    why = f"it uses {'these names' if first else 'this name'} itself"
    message = f"the {what} of {clashes.owners(len(found))}, because {why}"
    return [Loss(key, len(found), message)]


def _of_images(has: Callable[[ImageRecord], bool]) -> Callable[[Dataset, str], int]:
    return lambda data, held: 0 if held != NO else sum(map(has, data))


def _of_sentences(has: Callable[[Sentence], bool]) -> Callable[[Dataset, str], int]:
    return lambda data, held: (
        0 if held != NO else sum(has(sentence) for image in data for sentence in image.sentences)
    )


def _other_lost(image: ImageRecord, held: str) -> bool:
    kept = ("img_id", "sent_id") if held == IDS else ()
    return any(
        name not in kept or not isinstance(value, str)
        for name, value in other_fields(image).items()
    )


def _lost_categories(dataset: Dataset, held: str) -> int:
    if held == YES:
        return 0
    return sum(
        image.category is not None and not (held == IN_NAME and _in_name(image))
        for image in dataset
    )


def _in_name(image: ImageRecord) -> bool:
    return category_of(image.filename) == image.category


def _lost_order(dataset: Dataset, held: str) -> int:
    if held == YES:
        return 0
    ranks = [split_order(image.split) for image in dataset]
    return int(ranks != sorted(ranks))


def _has_origin(sentence: Sentence) -> bool:
    return any(getattr(sentence, name) is not None for name in ORIGIN_FIELDS)


def _counted(noun: str, rest: str = "") -> Callable[[int], str]:
    return lambda count: count_of(count, noun) + rest


def _part_of(what: str, noun: str, rest: str = "") -> Callable[[int], str]:
    return lambda count: f"{what} of {count_of(count, noun)}{rest}"


CONTENTS = (
    Content(
        "splits",
        "splits",
        _of_images(lambda image: image.split is not None),
        _part_of("the splits", "image"),
    ),
    Content(
        "categories",
        "categories",
        _lost_categories,
        _part_of("the categories", "image", ", which are not in the file names"),
    ),
    Content(
        "keywords",
        "keywords",
        lambda data, held: sum(len(image.keywords) for image in data) if held == NO else 0,
        _counted("keyword"),
    ),
    Content(
        "folders",
        "folders of images",
        _of_images(lambda image: image.location != image.filename),
        _part_of("the subfolders", "image"),
    ),
    Content(
        "image_fields",
        "other fields of images",
        lambda data, held: 0 if held == YES else sum(_other_lost(image, held) for image in data),
        _part_of("other fields", "image"),
        Clashes(
            lambda data, holds: (other_fields(i).keys() & holds.own_image_fields for i in data),
            _counted("image"),
        ),
    ),
    Content(
        "annotators",
        "annotators",
        _of_sentences(lambda sentence: sentence.annotator is not None),
        _part_of("the annotators", "sentence"),
    ),
    Content(
        "origins",
        "origins of sentences",
        _of_sentences(_has_origin),
        _part_of("the origins", "sentence"),
    ),
    Content(
        "sentence_fields",
        "other fields of sentences",
        _of_sentences(lambda sentence: bool(sentence.extra)),
        _part_of("other fields", "sentence"),
        Clashes(
            lambda data, holds: (
                sentence.extra.keys() & own_sentence_fields(sentence, holds)
                for image in data
                for sentence in image.sentences
            ),
            _counted("sentence"),
        ),
    ),
    Content(
        "tokens",
        "tokens",
        _of_sentences(lambda sentence: sentence.tokens is not None),
        _part_of("the tokens", "sentence"),
    ),
    Content(
        "name",
        "name of the dataset",
        lambda data, held: int(held == NO and bool(data.name)),
        lambda count: "the name of the dataset",
    ),
    Content(
        "dataset_fields",
        "other fields of the dataset",
        lambda data, held: len(data.extra.keys() - DETAILS) if held == NO else 0,
        _counted("other field", " of the dataset"),
        Clashes(
            lambda data, holds: [data.extra.keys() & holds.own_dataset_fields],
            lambda count: "the dataset",
        ),
    ),
    Content(
        "order",
        "order of images",
        _lost_order,
        lambda count: "the order of images of different splits",
    ),
)
