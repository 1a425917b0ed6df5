"""``rsitmd.toml``: the settings of a workspace, checked against a JSON Schema."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.schemas import first_error, load_schema

FILENAME = "rsitmd.toml"


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """``[dataset]``: its name and the side of its images in pixels."""

    name: str = "dataset"
    image_size: int = 256


@dataclass(frozen=True, slots=True)
class AnnotationSettings:
    """``[annotation]``: who writes how much, on which page.

    Attributes:
        template: Name of a template, or a file in the workspace.
        assignment: ``assigned`` (each person has a project with their own images), ``shared``
            (one project, the server's queue), or ``auto``: assigned as soon as two people
            take part.
        licence: Under which licence people give their text: one of
            :data:`~rsitmd_tools.workspace.licence.TEXTS`, a text file in the workspace, or
            nothing: they are not asked.
        skips_before_reassign: After how many skips by the person who has an image the next push
            gives it to somebody else; 0: never.
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

    @property
    def sentences_per_image(self) -> int:
        """How many sentences a finished image has."""
        return self.annotators_per_image * self.sentences_asked

    @property
    def sentences_asked(self) -> int:
        """How many sentences the page asks of an annotator."""
        return 0 if self.template in ("keywords", "ranking") else self.sentences_per_annotator


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """``[split]``: shares, seed, and how near two images are near duplicates."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    near_duplicate_distance: int = 8


@dataclass(frozen=True, slots=True)
class SimilaritySettings:
    """``[similarity]``: which definition of the prior a release takes."""

    definition: str = "reference"


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """``[release]``: which sentences a release takes.

    Attributes:
        only_accepted: Only those that a reviewer has accepted; otherwise every sentence that is
            neither sent back nor rejected.
    """

    only_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``[validate.thresholds]``: where the rules draw their lines.

    Attributes:
        words_min: Fewest words of a sentence.
        words_max: Most words of a sentence.
        near_repeat: Share of words (Jaccard) from which two sentences are nearly the same.
        annotator_likeness: The same, for two annotators on one image.
        annotator_copies: Share of an annotator's sentences that may be copies.
        annotator_length: Mean length of an annotator's sentences as a share of all people's.
        annotator_template: Share of an annotator's sentences that may begin alike.
        annotator_sentences: Fewest sentences by which an annotator is judged.
        seconds_per_word: Fewest seconds a typed word takes.
        uniform_deviation: Standard deviation of grey values up to which an image is uniform.
        sharpness: Standard deviation of the Laplacian up to which an image is blurred.
        nodata: Share of pure black or pure white pixels from which an image is mostly empty.
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
    """``[[validate.image_ignores]]``: codes that one image is excused from, and why."""

    image: str
    codes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ValidateSettings:
    """``[validate]``: which rules run, their thresholds, and what is excused.

    Attributes:
        select: Codes or families to run; all when empty.
        ignore: Codes or families to leave out.
        word_lists: Folder of word lists that extend the ones shipped, by file name.
        baseline: File of findings that are known and accepted.
        expected_splits: For each split a file with the image names that belong there.
        thresholds: Where the rules draw their lines.
        image_ignores: Codes that single images are excused from.
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
        RsitmdError: The file is not TOML, has an unknown key, a wrong type or a value out
            of range; the message names the key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=path, hint="restore it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"is not TOML ({reason(error)})", where=path, hint="mend that line"
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
    if not abs(shares - 1) <= 1e-6:  # this way round, TOML's nan is refused too
        raise RsitmdError(
            f"split: train + val + test is {shares:g}", where=path, hint="let them sum to 1"
        )
    if settings.annotation.keywords_min > settings.annotation.keywords_max:
        raise RsitmdError(
            "annotation.keywords_min is above annotation.keywords_max",
            where=path,
            hint="lower the first or raise the second",
        )
    return settings


def _build(section: type[Any], values: Mapping[str, Any]) -> Any:
    return section(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
    )


def _validate_values(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Turn the tables of ``[validate]`` into records; paths count from the file's folder."""
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


TEMPLATE = """\
# Settings of this workspace. Every key may be left out; what stands here is the default.

[dataset]
name = {name}              # printed in the release
image_size = 256           # side of the square images, pixels

[annotation]
annotators_per_image = 5   # how many people caption each image
sentences_per_annotator = 1
keywords_min = 1           # keywords an image: "blue sea", or "- port" without a fine-grained word
keywords_max = 5
template = "captioning"    # or keywords, correction, ranking, or a file: "my-page.xml"
assignment = "auto"        # assigned: a project a person, from two people on; shared: one for all
licence = ""               # "CC-BY-4.0" or a text file here: people accept it once; "": not asked
skips_before_reassign = 1  # an image skipped so often goes to somebody else; 0: never
seed = 0                   # of the plan who captions which image

[split]
train = 0.8                # shares; they sum to 1
val = 0.1
test = 0.1
seed = 0
near_duplicate_distance = 8  # bits (of 64) in which the hashes of near duplicates may differ

[similarity]
definition = "reference"   # the public AMFMN script

[release]
only_accepted = false      # true: a release takes only sentences that a reviewer has accepted

[validate]
select = []                # codes or families to run, such as ["D", "S101"]; empty: all
ignore = []                # codes or families to leave out
word_lists = ""            # folder of lists that extend the tool's own: domain.txt, ...
baseline = ""              # known findings, made by: rsitmd validate DIR --write-baseline FILE
expected_splits = {{}}       # {{test = "test_names.txt"}}: images that must be in that split
image_ignores = []         # {{image = "port_3.tif", codes = ["S104"], reason = "uncountable"}}

[validate.thresholds]      # docs/validation.md says which rule takes which
words_min = 4              # words a sentence
words_max = 50
near_repeat = 0.85         # share of words from which two sentences are nearly the same
annotator_likeness = 0.8   # the same, for two annotators on one image
annotator_copies = 0.2     # share of an annotator's sentences that may be copies
annotator_length = 0.6     # mean length as a share of everybody's
annotator_template = 0.8   # share of an annotator's sentences that may begin alike
annotator_sentences = 20   # fewest sentences by which an annotator is judged
seconds_per_word = 0.2     # fewest seconds a typed word takes
uniform_deviation = 2.0    # grey values (0 to 255) that differ by less: a uniform image
sharpness = 2.0            # deviation of the Laplacian up to which an image is blurred
nodata = 0.5               # share of pure black or white pixels from which it is mostly empty
"""
