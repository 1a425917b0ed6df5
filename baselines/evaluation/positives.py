"""Extra positives: sentences that fit an image they were not written for.

Candidates come from the prior similarity and the keywords. Annotators verify them in Label
Studio with the template ``annotation_templates/verification.xml``. A file of positives
records the checksum of its data, and for each pair whether it is verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_json
from rsitmd_tools.baselines.evaluation.blocks import query_blocks
from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.similarity import Prior
from rsitmd_tools.similarity.rows import in_order


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that decides which pairs are candidates.

    Attributes:
        similarity: Minimum prior similarity of a candidate. An equal sentence alone gives 0.5.
        shared_keywords: Minimum number of keywords that the two images share, if the
            similarity is lower ...
        with_similarity: ... but at least this.
        most: Maximum number of candidates per text.
    """

    similarity: float = 0.5
    shared_keywords: int = 2
    with_similarity: float = 0.25
    most: int = 10

    def as_dict(self) -> dict[str, float | int]:
        """Return plain data."""
        return {
            "similarity": self.similarity,
            "shared_keywords": self.shared_keywords,
            "with_similarity": self.with_similarity,
            "most": self.most,
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and an image it was not written for, as indices of the gallery.

    Attributes:
        text: The text.
        image: The image.
        similarity: Their prior similarity.
        shared_keywords: Number of keywords that the image shares with the text's own image.
        verified: The annotators' decision; None if it is open.
    """

    text: int
    image: int
    similarity: float
    shared_keywords: int
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Relevant:
    """Relevant items: the texts of each image, and the images of each text."""

    to_images: Sequence[Sequence[int]]
    to_texts: Sequence[Sequence[int]]


def relevant_pairs(gallery: Gallery, extra: Sequence[Pair] = ()) -> Relevant:
    """Return the relevant items: each image's own texts, and extra pairs."""
    to_images = [own.tolist() for own in gallery.texts_of()]
    to_texts = [[int(owner)] for owner in gallery.owners]
    for pair in extra:
        to_images[pair.image].append(pair.text)
        to_texts[pair.text].append(pair.image)
    return Relevant(to_images, to_texts)


def candidates(
    gallery: Gallery, prior: Prior, rows: Indices, columns: Indices, rule: Rule | None = None
) -> list[Pair]:
    """Return candidates for extra positives, by text, the most similar first.

    Args:
        gallery: Images and texts.
        prior: A prior whose images and captions include those of the gallery.
        rows: The row in the prior of each image of the gallery.
        columns: The column in the prior of each text.
        rule: Which pairs are candidates.
    """
    rule = rule or Rule()
    keywords = [frozenset(k.lower().strip() for k in image.keywords) for image in gallery.part]
    having: dict[str, list[int]] = {}
    for image, own in enumerate(keywords):
        for keyword in own:
            having.setdefault(keyword, []).append(image)

    def shared_with(owner: int) -> Indices:
        """Return the number of keywords that each image shares with one."""
        shared = np.zeros(gallery.images, np.int64)
        for keyword in keywords[owner]:
            shared[having[keyword]] += 1
        return shared

    def of_block(texts: Indices) -> list[Pair]:
        similarity = prior.at(rows, columns[texts])
        np.copyto(similarity, 0.0, where=np.isnan(similarity))
        near = np.flatnonzero(similarity >= min(rule.similarity, rule.with_similarity))
        image, text = np.divmod(near, len(texts))
        owners, owner = np.unique(gallery.owners[texts], return_inverse=True)
        shared = np.stack([shared_with(each) for each in owners.tolist()])[owner[text], image]
        value = similarity[image, text]
        taken = (value >= rule.similarity) | (
            (shared >= rule.shared_keywords) & (value >= rule.with_similarity)
        )
        taken &= image != gallery.owners[texts[text]]
        image, text, value, shared = (each[taken] for each in (image, text, value, shared))
        order = np.lexsort((image, -value, text))
        ordered = text[order]
        kept = order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < rule.most]
        found = (texts[text[kept]], image[kept], value[kept], shared[kept])
        return [Pair(*each) for each in zip(*(each.tolist() for each in found), strict=True)]

    blocks = query_blocks(np.arange(gallery.texts), gallery.images, np.dtype(float).itemsize)
    return [pair for pairs in in_order(of_block, blocks) for pair in pairs]


def write_positives(
    file: Path, gallery: Gallery, pairs: Sequence[Pair], rule: Mapping[str, Any], split: str
) -> None:
    """Write pairs as of ``schemas/benchmark_positives.schema.json``.

    Raises:
        RsitmdError: The file cannot be written.
    """
    captions = gallery.part.captions()
    write_json(
        file,
        {
            "tool": f"rsitmd-tools {__version__}",
            "split": split,
            "split_sha256": gallery.asked.checksum(),
            "rule": dict(rule),
            "pairs": [
                {
                    "sentence_of": gallery.name(int(gallery.owners[pair.text])),
                    "sentence_index": int(gallery.places[pair.text]),
                    "sentence": captions[pair.text],
                    "image": gallery.name(pair.image),
                    "similarity": round(pair.similarity, 6),
                    "shared_keywords": pair.shared_keywords,
                    "verified": pair.verified,
                }
                for pair in pairs
            ],
        },
    )


def read_positives(file: Path, gallery: Gallery) -> tuple[list[Pair], dict[str, Any]]:
    """Read a file of positives of this gallery.

    Returns:
        The pairs, and the rule that found them.

    Raises:
        RsitmdError: The file does not exist, is malformed, or belongs to other data.
    """
    document = load_document(file)
    problem = first_error(document, load_schema("benchmark_positives"))
    if problem is not None:
        raise RsitmdError(f"{problem.key}: {problem.message}", where=file, hint=problem.hint)
    if document["split_sha256"] != gallery.asked.checksum():
        raise RsitmdError(
            "belongs to other data",
            where=file,
            hint="to create it again, run: rsitmd benchmark positives",
        )
    images = {image.filename: index for index, image in enumerate(gallery.part)}
    texts = {
        (gallery.name(int(owner)), int(place)): text
        for text, (owner, place) in enumerate(zip(gallery.owners, gallery.places, strict=True))
    }
    pairs = []
    for number, entry in enumerate(document["pairs"]):
        text = texts.get((entry["sentence_of"], entry["sentence_index"]))
        image = images.get(entry["image"])
        if text is None or image is None or image == gallery.owners[text]:
            raise RsitmdError(
                f"pairs[{number}] must name a text and a different image of this split",
                where=file,
                hint="to create it again, run: rsitmd benchmark positives",
            )
        pairs.append(
            Pair(text, image, entry["similarity"], entry["shared_keywords"], entry["verified"])
        )
    return pairs, dict(document["rule"])


def has_answers(file: Path) -> bool:
    """Return whether a file of positives, of whatever data, has a pair that was answered.

    Raises:
        RsitmdError: The file is damaged, or of another kind.
    """
    if not file.is_file() or not file.stat().st_size:
        return False
    document = load_document(file)
    problem = first_error(document, load_schema("benchmark_positives"))
    if problem is not None:
        raise RsitmdError(f"{problem.key}: {problem.message}", where=file, hint=problem.hint)
    return any(entry["verified"] is not None for entry in document["pairs"])


def counted_pairs(pairs: Sequence[Pair]) -> tuple[list[Pair], bool]:
    """Return the pairs that count, and whether they are verified.

    If annotators answered every pair, the confirmed pairs count. Otherwise all pairs count
    that were not rejected, as unverified.
    """
    verified = bool(pairs) and all(pair.verified is not None for pair in pairs)
    return [pair for pair in pairs if pair.verified is not False], verified
