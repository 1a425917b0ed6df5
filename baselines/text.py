"""Words as numbers, and the bidirectional GRU over them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.baselines.data.keywords import derive_keywords, derived_keyword_words, words_of
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, reason

PADDING = 0
UNKNOWN = 1
MAX_WORDS = 100
MAX_KEYWORDS = 10
MAX_KEYWORD_WORDS = 8
# Of the unknown words of a caption, those that are named.
NAMED = 5
QUERIES = ("sentence", "keywords", "both")
# Of the images: a keyword on more of them says little; beside a sentence it is dropped.
FREQUENT = 0.1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words known from training, in order; numbers 0 and 1 are padding and unknown.

    Attributes:
        words: The words.
        keyword_words: Words that keywords are made of, the rarest first.
        frequent: Keywords so frequent that they are dropped beside a sentence.
        query: What a query is made of: ``sentence``, ``keywords`` or ``both``.
        derived: Whether the keywords of an image are derived from its sentences.
    """

    words: tuple[str, ...]
    keyword_words: tuple[str, ...] = ()
    frequent: tuple[str, ...] = ()
    query: str = "sentence"
    derived: bool = False

    @classmethod
    def of(cls, training: Dataset, query: str = "sentence", derived: bool = False) -> Vocabulary:
        """Collect the lower-cased words of a training part, sorted.

        Args:
            training: Images with sentences, and keywords where there are any.
            query: What a query is made of.
            derived: Derive the keywords from the sentences, by the rule of
                :func:`derived_keyword_words`.
        """
        known = {word for raw in training.captions() for word in words_of(raw)}
        if derived:
            rarest = derived_keyword_words(training)
            return cls(tuple(sorted(known)), rarest, (), query, True)
        on_images: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for image in training:
            phrases = {_phrase(keyword) for keyword in image.keywords}
            on_images.update(phrases)
            counts.update({word for phrase in phrases for word in phrase.split()})
        frequent = sorted(p for p, n in on_images.items() if n > FREQUENT * len(training))
        rarest = tuple(sorted(counts, key=lambda word: (counts[word], word)))
        return cls(tuple(sorted(known | set(counts))), rarest, tuple(frequent), query)

    @classmethod
    def load(cls, file: Path) -> Vocabulary:
        """Read a vocabulary.

        Raises:
            RsitmdError: The file is absent or malformed.
        """
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            words, keyword_words, frequent = (
                tuple(str(word) for word in document[key])
                for key in ("words", "keyword_words", "frequent")
            )
            return cls(
                words,
                keyword_words,
                frequent,
                query=str(document.get("query", "sentence")),
                derived=bool(document.get("derived", False)),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RsitmdError(
                f"is no vocabulary ({reason(error)})", where=file, hint="train the run again"
            ) from error

    def save(self, file: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(file, asdict(self))

    def __len__(self) -> int:
        return len(self.words) + 2

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions, each with the keywords of its image where they are known.

        A query of a sentence takes its keywords from the sentence: its words that keywords
        are made of. A query of keywords joins them to a sentence; without keywords the
        caption itself is taken for one. A query of both drops the most frequent keywords.
        Long texts are cut after ``MAX_WORDS`` words; an empty one is one unknown word.
        """
        number = {word: index for index, word in enumerate(self.words, 2)}
        of_keywords = frozenset(self.keyword_words)
        rows: list[list[int]] = []
        phrases: list[list[list[int]]] = []
        for caption, given in zip(captions, keywords or [()] * len(captions), strict=True):
            sentence, own = self._query(caption, given, of_keywords)
            rows.append([number.get(word, UNKNOWN) for word in sentence[:MAX_WORDS]] or [UNKNOWN])
            phrases.append(
                [
                    [number.get(word, UNKNOWN) for word in phrase[:MAX_KEYWORD_WORDS]]
                    for phrase in own[:MAX_KEYWORDS]
                ]
            )
        return _padded(rows, phrases)

    def keywords_of(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """Return, for each caption of :meth:`Dataset.captions`, the keywords of its image."""
        keywords = [
            derive_keywords(image.captions, self.keyword_words) if self.derived else image.keywords
            for image in dataset
        ]
        return [keywords[owner] for owner in dataset.caption_owners()]

    def unread(self, caption: str) -> list[str]:
        """Say what of a caption the model does not read: too many words, and unknown ones."""
        words = words_of(caption)
        said = []
        if len(words) > MAX_WORDS:
            said.append(f"the sentence has {len(words)} words: the first {MAX_WORDS} count")
        known = frozenset(self.words)
        unknown = list(dict.fromkeys(word for word in words if word not in known))
        if len(unknown) == len(dict.fromkeys(words)):
            said.append("no word of the sentence was in the training: the order means nothing")
        elif unknown:
            more = ", ..." if len(unknown) > NAMED else ""
            said.append(f"not in the training: {', '.join(unknown[:NAMED])}{more}")
        return said

    def _query(
        self, caption: str, keywords: Sequence[str], of_keywords: frozenset[str]
    ) -> tuple[list[str], list[list[str]]]:
        phrases = list(dict.fromkeys(filter(None, map(_phrase, keywords))))
        if self.query == "keywords":
            own = [phrase.split() for phrase in phrases] or [words_of(caption)]
            return [word for phrase in own for word in phrase], [p for p in own if p]
        words = words_of(caption)
        if self.query == "both" and phrases:
            return words, [p.split() for p in phrases if p not in self.frequent]
        return words, [[word] for word in dict.fromkeys(words) if word in of_keywords]


def _padded(rows: list[list[int]], phrases: list[list[list[int]]]) -> Texts:
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    words = torch.full((len(rows), max(map(len, rows), default=1)), PADDING)
    most = max([1, *map(len, phrases)])
    longest = max([len(phrase) for each in phrases for phrase in each], default=1)
    keywords = torch.full((len(rows), most, longest), PADDING)
    keyword_lengths = torch.zeros((len(rows), most), dtype=torch.int64)
    for index, (row, each) in enumerate(zip(rows, phrases, strict=True)):
        words[index, : len(row)] = torch.tensor(row)
        for place, phrase in enumerate(each):
            keywords[index, place, : len(phrase)] = torch.tensor(phrase)
            keyword_lengths[index, place] = len(phrase)
    return Texts(words, lengths, keywords, keyword_lengths)


class SentenceEncoder(nn.Module):
    """Words to one vector by a bidirectional GRU (equations 10 to 12).

    The state at each step is the mean of both directions; the sentence is the mean over
    the steps, padding excluded.
    """

    def __init__(
        self, words: int, word_dimension: int, dimension: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, word_dimension, padding_idx=PADDING)
        self.gru = nn.GRU(word_dimension, dimension, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Map ``(B, L)`` words and ``(B,)`` lengths to ``(B, d)``."""
        packed = pack_padded_sequence(
            self.drop(self.embedding(words)),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        forward, backward = states.chunk(2, dim=-1)
        # Padded steps are zero after unpacking: the sum runs over the words alone.
        mean: Tensor = ((forward + backward) / 2).sum(1) / lengths[:, None].to(states)
        return mean


def _phrase(keyword: str) -> str:
    """Return the words of a keyword; the "-" that stands for no fine-grained word is none."""
    return " ".join(word for word in words_of(keyword) if word != "-")
