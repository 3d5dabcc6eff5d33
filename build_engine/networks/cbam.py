"""Attention inside a residual block: which channels to trust, then where (Woo et al. 2018, CBAM)."""

import torch
from torch import Tensor, nn

_SQUEEZE = 8  # width of the middle layer, as a divisor


class Cbam(nn.Module):
    """Weighs channels by their mean and maximum over all cells, then cells by theirs over all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = nn.Sequential(
            nn.Linear(channels, channels // _SQUEEZE), nn.ReLU(), nn.Linear(channels // _SQUEEZE, channels)
        )
        self.cells = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, maps: Tensor) -> Tensor:
        """Weigh maps (N, C, H, W); they keep their shape."""
        trusted = torch.sigmoid(self.channels(maps.mean((2, 3))) + self.channels(maps.amax((2, 3))))
        maps = maps * trusted[:, :, None, None]
        seen = torch.cat((maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)), 1)
        return maps * torch.sigmoid(self.cells(seen))
