"""What the assist says: hints about sentences, and keywords that may fit."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.quality import check_subject, subject_of
from rsitmd_tools.quality.texts import singular, split_words
from rsitmd_tools.studio.sync.results import Written
from rsitmd_tools.text.near import MIN_WORDS, NearIndex
from rsitmd_tools.workspace.merge import is_keyword
from rsitmd_tools.workspace.settings import Settings

# Likeness to other sentences is the index's part; these two would look for it again.
_NOT_ALONE = ("S103", "S110")
MOST_HINTS = 4


class Key(NamedTuple):
    """A sentence on the server: its annotation, and its area on the page."""

    annotation: int
    slot: int


class Adviser:
    """Knows all sentences of a campaign; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        chosen = replace(
            settings.validate,
            select=("S",),
            ignore=(*settings.validate.ignore, *_NOT_ALONE),
            baseline=None,
        )
        self._settings = replace(settings, validate=chosen)
        first = subject_of(self._alone("", ""), self._settings)
        # Word lists and dictionary are read once, not for each sentence.
        self._shared = {"lists": first.lists, "spelling": first.spelling}
        self._index: NearIndex[Key] = NearIndex(settings.validate.thresholds.near_repeat)
        self._slots: dict[int, set[Key]] = defaultdict(set)
        # Of each annotation: its image is its identity, its task only an address.
        self._images: dict[int, str] = {}
        self._tasks: dict[int, int] = {}
        self._keywords: dict[str, Counter[str]] = defaultdict(Counter)
        self._given: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Read the dictionary now: the first hint about a misspelt word would wait for it."""
        self.broken_rules("Two whte planes stand beside the terminal.", "airport")

    def __len__(self) -> int:
        return len(self._index)

    def learn(
        self, image: str, annotation: int, category: str, written: Written, task: int = 0
    ) -> None:
        """Take in an annotation, in the place of what had its number before.

        Args:
            image: Key of the task's image.
            annotation: The annotation's number on the server.
            category: The image's class.
            written: What it says.
            task: The task's number on the server.
        """
        with self._lock:
            self._forget(annotation)
            self._images[annotation] = image
            self._tasks[annotation] = task
            for slot, raw in written.sentences:
                key = Key(annotation, slot)
                self._index.add(key, split_words(raw))
                self._slots[annotation].add(key)
            words = tuple(filter(is_keyword, written.keywords))
            self._given[annotation] = (category, words)
            self._keywords[category].update(words)

    def forget(self, annotation: int) -> None:
        """Take an annotation out."""
        with self._lock:
            self._forget(annotation)

    def tasks_of(self, annotations: Collection[int]) -> set[int]:
        """Return the tasks (numbers on the server) of annotations that were taken in."""
        with self._lock:
            return {task for number, task in self._tasks.items() if number in annotations}

    def annotations_of(self, task: int) -> set[int]:
        """Return the annotations of a task that were taken in."""
        with self._lock:
            return {number for number, own in self._tasks.items() if own == task}

    def hints(self, image: str, annotation: int, category: str, written: Written) -> list[str]:
        """Say what is wrong with the sentences of an annotation that was learned.

        The texts of others are not shown: who annotates blind stays blind.
        """
        found = []
        for slot, raw in written.sentences:
            shown = f"sentence {slot}: " if len(written.sentences) > 1 else ""
            found += [shown + message for message in self.broken_rules(raw, category)]
            near = self.near(raw, Key(annotation, slot))
            if near is not None:
                key, share = near
                same = self._images.get(key.annotation) == image
                where = "this image" if same else "another image"
                found.append(f"{shown}nearly repeats a sentence of {where} ({share:.0%} of words)")
        return found[:MOST_HINTS]

    def near(self, raw: str, besides: Key | None = None) -> tuple[Key, float] | None:
        """Return the sentence that a text nearly repeats, and their likeness."""
        words = split_words(raw)
        if len(words) < MIN_WORDS:
            return None
        with self._lock:
            return self._index.nearest(words, besides)

    def broken_rules(self, raw: str, category: str) -> list[str]:
        """Return what the rules of single sentences find in a text."""
        subject = subject_of(self._alone(raw, category), self._settings)
        vars(subject).update(self._shared)  # where its cached properties keep them
        return [finding.message for finding in check_subject(subject).findings]

    @staticmethod
    def _alone(raw: str, category: str) -> Dataset:
        record = ImageRecord("image.tif", (Sentence(raw),), category=category)
        return Dataset("hints", (record,), Path(), "hints")

    @property
    def keywords_max(self) -> int:
        """The most keywords that an annotator gives."""
        return self._settings.annotation.keywords_max

    def keywords(self, category: str, sentences: Sequence[str]) -> list[str]:
        """Suggest keywords: those given to scenes of this class whose object is written of.

        Without a sentence yet, or with none that fits, the class's most frequent ones.
        """
        most = self.keywords_max
        said = {singular(word) for raw in sentences for word in split_words(raw)}
        with self._lock:
            known = [word for word, _ in self._keywords[category].most_common(50 * most)]
        fitting = [word for word in known if singular(word.lower().split()[-1]) in said]
        return (fitting if said else known)[:most] or [f"- {category.replace('_', ' ')}"]

    def _forget(self, annotation: int) -> None:
        for key in self._slots.pop(annotation, ()):
            self._index.remove(key)
        self._images.pop(annotation, None)
        self._tasks.pop(annotation, None)
        category, words = self._given.pop(annotation, ("", ()))
        self._keywords[category].subtract(words)
        self._keywords[category] += Counter()  # drops what nobody gives any more
