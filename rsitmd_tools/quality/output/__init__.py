"""What findings look like: one module a format."""

from rsitmd_tools.quality.output.findings import Findings
from rsitmd_tools.quality.output.formats import render

__all__ = ["Findings", "render"]
