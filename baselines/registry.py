"""The models by name.

A model is named by its module and class, so that reading a configuration imports no model.
"""

from __future__ import annotations

import pkgutil
from typing import Any

from rsitmd_tools.plugins import BASELINES, load_plugin, plugin_names

# The configuration schema accepts these names and those of other packages.
MODELS = {
    "amfmn": "rsitmd_tools.baselines.amfmn.model:AMFMN",
    "camp": "rsitmd_tools.baselines.camp.model:CAMP",
    "clip": "rsitmd_tools.baselines.clip.model:CLIP",
    "mtfn": "rsitmd_tools.baselines.mtfn.model:MTFN",
    "scan": "rsitmd_tools.baselines.scan.model:SCAN",
    "vsepp": "rsitmd_tools.baselines.vsepp.model:VSEPP",
}


def model_names() -> list[str]:
    """Return the names of all models: the built-in ones, then those of other packages."""
    return [*MODELS, *plugin_names(BASELINES, MODELS)]


def load_model(name: str) -> Any:
    """Import a model and return its constructor; a built-in name cannot be replaced.

    Raises:
        RsitmdError: The model of another package cannot be loaded.
    """
    return pkgutil.resolve_name(MODELS[name]) if name in MODELS else load_plugin(BASELINES, name)
