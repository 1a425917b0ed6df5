"""Drawn scenes: the same seed the same bytes, and captions that are true of the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.demo.captioned import annotators_of, read_captioned
from rsitmd_tools.demo.scenes import draw_scenes, write_scenes
from rsitmd_tools.demo.scenes.captions import keywords_of, sentences_of
from rsitmd_tools.demo.scenes.description import describe
from rsitmd_tools.demo.scenes.draw import draw
from rsitmd_tools.demo.scenes.kinds import COLOURS, NUMBERS
from rsitmd_tools.workspace.merge import is_keyword

INDICES = st.tuples(st.integers(0, 5000), st.integers(0, 50))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_bytes_depend_only_on_the_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_scenes(tmp_path / name, 12, seed)
    first, again, other = (bytes_of(tmp_path / name) for name in "abc")
    assert first == again
    assert first.keys() == other.keys()
    assert first != other


def test_what_is_written_can_be_read_as_captioned_images(tmp_path: Path) -> None:
    write_scenes(tmp_path, 20)
    images = read_captioned(tmp_path)
    assert len(images) == 20
    assert len({image.category for image in images}) == 10
    assert len(annotators_of(images)) == 5
    assert all(len(image.sentences) == 5 for image in images)
    with Image.open(images[0].path) as picture:
        assert (picture.size, picture.mode) == ((256, 256), "RGB")


@settings(max_examples=200, deadline=None)
@given(INDICES)
def test_sentences_and_keywords_match_the_description(index: tuple[int, int]) -> None:
    scene = describe(*index)
    sentences = sentences_of(scene)
    assert len({who for who, _ in sentences}) == len({raw for _, raw in sentences}) == 5
    for _, raw in sentences:
        words = raw.lower().replace(",", " ").replace(";", " ").replace(":", " ").split()
        assert set(COLOURS).intersection(words) <= {
            *(group.colour for group in scene.groups),
            scene.ground,
        }
        allowed = {group.count for group in scene.groups}
        counts = {NUMBERS.index(word) for word in words if word in NUMBERS}
        assert counts <= {*allowed, sum(allowed)} | {1}
        assert {group.colour for group in scene.groups} <= set(words)
    keywords = keywords_of(scene)
    assert 1 <= len(keywords) <= 5
    assert all(is_keyword(keyword) for keyword in keywords)


@pytest.mark.parametrize("index", range(0, 40, 3))
def test_each_colour_named_is_seen_in_its_quarter(index: int) -> None:
    scene = describe(index, 0)
    pixels = np.asarray(draw(scene)).astype(int)
    for group in scene.groups:
        rows = slice(0, 128) if group.spot.startswith("upper") else slice(128, 256)
        columns = slice(0, 128) if group.spot.endswith("left") else slice(128, 256)
        distance = np.abs(pixels[rows, columns] - COLOURS[group.colour]).max(-1)
        assert (distance < 24).sum() > 30 * group.count


def test_a_scene_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = list(draw_scenes(3)), list(draw_scenes(5))
    assert [s.sentences for s in few] == [s.sentences for s in many[:3]]
    assert few[2].image.tobytes() == many[2].image.tobytes()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 50))
def test_look_alikes_differ_in_one_fact_each(base: int, seed: int) -> None:
    scenes = [describe(4 * base + variant, seed, alike=4) for variant in range(4)]
    facts = [
        [s.kind, s.ground, s.band, *(getattr(g, n) for g in s.groups for n in g.__slots__)]
        for s in scenes
    ]
    for other in facts[1:]:
        assert sum(a != b for a, b in zip(facts[0], other, strict=True)) == 1
    assert len({sentences_of(scene) for scene in scenes}) == 4
    for scene in scenes:
        first, second = scene.groups
        assert first.count != second.count
        assert len({first.colour, second.colour, scene.ground}) == 3


def test_too_many_similar_scenes_are_refused() -> None:
    with pytest.raises(ValueError, match="one to 4"):
        describe(0, 0, alike=5)
