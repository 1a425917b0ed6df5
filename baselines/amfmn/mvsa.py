"""MVSA: multiscale visual self-attention (equations 14 to 19)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, conv2d, interpolate, normalize, pad

CHANNELS = 3
GRID = 16
STRIDE = 4


class MVSA(nn.Module):
    """Masks the global feature by saliency, computed from low and high features.

    v(l) is the concatenation of stages 1 and 2, with stage 2 resized to stage 1; v(h) is the
    same for stages 3 and 4. With ResNet-18 at 256 pixels, they are 192 x 64 x 64 and
    768 x 16 x 16. A convolution reduces each to three channels. The convolution is linear over
    channels and the interpolation is linear over positions, so the smaller map is convolved
    before it is resized, and v(l) and v(h) are never computed. The result is the same and takes
    a fraction of the time.

    As in the paper, this includes the PReLU and the L2 norm that the public code omits. Maps
    are pooled to 16 x 16 cells, their size at 256 pixels, so that the number of parameters does
    not depend on the image size.
    """

    def __init__(self, channels: Sequence[int], dimension: int) -> None:
        super().__init__()
        one, two, three, four = channels
        self.reduce_low = nn.Sequential(
            nn.Conv2d(one + two, CHANNELS, 3, stride=STRIDE, padding=1), nn.PReLU()
        )
        self.reduce_high = nn.Sequential(nn.Conv2d(three + four, CHANNELS, 1), nn.PReLU())
        self.content = nn.Conv2d(2 * CHANNELS, 1, 1)
        self.gate = nn.Conv2d(2 * CHANNELS, 1, 1)
        self.to_mask = nn.Linear(GRID * GRID, dimension)

    def forward(self, maps: Sequence[Tensor], overall: Tensor) -> Tensor:
        """Return F_v = v(g) * mask.

        Args:
            maps: Feature maps of the four stages, ``(B, C_i, H_i, W_i)``, finest first.
            overall: v(g), ``(B, d)``.
        """
        return overall * torch.sigmoid(self.to_mask(self.saliency(maps).flatten(1)))

    def saliency(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the gated map ``(B, 1, 16, 16)`` from which the mask is computed (equation 18)."""
        reduced_low = _pooled(self._low(maps[0], maps[1]))
        reduced_high = _pooled(self._high(maps[2], maps[3]))
        joint = reduced_high.mean(1, keepdim=True)
        mixed = normalize(torch.cat([reduced_low, reduced_high], 1) + joint, dim=1)
        salient: Tensor = self.content(mixed) * torch.sigmoid(self.gate(mixed))
        return salient

    def _low(self, one: Tensor, two: Tensor) -> Tensor:
        """Equation 14: PReLU(conv3x3 of v(l)), stride 4."""
        convolution = self.reduce_low[0]
        assert isinstance(convolution, nn.Conv2d)
        of_one, of_two = torch.split(convolution.weight, [one.shape[1], two.shape[1]], 1)
        reduced = conv2d(one, of_one, convolution.bias, STRIDE, 1)
        # One channel for each of nine kernel positions and three outputs: the channels are
        # resized, sampled at the stride, and summed.
        taps = of_two.permute(2, 3, 0, 1).reshape(9 * CHANNELS, -1, 1, 1)
        enlarged = pad(_to_size_of(conv2d(two, taps), one), (1, 1, 1, 1))
        height, width = reduced.shape[2:]
        for tap in range(9):
            part = enlarged[:, tap * CHANNELS : (tap + 1) * CHANNELS]
            part = part[:, :, tap // 3 :: STRIDE, tap % 3 :: STRIDE]
            reduced = reduced + part[:, :, :height, :width]
        activated: Tensor = self.reduce_low[1](reduced)
        return activated

    def _high(self, three: Tensor, four: Tensor) -> Tensor:
        """Equation 15: PReLU(conv1x1 of v(h))."""
        convolution = self.reduce_high[0]
        assert isinstance(convolution, nn.Conv2d)
        of_three, of_four = torch.split(convolution.weight, [three.shape[1], four.shape[1]], 1)
        reduced = conv2d(three, of_three, convolution.bias)
        activated: Tensor = self.reduce_high[1](reduced + _to_size_of(conv2d(four, of_four), three))
        return activated


def _pooled(maps: Tensor) -> Tensor:
    if maps.shape[2:] == (GRID, GRID):
        return maps
    return adaptive_avg_pool2d(maps, GRID)


def _to_size_of(small: Tensor, large: Tensor) -> Tensor:
    """Resize maps bilinearly to the size of others."""
    rows, columns = large.shape[2:]
    if small.is_cuda:
        return _by_matrices(small, rows, columns)
    return interpolate(small, (rows, columns), mode="bilinear", align_corners=False)


def _by_matrices(small: Tensor, rows: int, columns: int) -> Tensor:
    """Resize maps bilinearly; the weights of rows and columns are two small matrices.

    On a GPU, the gradient of torch's ``interpolate`` is not deterministic; that of a matrix
    product is.
    """
    height, width = small.shape[2:]
    down, right = _weights(height, rows, small.device), _weights(width, columns, small.device)
    return down @ small @ right.T


_matrices: dict[tuple[int, int, torch.device], Tensor] = {}


def _weights(small: int, large: int, device: torch.device) -> Tensor:
    """Return ``(large, small)`` float32, the share of each place in each place of the result."""
    key = (small, large, device)
    if key not in _matrices:
        units = torch.eye(small)[None, None]
        shares = interpolate(units, (large, small), mode="bilinear", align_corners=False)
        _matrices[key] = shares[0, 0].to(device)
    return _matrices[key]
