"""Grid Lifting Network (GLN): φ, D-GridConv layers, φ⁻¹. Equation (9) and Figure 1 of the paper.

Axes: B batch, J joint, P grid node (row-major), C channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.base import LiftingNetwork
from poselift.models.gridconv.attention import (
    ATTENTIONS,
    Attention,
    annealed_temperature,
    build_attention,
)
from poselift.models.gridconv.convolution import PADDINGS, GridConv
from poselift.models.gridconv.layout import Layout, handcrafted, random_layout, released
from poselift.models.gridconv.sgt import AutoGrids, FixedSGT
from poselift.skeletons import get_skeleton

LAYOUTS = ("handcrafted", "official", "random", "learnable")


@dataclass(frozen=True)
class GLNConfig:
    """Settings of a Grid Lifting Network; the defaults are the paper's.

    skeleton          joint set.
    grid              rows and columns.
    layout            how joints are put on the grid, one of `LAYOUTS`. `learnable` starts from the
                      handcrafted layout where the skeleton has one of this size, else at random.
    layout_seed       seed of a random layout or start.
    channels, blocks  width, and number of residual blocks of two layers.
    attention         one of `ATTENTIONS`, or "none" for vanilla grid convolution.
    paddings          of the two branches; the paper's are circular and replicate.
    dropout           probability that a whole channel is dropped, after each ReLU.
    temperature       of the attention at the start of training; falls to 1 over
                      `anneal_epochs` epochs (0: stays where it is).
    score_scale       how firmly AutoGrids holds its start (see `AutoGrids`).
    gumbel_off_epoch  epoch from which AutoGrids adds no noise.
    cover             AutoGrids repairs layouts that lose a joint.
    """

    skeleton: str = "h36m_17"
    grid: tuple[int, int] = (5, 5)
    layout: str = "learnable"
    layout_seed: int = 0
    channels: int = 256
    blocks: int = 2
    attention: str = "grid"
    paddings: tuple[str, str] = ("circular", "replicate")
    dropout: float = 0.25
    temperature: float = 30.0
    anneal_epochs: float = 10.0
    score_scale: float = 6.0
    gumbel_off_epoch: float = 30.0
    cover: bool = True

    def __post_init__(self) -> None:
        """Refuse values that no network can be built from, naming the setting."""
        for name, value, known in (
            ("layout", self.layout, LAYOUTS),
            ("attention", self.attention, ("none", *ATTENTIONS)),
            ("paddings", self.paddings[0], PADDINGS),
            ("paddings", self.paddings[1], PADDINGS),
        ):
            if value not in known:
                raise PoseliftError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
        for name, number in (("channels", self.channels), ("grid", min(self.grid))):
            if number < 1:
                raise PoseliftError(f"{name}: expected 1 or more, got {number}")
        if self.blocks < 0:
            raise PoseliftError(f"blocks: expected 0 or more, got {self.blocks}")
        if not 0 <= self.dropout < 1:
            raise PoseliftError(f"dropout: expected 0 to below 1, got {self.dropout}")
        if self.temperature <= 0:
            raise PoseliftError(f"temperature: expected above 0, got {self.temperature}")


def start_layout(config: GLNConfig) -> Layout:
    """Return the layout a network has, or a learnable one starts from."""
    skeleton = get_skeleton(config.skeleton)
    if config.layout == "official":
        layout = released(skeleton)
    elif config.layout == "handcrafted" or _starts_handcrafted(config):
        layout = handcrafted(skeleton)
    else:
        layout = random_layout(*config.grid, len(skeleton), config.layout_seed)
    if (layout.rows, layout.columns) != tuple(config.grid):
        raise PoseliftError(
            f"grid: the {config.layout} layout of {skeleton.name} is "
            f"{layout.rows}x{layout.columns}, got {config.grid[0]}x{config.grid[1]}"
        )
    return layout


def _starts_handcrafted(config: GLNConfig) -> bool:
    sizes = {"h36m_17": (5, 5), "h36m_16": (5, 5), "h36m_32": (7, 5)}
    return config.layout == "learnable" and sizes.get(config.skeleton) == tuple(config.grid)


class GridLayer(nn.Module):
    """One D-GridConv layer: attention on its input, then the two-branch convolution."""

    def __init__(self, config: GLNConfig, inputs: int, outputs: int, *, bias: bool = True) -> None:
        """Build the convolution and, unless vanilla, its own attention predictor."""
        super().__init__()
        self.conv: nn.Module = GridConv(inputs, outputs, config.grid, config.paddings, bias=bias)
        vanilla = config.attention == "none"
        self.attention = None if vanilla else build_attention(config.attention, inputs, config.grid)

    def attend(
        self, x: Float[Tensor, "B P C"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B K P"] | None]:
        """α = π(D_in), equation (7); other designs rescale D_in instead, vanilla does nothing."""
        return (x, None) if self.attention is None else self.attention(x)

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """D_out = (α ⊙ W) * D_in, equation (8); without attention W * D_in, equation (6)."""
        return cast(Tensor, self.conv(*self.attend(x)))


class GridUnit(nn.Module):
    """Grid layer, batch norm over batch and nodes, ReLU, dropout of whole channels."""

    def __init__(self, config: GLNConfig, inputs: int) -> None:
        """Build a unit of `config.channels` outputs."""
        super().__init__()
        self.layer = GridLayer(config, inputs, config.channels)
        self.norm = nn.BatchNorm1d(config.channels)
        self.dropout = config.dropout

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """Apply the unit."""
        x = self.layer(x)
        x = torch.relu(self.norm(x.flatten(0, 1)).view_as(x))
        if self.training and self.dropout > 0:
            x = x * nn.functional.dropout(torch.ones_like(x[:, :1]), self.dropout)
        return x


class GridBlock(nn.Module):
    """Two units and a skip connection; no activation follows the sum."""

    def __init__(self, config: GLNConfig) -> None:
        """Build the two units."""
        super().__init__()
        self.first = GridUnit(config, config.channels)
        self.second = GridUnit(config, config.channels)

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P C"]:
        """Return x plus both units applied to it."""
        return cast(Tensor, x + self.second(self.first(x)))


class GridLiftingNetwork(LiftingNetwork):
    """GLN: normalised 2D poses in, root-relative 3D poses (metres) out."""

    def __init__(self, config: GLNConfig | None = None) -> None:
        """Build the network of `config`, by default the paper's (4.79 M parameters)."""
        super().__init__()
        config = config or GLNConfig()
        self.config = config
        layout = start_layout(config)
        self.sgt: AutoGrids | FixedSGT
        if config.layout == "learnable":
            self.sgt = AutoGrids(layout, scale=config.score_scale, cover=config.cover)
        else:
            self.sgt = FixedSGT(layout)
        self.expand = GridUnit(config, 2)
        self.blocks = nn.ModuleList(GridBlock(config) for _ in range(config.blocks))
        self.shrink = GridLayer(config, config.channels, 3, bias=False)
        self.set_temperature(config.temperature)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """G_3D = φ⁻¹(GLN(φ(G_2D))), equation (9)."""
        phi, inverse = self.sgt.matrices()  # S of equation (1), and φ⁻¹
        lifted = self.lift_grid(_product(phi, keypoints))
        return _product(inverse, lifted.to(inverse.dtype))

    def lift_grid(self, grid: Float[Tensor, "B P 2"]) -> Float[Tensor, "B P 3"]:
        """Lift a grid pose; the part of the network between φ and φ⁻¹."""
        x = self.expand(grid)
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.shrink(x))

    def layout(self) -> Layout:
        """Return the layout that evaluation uses."""
        return self.sgt.current()

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the shrinking layer: two branches of nine taps over all channels."""
        return self.shrink, 18 * self.config.channels

    def set_temperature(self, value: float) -> None:
        """Set the temperature of every attention module."""
        for module in self.modules():
            if isinstance(module, Attention):
                module.get_buffer("temperature").fill_(value)

    def start_step(self, epoch: float) -> None:
        """Anneal the attention's temperature and stop AutoGrids' noise, by the config."""
        if self.config.anneal_epochs > 0:
            start, epochs = self.config.temperature, self.config.anneal_epochs
            self.set_temperature(annealed_temperature(epoch, start, epochs))
        if isinstance(self.sgt, AutoGrids):
            self.sgt.noisy = epoch < self.config.gumbel_off_epoch

    def layout_scores(self) -> list[nn.Parameter]:
        """Return AutoGrids' scores, where the layout is learnt."""
        return [self.sgt.scores] if isinstance(self.sgt, AutoGrids) else []

    def switches(self) -> tuple[bool, ...]:
        """Return whether it trains, and how AutoGrids does."""
        if not isinstance(self.sgt, AutoGrids):
            return (self.training,)
        return (self.training, self.sgt.noisy, self.sgt.straight_through)


def _product(matrix: Float[Tensor, "I K"], x: Float[Tensor, "B K D"]) -> Float[Tensor, "B I D"]:
    """Matrix product that autocast does not round: coordinates need more than bf16's 3 digits."""
    if torch.is_autocast_enabled(x.device.type):
        return (matrix[None, :, :, None] * x[:, None]).sum(dim=2)
    return matrix @ x
