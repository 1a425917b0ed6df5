"""Statistics as text, Markdown and LaTeX, and the bar charts of figure 9."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.records import ORIGINS
from rsitmd_tools.errors import printable

TITLES = {
    "images": "images",
    "sentences": "sentences",
    "keywords": "keywords",
    "categories": "categories",
    "average_length": "average length",
    "diversity": "diversity score",
    "average_similarity": "average similarity",
    "distinct_words": "distinct words",
}
FIGURE_9 = tuple(key for key in TITLES if key not in ("sentences", "keywords"))
Table = Mapping[str, Mapping[str, Any]]


def render(documents: Sequence[dict[str, Any]], output_format: str) -> str:
    """Return the statistics of one or several datasets as text.

    Args:
        documents: Results of ``dataset_statistics``.
        output_format: ``text``, ``json``, ``latex`` or ``markdown``. JSON is one document for one
            dataset, else a list.
    """
    if output_format == "json":
        content = documents[0] if len(documents) == 1 else list(documents)
        return json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    table = _columns(documents)
    notes = [
        f"{printable(name)}: average similarity of a sample of {column['averaged_images']} images"
        for name, column in table.items()
        if "averaged_images" in column
    ]
    if output_format == "latex":
        return _joined([*_latex(table), *(f"% {note}" for note in notes)])
    if output_format == "markdown":
        return _joined([*_markdown(table), *(f"\n{note}" for note in notes)])
    lines = [*_text(table), *notes]
    if len(documents) == 1:
        lines += _details(documents[0])
    return _joined(lines)


def plot(documents: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the six bar charts of figure 9 for several datasets.

    Args:
        documents: Results of ``dataset_statistics``.
        path: The file; its extension (png, svg, pdf) is the format.

    Raises:
        RsitmdError: The extension is unknown or the file cannot be written.
    """
    from matplotlib.figure import Figure

    from rsitmd_tools.atomic import atomic_path
    from rsitmd_tools.errors import WrongUsage

    kind = path.suffix.removeprefix(".").lower()
    if kind not in ("png", "svg", "pdf"):
        raise WrongUsage("unknown image format", where=path, hint="use a .png, .svg or .pdf file")
    table = _columns(documents, with_splits=False)
    figure = Figure(figsize=(11, 6), layout="constrained")
    for axes, key in zip(figure.subplots(2, 3).flat, FIGURE_9, strict=True):
        values = [column[key] or 0 for column in table.values()]
        bars = axes.bar(range(len(table)), values, color=[f"C{n}" for n in range(len(table))])
        axes.bar_label(bars, [_shown(column[key]) for column in table.values()])
        # Matplotlib reads a name such as "$x$" as a formula.
        names = [printable(name).replace("$", r"\$") for name in table]
        axes.set_xticks(range(len(table)), names, rotation=20 if len(table) > 3 else 0)
        axes.set_title(TITLES[key])
        axes.margins(y=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as partial:
        figure.savefig(partial, format=kind, dpi=150)


def _columns(documents: Sequence[dict[str, Any]], *, with_splits: bool = True) -> Table:
    """Return one column per dataset; a single dataset also has one per split."""
    if len(documents) == 1 and with_splits:
        return {"all": documents[0], **documents[0]["splits"]}
    table: dict[str, Mapping[str, Any]] = {}
    for document in documents:
        name = document["dataset"]
        while name in table:
            name += "'"
        table[name] = document
    return table


def _text(table: Table) -> Iterator[str]:
    width = max([10, *(len(printable(name)) for name in table)])
    yield " ".join([f"{'':20}", *(f"{printable(name):>{width}}" for name in table)])
    for key, title in TITLES.items():
        values = (f"{_shown(column[key]):>{width}}" for column in table.values())
        yield " ".join([f"{title:20}", *values])


def _details(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield categories, distributions and annotators of a single dataset."""
    distributions = document["distributions"]
    entries = {
        "images per category": document["category_counts"],
        "captions by number of words": distributions["length"],
        "images by number of keywords": distributions["keywords_per_image"],
        "words": dict(list(distributions["words"].items())[:20]),
    }
    for title, counts in entries.items():
        if counts:
            listed = ", ".join(f"{printable(key)}: {count}" for key, count in counts.items())
            yield f"{title}: {listed}"
    yield from _origins(document["origins"])
    if document["annotators"]:
        yield f"{'annotator':32} {'sentences':>9} {'length':>8} {'distinct':>8} {'words':>8}"
    for person, values in document["annotators"].items():
        yield (
            f"{printable(person):32} {values['sentences']:>9} {values['average_length']:>8.2f} "
            f"{values['distinct']:>8.2f} {values['distinct_words']:>8}"
        )


def _origins(origins: Mapping[str, Any]) -> Iterator[str]:
    """Yield the number of sentences by humans and machines, if any origin is known."""
    known = {name: origins[name] for name in ORIGINS}
    if not any(known.values()):
        return
    listed = ", ".join(f"{name} {count}" for name, count in known.items())
    if origins["edit_distance"] is not None:
        listed += f" (mean edit distance {origins['edit_distance']:.1f})"
    listed += f", unknown {origins['unknown']}" if origins["unknown"] else ""
    yield f"origin: {listed}; machine text was shown for {origins['machine_given']}"


def _markdown(table: Table) -> Iterator[str]:
    names = [printable(name).replace("|", r"\|") for name in table]
    yield "| | " + " | ".join(names) + " |"
    yield "|---|" + "---:|" * len(table)
    for key, title in TITLES.items():
        cells = " | ".join(_shown(column[key]) for column in table.values())
        yield f"| {title} | {cells} |"


def _latex(table: Table) -> Iterator[str]:
    yield rf"\begin{{tabular}}{{l{'r' * len(table)}}}"
    yield r"\hline"
    yield " & " + " & ".join(_escaped(name) for name in table) + r" \\"
    yield r"\hline"
    for key, title in TITLES.items():
        cells = " & ".join(_shown(column[key]) for column in table.values())
        yield rf"{title} & {cells} \\"
    yield r"\hline"
    yield r"\end{tabular}"


def _escaped(name: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, f"\\{c}" if c in "#$%&_{}" else c) for c in printable(name))


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
