"""The fully connected baseline of Martinez et al., "A simple yet effective baseline for 3d human
pose estimation", ICCV 2017, as its PyTorch editions in SemGCN and PoseAug have it.

Unlike the original there is no max-norm limit on the weights. Axes: B sample, J joint, C channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from poselift.models.base import check_sizes
from poselift.models.dense import DenseNetwork, official_config
from poselift.models.official_layout import STAGES, OfficialLayout, State, rename
from poselift.models.registry import register


@dataclass(frozen=True)
class MartinezConfig:
    """Settings of the baseline; the defaults are the usual network of 4.297 M parameters."""

    skeleton: str = "h36m_17"
    """Joint set of input and output, by name."""
    width: int = 1024
    """Channels of every hidden layer."""
    blocks: int = 2
    """Residual blocks of two layers each."""
    dropout: float = 0.5
    """Probability that a feature is dropped in training."""
    fixed_root: bool = False
    """Predict all joints but the root, and put the root back as exactly 0."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        check_sizes(self.skeleton, self.dropout, width=(self.width, 1), blocks=(self.blocks, 0))


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a linear layer with Kaiming normal weights."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight)
    return layer


class Martinez(DenseNetwork):
    """2D joints in, 3D joints out, every joint connected with every other."""

    def __init__(self, config: MartinezConfig | None = None) -> None:
        """Make the network."""
        config = config or MartinezConfig()
        super().__init__(
            config.skeleton,
            config.width,
            config.blocks,
            config.dropout,
            fixed_root=config.fixed_root,
            linear=_linear,
        )
        self.config = config
        nn.init.kaiming_normal_(self.last.weight)


def weights_of(state: State) -> tuple[dict[str, Any], State]:
    """Convert the fully connected baseline."""
    weights = rename(
        state,
        [
            *STAGES,
            (r"w1\.", "first.w."),
            (r"batch_norm1\.", "first.batch_norm."),
            (r"w2\.", "last."),
        ],
    )
    weights = {
        key.replace(".w.", ".linear.").replace(".batch_norm.", ".norm."): value
        for key, value in weights.items()
    }
    return official_config(weights, "width"), weights


register(
    "martinez",
    Martinez,
    MartinezConfig,
    official=(OfficialLayout(("w1.weight",), weights_of),),
)
