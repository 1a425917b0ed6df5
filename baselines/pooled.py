"""The image side of models that use the spatial mean of a backbone's last stage."""

from __future__ import annotations

from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import Backbone, NoBackbone
from rsitmd_tools.baselines.base import RetrievalModel


class PooledModel(RetrievalModel):
    """A model whose image features are the spatial mean of the last stage, ``(B, C)``.

    Attributes:
        backbone: The backbone; set by the subclass.
    """

    backbone: Backbone | NoBackbone

    def frozen_part(self) -> nn.Module:
        """Return the backbone."""
        return self.backbone

    def features_kind(self) -> str:
        """Name the pooled last stage of the backbone."""
        return f"pooled {self.backbone.name}"

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the spatial mean of the last stage, ``(B, C)``."""
        return [self.backbone(images)[-1].mean((2, 3))]
