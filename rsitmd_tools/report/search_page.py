"""``benchmark search -o``: one self-contained page with the results of a query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluation.search import Search
from rsitmd_tools.baselines.run import run_name
from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.report.data import pictures
from rsitmd_tools.templates import page_templates

MOST_RESULTS = 500  # pictures on a page: about five megabytes
MOST_LETTERS = 300  # of a query in the heading


def write_search_page(
    output: Path,
    dataset: Dataset,
    done: Search,
    *,
    run: Path,
    text: str = "",
    keywords: Sequence[str] = (),
    image: Path | None = None,
) -> None:
    """Write the page of a search, which loads no external resources and runs no script.

    Args:
        output: The page.
        dataset: The dataset that was searched.
        done: What was found.
        run: RUN.
        text: The sentence of the query.
        keywords: Its keywords.
        image: The query image.

    Raises:
        RsitmdError: The page cannot be written.
    """
    shown = done.found[:MOST_RESULTS]
    page = (
        page_templates("rsitmd_tools.report")
        .get_template("search.html")
        .render(
            version=__version__,
            name=dataset.name,
            images=len(dataset),
            run=run_name(run),
            text=text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}...",
            keywords=keywords,
            image=None if image is None else image.name,
            query_picture=None if image is None else _picture(image),
            notes=done.notes,
            found=shown,
            more=len(done.found) - len(shown),
            pictures=pictures(dataset, (entry["image"] for entry in shown)),
        )
    )
    write_text(output, page)


def _picture(image: Path) -> str | None:
    alone = Dataset("query", (ImageRecord(image.name),), image, "imagefolder", image.parent)
    return pictures(alone, [image.name]).get(image.name)
