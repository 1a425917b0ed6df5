"""Figure 11: images found by sentences, the right ones framed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.report.result_figures.base import Material, Missing, Pixels, ResultFigure
from rsitmd_tools.report.style import Style, new_figure, picture_axes, plain, shortened

MOST_RUNS = 3
MOST_QUERIES = 3
FOUND = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run found by a sentence.

    Attributes:
        sentence: The sentence.
        run: Name of the run.
        found: ``(pixels or None, whether it is the image of the sentence)``.
    """

    sentence: str
    run: str
    found: Sequence[tuple[Pixels | None, bool]]


def compute(material: Material) -> list[Answer]:
    """Return the answers of the first runs to the first example queries, by query.

    Raises:
        Missing: No run has examples, or no image is available.
    """
    having = [n for n, run in enumerate(material.runs) if run.examples]
    if not having:
        raise Missing("no run has an examples.json: run rsitmd benchmark evaluate again")
    having = [number for number in having if number in material.pictured]
    of_query: dict[str, list[Answer]] = {}
    for number in having[:MOST_RUNS]:
        run = material.runs[number]
        for example in (run.examples or {})["text_to_image"]:
            found = [
                (material.pixels.get(item["image"]), bool(item["relevant"]))
                for item in example["found"][:FOUND]
            ]
            answer = Answer(example["query"], run.name, found)
            of_query.setdefault(example["query"], []).append(answer)
    shown = [answer for answers in list(of_query.values())[:MOST_QUERIES] for answer in answers]
    if not any(pixels is not None for answer in shown for pixels, _ in answer.found):
        raise Missing("the images are not available")
    return shown


def draw(answers: Sequence[Answer], style: Style) -> Any:
    """Draw a row of images for each answer; the right one has a thick frame and a check mark."""
    figure = new_figure(8.4, 1.5 * len(answers))
    # All rows are alike: the solver of the layout would take seconds for this number of axes.
    figure.set_layout_engine("none")
    edges = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 1 - 0.12 / len(answers)}
    grid = figure.subplots(
        len(answers),
        FOUND + 1,
        squeeze=False,
        gridspec_kw={"width_ratios": [1.9, *[1] * FOUND], "wspace": 0.06, "hspace": 0.16, **edges},
    )
    before = ""
    for line, answer in zip(grid, answers, strict=True):
        picture_axes(line[0], style)
        sentence = "" if answer.sentence == before else f"“{_wrapped(answer.sentence)}”\n"
        before = answer.sentence
        line[0].text(
            0, 0.5, f"{sentence}{shortened(answer.run, 24)}", va="center", fontsize=8,
            color=style.ink, transform=line[0].transAxes,
        )  # fmt: skip
        for axes in line[1:]:
            picture_axes(axes, style)
        for axes, (pixels, right) in zip(line[1:], answer.found, strict=False):
            if pixels is not None:
                axes.imshow(pixels)
            if right:
                axes.spines[:].set(visible=True, color=style.right, linewidth=3.5)
                axes.set_title("✓", color=style.right, fontsize=9, pad=2)
    return figure


def _wrapped(sentence: str) -> str:
    lines = textwrap.wrap(" ".join(sentence.split()), 26, max_lines=4, placeholder=" …")
    return "\n".join(map(plain, lines))


FIGURE = ResultFigure(
    "retrieved",
    "Images found by sentences (figure 11)",
    "pictures of found images (figure 11)",
    compute,
    draw,
    in_page=False,
)
