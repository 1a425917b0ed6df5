"""Output formats of findings: one module per format."""

from rsitmd_tools.quality.output.findings import Findings
from rsitmd_tools.quality.output.formats import render

__all__ = ["Findings", "render"]
