"""Hints about sentences, and keyword suggestions."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.quality.texts import jaccard, singular, split_words
from rsitmd_tools.studio.sync.results import ParsedResult
from rsitmd_tools.text.fold import folded
from rsitmd_tools.text.near import MIN_WORDS, NearIndex
from rsitmd_tools.workspace.merge import is_keyword
from rsitmd_tools.workspace.settings import Settings

# The index finds similar sentences, so these two rules are not needed here.
_IGNORED = ("S103", "S110")
MAX_HINTS = 4


class Key(NamedTuple):
    """A sentence on the server: the number of its annotation and of its field."""

    annotation: int
    slot: int


class _Place(NamedTuple):
    image: str  # identifies a task; the task number can change
    task: int
    author: int


class Adviser:
    """Finds hints and keywords from all sentences of a campaign; thread-safe."""

    def __init__(self, settings: Settings) -> None:
        chosen = replace(
            settings.validate,
            select=("S",),
            ignore=(*settings.validate.ignore, *_IGNORED),
            baseline=None,
        )
        self._settings = replace(settings, validate=chosen)
        first = subject_of(self._alone("", ""), self._settings)
        # Read word lists and dictionary only once.
        self._shared = {"lists": first.lists, "spelling": first.spelling}
        self._index: NearIndex[Key] = NearIndex(settings.validate.thresholds.near_repeat)
        self._slots: dict[int, set[Key]] = defaultdict(set)
        self._places: dict[int, _Place] = {}  # by annotation
        self._keywords: dict[str, Counter[str]] = defaultdict(Counter)
        self._contents: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Load the dictionary now, so that the first hint is not delayed."""
        self.broken_rules("Two whte planes stand beside the terminal.", "airport")

    def __len__(self) -> int:
        return len(self._index)

    def learn(
        self,
        image: str,
        annotation: int,
        category: str,
        written: ParsedResult,
        task: int = 0,
        author: int = 0,
    ) -> None:
        """Add an annotation, or replace its earlier version.

        Args:
            image: Key of the task's image.
            annotation: The annotation's number on the server.
            category: The image's class.
            written: Sentences and keywords of the annotation.
            task: The task's number on the server.
            author: Number of the author's account; 0 if it is not known.
        """
        with self._lock:
            self._forget(annotation)
            self._places[annotation] = _Place(image, task, author)
            for slot, raw in written.sentences:
                key = Key(annotation, slot)
                self._index.add(key, split_words(raw))
                self._slots[annotation].add(key)
            words = tuple(filter(is_keyword, written.keywords))
            self._contents[annotation] = (category, words)
            self._keywords[category].update(words)

    def forget(self, annotation: int) -> None:
        """Remove an annotation."""
        with self._lock:
            self._forget(annotation)

    def forget_tasks(self, tasks: Collection[int]) -> None:
        """Remove the annotations of tasks, by their numbers."""
        with self._lock:
            for annotation in [n for n, place in self._places.items() if place.task in tasks]:
                self._forget(annotation)

    def tasks_of(self, annotations: Collection[int]) -> set[int]:
        """Return the task numbers of known annotations."""
        with self._lock:
            return {place.task for n, place in self._places.items() if n in annotations}

    def annotations_of(self, task: int) -> set[int]:
        """Return the known annotations of a task."""
        with self._lock:
            return {number for number, place in self._places.items() if place.task == task}

    def author_of(self, annotation: int) -> int:
        """Return the number of an annotation's author; 0 if it is not known."""
        with self._lock:
            place = self._places.get(annotation)
            return 0 if place is None else place.author

    def hints(
        self,
        image: str,
        annotation: int,
        category: str,
        written: ParsedResult,
        given: Mapping[int, str] | None = None,
    ) -> list[str]:
        """Return hints about the sentences of a known annotation.

        Hints never contain the text of other annotators, who work independently.

        Args:
            image: Key of the task's image.
            annotation: The annotation's number on the server.
            category: The image's class.
            written: Sentences and keywords of the annotation.
            given: The captions that the page shows, by number of the field. Every annotator of
                the image begins with them, so a sentence like its caption repeats nobody.
        """
        found = []
        for slot, raw in written.sentences:
            shown = f"sentence {slot}: " if len(written.sentences) > 1 else ""
            found += [shown + message for message in self.broken_rules(raw, category)]
            near = self.near(raw, Key(annotation, slot))
            if near is not None:
                key, share = near
                place = self._places.get(key.annotation)
                same = place is not None and place.image == image
                if same and self._alike(raw, (given or {}).get(slot, "")):
                    continue
                where = "this image" if same else "another image"
                found.append(
                    f"{shown}almost the same as a sentence of {where} ({share:.0%} of words)"
                )
        return found[:MAX_HINTS]

    def near(self, raw: str, besides: Key | None = None) -> tuple[Key, float] | None:
        """Return the most similar sentence above the threshold, and the similarity.

        Args:
            raw: The text.
            besides: The sentence with this text. What its author wrote about the same image in
                another task, such as that of a pilot, is ignored too.
        """
        words = split_words(raw)
        if len(words) < MIN_WORDS:
            return None
        with self._lock:
            return self._index.nearest(words, () if besides is None else self._own(besides))

    def broken_rules(self, raw: str, category: str) -> list[str]:
        """Return the findings of the sentence rules in a text."""
        subject = subject_of(self._alone(raw, category), self._settings)
        vars(subject).update(self._shared)  # the place of its cached properties
        return [finding.message for finding in check_subject(subject).findings]

    @staticmethod
    def _alone(raw: str, category: str) -> Dataset:
        record = ImageRecord("image.tif", (Sentence(raw),), category=category)
        return Dataset("hints", (record,), Path(), "hints")

    @property
    def keywords_max(self) -> int:
        """Maximum number of keywords per annotation."""
        return self._settings.annotation.keywords_max

    def keywords(self, category: str, sentences: Sequence[str]) -> list[str]:
        """Suggest keywords of this category whose object occurs in the sentences.

        Without sentences, suggest the most frequent keywords of the category. If none fits,
        suggest the category itself.
        """
        limit = self.keywords_max
        written_words = {singular(word) for raw in sentences for word in split_words(raw)}
        with self._lock:
            common = [word for word, _ in self._keywords[category].most_common(50 * limit)]
        spellings: dict[str, str] = {}
        for word in common:  # of the spellings of a keyword, the most frequent one
            spellings.setdefault(folded(word), word)
        known = list(spellings.values())
        fitting = [word for word in known if singular(word.lower().split()[-1]) in written_words]
        return (fitting if written_words else known)[:limit] or [f"- {category.replace('_', ' ')}"]

    def _alike(self, left: str, right: str) -> bool:
        share = jaccard(split_words(left), split_words(right))
        return share >= self._settings.validate.thresholds.near_repeat

    def _own(self, key: Key) -> set[Key]:
        """Return a sentence, and those of its author about the image in other tasks."""
        own = self._places.get(key.annotation)
        if own is None or not own.author:
            return {key}
        others = (
            number
            for number, place in self._places.items()
            if (place.image, place.author) == (own.image, own.author) and place.task != own.task
        )
        return {key}.union(*(self._slots[number] for number in others))

    def _forget(self, annotation: int) -> None:
        for key in self._slots.pop(annotation, ()):
            self._index.remove(key)
        self._places.pop(annotation, None)
        category, words = self._contents.pop(annotation, ("", ()))
        self._keywords[category].subtract(words)
        self._keywords[category] += Counter()  # removes keywords with count zero
