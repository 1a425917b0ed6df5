"""The vocabulary, and the bidirectional GRU that encodes sentences."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.baselines.data.keywords import derive_keywords, derived_keyword_words, words_of
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, structure_reason

PADDING = 0
UNKNOWN = 1
MAX_WORDS = 100
MAX_KEYWORDS = 10
MAX_KEYWORD_WORDS = 8
# Maximum number of unknown words in a message.
LISTED_WORDS = 5
LISTED_LENGTH = 40
# Share of images. A keyword of more images is not specific: it is dropped from `both` queries.
MAX_IMAGE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of the training part, in order; indices 0 and 1 are padding and unknown words.

    Attributes:
        words: The words.
        keyword_words: Words that occur in keywords, the rarest first.
        frequent: Frequent keywords, which are dropped from queries of ``both``.
        query: Content of a query: ``sentence``, ``keywords`` or ``both``.
        derived: Whether the keywords of an image are derived from its sentences.
        max_words: Longer texts are truncated.
    """

    max_words: ClassVar[int] = MAX_WORDS

    words: tuple[str, ...]
    keyword_words: tuple[str, ...] = ()
    frequent: tuple[str, ...] = ()
    query: str = "sentence"
    derived: bool = False

    @classmethod
    def of(cls, training: Dataset, query: str = "sentence", derived: bool = False) -> Vocabulary:
        """Collect the lower-cased words of a training part, sorted.

        Args:
            training: Images with sentences and optional keywords.
            query: Content of a query.
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
        frequent = sorted(p for p, n in on_images.items() if n > MAX_IMAGE_SHARE * len(training))
        rarest = tuple(sorted(counts, key=lambda word: (counts[word], word)))
        return cls(tuple(sorted(known | set(counts))), rarest, tuple(frequent), query)

    @classmethod
    def load(cls, file: Path) -> Vocabulary:
        """Read a vocabulary.

        Raises:
            RsitmdError: The file is missing or malformed.
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
                f"is not a vocabulary ({structure_reason(error)})",
                where=file,
                hint="train the run again",
            ) from error

    def save(self, file: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(file, self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, as in a file of a vocabulary."""
        return asdict(self)

    def __len__(self) -> int:
        return len(self.words) + 2

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions, each with the keywords of its image if they are known.

        With ``query="sentence"``, the keywords are the words of the sentence that occur in
        keywords. With ``query="keywords"``, the joined keywords replace the sentence; if an
        image has none, the caption itself is used as a keyword. With ``query="both"``, frequent
        keywords are dropped. Texts are truncated after ``max_words`` words; an empty text is
        one unknown word.
        """
        number = {word: index for index, word in enumerate(self.words, 2)}
        of_keywords = frozenset(self.keyword_words)
        rows: list[list[int]] = []
        phrases: list[list[list[int]]] = []
        for caption, given in zip(captions, keywords or [()] * len(captions), strict=True):
            sentence, own = self._query(caption, given, of_keywords)
            rows.append(
                [number.get(word, UNKNOWN) for word in sentence[: self.max_words]] or [UNKNOWN]
            )
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

    def unread(self, caption: str, keywords: Sequence[str] = ()) -> list[str]:
        """Report what the model ignores: words and keywords, unknown or beyond a maximum.

        Args:
            caption: The sentence, with the keywords at its end.
            keywords: The keywords.
        """
        words = words_of(caption)
        notes = [*self.truncated(caption), *self.unread_keywords(caption, keywords)]
        known = frozenset(self.words)
        unknown = list(dict.fromkeys(word for word in words if word not in known))
        if unknown:
            # Punctuation marks are listed only if there is nothing else.
            named = [word for word in unknown if any(map(str.isalnum, word))] or unknown
            notes.append(f"words not in the vocabulary of the model: {_listed(named)}")
        if len(unknown) == len(dict.fromkeys(words)):
            notes.append(
                "the training data has no word of the sentence: the ranking is meaningless"
            )
        return notes

    def truncated(self, caption: str) -> list[str]:
        """Report whether a caption is longer than the maximum: one note, or none."""
        count = len(words_of(caption))
        if count <= self.max_words:
            return []
        return [f"the sentence has {count} words; only the first {self.max_words} are used"]

    def unread_keywords(self, caption: str, keywords: Sequence[str]) -> list[str]:
        """Report the keywords of a query that are not encoded as keywords, and words of long ones.

        Args:
            caption: The sentence; a model that reads keywords reads it if none are given.
            keywords: The keywords.
        """
        if self.query == "sentence":
            return []
        notes = []
        given = dict.fromkeys(filter(None, map(_phrase, keywords)))
        frequent = [phrase for phrase in given if self.query == "both" and phrase in self.frequent]
        if frequent:
            share = f"{MAX_IMAGE_SHARE:.0%}".replace("%", " %")
            notes.append(
                f"keywords of more than {share} of the training images are not used as keywords: "
                f"{_listed(frequent)}"
            )
        _, phrases = self._query(caption, keywords, frozenset())
        if len(phrases) > MAX_KEYWORDS:
            notes.append(
                f"{len(phrases)} keywords are given; only the first {MAX_KEYWORDS} are used as "
                "keywords"
            )
        if any(len(phrase) > MAX_KEYWORD_WORDS for phrase in phrases[:MAX_KEYWORDS]):
            what = "a long keyword" if given else "the sentence"
            most = f"only the first {MAX_KEYWORD_WORDS} words"
            notes.append(f"{most} of {what} are used as a keyword")
        return notes

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
        for position, phrase in enumerate(each):
            keywords[index, position, : len(phrase)] = torch.tensor(phrase)
            keyword_lengths[index, position] = len(phrase)
    return Texts(words, lengths, keywords, keyword_lengths, torch.zeros(len(rows), 0))


class SentenceEncoder(nn.Module):
    """Encodes a sentence as one vector with a bidirectional GRU (equations 10 to 12).

    The state of each step is the mean of both directions. The sentence is the mean over all
    steps except padding.
    """

    def __init__(
        self, words: int, word_dimension: int, dimension: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, word_dimension, padding_idx=PADDING)
        self.gru = nn.GRU(word_dimension, dimension, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Map ``(B, L)`` word indices and ``(B,)`` lengths to ``(B, d)``."""
        # Padded states are zero, so the sum includes only words.
        mean: Tensor = self.states(words, lengths).sum(1) / lengths[:, None].to(self._dtype())
        return mean

    def states(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return the state of each word, ``(B, L, d)``; zero for padding (equation 11)."""
        embedded = self.drop(self.embedding(words))
        if words.is_cuda:
            forward, backward = self._both_directions(embedded, lengths)
        else:
            packed = pack_padded_sequence(
                embedded, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            states, _ = pad_packed_sequence(
                self.gru(packed)[0], batch_first=True, total_length=words.shape[1]
            )
            forward, backward = states.chunk(2, dim=-1)
        return (forward + backward) / 2

    def _both_directions(self, embedded: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of both directions from padded sequences, ``(B, L, d)`` each.

        Packed sequences need the lengths on the host, for which a GPU would have to wait. Here
        the backward direction reads each sentence in reverse, so that its padding comes last,
        too.
        """
        batch, longest, _ = embedded.shape
        steps = torch.arange(longest, device=embedded.device)
        of_word = steps < lengths[:, None]
        places = torch.where(of_word, lengths[:, None] - 1 - steps, steps)
        start = embedded.new_zeros(1, batch, self.gru.hidden_size)
        weights = [weight for weight in self.gru._flat_weights if weight is not None]
        half = len(weights) // 2
        with warnings.catch_warnings():
            # The weights of one direction are not one block of memory: cuDNN copies them.
            warnings.filterwarnings("ignore", message="RNN module weights are not part")
            forward = _gru(embedded, start, weights[:half], self.training)
            backward = _gru(
                _Rearranged.apply(embedded, places), start, weights[half:], self.training
            )
        backward = _Rearranged.apply(backward, places)
        real = of_word[..., None]
        zero = torch.zeros((), dtype=forward.dtype, device=forward.device)
        return torch.where(real, forward, zero), torch.where(real, backward, zero)

    def _dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype


class _Rearranged(torch.autograd.Function):
    """Steps in another order. The order is its own inverse, so the gradient needs no sum."""

    @staticmethod
    def forward(context: Any, states: Tensor, places: Tensor) -> Tensor:
        context.save_for_backward(places)
        return states.gather(1, places[..., None].expand_as(states))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = context.saved_tensors
        return gradient.gather(1, places[..., None].expand_as(gradient)), None


def _gru(inputs: Tensor, start: Tensor, weights: list[Tensor], training: bool) -> Tensor:
    """Run one direction of a GRU with one layer over ``(B, L, E)`` inputs."""
    states: Tensor = torch.gru(inputs, start, weights, True, 1, 0.0, training, False, True)[0]
    return states


def _listed(words: Sequence[str]) -> str:
    """Return the first words of a list, as a message names them."""
    more = ", ..." if len(words) > LISTED_WORDS else ""
    return ", ".join(_cut(word) for word in words[:LISTED_WORDS]) + more


def _cut(word: str) -> str:
    return word if len(word) <= LISTED_LENGTH else f"{word[:LISTED_LENGTH]}..."


def _phrase(keyword: str) -> str:
    """Return the words of a keyword, without the "-" that marks a missing fine-grained word."""
    return " ".join(word for word in words_of(keyword) if word != "-")
