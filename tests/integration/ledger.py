"""What people wrote on a server, what was decided about it, and the dataset that follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Written:
    """An annotation on the server.

    Attributes:
        number: Its number there.
        task: The number of its task.
        image: The key of the image that the page showed.
        author: Address of its author.
        fields: The sentences that each of its fields has had, the newest last.
    """

    number: int
    task: int
    image: str
    author: str
    fields: list[list[str]]

    @property
    def sentences(self) -> list[str]:
        return [texts[-1] for texts in self.fields]

    @property
    def ever(self) -> set[str]:
        """All sentences that it has had."""
        return {text for texts in self.fields for text in texts}


@dataclass
class Ledger:
    """The annotations on a server. Each sentence occurs once in them.

    Attributes:
        written: The annotations.
        excluded: Sentences that were sent back or rejected, or that a model wrote.
        unread: Sentences that took the place of one that was sent back, and were written without
            the note: no pull had fetched them.
        accepted: Accepted sentences.
        removed: Keys of the images that were removed.
    """

    written: list[Written] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    @property
    def ever(self) -> set[str]:
        """All sentences that the annotations have had."""
        return {text for entry in self.written for text in entry.ever}

    def of(self, author: str) -> list[Written]:
        return [entry for entry in self.written if entry.author == author]

    def decided(self, author: str) -> list[Written]:
        """Return the annotations of an author with a sentence that is excluded."""
        return [entry for entry in self.of(author) if self.excluded.intersection(entry.sentences)]

    def sent_back(self, text: str) -> None:
        """Note that a sentence of the workspace was sent back.

        If its author had changed it already, the new sentence stays sent back, unless the author
        saves the annotation once more before a pull.
        """
        self.excluded.add(text)
        self.unread |= {
            texts[-1] for entry in self.written for texts in entry.fields if text in texts
        }

    def saved(self, entry: Written) -> None:
        """Note that an annotation was saved after all decisions so far."""
        self.unread.difference_update(entry.sentences)

    def pulled(self) -> None:
        """Note that a pull has fetched everything."""
        self.excluded |= self.unread
        self.unread.clear()

    def expected(self, names: Mapping[str, str]) -> Counter[tuple[str, str, str]]:
        """Return the sentences of the dataset with their images and authors.

        Args:
            names: File names of the images by key.
        """
        return Counter(
            (text, names[entry.image], entry.author)
            for entry in self.written
            if entry.image not in self.removed
            for text in entry.sentences
            if text not in self.excluded
        )
