"""Campaigns of random moves: no sentence is lost, and none is at another image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from tests.integration.pages import PASSWORD
from tests.integration.random_campaign import Campaign

if TYPE_CHECKING:
    from tests.integration.conftest import AddImages, MakeWorkspace, Tool

pytestmark = pytest.mark.integration

MOVES = [
    pytest.param(0, 20, id="20 moves"),
    *(pytest.param(seed, 120, id=f"seed {seed}", marks=pytest.mark.soak) for seed in range(12)),
]


@pytest.mark.parametrize(("seed", "moves"), MOVES)
def test_each_sentence_stays_with_its_image_and_its_author(
    seed: int,
    moves: int,
    make_workspace: MakeWorkspace,
    annotators: list[tuple[str, Annotator]],
    client: Client,
    tool: Tool,
    add_images: AddImages,
) -> None:
    link = invitation_link(client)
    tokens = {email: sign_up_or_in(link, email, PASSWORD) for email, _ in annotators}
    campaign = Campaign(make_workspace(images=0), tool, client, tokens, add_images, seed)
    campaign.begin()
    for _ in range(moves):
        campaign.move()
    campaign.end()
