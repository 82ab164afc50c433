"""Grid Lifting Network (GLN): φ, D-GridConv layers, φ⁻¹. Equation (9) and Figure 1 of the paper.

Axes: B batch, J joint, P grid node (row-major), C channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
from poselift.models.gridconv.layout import (
    SIZES,
    Layout,
    handcrafted,
    random_layout,
    released,
)
from poselift.models.gridconv.sgt import ESTIMATORS, AutoGrids, FixedSGT
from poselift.skeletons import get_skeleton

LAYOUTS = ("handcrafted", "official", "random", "given", "learnable")

#: Where a learnable layout starts.
STARTS = ("handcrafted", "random")

#: Layouts that a training's log shows of those it draws.
_SHOWN = 3

#: How firmly each estimator holds its start, where a config does not say.
_SCALES = {"score_function": 2.0, "straight_through": 6.0}


@dataclass(frozen=True)
class GLNConfig:
    """Settings of a Grid Lifting Network; the defaults are the paper's.

    skeleton          joint set.
    grid              rows and columns.
    layout            how joints are put on the grid, one of `LAYOUTS`; `given` is by `nodes`.
    layout_start      `learnable` starts from the handcrafted layout where the skeleton has one of
                      this size, else, or if this is "random", at random.
    layout_seed       seed of a random layout or start.
    nodes             joint of each node, row by row, of a given layout.
    channels, blocks  width, and number of residual blocks of two layers.
    attention         one of `ATTENTIONS`, or "none" for vanilla grid convolution.
    paddings          of the two branches; the paper's are circular and replicate.
    dropout           probability that a whole channel is dropped, after each ReLU.
    temperature       of the attention at the start of training; falls to 1 over
                      `anneal_epochs` epochs (0: stays where it is).
    estimator         how AutoGrids learns (see there); the paper's is "straight_through".
    score_scale       how firmly AutoGrids holds its start (see there); None: 2 by the score
                      function, 6 by straight-through.
    gumbel_off_epoch  epoch from which AutoGrids adds no noise; the score function then keeps the
                      best layout for the rest of the training.
    cover             AutoGrids repairs layouts that lose a joint.
    """

    skeleton: str = "h36m_17"
    grid: tuple[int, int] = (5, 5)
    layout: str = "learnable"
    layout_start: str = "handcrafted"
    layout_seed: int = 0
    nodes: tuple[int, ...] = ()
    channels: int = 256
    blocks: int = 2
    attention: str = "grid"
    paddings: tuple[str, str] = ("circular", "replicate")
    dropout: float = 0.25
    temperature: float = 30.0
    anneal_epochs: float = 10.0
    estimator: str = "score_function"
    score_scale: float | None = None
    gumbel_off_epoch: float = 30.0
    cover: bool = True

    def __post_init__(self) -> None:
        """Refuse values that no network can be built from, naming the setting."""
        for name, value, known in (
            ("layout", self.layout, LAYOUTS),
            ("layout_start", self.layout_start, STARTS),
            ("estimator", self.estimator, ESTIMATORS),
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
        if bool(self.nodes) != (self.layout == "given"):
            raise PoseliftError(
                f"nodes: expected the joint of each node with layout 'given' and with no other, "
                f"got {len(self.nodes)} with {self.layout!r}"
            )


def start_layout(config: GLNConfig) -> Layout:
    """Return the layout a network has, or a learnable one starts from."""
    skeleton = get_skeleton(config.skeleton)
    if config.layout == "official":
        layout = released(skeleton)
    elif config.layout == "handcrafted" or _starts_handcrafted(config):
        layout = handcrafted(skeleton)
    elif config.layout == "given":
        layout = Layout(*config.grid, tuple((joint,) for joint in config.nodes), len(skeleton))
    else:
        layout = random_layout(*config.grid, len(skeleton), config.layout_seed)
    if (layout.rows, layout.columns) != tuple(config.grid):
        raise PoseliftError(
            f"grid: the {config.layout} layout of {skeleton.name} is "
            f"{layout.rows}x{layout.columns}, got {config.grid[0]}x{config.grid[1]}"
        )
    return layout


def _starts_handcrafted(config: GLNConfig) -> bool:
    wanted = config.layout == "learnable" and config.layout_start == "handcrafted"
    return wanted and SIZES.get(config.skeleton) == tuple(config.grid)


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
        self.mask: Tensor | None = None
        self.again = False  # drop what the last call dropped

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """Apply the unit."""
        x = self.layer(x)
        x = torch.relu(self.norm(x.flatten(0, 1)).view_as(x))
        if self.training and self.dropout > 0:
            if not self.again or self.mask is None:
                self.mask = nn.functional.dropout(torch.ones_like(x[:, :1]), self.dropout)
            x = x * self.mask
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
            scale = config.score_scale
            self.sgt = AutoGrids(
                layout,
                scale=_SCALES[config.estimator] if scale is None else scale,
                cover=config.cover,
                estimator=config.estimator,
            )
        else:
            self.sgt = FixedSGT(layout)
        self.expand = GridUnit(config, 2)
        self.blocks = nn.ModuleList(GridBlock(config) for _ in range(config.blocks))
        self.shrink = GridLayer(config, config.channels, 3, bias=False)
        self.set_temperature(config.temperature)
        self.again = False

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """G_3D = φ⁻¹(GLN(φ(G_2D))), equation (9)."""
        if isinstance(self.sgt, AutoGrids) and self.sgt.draws:
            phi, inverse = self.sgt.group_matrices(len(keypoints), again=self.again)
        else:
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

    def compares_layouts(self) -> bool:
        """Return whether its layout is learnt, and by the score function."""
        return isinstance(self.sgt, AutoGrids) and self.sgt.estimator == "score_function"

    def draws_layouts(self) -> bool:
        """Return whether this step's poses go through layouts that are to be compared."""
        return isinstance(self.sgt, AutoGrids) and self.sgt.draws

    @contextmanager
    def next_layouts(self) -> Iterator[None]:
        """Within, send the last batch through each next group's layout, all else the same.

        Batch norms take the statistics of the batch without remembering them, and what dropout
        took away before is taken away again.
        """
        parts: list[GridUnit | GridLiftingNetwork] = [self]
        parts += [module for module in self.modules() if isinstance(module, GridUnit)]
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm1d)]

        def switch(*, again: bool) -> None:
            for part in parts:
                part.again = again
            for norm in norms:
                norm.track_running_stats = not again

        switch(again=True)
        try:
            yield
        finally:
            switch(again=False)

    def credit_layouts(self, own: Float[Tensor, " B"], other: Float[Tensor, " B"]) -> None:
        """Set the scores' gradient by each pose's error under its own and the next layout."""
        assert isinstance(self.sgt, AutoGrids)  # compares_layouts says so
        self.sgt.credit(own, other)

    def learnt_layout(self, epoch: int) -> tuple[list[int], list[list[int]]]:
        """Return the joint of each node as it is learnt so far, and layouts drawn from the scores.

        The same scores give the same draws; there are none where noise has ended after `epoch`
        epochs, and nothing at all where no layout is learnt.
        """
        if not isinstance(self.sgt, AutoGrids):
            return [], []
        scores = self.sgt.scores.detach()
        best = self.sgt.pick(scores).argmax(dim=1).tolist()
        if epoch >= self.config.gumbel_off_epoch:
            return best, []
        generator = torch.Generator(scores.device).manual_seed(0)
        return best, self.sgt.draw(_SHOWN, generator).tolist()

    def switches(self) -> tuple[bool, ...]:
        """Return whether it trains, and how AutoGrids does."""
        if not isinstance(self.sgt, AutoGrids):
            return (self.training,)
        return (self.training, self.sgt.noisy, self.sgt.straight_through)


def _product(matrix: Float[Tensor, "*B I K"], x: Float[Tensor, "B K D"]) -> Float[Tensor, "B I D"]:
    """Matrix product that autocast does not round: coordinates need more than bf16's 3 digits."""
    if torch.is_autocast_enabled(x.device.type):
        return (matrix[..., None] * x[:, None]).sum(dim=2)
    return matrix @ x
