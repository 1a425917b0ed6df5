"""``rsitmd.toml``: the settings of a workspace, checked against a JSON Schema."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
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
    """``[annotation]``: who writes how much."""

    annotators_per_image: int = 5
    sentences_per_annotator: int = 1
    keywords_min: int = 1
    keywords_max: int = 5

    @property
    def sentences_per_image(self) -> int:
        """How many sentences a finished image has."""
        return self.annotators_per_image * self.sentences_per_annotator


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """``[split]``: shares, seed, and how near two images are near duplicates."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    near_duplicate_distance: int = 6


@dataclass(frozen=True, slots=True)
class SimilaritySettings:
    """``[similarity]``: which definition of the prior a release takes."""

    definition: str = "reference"


@dataclass(frozen=True, slots=True)
class ValidateSettings:
    """``[validate]``: codes of rules to run or to leave out."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a workspace."""

    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    annotation: AnnotationSettings = field(default_factory=AnnotationSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    similarity: SimilaritySettings = field(default_factory=SimilaritySettings)
    validate: ValidateSettings = field(default_factory=ValidateSettings)


SECTIONS: dict[str, type[Any]] = {
    "dataset": DatasetSettings,
    "annotation": AnnotationSettings,
    "split": SplitSettings,
    "similarity": SimilaritySettings,
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
            f"cannot be read ({reason(error)})", where=path, mend="restore it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RsitmdError(
            f"is not TOML ({reason(error)})", where=path, mend="mend that line"
        ) from error
    return settings_from(document, path)


def settings_from(document: dict[str, Any], path: Path) -> Settings:
    """Build checked settings from a parsed document."""
    problem = first_error(document, load_schema("workspace"))
    if problem is not None:
        raise RsitmdError(f"{problem.key}: {problem.message}", where=path, mend=problem.mend)
    sections = {}
    for name, section in SECTIONS.items():
        given = document.get(name, {})
        values = {
            f.name: tuple(given[f.name]) if isinstance(given[f.name], list) else given[f.name]
            for f in fields(section)
            if f.name in given
        }
        sections[name] = section(**values)
    settings = Settings(**sections)
    shares = settings.split.train + settings.split.val + settings.split.test
    if abs(shares - 1) > 1e-6:
        raise RsitmdError(
            f"split: train + val + test is {shares:g}", where=path, mend="let them sum to 1"
        )
    if settings.annotation.keywords_min > settings.annotation.keywords_max:
        raise RsitmdError(
            "annotation.keywords_min is above annotation.keywords_max",
            where=path,
            mend="lower the first or raise the second",
        )
    return settings


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

[split]
train = 0.8                # shares; they sum to 1
val = 0.1
test = 0.1
seed = 0
near_duplicate_distance = 6  # bits (of 64) in which the hashes of near duplicates may differ

[similarity]
definition = "reference"   # the public AMFMN script

[validate]
select = []                # codes or families to run, such as ["D", "S101"]; empty: all
ignore = []                # codes or families to leave out
"""
