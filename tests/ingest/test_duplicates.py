"""Groups of duplicates in a workspace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from rsitmd_tools.imaging import pairs
from rsitmd_tools.ingest import corrections
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.ingest import ingest
from rsitmd_tools.splitting.split import split
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.pairs import stored_pairs
from tests.pictures import cropped, jpeg, photo, plain, save_pictures


def groups(workspace: Workspace) -> list[set[str]]:
    found: dict[int, set[str]] = {}
    for image in stored_images(workspace):
        if image.duplicate_group is not None:
            found.setdefault(image.duplicate_group, set()).add(image.filename)
    return list(found.values())


def test_exact_and_near_duplicates_are_grouped_and_kept_apart(tmp_path: Path) -> None:
    image = photo(1)
    changed = image.filter(ImageFilter.GaussianBlur(1)).transpose(Image.Transpose.ROTATE_90)
    source = save_pictures(
        tmp_path / "s",
        {
            "port/1.png": image,
            "port/2.png": photo(2),
            "port/3.png": image.transpose(Image.Transpose.ROTATE_90),
            "beach/1.png": changed,
        },
    )
    with Workspace.create(tmp_path / "w") as workspace:
        report = ingest(workspace, [source])
        assert (report.duplicates, report.duplicate_groups) == (3, 1)
        assert groups(workspace) == [{"port_1.tif", "port_3.tif", "beach_1.tif"}]
        assert sorted(pair.kind for pair in stored_pairs(workspace)) == ["exact", "near", "near"]


@pytest.mark.parametrize("removed", [False, True])
def test_a_cropped_copy_of_a_removed_image_is_found(tmp_path: Path, removed: bool) -> None:
    """Its thumbnail alone is not similar enough: the file in removed/ is read."""
    pictures = {f"port/{seed}.png": photo(seed) for seed in range(4)}
    crops = {f"port/new{seed}.png": jpeg(cropped(photo(seed), 0.04), 40) for seed in range(4)}
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [save_pictures(tmp_path / "s", pictures)])
        names = [image.filename for image in stored_images(workspace)]
        if removed:
            corrections.remove(workspace, names, "no permission")
        ingest(workspace, [save_pictures(tmp_path / "new", crops)])
        assert [pair.kind for pair in stored_pairs(workspace)] == ["near"] * 4


def test_plain_sea_desert_and_snow_are_no_duplicates(tmp_path: Path) -> None:
    images = {}
    for category, colour in (("sea", 60), ("desert", 160), ("snow", 230)):
        for number in range(12):
            noise, slope = ((0.0, 0.0), (1.0, 0.0), (0.0, 6.0))[number % 3]
            images[f"{category}/{number}.png"] = plain(colour + number, noise, slope)
    with Workspace.create(tmp_path / "w") as workspace:
        assert ingest(workspace, [save_pictures(tmp_path / "s", images)]).duplicates == 0
        split(workspace, {"train": 0.6, "val": 0.2, "test": 0.2})
        held = {(image.category, image.split) for image in stored_images(workspace)}
    assert len(held) == 9, "every category is in all three splits"


def test_only_pairs_with_new_images_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = {f"port/{number}.png": photo(number) for number in range(4)}
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [save_pictures(tmp_path / "s", images)])
        since = []
        real = pairs.image_pairs

        def spy(*args: object, **kwargs: int) -> list[pairs.ImagePair]:
            since.append(kwargs["since"])
            return real(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr("rsitmd_tools.ingest.duplicates.image_pairs", spy)
        group_duplicates(workspace)
        assert since == []
        new = save_pictures(
            tmp_path / "t", {"port/9.png": photo(2).point(lambda value: value * 0.9)}
        )
        assert ingest(workspace, [new]).duplicates == 2
        assert since == [4]


def test_the_distance_of_the_settings_counts(tmp_path: Path) -> None:
    image = photo(1)
    shifted = np.roll(np.asarray(image), 9, axis=1)
    shifted[:, :9] = np.asarray(photo(2))[:, :9]
    source = save_pictures(
        tmp_path / "s", {"port/1.png": image, "port/2.png": Image.fromarray(shifted)}
    )
    with Workspace.create(tmp_path / "w") as workspace:
        assert ingest(workspace, [source]).duplicates == 2
    toml = tmp_path / "w" / "rsitmd.toml"
    text = toml.read_text()
    assert "near_duplicate_distance = 16" in text
    toml.write_text(text.replace("near_duplicate_distance = 16", "near_duplicate_distance = 0"))
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        assert group_duplicates(workspace).images == 0


def test_a_missing_image_file_leaves_equal_pixels_a_duplicate(tmp_path: Path) -> None:
    source = save_pictures(tmp_path / "s", {"port/1.png": photo(1), "port/2.tif": photo(1)})
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [source])
        workspace.db.execute("DELETE FROM fact WHERE key = 'duplicates'")
        workspace.db.execute("DELETE FROM thumbnail")
        for path in workspace.images.iterdir():
            path.unlink()
        assert group_duplicates(workspace).images == 2
