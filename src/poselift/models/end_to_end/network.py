"""Joint training of GridConv (Kang et al., AAAI 2023), "we jointly train the 2D detector and our
grid lifting network in an end-to-end manner", Table 1, last row.

The paper gives no recipe. Here: heat maps of HRNet, keypoints by soft-argmax, from the crop to the
picture, the lifter's normalisation, the lifter, and back to the camera, all of it differentiable.
Axes: B sample, J joint, H and W pixels of the crop, h and w cells of a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from poselift.errors import PoseliftError
from poselift.geometry import NORMALISATIONS
from poselift.models.base import LiftingNetwork, Network
from poselift.models.end_to_end.screen import apply, normalise, to_picture
from poselift.models.hrnet import HRNet, flip_heatmaps, soft_argmax
from poselift.models.hrnet.network import as_input
from poselift.models.registry import config_from_dict, config_to_dict, find
from poselift.skeletons import get_skeleton

#: Stages of a training: the detector alone, the lifter on what it detects, both together.
STAGES = ("detector", "lifter", "both")

#: Architectures of the detector that the system knows.
_DETECTOR = "hrnet"


@dataclass(frozen=True)
class EndToEndConfig:
    """Settings of a system; sizes are those of its two networks."""

    detector: dict[str, Any] = field(default_factory=dict)
    """Fields of `HRNetConfig`."""
    lifter: str = "gln"
    """Architecture of the lifter, of single frames."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields of the lifter's own config."""
    normalisation: str = "gridconv"
    """How pixels of the picture become the lifter's input."""
    detector_epochs: float = 0.0
    """Epochs in which the detector learns alone."""
    lifter_epochs: float = 0.0
    """Epochs after those in which the lifter learns on what the detector finds, and that stays as
    it is; from then on both learn."""
    detector_rate: float = 1.0
    """Factor on the detector's learning rate while both learn; 0 leaves it frozen."""
    through: bool = True
    """Whether the error of the poses reaches the detector. Without it both learn side by side,
    which tells apart what a longer training of the detector gives and what the lifter's error."""

    def __post_init__(self) -> None:
        """Refuse what does not go together, and write the settings of both out in full."""
        if self.normalisation not in NORMALISATIONS:
            known = ", ".join(NORMALISATIONS)
            raise PoseliftError(
                f"normalisation: expected one of {known}, got {self.normalisation!r}"
            )
        detector = config_from_dict(_DETECTOR, self.detector)
        kind = find(self.lifter).kind
        if kind != "lifter":
            raise PoseliftError(f"lifter: expected a network that lifts, {self.lifter} is a {kind}")
        lifter = config_from_dict(self.lifter, self.settings)
        if getattr(lifter, "frames", 1) != 1:
            raise PoseliftError(f"lifter: {self.lifter} looks at {lifter.frames} frames, not one")
        if detector.skeleton != lifter.skeleton:
            raise PoseliftError(
                f"the detector finds the joints of {detector.skeleton}, the lifter expects those "
                f"of {lifter.skeleton}"
            )
        for name in ("detector_epochs", "lifter_epochs", "detector_rate"):
            if not getattr(self, name) >= 0:
                raise PoseliftError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        object.__setattr__(self, "detector", config_to_dict(detector))
        object.__setattr__(self, "settings", config_to_dict(lifter))

    @property
    def skeleton(self) -> str:
        """Joints that come out, by name."""
        return str(self.detector["skeleton"])


class Lifted(NamedTuple):
    """What a system makes of crops; keypoints are pixels of the full pictures.

    poses are metres, camera space, about the root, which is near 0 but not put there.
    """

    poses: Float[Tensor, "B J 3"]
    keypoints: Float[Tensor, "B J 2"]
    heatmaps: Float[Tensor, "B J h w"]


class EndToEnd(Network):
    """Crops in, poses out. See `EndToEndConfig` for its stages."""

    def __init__(self, config: EndToEndConfig | None = None) -> None:
        """Build both networks."""
        super().__init__()
        self.config = config = config or EndToEndConfig()
        self.detector = HRNet(config_from_dict(_DETECTOR, config.detector))
        entry = find(config.lifter)
        lifter = entry.network(config_from_dict(config.lifter, config.settings))
        self.lifter = cast(LiftingNetwork, lifter)
        self.root = get_skeleton(config.skeleton).root
        self.stage = "both"

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        crop: Float[Tensor, "B 3 3"],
        size: Float[Tensor, "B 2"],
        focal: Float[Tensor, " B"],
    ) -> Lifted:
        """Lift crops, RGB from 0 to 255.

        crop   affine, pixels of the full picture to pixels of the crop.
        size   (width, height) of the full picture, pixels.
        focal  its focal length, pixels; 0 where it is unknown.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._learns("detector")):
            heatmaps = self.detector(as_input(image))
        return self.lift(heatmaps, crop, size, focal)

    def lift(
        self,
        heatmaps: Float[Tensor, "B J h w"],
        crop: Float[Tensor, "B 3 3"],
        size: Float[Tensor, "B 2"],
        focal: Float[Tensor, " B"],
    ) -> Lifted:
        """Lift from heat maps on."""
        config = self.detector.config
        found = to_picture(soft_argmax(heatmaps, config.temperature, config.size), crop)
        seen = found if self.config.through else found.detach()
        pose = normalise(seen, self.config.normalisation, size, focal, self.root)
        outputs = self.lifter(pose.inputs)
        if pose.rotation is not None:
            outputs = apply(pose.rotation.transpose(1, 2), outputs.to(pose.rotation.dtype))
        return Lifted(outputs, found, heatmaps)

    def start_step(self, epoch: float) -> None:
        """Enter the stage of an epoch; what does not learn in it is left as it is, batch norm too.

        The lifter's own phases (temperature, noise) begin with its first epoch.
        """
        config = self.config
        own = epoch - config.detector_epochs
        self.stage = "detector" if own < 0 else "lifter" if own < config.lifter_epochs else "both"
        for name, part in self.parts().items():
            part.train(self.training and self._learns(name))
        self.lifter.start_step(max(own, 0.0))

    def _learns(self, part: str) -> bool:
        """Whether a part learns in this stage."""
        return self.rate(part) > 0

    def rate(self, part: str) -> float:
        """Return 0 for the part that waits, and the detector's own rate while both learn."""
        if self.stage == "both":
            return self.config.detector_rate if part == "detector" else 1.0
        return float(part == self.stage)

    def parts(self) -> dict[str, Network]:
        """Return the detector and the lifter."""
        return {"detector": self.detector, "lifter": self.lifter}

    def output_layer(self) -> tuple[torch.nn.Module, int]:
        """Return that of the lifter."""
        return self.lifter.output_layer()

    def switches(self) -> tuple[bool, ...]:
        """Return which stage it is in, and those of the lifter."""
        return (*(self.stage == name for name in STAGES), *self.lifter.switches())


def flip_test(
    model: EndToEnd,
    image: Float[Tensor, "B 3 H W"],
    crop: Float[Tensor, "B 3 3"],
    size: Float[Tensor, "B 2"],
    focal: Float[Tensor, " B"],
) -> Lifted:
    """Lift crops and their mirror images; return the means, of the heat maps before they are read.

    Both networks are asked twice: the detector for the mean of its maps, the lifter for the mean of
    the poses of those and of the same keypoints mirrored. Arguments as of `EndToEnd.forward`.
    """
    order: Sequence[int] = get_skeleton(model.config.skeleton).flip_order.tolist()
    maps = model.detector(as_input(image))
    mirrored = flip_heatmaps(model.detector(as_input(image.flip(-1))), order)
    maps = (maps + mirrored) / 2
    ours = model.lift(maps, crop, size, focal)
    other = model.lift(
        flip_heatmaps(maps, order), mirrored_crop(crop, size, image.shape[-1]), size, focal
    )
    sign = ours.poses.new_tensor([-1.0, 1.0, 1.0])
    poses = (ours.poses + other.poses[:, list(order)] * sign) / 2
    return Lifted(poses, ours.keypoints, maps)


def mirrored_crop(
    crop: Float[Tensor, "B 3 3"], size: Float[Tensor, "B 2"], width: int
) -> Float[Tensor, "B 3 3"]:
    """Return the affine from the mirrored picture to the mirrored crop of `width` pixels."""
    turned = crop.clone()
    turned[:, 0, 1], turned[:, 1, 0] = -crop[:, 0, 1], -crop[:, 1, 0]
    turned[:, 0, 2] = width - crop[:, 0, 0] * size[:, 0] - crop[:, 0, 2]
    turned[:, 1, 2] = crop[:, 1, 2] + crop[:, 1, 0] * size[:, 0]
    return turned
