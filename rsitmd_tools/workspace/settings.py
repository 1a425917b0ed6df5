"""``rsitmd.toml``: the settings of a workspace, validated by a JSON Schema."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rsitmd_tools.annotation_templates import (
    CAPTIONING,
    KEYWORDS,
    RANKING_PAGE,
    TEMPLATES,
    works_like,
)
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.schemas import first_error, load_schema
from rsitmd_tools.text_files import read_text

FILENAME = "rsitmd.toml"
# Kinds of pairs of images, and overlap of footprints or windows of tiles.
RELATIONS = ("exact", "near", "same-place", "footprint")
CAPTION = "caption"  # images with a common sentence, which most datasets have many of


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """``[dataset]``: the name of the dataset and the side length of its images in pixels."""

    name: str = "dataset"
    image_size: int = 256


@dataclass(frozen=True, slots=True)
class AnnotationSettings:
    """``[annotation]``: the amount of text per annotator, the labeling page and the assignment.

    Attributes:
        annotators_per_image: Number of annotators who caption each image.
        sentences_per_annotator: Number of sentences that each of them writes.
        keywords_min: Minimum number of keywords per annotator and image.
        keywords_max: Maximum number of keywords.
        template: Name of a template, or of an XML file in the workspace.
        assignment: ``assigned`` (each annotator has a project with their own images),
            ``shared`` (one project with the server's queue), or ``auto``: assigned if there are
            at least two annotators.
        licence: Licence that annotators accept for their text: one of
            :data:`~rsitmd_tools.workspace.licence.TEXTS`, a text file in the workspace, or an
            empty string for none.
        skips_before_reassign: Number of skips by its annotator after which the next push
            assigns an image to another annotator; 0 for never.
        seed: Seed of the assignment.
        works_like: The included page that ``template`` is, or that the XML file works like. It
            follows from ``template`` and is no key of ``rsitmd.toml``.
    """

    annotators_per_image: int = 5
    sentences_per_annotator: int = 1
    keywords_min: int = 1
    keywords_max: int = 5
    template: str = "captioning"
    assignment: str = "auto"
    licence: str = ""
    skips_before_reassign: int = 1
    seed: int = 0
    works_like: str = CAPTIONING

    @property
    def sentences_per_image(self) -> int:
        """Number of sentences of a finished image."""
        return self.annotators_per_image * self.sentences_asked

    @property
    def sentences_asked(self) -> int:
        """Number of sentences that the labeling page requests from an annotator."""
        return 0 if self.works_like in (KEYWORDS, RANKING_PAGE) else self.sentences_per_annotator


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """``[split]``: shares, seed, and the images that stay together.

    Attributes:
        train: Share of the training split.
        val: Share of the validation split.
        test: Share of the test split.
        seed: Seed of the assignment.
        near_duplicate_distance: Maximum hash distance of near duplicates in bits.
        keep_together: The relations of images that must be in one split: some of
            :data:`RELATIONS` and :data:`CAPTION`.
    """

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    near_duplicate_distance: int = 16
    keep_together: tuple[str, ...] = RELATIONS


@dataclass(frozen=True, slots=True)
class SimilaritySettings:
    """``[similarity]``: the definition of the prior in a release."""

    definition: str = "reference"


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """``[release]``: the sentences that a release includes, and how it is cited.

    Attributes:
        only_accepted: Include only the sentences that a reviewer accepted; otherwise every
            sentence that is neither sent back nor rejected.
        title: Title of the dataset; empty if it is the name of ``[dataset]``.
        authors: The authors, as "Family name, Given name" or the name of an organisation.
        text_licence: Licence of the texts, such as ``CC-BY-4.0``; empty if it is ``licence`` of
            ``[annotation]``, which annotators accept.
        image_licence: Licence of the images.
        image_licences: Licences of images by the path of their source: the first pattern that fits
            (``*`` stands for any characters), otherwise :attr:`image_licence`.
        url: Web page of the dataset.
        doi: DOI of the dataset.
    """

    only_accepted: bool = False
    title: str = ""
    authors: tuple[str, ...] = ()
    text_licence: str = ""
    image_licence: str = ""
    image_licences: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    doi: str = ""

    def licence_of(self, source: str) -> str:
        """Return the licence of an image by the path of its source; empty without one."""
        path = source.replace("\\", "/")
        fits = (name for glob, name in self.image_licences.items() if fnmatchcase(path, glob))
        return next(fits, self.image_licence)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``[validate.thresholds]``: thresholds of the rules.

    Attributes:
        words_min: Minimum number of words of a sentence.
        words_max: Maximum number of words of a sentence.
        near_repeat: Share of common words (Jaccard) of nearly equal sentences.
        annotator_likeness: The same for two annotators of one image.
        annotator_copies: Maximum share of copies among the sentences of an annotator.
        annotator_length: Minimum mean sentence length, as a share of that of all annotators.
        annotator_template: Maximum share of an annotator's sentences with the same beginning.
        annotator_sentences: Minimum number of sentences to check an annotator.
        seconds_per_word: Minimum time to type a word, in seconds.
        uniform_deviation: Maximum standard deviation of grey values of a uniform image.
        sharpness: Maximum standard deviation of the Laplacian of a blurred image.
        nodata: Minimum share of pure black, or of pure white, pixels of a mostly empty image.
    """

    words_min: int = 4
    words_max: int = 50
    near_repeat: float = 0.85
    annotator_likeness: float = 0.8
    annotator_copies: float = 0.2
    annotator_length: float = 0.6
    annotator_template: float = 0.8
    annotator_sentences: int = 20
    seconds_per_word: float = 0.2
    uniform_deviation: float = 2.0
    sharpness: float = 2.0
    nodata: float = 0.5


@dataclass(frozen=True, slots=True)
class ImageIgnore:
    """``[[validate.image_ignores]]``: codes that are ignored for one image, and the reason."""

    image: str
    codes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ValidateSettings:
    """``[validate]``: the rules to run, their thresholds and exceptions.

    Attributes:
        select: Codes or families to run; all if empty.
        ignore: Codes or families not to run.
        word_lists: Folder of word lists that extend the included lists of the same file name.
        baseline: File of accepted findings.
        expected_splits: For each split, a file with the names of the images that belong to it.
        thresholds: Thresholds of the rules.
        image_ignores: Codes that are ignored for single images.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    word_lists: Path | None = None
    baseline: Path | None = None
    expected_splits: Mapping[str, Path] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    image_ignores: tuple[ImageIgnore, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a workspace."""

    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    annotation: AnnotationSettings = field(default_factory=AnnotationSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    similarity: SimilaritySettings = field(default_factory=SimilaritySettings)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    validate: ValidateSettings = field(default_factory=ValidateSettings)

    @property
    def text_licence(self) -> str:
        """Licence of the texts of a release, or empty."""
        return self.release.text_licence or self.annotation.licence


SECTIONS: dict[str, type[Any]] = {
    "dataset": DatasetSettings,
    "annotation": AnnotationSettings,
    "split": SplitSettings,
    "similarity": SimilaritySettings,
    "release": ReleaseSettings,
    "validate": ValidateSettings,
}


def load_settings(path: Path) -> Settings:
    """Read and check ``rsitmd.toml``.

    Raises:
        RsitmdError: The file is not TOML, or has an unknown key, a wrong type or a value out
            of range. The message names the key.
    """
    try:
        document = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise RsitmdError(
            f"is not TOML ({reason(error)})", where=path, hint="fix the file"
        ) from error
    return settings_from(document, path)


def settings_from(document: dict[str, Any], path: Path) -> Settings:
    """Build checked settings from a parsed document."""
    problem = first_error(document, load_schema("workspace"))
    if problem is not None:
        raise RsitmdError(f"{problem.key}: {problem.message}", where=path, hint=problem.hint)
    given = {**document, "validate": _validate_values(document.get("validate", {}), path.parent)}
    settings = Settings(
        **{name: _build(section, given.get(name, {})) for name, section in SECTIONS.items()}
    )
    shares = settings.split.train + settings.split.val + settings.split.test
    if not abs(shares - 1) <= 1e-6:  # written so that nan is an error too
        raise RsitmdError(
            f"split: train + val + test is {shares:g}",
            where=path,
            hint="change the shares so that they sum to 1",
        )
    asked, thresholds = settings.annotation, settings.validate.thresholds
    _check_range("annotation.keywords", asked.keywords_min, asked.keywords_max, path)
    _check_range("validate.thresholds.words", thresholds.words_min, thresholds.words_max, path)
    asked = replace(asked, works_like=_page_of(asked.template, path.parent))
    return replace(settings, annotation=asked)


def _page_of(template: str, folder: Path) -> str:
    """Return the included page that a template is or works like.

    A file that cannot be read is returned as it is: the commands that need the page report it.
    """
    if template in TEMPLATES:
        return template
    try:
        return works_like((folder / template).read_text(encoding="utf-8"))
    except (OSError, ValueError, ElementTree.ParseError):
        return template


def _check_range(name: str, least: int, most: int, path: Path) -> None:
    if least > most:
        key = name.rpartition(".")[2]
        raise RsitmdError(
            f"{name}_min is greater than {name}_max",
            where=path,
            hint=f"decrease {key}_min or increase {key}_max",
        )


def _build(section: type[Any], values: Mapping[str, Any]) -> Any:
    whole = {item.name for item in fields(section) if item.type == "int"}
    given = dict(values)
    for name, value in values.items():
        if isinstance(value, list):
            given[name] = tuple(value)
        elif name in whole:
            given[name] = int(value)  # for a JSON Schema, 256.0 is an integer
    return section(**given)


def _validate_values(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Convert the tables of ``[validate]``; paths are relative to the folder of the file."""
    values = dict(given)
    for key in ("word_lists", "baseline"):
        values[key] = folder / values[key] if values.get(key) else None
    if "expected_splits" in values:
        values["expected_splits"] = {
            split: folder / name for split, name in values["expected_splits"].items()
        }
    if "thresholds" in values:
        values["thresholds"] = _build(Thresholds, values["thresholds"])
    if "image_ignores" in values:
        values["image_ignores"] = [_build(ImageIgnore, entry) for entry in values["image_ignores"]]
    return values


def new_settings(name: str, *, text_licence: str = "", image_licence: str = "") -> str:
    """Return the text of a new ``rsitmd.toml``.

    Args:
        name: Name of the dataset.
        text_licence: Licence of the texts.
        image_licence: Licence of the images.
    """
    values = {"name": name, "text_licence": text_licence, "image_licence": image_licence}
    # A JSON string is a TOML string.
    quoted = {key: json.dumps(text, ensure_ascii=False) for key, text in values.items()}
    return TEMPLATE.format(**quoted)


TEMPLATE = """\
# Settings of this workspace. Every key is optional; the values below are the defaults.

[dataset]
name = {name}              # name of the dataset in releases
image_size = 256           # side length of the square images in pixels

[annotation]
annotators_per_image = 5   # number of annotators who caption each image
sentences_per_annotator = 1  # number of sentences that each of them writes
keywords_min = 1           # keywords per image: "blue sea", or "- port" without an adjective
keywords_max = 5
template = "captioning"    # labeling page: captioning, keywords, correction, ranking or an XML file
assignment = "auto"        # assigned: a project per annotator; shared: one project for all;
                           # auto: assigned from two annotators on
licence = ""               # "CC-BY-4.0" or a text file that annotators accept once; "": none
skips_before_reassign = 1  # skips of an image before another annotator gets it; 0: never reassign
seed = 0                   # seed of the assignment of images to annotators

[split]
train = 0.8                # shares of the splits; they must sum to 1
val = 0.1
test = 0.1
seed = 0
near_duplicate_distance = 16  # different hash bits (of 64) up to which images are compared
keep_together = ["exact", "near", "same-place", "footprint"]  # images that stay in one split

[similarity]
definition = "reference"   # "reference": the public AMFMN script; "paper": BLEU and METEOR

[release]
only_accepted = false      # true: release only the sentences that a reviewer accepted
title = ""                 # for CITATION.cff; empty: the name of the dataset
authors = []               # ["Family name, Given name", "Name of an organisation"]
text_licence = {text_licence:<10}  # licence of the texts; empty: licence of [annotation]
image_licence = {image_licence:<9}  # licence of the images
image_licences = {{}}        # by source: {{"*/naip/*" = "CC0-1.0", "*/spot/*" = "CC-BY-4.0"}}
url = ""                   # web page of the dataset
doi = ""

[validate]
select = []                # codes or families of rules to run, such as ["D", "S101"]; empty: all
ignore = []                # codes or families of rules not to run
word_lists = ""            # folder with additional words for the word lists: domain.txt, ...
baseline = ""              # accepted findings, from: rsitmd validate DIR --write-baseline FILE
expected_splits = {{}}       # required splits of images: {{test = "test_names.txt"}}
image_ignores = []         # {{image = "port_3.tif", codes = ["S104"], reason = "uncountable"}}

[validate.thresholds]      # see docs/validation.md for the rules that use them
words_min = 4              # minimum number of words of a sentence
words_max = 50             # maximum number of words of a sentence
near_repeat = 0.85         # share of common words (Jaccard) of nearly equal sentences
annotator_likeness = 0.8   # the same for two annotators of one image
annotator_copies = 0.2     # maximum share of copies among the sentences of an annotator
annotator_length = 0.6     # minimum mean sentence length, as a share of that of all annotators
annotator_template = 0.8   # maximum share of an annotator's sentences with the same beginning
annotator_sentences = 20   # minimum number of sentences to check an annotator
seconds_per_word = 0.2     # minimum time to type a word
uniform_deviation = 2.0    # maximum standard deviation of grey values of a uniform image
sharpness = 2.0            # maximum standard deviation of the Laplacian of a blurred image
nodata = 0.5               # minimum share of black (or of white) pixels of a mostly empty image
"""
