"""Vectors of a pretrained sentence encoder, beside the words of a sentence.

The encoder is a folder saved by sentence-transformers. It is not trained: each text is encoded
once. :class:`VectorTokenizer` adds the vectors to the words, and :class:`VectorHead` maps them to
the joint space.
"""

from __future__ import annotations

import importlib
import json
import logging
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.baselines.sentence_folder import SAVED_HINT, copy_folder, folder_checksum
from rsitmd_tools.baselines.text import Vocabulary
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import MissingExtra, RsitmdError, reason
from rsitmd_tools.extras import EXTRAS
from rsitmd_tools.progress import progress

# The folder of the sentence encoder in a run.
ENCODER = "encoder"
BATCH = 64
# So many texts take a second or two.
SHORT = 512
# Hidden dimension of the head.
HIDDEN = 1024


class SentenceVectors:
    """A pretrained sentence encoder.

    Args:
        folder: A folder saved by sentence-transformers.
        sha256: Its checksum, if that is known.

    Raises:
        RsitmdError: The folder cannot be read, or sentence-transformers is not installed.
    """

    def __init__(self, folder: Path, sha256: str | None = None) -> None:
        self.folder = folder
        self.sha256 = sha256 or folder_checksum(folder)
        self._model, self.dimension = _load(folder)
        # The library's tokenizer is changed by each call.
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors of texts, ``(B, V)``; their elements have a mean square of 1.

        Equal texts of a call have equal vectors, to the last bit.
        """
        place = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        # Texts of equal length next to each other need little padding.
        distinct = sorted(place, key=len)
        found = torch.zeros(len(place), self.dimension)
        with self._lock, progress("sentences", len(distinct), short=SHORT) as step:
            for first in range(0, len(distinct), BATCH):
                batch = distinct[first : first + BATCH]
                vectors = self._model.encode(
                    batch, batch_size=BATCH, convert_to_tensor=True, show_progress_bar=False
                )
                found[[place[text] for text in batch]] = vectors.float().cpu()
                step(len(batch))
        unit = nn.functional.normalize(found, dim=1) * math.sqrt(self.dimension)
        return unit[[place[text] for text in texts]]

    def tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        with self._lock, _quiet():
            return len(self._model.tokenizer(text, truncation=False)["input_ids"])

    @property
    def max_tokens(self) -> int | None:
        """Longer texts are truncated; None: never."""
        most: int | None = self._model.max_seq_length
        return most


def _load(folder: Path) -> tuple[Any, int]:
    """Return the model and the dimension of its vectors."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra("sentence-transformers", EXTRAS["sentence_transformers"]) from error
    try:
        with _quiet():
            model = SentenceTransformer(
                str(folder),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise ValueError("the dimension of its vectors is unknown")
        return model, dimension
    except Exception as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=folder, hint=SAVED_HINT
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the progress bars and warnings of transformers."""
    messages: Any = importlib.import_module("transformers.utils.logging")
    shown = messages.get_verbosity(), messages.is_progress_bar_enabled()
    messages.set_verbosity(logging.ERROR)
    messages.disable_progress_bar()
    try:
        yield
    finally:
        messages.set_verbosity(shown[0])
        if shown[1]:
            messages.enable_progress_bar()


class VectorTokenizer:
    """A vocabulary whose texts also have the vectors of a sentence encoder.

    Args:
        vocabulary: Encodes the words.
        vectors: Encodes whole sentences.
    """

    def __init__(self, vocabulary: Vocabulary, vectors: SentenceVectors) -> None:
        self._vocabulary = vocabulary
        self._vectors = vectors

    @property
    def dimension(self) -> int:
        """Dimension V of the vectors."""
        return self._vectors.dimension

    def __len__(self) -> int:
        return len(self._vocabulary)

    def save(self, file: Path) -> None:
        """Write the vocabulary as JSON, and copy the sentence encoder to a folder beside it.

        Raises:
            RsitmdError: The folder exists and is not of a run, it cannot be written, or the
                encoder was changed since it was read.
        """
        copy = file.with_name(ENCODER)
        if copy.exists() and not file.exists():
            raise RsitmdError(
                "already exists and is not of a run", where=copy, hint="use another folder"
            )
        # First the vocabulary: it shows that the folder is ours.
        write_json(file, {**self._vocabulary.as_dict(), "text_weights": self._vectors.sha256})
        copy_folder(self._vectors.folder, copy)
        _check_copy(copy, self._vectors.sha256)
        _load(copy)  # all that is needed was copied

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions as words and as vectors; see :meth:`Vocabulary.encode`."""
        texts = self._vocabulary.encode(captions, keywords)
        if self._vocabulary.query == "keywords":
            known = keywords or [()] * len(captions)
            captions = [", ".join(k) or c for c, k in zip(captions, known, strict=True)]
        return replace(texts, vectors=self._vectors.encode(captions))

    def keywords_of(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """Return, for each caption of the dataset, the keywords of its image."""
        return self._vocabulary.keywords_of(dataset)

    def unread(self, caption: str, keywords: Sequence[str] = ()) -> list[str]:
        """Report what is left out; the sentence encoder has parts of unknown words, too."""
        notes = self._vocabulary.truncated(caption)
        notes += self._vocabulary.unread_keywords(caption, keywords)
        most, tokens = self._vectors.max_tokens, self._vectors.tokens(caption)
        if most is not None and tokens > most:
            notes.append(f"the sentence has {tokens} tokens; only the first {most} are used")
        return notes


def load_vector_tokenizer(vocabulary: Vocabulary, file: Path) -> VectorTokenizer:
    """Return the tokenizer of a run.

    Args:
        vocabulary: The vocabulary of the run.
        file: Its file, which has the checksum of the sentence encoder beside it.

    Raises:
        RsitmdError: The encoder cannot be read, or is not that of the run.
    """
    folder = file.with_name(ENCODER)
    recorded = json.loads(file.read_text(encoding="utf-8")).get("text_weights")
    _check_copy(folder, recorded)
    return VectorTokenizer(vocabulary, SentenceVectors(folder, recorded))


def _check_copy(folder: Path, sha256: str | None) -> None:
    if folder_checksum(folder) != sha256:
        raise RsitmdError(
            "is not the sentence encoder with which the run was trained",
            where=folder,
            hint="restore the run from a copy, or train it again",
        )


class VectorHead(nn.Sequential):
    """Maps the vectors of sentences to the joint space: ``(B, V)`` to ``(B, d)``."""

    def __init__(self, vectors: int, dimension: int, dropout: float) -> None:
        super().__init__(
            nn.Dropout(dropout),
            nn.Linear(vectors, HIDDEN),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, dimension),
        )
