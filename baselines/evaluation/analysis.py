"""RUN/analysis.json: what the report shows of the scores beyond figures and examples.

The scores themselves are not kept, so that the report needs neither them nor the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.evaluation.examples import spread
from rsitmd_tools.baselines.evaluation.metric import ScoredGallery
from rsitmd_tools.baselines.evaluation.nearest_wrong import NearestWrong, of_images, of_texts
from rsitmd_tools.baselines.evaluation.positives import Rule

POINTS = 2000
EASIEST = 5
LIKELY = 12
DIGITS = 4


def write_analysis(
    file: Path, scored: ScoredGallery, result: Mapping[str, Any], of_model: Mapping[str, Any]
) -> None:
    """Write the analysis of a result.

    Args:
        file: The file.
        scored: The scores of a gallery.
        result: The result, whose data the file names.
        of_model: Saliency and times, if there is a model.

    Raises:
        RsitmdError: The file cannot be written.
    """
    known = {key: result[key] for key in ("split", "data_sha256")}
    write_json(
        file, {"tool": f"rsitmd-tools {__version__}", **known, **analysis(scored), **of_model}
    )


def analysis(scored: ScoredGallery) -> dict[str, Any]:
    """Return margins, confusions, easiest queries and likely false negatives.

    Saliency and times are None: only a model has them.

    Args:
        scored: The scores of a gallery.
    """
    texts = of_texts(scored.scores, scored.gallery, scored.prior)
    images = of_images(scored.scores, scored.gallery, scored.prior)
    return {
        "margins": margins(texts),
        "confusion": confusion(scored),
        "easiest": easiest(scored, texts, images),
        "false_negatives": false_negatives(scored, texts, images),
        "saliency": None,
        "times": None,
    }


def margins(texts: NearestWrong) -> dict[str, Any]:
    """Return for each text the prior similarity to its nearest wrong image, and its margin.

    At most ``POINTS`` texts, spread evenly; those with an infinite score are left out.
    """
    finite = np.flatnonzero(np.isfinite(texts.margins))
    chosen = finite[spread(len(finite), POINTS)] if len(finite) else finite
    points = np.stack([texts.similarities[chosen], texts.margins[chosen]], 1).round(DIGITS)
    return {"texts": len(finite), "points": points.tolist()}


def confusion(scored: ScoredGallery) -> dict[str, Any] | None:
    """Count the category of the first image for the texts of each category.

    Of images with equal scores, the first one in the order of the dataset counts.

    Returns:
        ``categories`` and ``counts``, a row for each category of a text's image; None if fewer
        than two categories are known.
    """
    of_image = [image.category or "" for image in scored.gallery.part]
    names = sorted(set(of_image) - {""})
    if len(names) < 2:
        return None
    number = {name: place for place, name in enumerate(names)}
    places = np.array([number.get(name, -1) for name in of_image])
    wanted, found = places[scored.gallery.owners], places[scored.scores.argmax(0)]
    known = (wanted >= 0) & (found >= 0)
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (wanted[known], found[known]), 1)
    return {"categories": names, "counts": counts.tolist()}


def easiest(scored: ScoredGallery, texts: NearestWrong, images: NearestWrong) -> dict[str, Any]:
    """Return the queries whose own item comes first with the largest margin, one an image."""
    gallery = scored.gallery
    captions = gallery.part.captions()
    return {
        "text_to_image": [
            {
                "query": captions[text],
                "image": gallery.name(int(texts.own[text])),
                "margin": round(float(texts.margins[text]), DIGITS),
            }
            for text in _first_of_each(texts.right, -texts.margins, texts.own, EASIEST)
        ],
        "image_to_text": [
            {
                "image": gallery.name(image),
                "sentence": captions[int(images.own[image])],
                "margin": round(float(images.margins[image]), DIGITS),
            }
            for image in _first_of_each(
                images.right, -images.margins, np.arange(gallery.images), EASIEST
            )
        ],
    }


def false_negatives(
    scored: ScoredGallery, texts: NearestWrong, images: NearestWrong
) -> dict[str, Any]:
    """Return the queries counted wrong whose first item is similar to them by the prior.

    Similar is at least ``threshold``, as for candidates of extra positives. The most similar
    ones are listed, one an image.
    """
    gallery, rule = scored.gallery, Rule()
    captions = gallery.part.captions()
    directions = {
        "text_to_image": (texts, gallery.owners),
        "image_to_text": (images, np.arange(gallery.images)),
    }
    found: dict[str, Any] = {"threshold": rule.similarity}
    for way, (nearest, of_query) in directions.items():
        likely = nearest.wrong & (nearest.similarities >= rule.similarity)
        listed = _first_of_each(likely, -nearest.similarities, of_query, LIKELY)
        found[way] = {
            "queries": len(nearest.margins),
            "wrong": int(nearest.wrong.sum()),
            "likely": int(likely.sum()),
            "pairs": [
                {
                    "image": gallery.name(int(of_query[query])),
                    "sentence": captions[query if way == "text_to_image" else int(text)],
                    "found": gallery.name(int(image)),
                    "similarity": round(float(nearest.similarities[query]), DIGITS),
                }
                for query in listed
                for text, image in [_found(way, gallery.owners, nearest, query)]
            ],
        }
    return found


def _found(way: str, owners: Any, nearest: NearestWrong, query: int) -> tuple[int, int]:
    """Return the text of a pair and the image that was found, or whose text was found."""
    other = int(nearest.other[query])
    return (query, other) if way == "text_to_image" else (other, int(owners[other]))


def _first_of_each(kept: Any, key: Any, of_query: Any, most: int) -> list[int]:
    """Return the kept queries with the lowest keys, at most one for each image."""
    order = np.argsort(key, kind="stable")
    chosen: dict[int, int] = {}
    for query in order[kept[order]].tolist():
        chosen.setdefault(int(of_query[query]), query)
        if len(chosen) == most:
            break
    return list(chosen.values())
