"""Views of a scene: never outside, never empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.localisation.slices import Slice
from rsitmd_tools.baselines.serving.request import LocateRequest
from rsitmd_tools.baselines.serving.scene_view import SceneView, View


def scene(width: int, height: int) -> SceneView:
    """Return a scene of a size, without any pixels."""
    made = object.__new__(SceneView)
    made.width, made.height = width, height
    return made


@given(st.data())
def test_every_link_shows_a_part_of_the_scene(data: st.DataObject) -> None:
    of = scene(data.draw(st.integers(16, 3000)), data.draw(st.integers(16, 3000)))
    x, y = data.draw(st.integers(0, of.width - 1)), data.draw(st.integers(0, of.height - 1))
    width = data.draw(st.integers(0, of.width - x))
    height = data.draw(st.integers(0, of.height - y))
    view = of.view(LocateRequest(x=x, y=y, width=width, height=height))
    size = data.draw(st.integers(16, min(of.width, of.height)))
    window = Slice(
        data.draw(st.integers(0, of.width - size)), data.draw(st.integers(0, of.height - size)),
        size,
    )  # fmt: skip
    shown = [view, of.whole(), of.around(window), of.moved(view, 1, 0), of.moved(view, 0, -1)]
    shown += [of.zoomed(view, 0.5), of.zoomed(view, 2)]
    for each in shown:
        assert each.x >= 0 and each.x + each.width <= of.width
        assert each.y >= 0 and each.y + each.height <= of.height
        assert each.width >= 16 and each.height >= 16
    around = of.around(window)
    assert around.x <= window.x and around.x + around.width >= window.x + window.size
    assert around.y <= window.y and around.y + around.height >= window.y + window.size


def test_zooming_keeps_the_centre_and_moving_goes_half_a_view() -> None:
    of = scene(1000, 800)
    assert of.zoomed(View(200, 100, 400, 200), 0.5) == View(300, 150, 200, 100)
    assert of.zoomed(View(200, 100, 400, 200), 2) == View(0, 0, 800, 400)
    assert of.moved(View(200, 100, 400, 200), 1, 0) == View(400, 100, 400, 200)
    assert of.moved(View(200, 100, 400, 200), 0, -1) == View(200, 0, 400, 200)
