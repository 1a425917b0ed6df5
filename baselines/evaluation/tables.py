"""A comparison as text, Markdown or LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rsitmd_tools.baselines.evaluation.compare import compared_figures
from rsitmd_tools.baselines.evaluation.metrics import Figure
from rsitmd_tools.errors import printable

NONE = "–"
Rows = list[list[str]]

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "±": r"$\pm$",
    "[": "{[}",  # after \\, it would begin the length of a gap between two rows
    "→": r"$\to$",
    "↓": r"$\downarrow$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def render(comparison: dict[str, Any], form: str) -> str:
    """Return a comparison as a text.

    Args:
        comparison: From :func:`rsitmd_tools.baselines.evaluation.compare.compare`.
        form: ``text``, ``markdown`` or ``latex``.
    """
    systems, comparisons = _systems(comparison), _comparisons(comparison)
    head, notes = (list(map(printable, part(comparison))) for part in (_head, _notes))
    if form == "latex":
        parts = [*(f"% {line}" for line in head), r"% \usepackage{booktabs}", _latex(systems)]
        if len(comparisons) > 1:
            parts += ["", _latex(comparisons)]  # a paragraph of its own, below the first table
        return "\n".join([*parts, *(f"% {line}" for line in notes)])
    draw = _markdown if form == "markdown" else _text
    escape = _escaped if form == "markdown" else str
    parts = ["\n".join(map(escape, head)), draw(systems)]
    if len(comparisons) > 1:
        parts.append(draw(comparisons))
    if notes:
        bullet = "- " if form == "markdown" else ""
        parts.append("\n".join(bullet + escape(line) for line in notes))
    return "\n\n".join(parts)


def _head(comparison: dict[str, Any]) -> list[str]:
    gallery = comparison["gallery"]
    return [
        f"{comparison['data']}, {comparison['split']}: {gallery['images']} images, "
        f"{gallery['texts']} texts; percent, {comparison['metric']}; chance mR "
        f"{comparison['chance']:.2f}"
    ]


def _systems(comparison: dict[str, Any]) -> Rows:
    level = f"{100 * comparison['level']:.0f} %"
    figures = compared_figures()
    rows = [
        [
            "system",
            "runs",
            "mR",
            "±",
            f"{level} over runs",
            f"{level} over images",
            *map(_heading, figures),
        ]
    ]
    published = comparison["published"] is not None
    if published:
        rows[0] += ["published mR", "compared with it"]
    for system in comparison["systems"]:
        recall = system["mean_recall"]
        row = [
            system["name"],
            str(len(system["runs"])),
            f"{recall['mean']:.2f}",
            NONE if recall["deviation"] is None else f"{recall['deviation']:.2f}",
            _interval(recall["over_runs"]),
            _interval(recall["over_images"]),
            *(figure.text(figure.value(system)) for figure in figures),
        ]
        if published:
            printed = system["published"]
            row += (
                [NONE, NONE]
                if printed is None
                else [
                    f"{printed['mean_recall']:.2f} (table {printed['table']}, {printed['name']})",
                    printed["verdict"],
                ]
            )
        rows.append(row)
    return rows


def _heading(figure: Figure) -> str:
    """Return a figure's label, with its unit and direction if they are not those of a recall."""
    unit = "" if figure.unit in ("", "percent") else f" ({figure.unit})"
    return f"{figure.label}{unit}{' ↓' if figure.better == 'lower' else ''}"


def _comparisons(comparison: dict[str, Any]) -> Rows:
    rows = [
        [
            "difference of mR",
            "points",
            "over images",
            "over runs",
            "p",
            f"p ({comparison['correction']})",
            "verdict",
        ]
    ]
    for pair in comparison["comparisons"]:
        rows.append(
            [
                " − ".join(pair["systems"]),
                f"{pair['difference']:+.2f}",
                _interval(pair["over_images"], "+.2f"),
                _interval(pair["over_runs"], "+.2f"),
                f"{pair['p']:.3g}",
                f"{pair['p_corrected']:.3g}",
                pair["verdict"],
            ]
        )
    return rows


def _notes(comparison: dict[str, Any]) -> list[str]:
    notes = list(comparison["notes"])
    if comparison["comparisons"]:
        notes.insert(0, f"{comparison['test']}; correction: {comparison['correction']}")
    published = comparison["published"]
    if published is not None:
        notes.append(f"published: {published['source']} ({published['conditions']})")
    return notes


def _interval(values: Sequence[float] | None, form: str = ".2f") -> str:
    return NONE if values is None else f"{values[0]:{form}} to {values[1]:{form}}"


def _text(rows: Rows) -> str:
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _markdown(rows: Rows) -> str:
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(
        "| " + " | ".join(map(_escaped, row)) + " |" for row in (rows[0], rule, *rows[1:])
    )


def _escaped(cell: str) -> str:
    text = printable(cell)
    for character in "\\|`*_<>[":
        text = text.replace(character, f"\\{character}")
    return text


def _latex(rows: Rows) -> str:
    """Return a ``tabular`` for the package booktabs."""
    head, *body = ["    " + " & ".join(map(_tex, row)) + r" \\" for row in rows]
    columns = "l" + "r" * (len(rows[0]) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"    \toprule",
            head,
            r"    \midrule",
            *body,
            r"    \bottomrule",
            r"\end{tabular}",
        ]
    )


def _tex(cell: str) -> str:
    text = "".join(_LATEX.get(character, character) for character in printable(cell))
    # A hyphen before a number is its sign; one inside a name stays.
    return re.sub(r"−|(?<!\S)-(?=[0-9])", "$-$", text)
