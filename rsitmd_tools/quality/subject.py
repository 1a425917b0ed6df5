"""The input of rules: a dataset, its settings, and data shared by several rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rsitmd_tools.dataset.naming import SentenceName, sentence_names
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.quality.records import Measured, PictureOf, Shared, Written
from rsitmd_tools.quality.texts import split_words
from rsitmd_tools.quality.words import WordLists
from rsitmd_tools.text.fold import folded
from rsitmd_tools.workspace.settings import Settings, Thresholds

if TYPE_CHECKING:
    from rsitmd_tools.dataset.suspects import Suspect
    from rsitmd_tools.imaging.pairs import ImagePair
    from rsitmd_tools.quality.against import Trained
    from rsitmd_tools.quality.finding import Finding
    from rsitmd_tools.quality.nearest import ImageHashes
    from rsitmd_tools.quality.places import Places, SharedPlace
    from rsitmd_tools.quality.provenance import Provenance
    from rsitmd_tools.quality.spelling import Spelling
    from rsitmd_tools.workspace.merge import Typed


@dataclass(frozen=True)
class Subject:
    """The input of a rule; expensive parts are computed on first use.

    Attributes:
        dataset: The dataset.
        settings: Thresholds, word lists and expectations.
        document: The parsed JSON if the dataset was read from JSON.
        against: Other datasets whose training images must not be tested here.
        same_place: Search for images of one place, unless a workspace stores all pairs. Also
            compare with :attr:`against`.
        suspects: Sentences that a model finds to fit another image better.
        measured: The measures of the image files, if they were read before.
    """

    dataset: Dataset
    settings: Settings = field(default_factory=Settings)
    document: Any = None
    against: tuple[Dataset, ...] = ()
    same_place: bool = False
    suspects: tuple[Suspect, ...] = ()
    measured: Measured | None = None

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds of the rules."""
        return self.settings.validate.thresholds

    @cached_property
    def sentences_per_image(self) -> int:
        """The number of sentences that an image should have.

        If the labeling page asks for none, it is the number that most images have.
        """
        asked = self.settings.annotation.sentences_per_image
        most = Counter(len(image.sentences) for image in self.dataset).most_common(1)
        return asked or next((count for count, _ in most), 0)

    def position(self, image: ImageRecord) -> int | None:
        """Return the index of an image in the dataset; None for an image of another one.

        Several records can have one name. A copy of a record is the first one of its name.
        """
        same = self._positions.get(id(image))
        return self._named.get((image.filename, image.split)) if same is None else same

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {id(image): index for index, image in enumerate(self.dataset)}

    @cached_property
    def _named(self) -> dict[tuple[str, str | None], int]:
        found: dict[tuple[str, str | None], int] = {}
        for index, image in enumerate(self.dataset):
            found.setdefault((image.filename, image.split), index)
        return found

    def record_of(self, finding: Finding) -> ImageRecord | None:
        """Return the image of a finding; None for a finding about the dataset."""
        return None if finding.record is None else self.dataset.images[finding.record]

    def name(self, image: ImageRecord, index: int) -> SentenceName:
        """Return the name of a sentence for messages.

        Args:
            image: An image of the dataset.
            index: Index of the sentence within the image.
        """
        if id(image) not in self._names:
            self._names[id(image)] = sentence_names(image)
        return self._names[id(image)][index]

    def name_of(self, finding: Finding) -> SentenceName | None:
        """Return the name of the sentence of a finding; None if it is not about a sentence."""
        image, index = self.record_of(finding), finding.sentence_index
        if index is None:
            return None
        if image is None or index >= len(image.sentences):
            return SentenceName(None, index + 1)
        return self.name(image, index)

    @cached_property
    def _names(self) -> dict[int, list[SentenceName]]:
        """Cached names of sentences, by identity of the image."""
        return {}

    @cached_property
    def lists(self) -> WordLists:
        """The word lists, including those of the user."""
        return WordLists(self.settings.validate.word_lists)

    @cached_property
    def sentences(self) -> tuple[Written, ...]:
        """All sentences that are not blank."""
        known: dict[str, tuple[tuple[str, ...], str]] = {}
        found = []
        for image in self.dataset:
            for index, raw in enumerate(image.captions):
                if raw not in known:
                    known[raw] = (split_words(raw), folded(raw))
                words, key = known[raw]
                if key:
                    found.append(Written(image, index, raw, words, key))
        return tuple(found)

    @cached_property
    def sentences_of(self) -> tuple[tuple[ImageRecord, tuple[Written, ...]], ...]:
        """The sentences that are not blank, image by image."""
        by_image: dict[int, list[Written]] = {}
        for sentence in self.sentences:
            by_image.setdefault(id(sentence.image), []).append(sentence)
        return tuple((image, tuple(by_image.get(id(image), ()))) for image in self.dataset)

    @property
    def keywords(self) -> Iterator[tuple[ImageRecord, str]]:
        """Each image with each of its keywords."""
        return ((image, keyword) for image in self.dataset for keyword in image.keywords)

    @cached_property
    def word_counts(self) -> Counter[str]:
        """Number of occurrences of each word in the dataset."""
        return Counter(word for sentence in self.sentences for word in sentence.words)

    @cached_property
    def spelling(self) -> Spelling:
        """The dictionary, read on first use."""
        from rsitmd_tools.quality.spelling import Spelling

        return Spelling(self.word_counts, self.lists["domain"])

    @cached_property
    def pictures(self) -> tuple[PictureOf, ...]:
        """Measures of all existing image files; empty without an image folder."""
        if self.measured is not None:
            return self.measured.pictures
        from rsitmd_tools.imaging.measures import lines_of
        from rsitmd_tools.quality.pictures import measure_images
        from rsitmd_tools.quality.provenance import release_folder

        # An image is decoded once, also for :attr:`image_hashes`.
        hashed = release_folder(self.dataset) is not None
        found = measure_images(self.dataset, lines_of(self.thresholds), hashed=hashed)
        return tuple(PictureOf(*pair) for pair in found)

    @cached_property
    def image_hashes(self) -> ImageHashes:
        """The hashes of the images of a release, as an ingest computes them."""
        from rsitmd_tools.quality.nearest import image_hashes

        return image_hashes(self.dataset, self.pictures)

    @cached_property
    def near_duplicates(self) -> tuple[ImagePair, ...]:
        """Pairs of :attr:`pictures` that are equal or nearly equal.

        Pairs that a person split (``build groups --split-pair``) are left out.
        """
        from rsitmd_tools.imaging.measures import picture_pairs

        distance = self.settings.split.near_duplicate_distance
        if self.measured is not None:
            pairs = self.measured.pairs(distance)
        else:
            pairs = picture_pairs([entry.picture for entry in self.pictures], distance)
        return tuple(
            pair
            for pair in pairs
            if not self._is_parted(*(self.pictures[i].image for i in (pair.first, pair.second)))
        )

    @property
    def has_pictures(self) -> bool:
        """Whether the dataset has a folder of images."""
        return self.dataset.image_folder is not None

    @cached_property
    def places(self) -> Places:
        """Pairs of images of one place."""
        from rsitmd_tools.quality.places import OPTION, Places, search_places, stored_places

        stored = Places((), f"images of one place were not searched; {OPTION}")
        if self.dataset.format == "workspace":
            stored = stored_places(self.dataset)
        if not self.same_place or stored.unchecked is None:
            return stored
        found = search_places(self.pictures, self.near_duplicates)
        kept = tuple(p for p in found.pairs if not self._is_parted(p.first, p.second))
        return replace(found, pairs=kept)

    def _is_parted(self, first: ImageRecord, second: ImageRecord) -> bool:
        """Return whether a person decided that two images have nothing in common."""
        return frozenset((first.filename, second.filename)) in self._parted

    @cached_property
    def _parted(self) -> frozenset[frozenset[str]]:
        from rsitmd_tools.quality.places import parted_names

        return parted_names(self.dataset)

    @cached_property
    def provenance(self) -> Provenance:
        """Scenes and footprints of a release or a workspace; empty for another dataset."""
        from rsitmd_tools.quality.provenance import provenance_of

        return provenance_of(self.dataset)

    @cached_property
    def split_numbers(self) -> list[dict[str, Any]]:
        """How near every two splits of a release come to each other. The rule L110 fills it."""
        return []

    @cached_property
    def unchecked(self) -> dict[str, str]:
        """Rules that could not check everything: the reason by code. The rules fill it."""
        return {}

    @cached_property
    def trained(self) -> tuple[Trained, ...]:
        """The images on which the datasets of :attr:`against` train, measured."""
        from rsitmd_tools.quality.against import measure_trained

        return tuple(measure_trained(self.against))

    @cached_property
    def uncompared(self) -> str:
        """Why images could not be compared with :attr:`against`; empty if all were compared."""
        from rsitmd_tools.quality.against import uncompared

        return "; ".join(uncompared(self.dataset, self.pictures, self.trained))

    @cached_property
    def shared_images(self) -> tuple[Shared, ...]:
        """Images tested here that a dataset of :attr:`against` trains on."""
        from rsitmd_tools.quality.against import shared_images

        distance = self.settings.split.near_duplicate_distance
        return tuple(shared_images(self.dataset, self.pictures, self.trained, distance))

    @cached_property
    def shared_places(self) -> tuple[SharedPlace, ...]:
        """Images tested here that show a place on which a dataset of :attr:`against` trains.

        Empty without ``same_place``.
        """
        from rsitmd_tools.quality.against import shared_places

        if not self.same_place:
            return ()
        return tuple(shared_places(self.dataset, self.pictures, self.trained, self.shared_images))

    @cached_property
    def shared_captions(self) -> tuple[Shared, ...]:
        """Captions tested here that a dataset of :attr:`against` trains on."""
        from rsitmd_tools.quality.against import shared_captions

        if not self.against:
            return ()
        return tuple(shared_captions(self.sentences, self.against))

    @cached_property
    def typed(self) -> Mapping[tuple[str, int], Typed]:
        """How fast sentences were typed, if known, by file name and index."""
        if self.dataset.format != "workspace":
            return {}
        from rsitmd_tools.workspace import Workspace
        from rsitmd_tools.workspace.merge import typed_sentences

        with Workspace.open(self.dataset.source) as workspace:
            return typed_sentences(workspace)
