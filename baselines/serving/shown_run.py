"""A run on the page: answers queries, says which words mattered, draws saliency."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.amfmn.model import AMFMN
from rsitmd_tools.baselines.data.images import decode_image, unit_images
from rsitmd_tools.baselines.evaluation.scoring import evaluating
from rsitmd_tools.baselines.evaluation.search import Searcher
from rsitmd_tools.baselines.evaluation.trec import nearest
from rsitmd_tools.baselines.run import run_name
from rsitmd_tools.baselines.serving.attribution import Attribution, attribution
from rsitmd_tools.baselines.serving.request import SearchRequest
from rsitmd_tools.dataset import ImageRecord
from rsitmd_tools.errors import RsitmdError

KEPT = 256  # answers


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        rank: From 1.
        index: Index of the image in the dataset.
        score: Its score.
        image: Its record.
    """

    rank: int
    index: int
    score: float
    image: ImageRecord


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of a query.

    Attributes:
        hits: The most similar first.
        notes: What a user should know, such as words that the model does not know.
    """

    hits: tuple[Hit, ...]
    notes: tuple[str, ...]


class ShownRun:
    """A run whose index is made and whose model is loaded.

    Args:
        searcher: The run and the images.
        within: Indices of the images of each category; those of all under the empty name.

    Attributes:
        name: Name of the folder.
        has_saliency: Whether its model has MVSA.

    Raises:
        RsitmdError: An image or the model cannot be read.
    """

    def __init__(self, searcher: Searcher, within: dict[str, npt.NDArray[np.intp]]) -> None:
        self.searcher = searcher
        self.folder = searcher.run.folder
        self.name = run_name(self.folder)
        self._within = within
        config = self.searcher.run.config()
        self.has_saliency = config.model == "amfmn" and config.multiscale
        self._size = config.image_size
        self.searcher.model(whole=self.has_saliency)
        self.searcher.text_scores([""])  # What the first query would wait for.
        # Pictures are drawn one at a time: a core is left for those who search.
        self._drawing = threading.Lock()
        self.answer = lru_cache(KEPT)(self._answer)

    def _answer(self, request: SearchRequest) -> Answer:
        """Search; a request that differs in nothing but how it is shown is the same.

        Raises:
            WrongUsage: The query is blank.
            RsitmdError: A score is NaN.
        """
        searcher, notes = self.searcher, list(self.searcher.notes)
        rows = self._within[request.category]
        if request.like is not None:
            scores = searcher.image_scores(request.like)
            rows = rows[rows != request.like]  # The page shows it above its results.
        else:
            query = searcher.query(request.text, request.phrases)
            scores = searcher.query_scores(query)
            notes += searcher.query_notes(query)
        chosen = rows[nearest(scores[rows], request.k)].tolist()
        images = searcher.dataset.images
        hits = [
            Hit(rank, index, float(scores[index]), images[index])
            for rank, index in enumerate(chosen, 1)
        ]
        return Answer(tuple(hits), tuple(notes))

    def answers(self, request: SearchRequest) -> Answer:
        """Return the answer of a request, kept for its pictures and words."""
        return self.answer(replace(request, saliency=False, words=False))

    def words(self, request: SearchRequest) -> Attribution | None:
        """Return the words that mattered for the results; None for a query without words."""
        hits = self.answers(request).hits
        if request.like is not None or not hits:
            return None
        query = self.searcher.query(request.text, request.phrases)
        with self._drawing:
            return attribution(self.searcher, query, [hit.index for hit in hits])

    @torch.no_grad()
    def saliency(self, index: int) -> npt.NDArray[np.float32]:
        """Return MVSA's map of an image of the dataset, ``(16, 16)``.

        Raises:
            RsitmdError: The model has none, or the image cannot be decoded.
        """
        searcher = self.searcher
        model = searcher.model(whole=True) if self.has_saliency else None
        if not isinstance(model, AMFMN):
            raise RsitmdError("has no saliency maps", where=self.folder, hint="use AMFMN with MVSA")
        dataset = searcher.dataset
        pixels = decode_image(dataset.image_path(dataset.images[index]), self._size)[None]
        device = next(model.parameters()).device
        with self._drawing, evaluating(model):
            found = model.saliency(unit_images(pixels, device))
        assert found is not None
        salient: npt.NDArray[np.float32] = found[0, 0].float().cpu().numpy()
        return salient
