"""The rules whose examples show all that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsitmd_tools.quality.registry import all_rules

if TYPE_CHECKING:
    pass


CODES = [code for code in all_rules() if code[0] in "SK" or code in ("L103", "L109")]
