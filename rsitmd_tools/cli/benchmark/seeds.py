"""Seeds on the command line: ``0,1,2`` or ``0-4``."""

from __future__ import annotations

import re

from rsitmd_tools.errors import WrongUsage

# The largest seed that NumPy accepts.
MAX_SEED = 2**32 - 1
MAX_SEEDS = 1000


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a list of numbers and ranges, in order.

    Args:
        text: Such as ``0,1,2``, ``0-4`` or ``0-2,7``.

    Raises:
        WrongUsage: It is something else, a seed repeats, or there are too many.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,12})(?:-([0-9]{1,12}))?\s*", part)
        if match is None:
            raise WrongUsage(
                f"invalid value for --seeds: {text}",
                hint="use distinct non-negative integers, such as 0,1,2 or 0-4",
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise WrongUsage(
                f"--seeds {text}: the range {first}-{last} is empty", hint=f"use {last}-{first}"
            )
        if last > MAX_SEED:
            raise WrongUsage(
                f"invalid value for --seeds: {text}", hint=f"use seeds of at most {MAX_SEED}"
            )
        if last - first >= MAX_SEEDS or len(seeds) >= MAX_SEEDS:
            raise WrongUsage(
                f"invalid value for --seeds: {text}", hint=f"use at most {MAX_SEEDS} seeds"
            )
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        twice = next(seed for place, seed in enumerate(seeds) if seed in seeds[:place])
        raise WrongUsage(f"--seeds {text}: seed {twice} repeats", hint="name each seed once")
    return seeds
