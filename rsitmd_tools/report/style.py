"""The style of figures: page colours for light and dark themes, and print colours."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from markupsafe import Markup

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, write_text
from rsitmd_tools.errors import printable

# Number of colours; the ninth run uses the first one again.
COLOURS = 8
# Okabe and Ito, "Color Universal Design", 2008: distinguishable with every kind of colour vision.
# Without its yellow, because a yellow line is not visible on white paper; with grey at the end.
OKABE_ITO = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#606060",
)  # fmt: skip
# Runs also differ in marker and dashes, for greyscale print.
MARKERS = "osD^vPX*"
DASHES = ("-", "--", "-.", ":")
# Perceptually uniform, and monotonous in grey.
HEAT = "cividis"
# Letters of a category in a figure.
LONGEST_NAME = 24
DOTS_PER_INCH = 150


@dataclass(frozen=True, slots=True)
class Style:
    """The colours of a figure.

    Attributes:
        ink: Colour of names and numbers.
        soft: Colour of ticks and labels.
        line: Colour of the grid.
        right: Colour of the frame of a correct answer.
        series: Colours of the runs.
    """

    ink: str
    soft: str
    line: str
    right: str
    series: tuple[str, ...]

    def run(self, number: int) -> dict[str, Any]:
        """Return the colour and the marker of a run."""
        return {"color": self.colour(number), "marker": self.marker(number)}

    def colour(self, number: int) -> str:
        """Return the colour of a run."""
        return self.series[number % len(self.series)]

    def marker(self, number: int) -> str:
        """Return the marker of a run."""
        return MARKERS[number % len(MARKERS)]

    def dashes(self, number: int) -> str:
        """Return the dashes of a run."""
        return DASHES[number % len(DASHES)]


# Placeholders, which :func:`inline_svg` replaces by variables of the page.
PAGE = Style(
    "#010203", "#010204", "#010205", "#010206", tuple(f"#01030{n}" for n in range(COLOURS))
)
PAPER = Style("#000000", "#333333", "#d0d0d0", "#009e73", OKABE_ITO)
_VARIABLES = {
    PAGE.ink: "var(--ink)",
    PAGE.soft: "var(--soft)",
    PAGE.line: "var(--line)",
    PAGE.right: "var(--right)",
    **{colour: f"var(--series-{n})" for n, colour in enumerate(PAGE.series)},
}
# Parts of an SVG file that an inline element does not need; its style would apply to the page.
_UNWANTED = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        "<metadata>.*?</metadata>",
        "<style.*?</style>",
        'font-family: [^;"]*; ',
        '(?<=<g) id="[^"]*"',
    )
]


# An id, where it is defined or used.
_ID = re.compile(r'(?<=["#])[A-Za-z]{1,5}[0-9a-f]{10}(?=[")])')


def plain(text: str) -> str:
    """Return a label on one line that Matplotlib does not read as a formula."""
    return printable(text).replace("$", r"\$")


def shortened(text: str, most: int) -> str:
    """Return a label of limited length that Matplotlib does not read as a formula."""
    shown = printable(text)
    return plain(shown if len(shown) <= most else shown[: most - 1] + "…")


def new_figure(width: float, height: float) -> Any:
    """Return an empty, transparent figure of this size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_visible(False)
    return figure


def plain_axes(axes: Any, style: Style, grid: str = "y") -> Any:
    """Remove all spines but the bottom one, add a grid, and return the axes.

    Args:
        axes: The axes.
        style: The colours.
        grid: ``x``, ``y`` or ``both``.
    """
    axes.patch.set_visible(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(style.line)
    axes.grid(axis=grid, color=style.line, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=style.soft, labelcolor=style.soft, length=0, labelsize=10)
    axes.xaxis.label.set(color=style.soft, size=10)
    axes.yaxis.label.set(color=style.soft, size=10)
    axes.title.set_color(style.ink)
    return axes


def picture_axes(axes: Any, style: Style) -> Any:
    """Remove the frame and the ticks of axes for a picture, and return the axes."""
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.title.set_color(style.ink)
    axes.xaxis.label.set(color=style.soft, size=8)
    axes.yaxis.label.set(color=style.ink, size=9)
    return axes


def legend(figure: Any, style: Style, handles: list[Any], labels: list[str]) -> None:
    """Draw a legend below a figure."""
    figure.legend(
        handles, [shortened(label, 40) for label in labels], loc="outside lower center",
        ncols=min(3, len(labels)), frameon=False, labelcolor=style.ink, fontsize=9,
    )  # fmt: skip


@contextmanager
def _any_script() -> Iterator[None]:
    """Do not warn of letters that the font lacks: a page takes them from the reader's fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def inline_svg(figure: Any, name: str) -> Markup:
    """Return a figure in the style :data:`PAGE` as an ``<svg>`` element.

    The name salts its ids, because a page has several figures.
    """
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), _any_script():
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = _numbered(stream.getvalue(), name)
    for unwanted in _UNWANTED:
        text = unwanted.sub("", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    head, body = text[text.index("<svg") :].split(">", 1)
    view = re.search(r'viewBox="[0-9. ]+"', head)
    size = Markup(view[0] if view else "")  # noqa: S704 - digits only
    drawing = Markup(body)  # noqa: S704 - Matplotlib has escaped the texts in it
    return Markup('<svg role="img" aria-label="{}" {}>{}').format(name, size, drawing)


def _numbered(text: str, name: str) -> str:
    """Number the ids of a drawing in their order.

    Matplotlib derives them from coordinates, whose last bits differ from one layout to the next.
    """
    ids = dict.fromkeys(_ID.findall(text))
    numbers = {found: f"{found[0]}{crc32(name.encode()):08x}n{n}" for n, found in enumerate(ids)}
    return _ID.sub(lambda match: numbers[match[0]], text)


def save(figure: Any, folder: Path, name: str, title: str, inputs: Mapping[str, str]) -> None:
    """Write a figure as ``name.svg`` and ``name.pdf``, the same bytes for the same figure.

    Args:
        figure: The figure.
        folder: The folder; it is created.
        name: Name of the files.
        title: Title, for readers of the file.
        inputs: Checksums of what it shows, by name.

    Raises:
        RsitmdError: A file cannot be written.
    """
    import matplotlib as mpl

    creator = f"rsitmd-tools {__version__}"
    shown = printable("; ".join(f"{what}: {checksum}" for what, checksum in inputs.items()))
    known: dict[str, dict[str, Any]] = {
        "svg": {"Title": title, "Date": None, "Creator": creator, "Description": shown},
        "pdf": {"Title": title, "CreationDate": None, "Creator": creator, "Subject": shown},
    }
    # Type 42 fonts: some publishers refuse the default type 3.
    with mpl.rc_context({"svg.hashsalt": name, "pdf.fonttype": 42}), _any_script():
        drawing = io.StringIO()
        figure.savefig(drawing, format="svg", dpi=DOTS_PER_INCH, metadata=known["svg"])
        write_text(folder / f"{name}.svg", _numbered(drawing.getvalue(), name))
        with atomic_path(folder / f"{name}.pdf") as partial:
            figure.savefig(partial, format="pdf", dpi=DOTS_PER_INCH, metadata=known["pdf"])
