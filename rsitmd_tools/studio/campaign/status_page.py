"""``annotate status --html``: a self-contained page without scripts, plots as SVG."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from markupsafe import Markup

from rsitmd_tools import __version__
from rsitmd_tools.report.campaign_figures import cumulated, shares
from rsitmd_tools.studio.campaign.status import (
    counted_sentences,
    days,
    findings_of_people,
    status,
)
from rsitmd_tools.templates import page_templates
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.acceptance import Acceptance
from rsitmd_tools.workspace.merge import merged_images


def status_page(workspace: Workspace) -> str:
    """Return the state of a campaign as HTML."""
    state = status(workspace)
    css = importlib.resources.files("rsitmd_tools.report") / "templates" / "report.css"
    asked = workspace.settings.annotation
    wanted = asked.sentences_per_image
    template = page_templates("rsitmd_tools.studio").get_template("status.html")
    return template.render(
        version=__version__,
        css=Markup(css.read_text(encoding="utf-8")),  # noqa: S704 - our own file
        name=workspace.settings.dataset.name,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        state=state,
        acceptance=Acceptance(**state["acceptance"]).line,
        details=findings_of_people(workspace),
        progress=_progress(days(workspace)),
        coverage=_coverage(state["categories"]),
        lacking=[
            (image.filename, f"{counted_sentences(image, asked)} of {wanted}")
            for image in merged_images(workspace)
            if counted_sentences(image, asked) < wanted
        ],
    )


def _progress(by_person: Mapping[str, Mapping[date, int]]) -> Markup | None:
    """Draw the cumulative number of annotations of each annotator over the days."""
    everything = sorted({day for count in by_person.values() for day in count})
    if not everything:
        return None
    span = (everything[-1] - everything[0]).days + 1
    axis = [everything[0] + timedelta(days=n) for n in range(span)]
    lines = {
        email.partition("@")[0]: [count.get(day, 0) for day in axis]
        for email, count in by_person.items()
    }
    return cumulated("annotations by day, cumulative", axis, lines)


def _coverage(categories: Mapping[str, Mapping[str, int]]) -> Markup | None:
    """Draw the share of complete images of each category."""
    if not categories:
        return None
    return shares(
        "complete images by category",
        {name: entry["complete"] / entry["images"] for name, entry in categories.items()},
    )
