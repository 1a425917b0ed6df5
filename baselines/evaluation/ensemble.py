"""An ensemble: several runs score a gallery, and the mean of their scores is measured.

SCAN is published so: the scores of its two attentions are averaged (Lee et al., "Stacked Cross
Attention for Image-Text Matching", ECCV 2018, section 4.2).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.baselines.device import check_device
from rsitmd_tools.baselines.evaluation.evaluate import (
    EvaluationOptions,
    check_output,
    evaluate_matrix,
)
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.loaded_run import DecodedImages, LoadedRun
from rsitmd_tools.baselines.evaluation.optional import Failures, collecting
from rsitmd_tools.baselines.evaluation.priors import prior_beside
from rsitmd_tools.baselines.evaluation.result import Ensemble, TrainedModel
from rsitmd_tools.baselines.evaluation.scoring import score
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError


def evaluate_ensemble(
    folders: Sequence[Path],
    dataset: Dataset,
    split: str,
    options: EvaluationOptions,
    output: Path | None = None,
    failures: Failures | None = None,
) -> dict[str, Any]:
    """Evaluate the mean of the scores of several runs.

    The scores are averaged as the models return them. Models whose scores have different
    scales (cosines, probabilities) therefore have different weights.

    Args:
        folders: Two or more runs.
        dataset: The dataset.
        split: The split.
        options: Further options; maps have no effect.
        output: A folder for the files that ``evaluate`` writes into RUN.
        failures: Collects the errors of optional files. If None, the first such error is
            raised once everything else is written.

    Returns:
        The result, with the runs under ``ensemble``; what differs between them is None.

    Raises:
        RsitmdError: There is only one run, two runs have the same checkpoint, or the output is
            a run; see ``evaluate`` for others.
    """
    if len(folders) < 2:
        raise RsitmdError(
            "holds one run, and an ensemble needs two",
            where=folders[0],
            hint="to train more seeds, run: rsitmd benchmark train ... --seeds 0-4",
        )
    check_device(options.device, 1)
    check_output(None, output)
    gallery = Gallery.of(dataset, split)
    total = np.zeros((gallery.images, gallery.texts))
    sources: list[tuple[str, TrainedModel]] = []
    first_of: dict[str, Path] = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        prior_beside(gallery, split) as prior,
        collecting(failures) as collected,
    ):
        images = DecodedImages(gallery, Path(scratch))
        for folder in folders:
            run = LoadedRun.of(Run(folder), options.device)
            trained = run.source(dataset, gallery, split, options.views)
            other = first_of.setdefault(trained.checkpoint_sha256, folder)
            if other is not folder:
                raise RsitmdError(
                    f"has the same checkpoint as {other.name}", where=folder, hint="remove a copy"
                )
            pixels = images.of_size(run.config.image_size)
            scores = score(run.model, run.encode(gallery, pixels, options.views))
            gallery.check_numbers(
                scores, str(folder), "train this run again with a lower lr, or leave it out"
            )
            total += scores
            sources.append((folder.name, trained))
        mean, source = (total / len(folders)).astype(np.float32), Ensemble(sources)
        return evaluate_matrix(
            mean, gallery, dataset, split, options, output, source, collected, prior=prior
        )
