"""The features of images by a run, as a source of candidates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.evaluation.embed import image_features
from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.formats import save_dataset


def test_each_image_has_features_of_its_own(tiny: Dataset, trained: Path) -> None:
    found = image_features(trained, tiny)
    assert found.shape[0] == len(tiny) and found.dtype == np.float32
    assert np.isfinite(found).all()
    some = tiny.with_images(tiny.images[2:5])
    assert np.allclose(image_features(trained, some), found[2:5], atol=1e-4)
    assert len(image_features(trained, replace(tiny, images=()))) == 0


def test_the_command_takes_a_run(tiny: Dataset, trained: Path, tmp_path: Path) -> None:
    save_dataset(tiny, tmp_path / "tiny", "rsitmd")
    command = ["build", "overlap", str(tmp_path / "tiny"), "--features", str(trained)]
    assert root.cli.main([*command, "--same-place", "--json"], standalone_mode=False) == 0
    with pytest.raises(WrongUsage, match="not used without --same-place"):
        root.cli.main(command, standalone_mode=False)
