"""The order of versions."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.release.version import check_version, is_version, precedence


def test_versions_have_the_order_of_semantic_versioning() -> None:
    """The first eight are the example of its section 11."""
    ordered = (
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
        "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0-x-1", "2.0.0",
    )  # fmt: skip
    keys = [precedence(version) for version in ordered]
    assert all(before < after for before, after in pairwise(keys))


def test_what_is_no_version_is_refused() -> None:
    assert is_version("1.0.0")
    for text in ("1.0", "v1.0.0", "1.0.0+build", "01.0.0", ""):
        with pytest.raises(WrongUsage, match="is not a version"):
            check_version(text)
