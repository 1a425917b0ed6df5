"""Workspaces whose pages show captions to correct or to rank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.campaign.prefill import PrefillReport, keep_captions, send_predictions
from rsitmd_tools.workspace import Workspace

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace


CAPTIONS = [
    "Two white ships lie at the long grey quay beside a row of containers.",
    "A red crane stands beside three small boats in the green water of the harbour.",
    "The blue sea meets a narrow stone pier on the left.",
    "There are some boats in the port near many houses, and a road leads along the water there.",
    "There are boats.",
]


def workspace_of(make_workspace: MakeWorkspace, tmp_path: Path, settings: str) -> Path:
    """Return a workspace of two images, each with five captions to correct or to rank."""
    folder = make_workspace(
        images=2, how="upload", settings=f'[annotation]\nassignment = "shared"\n{settings}\n'
    )
    images = [
        {
            "filename": f"harbour_{number}.tif",
            "imgid": number,
            "split": "train",
            "sentids": [],
            "sentences": [
                {"raw": raw, "tokens": [], "imgid": number, "sentid": 5 * number + slot}
                for slot, raw in enumerate(CAPTIONS)
            ],
        }
        for number in (1, 2)
    ]
    file = tmp_path / "captions.json"
    file.write_text(json.dumps({"dataset": "x", "images": images}), encoding="utf-8")
    with Workspace.open(folder, write=True) as workspace:
        keep_captions(workspace, file, "m-1")
    return folder


def give(workspace: Workspace) -> None:
    """Let the captions stand in the fields."""
    send_predictions(workspace, Client(connection_of(workspace)), PrefillReport())
