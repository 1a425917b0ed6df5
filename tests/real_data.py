"""Where the real data lie that some tests read."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
REAL_DATA = Path(os.environ.get("RSITMD_DATA", CHECKOUT.parent / "shared" / "data"))
