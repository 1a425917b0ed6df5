"""``validate --format html``: a self-contained page of findings with pictures and filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset import ImageRecord
from rsitmd_tools.imaging.measures import Picture
from rsitmd_tools.imaging.pairs import EXACT, NEAR, SAME_PLACE
from rsitmd_tools.quality import dataset_statistics
from rsitmd_tools.quality.finding import SEVERITIES, Finding
from rsitmd_tools.quality.output import Findings
from rsitmd_tools.quality.output.text import severity_count
from rsitmd_tools.quality.places import SamePlace
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.quality.split_numbers import described
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.report.data import pictures
from rsitmd_tools.report.figures import histogram
from rsitmd_tools.report.pairs import (
    PairImage,
    PairOfImages,
    drawn_pairs,
    pair_image,
    pair_order,
)
from rsitmd_tools.templates import page_templates

# An image takes three kilobytes, and its picture five more. RSITMD has 4743 images.
MOST_IMAGES, OF_EACH_CODE = 5000, 50
MOST_PICTURES, PICTURES_OF_EACH_CODE = 400, 5
MOST_PAIRS = 60
# The rules whose findings are pairs, by kind.
RULES = {EXACT: ("I106", "L101"), NEAR: ("I107", "L102"), SAME_PLACE: ("L107",)}
OTHER, OTHER_PLACE = "L105", "L108"
TILES = ("images", "sentences", "categories", "distinct_words", "average_length", "diversity")


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """The findings of one image, or of the dataset if there is no record.

    Attributes:
        record: The image.
        findings: ``(finding, name of its sentence, text of its sentence)``.
        link: URL of its task in Label Studio, if any.
    """

    record: ImageRecord | None
    findings: Sequence[tuple[Finding, str | None, str | None]]
    link: str | None


def render(findings: Findings, links: Mapping[str, str] | None = None) -> str:
    """Return the page, which loads no external resources and has one script for filters.

    It has the findings of at most :data:`MOST_IMAGES` images, and pictures of at most
    :data:`MOST_PICTURES` of them. Some images of each code come first, then those with the most
    severe findings.

    Args:
        findings: The findings.
        links: URL of the task of each image, by file name.
    """
    subject = findings.subject
    everything = _groups(subject, findings.result.findings, links or {})
    groups = _chosen(everything, MOST_IMAGES, OF_EACH_CODE)
    pairs = _pairs(subject, findings.result.findings)
    of_images = [group for group in groups if group.record]
    drawn = _chosen(of_images, MOST_PICTURES, PICTURES_OF_EACH_CODE)
    named = [group.record.filename for group in drawn if group.record]
    statistics = dataset_statistics(subject.dataset)
    templates = page_templates("rsitmd_tools.report")
    templates.filters["shown"] = _shown
    templates.globals["severity_count"] = severity_count
    templates.globals["described"] = described
    return templates.get_template("findings.html").render(
        version=__version__,
        data=subject.dataset,
        summary=findings.summary,
        rules=all_rules(),
        groups=groups,
        entries=len(everything),
        of_each_code=OF_EACH_CODE,
        categories=sorted({g.record.category for g in groups if g.record and g.record.category}),
        pairs=drawn_pairs(pairs[:MOST_PAIRS]),
        more_pairs=max(len(pairs) - MOST_PAIRS, 0),
        pictures=pictures(subject.dataset, named) if subject.dataset.image_folder else {},
        more_pictures=len(of_images) - len(drawn),
        most_pictures=MOST_PICTURES,
        tiles=[(name.replace("_", " "), statistics[name]) for name in TILES],
        figures=_figures(statistics),
        statistics=statistics,
    )


def _groups(
    subject: Subject, findings: Sequence[Finding], links: Mapping[str, str]
) -> list[ImageFindings]:
    groups = []
    for _, group in groupby(findings, key=lambda finding: finding.record):
        own = list(group)
        record = subject.record_of(own[0])
        entries = [
            (finding, _name(subject, finding), _sentence(record, finding)) for finding in own
        ]
        groups.append(ImageFindings(record, entries, links.get(own[0].image or "")))
    return groups


def _chosen(groups: Sequence[ImageFindings], most: int, of_each: int) -> list[ImageFindings]:
    """Return some groups in their order: the first of each code, then the most severe ones."""
    if len(groups) <= most:
        return list(groups)
    by_code: Counter[str] = Counter()
    first = set()
    for index, group in enumerate(groups):
        codes = {finding.code for finding, *_ in group.findings}
        if group.record is None or any(by_code[code] < of_each for code in codes):
            first.add(index)
        by_code.update(codes)

    def rank(index: int) -> tuple[bool, int]:
        worst = min(SEVERITIES.index(f.severity) for f, *_ in groups[index].findings)
        return index not in first, worst

    return [groups[index] for index in sorted(sorted(range(len(groups)), key=rank)[:most])]


def _name(subject: Subject, finding: Finding) -> str | None:
    name = subject.name_of(finding)
    return None if name is None else name.label


def _sentence(record: ImageRecord | None, finding: Finding) -> str | None:
    index = finding.sentence_index
    if record is None or index is None or index >= len(record.sentences):
        return None
    return record.captions[index]


def _pairs(subject: Subject, findings: Sequence[Finding]) -> list[PairOfImages]:
    """Return the image pairs with a finding: those across splits or datasets first.

    Pairs that the settings or the baseline ignore are skipped.
    """
    reported = {
        (kind, finding.image, finding.split)
        for finding in findings
        for kind, codes in RULES.items()
        if finding.code in codes
    }
    found: list[PairOfImages] = []
    if any(kind != SAME_PLACE for kind, *_ in reported):  # finding pairs decodes all images
        found += [
            PairOfImages(
                _pair_image(*subject.pictures[pair.first]),
                _pair_image(*subject.pictures[pair.second]),
                kind=pair.kind,
                similarity=pair.similarity,
            )
            for pair in subject.near_duplicates
        ]
    if any(kind == SAME_PLACE for kind, *_ in reported):
        found += [_place(subject, pair) for pair in subject.places.pairs]
    chosen = [p for p in found if (p.kind, p.second.name, p.second.split) in reported]
    chosen = [pair for pair in chosen if pair.kind != SAME_PLACE or pair.crosses]
    return sorted([*chosen, *_shared(subject, findings)], key=pair_order)


def _shared(subject: Subject, findings: Sequence[Finding]) -> list[PairOfImages]:
    """Return the pairs of an image with a finding and an image of another dataset."""
    reported = {(f.code, f.image, f.split) for f in findings if f.code in (OTHER, OTHER_PLACE)}
    if not reported:
        return []
    places = [
        replace(
            _place(subject, pair),
            first=pair_image(subject.dataset, pair.first, str(subject.dataset.name)),
            second=pair_image(other, pair.second, str(other.name)),
        )
        for other, pair in subject.shared_places
        if (OTHER_PLACE, pair.first.filename, pair.first.split) in reported
    ]
    return places + [
        PairOfImages(
            pair_image(subject.dataset, shared.own, str(subject.dataset.name)),
            pair_image(shared.dataset, shared.other, str(shared.dataset.name)),
            kind=EXACT if shared.exact else NEAR,
        )
        for shared in subject.shared_images
        if (OTHER, shared.own.filename, shared.own.split) in reported
    ]


def _pair_image(record: ImageRecord, picture: Picture) -> PairImage:
    return PairImage(record.filename, picture.path, record.split)


def _place(subject: Subject, pair: SamePlace) -> PairOfImages:
    return PairOfImages(
        pair_image(subject.dataset, pair.first),
        pair_image(subject.dataset, pair.second),
        kind=SAME_PLACE,
        similarity=pair.agreement,
        inliers=pair.inliers,
        overlap=pair.overlap,
        map=pair.map,
    )


def _figures(statistics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Draw the distributions that have values."""
    distributions = statistics["distributions"]
    drawn = []
    for title, key, label in (
        ("Sentences by length", "length", "tokens per sentence"),
        ("Images by keywords", "keywords_per_image", "keywords per image"),
    ):
        counts = [(int(value), count) for value, count in distributions[key].items()]
        if len(counts) > 1:
            drawn.append((title, histogram(title, counts, label)))
    by_size = Counter(statistics["category_counts"].values())
    if len(by_size) > 1:
        title = "Categories by size"
        drawn.append((title, histogram(title, sorted(by_size.items()), "images per category")))
    return drawn


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:.3f}"
