"""What only a model has for RUN/analysis.json: saliency maps and times."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.evaluation.examples import spread
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.maps import saliency_maps
from rsitmd_tools.baselines.evaluation.overlay import Pixels
from rsitmd_tools.baselines.evaluation.scoring import Encoded
from rsitmd_tools.baselines.evaluation.times import measure_times

# Images whose saliency maps the report shows.
SALIENT = 6
DIGITS = 5


def model_analysis(
    model: RetrievalModel,
    tokenizer: Tokenizer,
    gallery: Gallery,
    pixels: Pixels,
    encoded: Encoded,
) -> dict[str, Any]:
    """Return the saliency maps of a few images, None if the model has none, and the times.

    Args:
        model: The model, on its device.
        tokenizer: Its tokenizer.
        gallery: Images and texts.
        pixels: ``(N, S, S, 3)``, the images of the gallery.
        encoded: What the model encoded.
    """
    chosen = spread(gallery.images, SALIENT)
    maps = saliency_maps(model, np.ascontiguousarray(pixels[chosen]))
    saliency = None
    if maps is not None and np.isfinite(maps).all():
        saliency = [
            {"image": gallery.name(image), "map": values}
            for image, values in zip(chosen, maps.astype(float).round(DIGITS).tolist(), strict=True)
        ]
    captions = gallery.part.captions()
    times = measure_times(model, tokenizer, pixels, captions, encoded.views[0])
    return {"saliency": saliency, "times": times}
