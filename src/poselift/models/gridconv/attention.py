"""Attention of D-GridConv (equation 7) and the three designs it is compared with (Figure 8).

Every design is called with a layer's input and returns that input, perhaps rescaled, and the
attention map for the convolution, or None.

Axes: B batch, P grid node, K tap, C channel.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.gridconv.convolution import GridConv

ATTENTIONS = ("grid", "channel", "spatial", "spatial_channel")


class Attention(nn.Module):
    """Base of all designs; `temperature` divides the logits and is saved with the checkpoint."""

    def __init__(self) -> None:
        """Start at temperature 1."""
        super().__init__()
        self.register_buffer("temperature", torch.tensor(1.0))

    def squash(self, logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Sigmoid of the logits over the temperature."""
        return torch.sigmoid(logits / self.get_buffer("temperature").to(logits.dtype))

    def forward(
        self, x: Float[Tensor, "B P C"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B K P"] | None]:
        """Return the layer's input and the attention map for its convolution."""
        raise TypeError(f"{type(self).__name__} is abstract")


def _squeezed(channels: int) -> int:
    """Width of the squeeze: a sixteenth of the channels, at least 16 (official code)."""
    return max(channels // 16, 16)


class GridAttention(Attention):
    """The paper's design: one factor for each tap of each grid node, from the mean node.

    Mean over nodes -> linear without bias to max(C // 16, 16) -> batch norm -> ReLU -> linear to
    9 x nodes -> sigmoid(. / temperature). The map is shared by all channels and both branches.
    """

    def __init__(self, channels: int, nodes: int) -> None:
        """Initialise with Kaiming normal (fan out) and zero bias."""
        super().__init__()
        width = _squeezed(channels)
        self.fc = nn.Linear(channels, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.position = nn.Linear(width, 9 * nodes)
        for layer in (self.fc, self.position):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.position.bias)
        self.nodes = nodes

    def predict(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B K P"]:
        """Return the attention map α of equation (7)."""
        hidden = torch.relu(self.norm(self.fc(x.mean(dim=1))))
        return self.squash(self.position(hidden)).unflatten(1, (9, self.nodes))

    def forward(
        self, x: Float[Tensor, "B P C"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B K P"] | None]:
        """Leave the input as it is and scale the convolution's patches."""
        return x, self.predict(x)


class ChannelAttention(Attention):
    """Squeeze and excitation (Hu et al. 2018): one factor a channel."""

    def __init__(self, channels: int) -> None:
        """Squeeze to max(C // 16, 16) channels and back."""
        super().__init__()
        self.fc = nn.Linear(channels, _squeezed(channels))
        self.expand = nn.Linear(_squeezed(channels), channels)

    def forward(
        self, x: Float[Tensor, "B P C"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B K P"] | None]:
        """Rescale the channels."""
        factor = self.squash(self.expand(torch.relu(self.fc(x.mean(dim=1)))))
        return x * factor[:, None, :], None


class SpatialAttention(Attention):
    """CBAM's spatial half (Woo et al. 2018): one factor a node, from channel mean and maximum."""

    def __init__(self, grid: tuple[int, int]) -> None:
        """Predict the map by a 3x3 grid convolution (CBAM's 7x7 would exceed the grid)."""
        super().__init__()
        self.conv = GridConv(2, 1, grid, ("zero", "zero"))

    def forward(
        self, x: Float[Tensor, "B P C"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B K P"] | None]:
        """Rescale the nodes."""
        summary = torch.stack([x.mean(dim=2), x.amax(dim=2)], dim=2)
        return x * self.squash(self.conv(summary)), None


class SpatialChannelAttention(Attention):
    """CBAM: channel attention, then spatial attention."""

    def __init__(self, channels: int, grid: tuple[int, int]) -> None:
        """Chain the two designs."""
        super().__init__()
        self.channel = ChannelAttention(channels)
        self.spatial = SpatialAttention(grid)

    def forward(
        self, x: Float[Tensor, "B P C"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B K P"] | None]:
        """Rescale channels, then nodes."""
        x, _ = self.channel(x)
        out: tuple[Tensor, None] = self.spatial(x)
        return out


def build_attention(design: str, channels: int, grid: tuple[int, int]) -> Attention:
    """Make an attention module by name; `PoseliftError` if there is no such design."""
    if design == "grid":
        return GridAttention(channels, grid[0] * grid[1])
    if design == "channel":
        return ChannelAttention(channels)
    if design == "spatial":
        return SpatialAttention(grid)
    if design == "spatial_channel":
        return SpatialChannelAttention(channels, grid)
    raise PoseliftError(f"unknown attention {design!r}, expected one of {', '.join(ATTENTIONS)}")


def annealed_temperature(epoch: float, start: float = 30.0, epochs: float = 10.0) -> float:
    """Temperature that falls linearly from `start` to 1 over the first `epochs`, then stays at 1.

    What the official code intends; under Python 2.7 its integer division kept it at the start.
    """
    if epochs <= 0:
        return 1.0
    return max(1.0, start - (start - 1.0) * epoch / epochs)
