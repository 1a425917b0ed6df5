"""Rows by NumPy and by the compiled kernels; repeats against a loop."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsitmd_tools.similarity import reference
from rsitmd_tools.similarity.arrays import Ragged
from rsitmd_tools.similarity.index import number_repeats

# Eight words are in the table of the most frequent ones, the others in inverted lists.
WORDS = [*"abcdefghijkl", "the", "of", "boats", "boat", "."]
CAPTION = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
IMAGES = st.lists(st.lists(CAPTION, max_size=5), min_size=1, max_size=6).filter(
    lambda images: any(map(len, images))
)


def rows(images: list[list[str]], method: str) -> npt.NDArray[np.float64]:
    """Compute all rows with a filler of this name."""
    prepared = reference.prepare(images)
    out = np.full(prepared.shape, -1.0)
    getattr(prepared, method)()(0, out)
    return out


@settings(max_examples=150, deadline=None)
@given(IMAGES)
def test_both_compute_the_same_bits(images: list[list[str]]) -> None:
    by_numpy, by_kernel = rows(images, "numpy_filler"), rows(images, "compiled_filler")
    assert np.array_equal(np.isnan(by_numpy), np.isnan(by_kernel))
    assert np.array_equal(np.nan_to_num(by_numpy), np.nan_to_num(by_kernel))


def test_rows_from_any_image_and_with_buffers_used_before() -> None:
    images = [["a red boat on the sea"], ["the"], ["a red boat on the lake", "boats"], ["a b c d"]]
    whole = rows(images, "numpy_filler")
    fill = reference.prepare(images).numpy_filler()
    for _ in range(2):
        for first in (2, 0, 3):
            out = np.empty((1, 5))
            fill(first, out)
            assert np.array_equal(out[0], whole[first])


@pytest.mark.parametrize(("small", "loaded"), [(4, False), (3, True)])
def test_only_large_datasets_need_numba(small: int, loaded: bool) -> None:
    script = (
        "import sys\n"
        "from rsitmd_tools.similarity import reference\n"
        f"reference.SMALL = {small}\n"
        "prepared = reference.prepare([['a boat'], ['a red boat']])\n"
        f"assert prepared.most_threads == {None if loaded else 1}\n"
        "prepared.filler()\n"
        f"assert ('numba' in sys.modules) == {loaded}\n"
        "from rsitmd_tools.similarity import kernels\n"
        "assert not prepared.by_numpy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@given(st.lists(st.lists(st.integers(0, 4), max_size=7), min_size=1, max_size=5), st.booleans())
def test_each_repeat_has_its_own_number(lists: list[list[int]], from_end: bool) -> None:
    numbered, size = number_repeats(Ragged.of_lists(lists), 5, from_end=from_end)
    named: dict[tuple[int, int], int] = {}
    for k, values in enumerate(lists):
        got = numbered.values[numbered.starts[k] : numbered.starts[k + 1]].tolist()
        for place, value in enumerate(values):
            others = values[place + 1 :] if from_end else values[:place]
            # The n-th occurrence of a value has one number in all lists.
            assert named.setdefault((value, others.count(value)), got[place]) == got[place]
    firsts = [number for (_, earlier), number in named.items() if earlier == 0]
    assert all(number < 5 for number in firsts)
    assert len(set(named.values())) == len(named)
    assert size == 5 + len(named) - len(firsts)


def test_the_kernel_that_is_loaded_beforehand_is_the_one_that_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rsitmd_tools.similarity import kernels

    monkeypatch.setattr(reference, "SMALL", 0)
    reference.load_kernel(1)
    loaded = kernels.reference_rows.signatures  # type: ignore[attr-defined]
    rows([["a red boat on the sea", "boats"], ["the"]], "filler")
    assert kernels.reference_rows.signatures == loaded  # type: ignore[attr-defined]
    assert len(loaded) == 1
