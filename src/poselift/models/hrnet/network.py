"""HRNet for poses: Sun et al., "Deep High-Resolution Representation Learning for Human Pose
Estimation", CVPR 2019, section 3 and Figure 1.

Parts carry the names of the released code, so that its checkpoints are ours key by key. Axes: B
sample, C channel, H and W pixels of the crop, h and w cells of a map, J joint; branch i runs at
1/4, 1/8, 1/16 and 1/32 of the crop with 1, 2, 4 and 8 times the width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.base import Network, check_sizes
from poselift.skeletons import get_skeleton

#: Mean and deviation of ImageNet's pixels (0 to 255, RGB), by which crops are normalised.
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

#: Branches of the last stage; the crop's sides are multiples of what the lowest one is scaled by.
_BRANCHES, _STRIDE = 4, 32

#: A bottleneck gives this many times its inner channels.
_EXPANSION = 4


@dataclass(frozen=True)
class HRNetConfig:
    """Settings of an HRNet; the defaults are HRNet-W32 of the paper, 28.5 M parameters."""

    skeleton: str = "h36m_17"
    """Joints of the maps, by name."""
    size: tuple[int, int] = (256, 192)
    """Height and width of the crop in pixels, multiples of 32."""
    width: int = 32
    """Channels of the branch of highest resolution: 32 and 48 in the paper."""
    stem: int = 64
    """Channels of the first two convolutions and inside the bottlenecks of the first stage."""
    bottlenecks: int = 4
    """Residual blocks of the first stage."""
    blocks: int = 4
    """Residual blocks of a branch between two exchanges."""
    modules: tuple[int, int, int] = (1, 4, 3)
    """Exchanges of the second, third and fourth stage."""
    temperature: float = 0.07
    """Of the softmax over a map, by which keypoints are read off it (`soft_argmax`)."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the setting."""
        least = {"width": self.width, "stem": self.stem, "bottlenecks": self.bottlenecks}
        least |= {"blocks": self.blocks, "modules": min(self.modules)}
        check_sizes(self.skeleton, 0.0, **{name: (size, 1) for name, size in least.items()})
        if min(self.size) < _STRIDE or any(side % _STRIDE for side in self.size):
            raise PoseliftError(
                f"size: expected height and width in multiples of {_STRIDE}, "
                f"got {self.size[0]}x{self.size[1]}"
            )
        if not self.temperature > 0:
            raise PoseliftError(f"temperature: expected above 0, got {self.temperature}")


def as_input(pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
    """Normalise RGB from 0 to 255 as the network expects it."""
    mean, deviation = (pixels.new_tensor(three).view(3, 1, 1) for three in (MEAN, DEVIATION))
    return (pixels - mean) / deviation


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Return a convolution without bias that keeps the size, or halves it."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def _unit(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, rectify: bool = True
) -> nn.Sequential:
    """Return convolution, batch norm, and ReLU if `rectify`."""
    parts: list[nn.Module] = [
        _convolution(inputs, outputs, kernel, stride),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*parts, *([nn.ReLU()] if rectify else []))


class BasicBlock(nn.Module):
    """Two convolutions and the identity."""

    def __init__(self, channels: int) -> None:
        """Build a block that keeps the number of channels."""
        super().__init__()
        self.conv1, self.bn1 = _convolution(channels, channels), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = _convolution(channels, channels), nn.BatchNorm2d(channels)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Return x plus what both convolutions make of it, rectified."""
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + x)


class Bottleneck(nn.Module):
    """Narrow, convolve, widen; a projection of the input where the channels differ."""

    def __init__(self, inputs: int, inner: int) -> None:
        """Build a block of 4 times `inner` outputs."""
        super().__init__()
        outputs = _EXPANSION * inner
        self.conv1, self.bn1 = _convolution(inputs, inner, 1), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = _convolution(inner, inner), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = _convolution(inner, outputs, 1), nn.BatchNorm2d(outputs)
        same = inputs == outputs
        self.downsample = None if same else _unit(inputs, outputs, 1, rectify=False)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B O h w"]:
        """Apply the block."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        skip = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.bn3(self.conv3(y)) + skip)


class Exchange(nn.Module):
    """Parallel branches, then every branch hears all others (section 3, "repeated fusion").

    widths   channels of the branches.
    outputs  branches that are heard: all, or the first of the last module.
    """

    def __init__(self, widths: Sequence[int], blocks: int, outputs: int) -> None:
        """Build `blocks` residual blocks a branch, and what connects the branches."""
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(blocks))) for width in widths
        )
        # keyed by number, as the released code counts the identity too
        self.fuse_layers = nn.ModuleList(
            nn.ModuleDict(
                {str(j): _link(widths, j, i) for j in range(len(widths)) if j != i},
            )
            for i in range(outputs)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the maps of all outputs."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        fused = []
        for i, links in enumerate(self.fuse_layers):
            own = cast(nn.ModuleDict, links)
            heard = [x if j == i else own[str(j)](x) for j, x in enumerate(maps)]
            total = heard[0]
            for other in heard[1:]:
                total = total + other
            fused.append(torch.relu(total))
        return fused


def _link(widths: Sequence[int], source: int, target: int) -> nn.Sequential:
    """Connect two branches: upwards 1x1 and nearest neighbours, downwards 3x3 of stride 2."""
    if source > target:
        up = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(*_unit(widths[source], widths[target], 1, rectify=False), up)
    steps = target - source
    return nn.Sequential(
        *(_unit(widths[source], widths[source], stride=2) for _ in range(steps - 1)),
        _unit(widths[source], widths[target], stride=2, rectify=False),
    )


class HRNet(Network):
    """A crop of one person in, a heat map a joint out, at a quarter of its size."""

    def __init__(self, config: HRNetConfig | None = None) -> None:
        """Build the network of `config`, by default HRNet-W32."""
        super().__init__()
        self.config = config = config or HRNetConfig()
        stem, joints = config.stem, len(get_skeleton(config.skeleton))
        wide = _EXPANSION * stem
        self.conv1, self.bn1 = _convolution(3, stem, stride=2), nn.BatchNorm2d(stem)
        self.conv2, self.bn2 = _convolution(stem, stem, stride=2), nn.BatchNorm2d(stem)
        self.layer1 = nn.Sequential(
            *(Bottleneck(wide if n else stem, stem) for n in range(config.bottlenecks))
        )
        widths = [config.width * 2**i for i in range(_BRANCHES)]
        self.transition1 = nn.ModuleDict(
            {"0": _unit(wide, widths[0]), "1": nn.Sequential(_unit(wide, widths[1], stride=2))}
        )
        self.transition2, self.transition3 = (
            nn.ModuleDict({str(n): nn.Sequential(_unit(widths[n - 1], widths[n], stride=2))})
            for n in (2, 3)
        )
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(
                *(
                    Exchange(
                        widths[:branches],
                        config.blocks,
                        1 if branches == _BRANCHES and number == modules - 1 else branches,
                    )
                    for number in range(modules)
                )
            )
            for branches, modules in zip((2, 3, 4), config.modules, strict=True)
        )
        self.final_layer = nn.Conv2d(config.width, joints, 1)
        nn.init.normal_(self.final_layer.weight, std=0.001)  # as the released code: near 0 at first
        nn.init.zeros_(cast(Tensor, self.final_layer.bias))

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B J h w"]:
        """Return heat maps of a crop that `as_input` has normalised; 1 where a joint is, else 0."""
        x = torch.relu(self.bn1(self.conv1(image)))
        x = torch.relu(self.bn2(self.conv2(x)))
        x = self.layer1(x)
        maps = self.stage2([self.transition1[branch](x) for branch in ("0", "1")])
        maps = self.stage3([*maps, self.transition2["2"](maps[-1])])
        maps = self.stage4([*maps, self.transition3["3"](maps[-1])])
        return cast(Tensor, self.final_layer(maps[0]))

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last convolution, which sums over the channels of the first branch."""
        return self.final_layer, self.config.width


def small(size: tuple[int, int] = (128, 128), skeleton: str = "h36m_17") -> HRNetConfig:
    """Return a network that two cores can train: one exchange a stage."""
    return HRNetConfig(
        skeleton, size, width=16, stem=16, bottlenecks=2, blocks=2, modules=(1, 1, 1)
    )
