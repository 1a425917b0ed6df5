"""``benchmark search``: images or sentences that are most similar to a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.base import RetrievalModel, Scorer, Tokenizer, cosine_scorer
from rsitmd_tools.baselines.data.digests import file_digests
from rsitmd_tools.baselines.data.images import decode_image
from rsitmd_tools.baselines.device import accelerator, check_device
from rsitmd_tools.baselines.evaluation.index import image_vectors, text_vectors
from rsitmd_tools.baselines.evaluation.scoring import encode_batches, encode_texts, evaluating
from rsitmd_tools.baselines.evaluation.sentences import listed_sentences, sentence_owners
from rsitmd_tools.baselines.evaluation.text_query import TextQuery, text_query
from rsitmd_tools.baselines.evaluation.trec import nearest
from rsitmd_tools.baselines.evaluation.vector_store import Vectors, VectorStore
from rsitmd_tools.baselines.integrity import check_run, file_checksums
from rsitmd_tools.baselines.run import ModelOnUse, Run, read_checkpoint
from rsitmd_tools.dataset import Dataset, records
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.hashing import sha256_file, sha256_lines
from rsitmd_tools.imaging.place_cache import user_cache

# Changes whenever the same model and files would give other vectors.
INDEX_VERSION = "1"
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, and notes for the user.

    Attributes:
        found: The images or sentences, the most similar first.
        notes: Notes, such as words that are not in the vocabulary.
    """

    found: list[dict[str, Any]]
    notes: list[str]


class Searcher:
    """A run and a dataset, for one or many queries.

    The images are encoded on the first query and stored in the cache of the user. Later queries,
    also of other processes, load the model without its image parts.

    Args:
        folder: RUN.
        dataset: The images, including those without sentences.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        cache: Folder of the index; the cache of the user if None.

    Attributes:
        notes: What is said of the index.
        reads: What the model reads of a query: ``sentence``, ``keywords`` or ``both``.

    Raises:
        RsitmdError: The run or the dataset cannot be used, or the device is not available.
    """

    def __init__(
        self,
        folder: Path,
        dataset: records.Dataset,  # not the one of the Python API, also in its documentation
        device: str = "auto",
        cache: Path | None = None,
    ) -> None:
        if not len(dataset):
            raise RsitmdError(
                "contains no images", where=dataset.source, hint="use another dataset"
            )
        check_device(device, 1)
        self.run = Run(folder)
        self.dataset = dataset
        self._device = torch.device(accelerator(device))
        config = self.run.config()
        if not self.run.best.is_file():
            read_checkpoint(self.run.best)  # Report the missing checkpoint before encoding.
        checksums = file_checksums(self.run)
        check_run(self.run, config, checksums)
        self._size, self.reads = config.image_size, config.query
        self._cache = user_cache() if cache is None else cache
        names = [f"{name} {checksum}" for name, checksum in sorted(checksums.items())]
        key = sha256_lines([INDEX_VERSION, self._device.type, *names])[:32]
        self._store = VectorStore(self._cache / "search" / key)
        self.notes = self._store.notes
        self._loaded = ModelOnUse(self.run, self._device)
        self._images: list[Vectors] | None = None
        self._scorers: list[Scorer] | None = None
        self._cosine_scorers: list[Scorer] | None = None
        self._digests: list[str] = []

    def by_text(self, text: str, keywords: Sequence[str] = (), count: int = 10) -> Search:
        """Find the images most similar to a sentence, to keywords or to both.

        A model that reads only sentences reads the keywords at the end of the sentence, and one
        that reads only keywords ignores the sentence. Words that are not in the vocabulary become
        the unknown word, and a very long sentence is truncated.

        Args:
            text: The sentence, or an empty text.
            keywords: The keywords.
            count: Maximum number of images.

        Raises:
            WrongUsage: Sentence and keywords are blank.
            RsitmdError: An image cannot be decoded, or a score is NaN.
        """
        query = self.query(text, keywords)
        scores = self.query_scores(query)
        return Search(self._listed(scores, count), [*self.notes, *self.query_notes(query)])

    def query(self, text: str, keywords: Sequence[str] = ()) -> TextQuery:
        """Compose a sentence and keywords as the model reads them.

        Raises:
            WrongUsage: Sentence and keywords are blank.
        """
        return text_query(text, keywords, self.reads)

    def query_notes(self, query: TextQuery) -> list[str]:
        """Return what a user should know of a query, such as words the model does not know."""
        return [*query.notes, *self.tokenizer().unread(query.joined, query.keywords)]

    def query_scores(self, query: TextQuery) -> Scores:
        """Score all images with a query, ``(N,)`` float32.

        Raises:
            RsitmdError: An image cannot be decoded, or a score is NaN.
        """
        scores: Scores = self.text_scores([query.caption], [query.keywords])[:, 0]
        self._check(scores, self._filename)
        return scores

    def text_scores(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Scores:
        """Score all images with captions: ``(N, M)`` float32, as an evaluation does."""
        scorers = self._prepared()
        texts, _ = encode_texts(self.model(), self.tokenizer(), captions, keywords)
        with torch.no_grad():
            return np.concatenate([scorer(texts).float().cpu().numpy() for scorer in scorers])

    def row_scores(self, rows: Sequence[int], queries: Sequence[TextQuery]) -> Scores:
        """Score some images, by their index in the dataset, with queries: ``(n, M)`` float32."""
        texts, _ = encode_texts(
            self.model(),
            self.tokenizer(),
            [query.caption for query in queries],
            [query.keywords for query in queries],
        )
        with torch.no_grad():
            return self.model().score(self._rows(rows), texts).float().cpu().numpy()

    def image_scores(self, row: int) -> Scores:
        """Return the cosine of all images with one image of the dataset, ``(N,)`` float32.

        Raises:
            RsitmdError: An image cannot be decoded, or a score is NaN.
        """
        scores = self._cosines(self._rows([row]))
        self._check(scores, self._filename)
        return scores

    def by_image(self, image: Path, count: int = 10, *, sentences: bool = False) -> Search:
        """Find the images, or the sentences, most similar to an image.

        Images are compared by the cosine of their vectors. An image of the dataset finds itself.

        Args:
            image: An image file; it need not be of the dataset.
            count: Maximum number of images or sentences.
            sentences: Find sentences instead of images. Equal sentences are listed once.

        Raises:
            RsitmdError: An image cannot be decoded, or a score is NaN.
        """
        query = self._query_vector(image)
        if sentences:
            return Search(self._sentences(query, count), list(self.notes))
        scores = self._cosines(query)
        self._check(scores, self._filename)
        return Search(self._listed(scores, count), list(self.notes))

    def images(self) -> list[Vectors]:
        """Return the encoded images in parts ``(n, d)``, in the order of the dataset."""
        if self._images is None:
            paths = [self.dataset.image_path(image) for image in self.dataset]
            self._digests = file_digests(paths, self._cache / "digests")
            self._images = image_vectors(
                paths, self._digests, self._size, self._store, lambda: self.model(whole=True)
            )
        return self._images

    def model(self, *, whole: bool = False) -> RetrievalModel:
        """Return the model, with or without its image parts."""
        return self._loaded.model(whole=whole)

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the model."""
        return self._loaded.tokenizer()

    def _prepared(self) -> list[Scorer]:
        """Return a scorer of each part of the images; they are kept for later queries."""
        if self._scorers is None:
            model = self.model()
            with torch.no_grad(), evaluating(model):
                self._scorers = [model.scorer(self._tensor(part)) for part in self.images()]
        return self._scorers

    def _cosines(self, query: torch.Tensor) -> Scores:
        """Return the cosine of all images with an encoded image ``(1, d)``: ``(N,)``."""
        with torch.no_grad():
            if self._cosine_scorers is None:
                tensors = map(self._tensor, self.images())
                self._cosine_scorers = [cosine_scorer(part) for part in tensors]
            blocks = [scorer(query) for scorer in self._cosine_scorers]
            return torch.cat(blocks)[:, 0].float().cpu().numpy()

    def _rows(self, rows: Sequence[int]) -> torch.Tensor:
        """Return the vectors of images by their index: ``(n, d)``."""
        parts = self.images()
        found = [parts[row // len(parts[0])][row % len(parts[0])] for row in rows]
        return self._tensor(np.stack(found))

    def _tensor(self, vectors: Vectors) -> torch.Tensor:
        """Return vectors as a tensor; on a CPU it shares their memory, that of the mapped file."""
        return torch.from_numpy(vectors).to(self._device)

    def _query_vector(self, image: Path) -> torch.Tensor:
        """Return ``(1, d)``: the row of the index if the dataset has the file."""
        if not image.is_file():
            raise RsitmdError("is not a file", where=image, hint="pass an image file")
        self.images()
        digest = sha256_file(image)
        if digest in self._digests:
            return self._rows([self._digests.index(digest)])
        pixels = decode_image(image, self._size)[None]
        return next(encode_batches(self.model(whole=True), [pixels])).to(self._device)

    def _sentences(self, query: torch.Tensor, count: int) -> list[dict[str, Any]]:
        owners = sentence_owners(self.dataset)
        keywords = self.tokenizer().keywords_of(self.dataset)
        captions = self.dataset.captions()
        used = [number for number, caption in enumerate(captions) if caption.strip()]
        model = self.model()
        vectors, rows = text_vectors(
            [captions[number] for number in used],
            [keywords[number] for number in used],
            self._store,
            model,
            self.tokenizer(),
        )
        with torch.no_grad():
            scored = model.score(query, self._tensor(vectors))[0].float().cpu().numpy()[rows]
        best: dict[str, float] = {}
        for number, value in zip(used, scored.tolist(), strict=True):
            best[captions[number]] = max(value, best.get(captions[number], -np.inf))
        self._check(np.array(list(best.values()), np.float32), list(best).__getitem__)
        return listed_sentences(owners, best, count)

    def _listed(self, scores: Scores, count: int) -> list[dict[str, Any]]:
        images = self.dataset.images
        return [
            {
                "rank": rank,
                "image": images[index].filename,
                "score": float(scores[index]),
                "category": images[index].category,
                "sentences": list(images[index].captions),
            }
            for rank, index in enumerate(nearest(scores, count).tolist(), 1)
        ]

    def _filename(self, row: int) -> str:
        return self.dataset.images[row].filename

    def _check(self, scores: Scores, name: Callable[[int], str]) -> None:
        if np.isnan(scores).any():
            raise RsitmdError(
                "the model's score is NaN",
                where=f"{self.run.folder}: {name(int(np.flatnonzero(np.isnan(scores))[0]))}",
                hint="train the run again",
            )


def search(
    folder: Path,
    dataset: Dataset,
    text: str = "",
    count: int = 10,
    device: str = "auto",
    *,
    keywords: Sequence[str] = (),
    image: Path | None = None,
    sentences: bool = False,
) -> Search:
    """Find the images most similar to a sentence, keywords or an image, or sentences.

    Args:
        folder: RUN.
        dataset: The images, including those without sentences.
        text: The sentence.
        count: Maximum number of images or sentences.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        keywords: Keywords, with or instead of the sentence.
        image: An image file, instead of sentence and keywords.
        sentences: Find the sentences that fit ``image``, instead of images.

    Raises:
        WrongUsage: The query is blank.
        RsitmdError: The run or the dataset cannot be used, or the device is not available.
    """
    if image is None and not text.strip() and not any(keyword.strip() for keyword in keywords):
        raise WrongUsage("the query is empty", hint="set one with --text")
    searcher = Searcher(folder, dataset, device)
    if image is not None:
        return searcher.by_image(image, count, sentences=sentences)
    return searcher.by_text(text, keywords, count)
