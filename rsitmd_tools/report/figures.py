"""Figures as data URIs: nothing of a page lies outside of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

THUMBNAIL = 160


def thumbnail(image: Image.Image) -> str:
    """Return a small JPEG of an image as a data URI."""
    small = image.convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    small.save(stream, format="JPEG", quality=82)
    return _data_uri("image/jpeg", stream.getvalue())


def curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Draw loss and validation recall of runs over their epochs."""
    figure, (left, right) = _axes(2, (9.0, 3.2))
    for name, history in histories.items():
        epochs = [entry["epoch"] + 1 for entry in history]
        left.plot(epochs, [entry["loss"] for entry in history], label=name)
        right.plot(epochs, [entry["val_mean_recall"] for entry in history], label=name)
    left.set(xlabel="epoch", ylabel="training loss an image")
    right.set(xlabel="epoch", ylabel="validation mean recall, percent")
    right.legend(frameon=False)
    return _svg(figure)


def bars(counts: Mapping[str, int], label: str) -> str:
    """Draw counts by name as horizontal bars."""
    figure, (axes,) = _axes(1, (4.5, 0.6 + 0.19 * max(len(counts), 4)))
    names = sorted(counts, reverse=True)
    axes.barh(names, [counts[name] for name in names], color="#2f6f9f")
    axes.set(xlabel=label)
    return _svg(figure)


def histogram(values: Sequence[int], label: str) -> str:
    """Draw how often each whole number occurs."""
    figure, (axes,) = _axes(1, (4.5, 3.0))
    if values:
        axes.hist(values, bins=range(min(values), max(values) + 2), align="left", color="#2f6f9f")
    axes.set(xlabel=label, ylabel="sentences")
    return _svg(figure)


def _axes(count: int, size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def _svg(figure: Any) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return _data_uri("image/svg+xml", stream.getvalue())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
