"""PoseAug's training: poses made harder for the lifter and kept plausible, while it trains.

Gong et al., CVPR 2021 (see `poseaug`), section 3. A generator's poses are judged by critics, in 3D
and in 2D, and by the error that the lifter makes on them, which is to be a wanted multiple of its
error on the real pose. Constants are those of the released code. What differs from it: the lifter
learns from real and augmented samples in one batch, and from scratch; it judges in evaluation mode
by its mean joint error; a sample that leaves the picture is replaced by the real one; critics see
no older fakes. Axes: B sample, J joint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from poselift.skeletons import Skeleton
from poselift.training.batches import to_device
from poselift.training.checkpoint import load_optimizer, optimizer_tensors
from poselift.training.config import POSEAUG_WARM_UP, TrainingConfig
from poselift.training.poseaug import (
    NEAREST,
    Augmented,
    Body,
    Generator,
    PoseCritic,
    ResidualScore,
)
from poselift.training.sources import Views

_RATE = 1e-4  # of Adam, for generator and critics; falls linearly to 0
_CLIP = 1.0  # largest norm of the gradients
_FREE_LENGTH = 0.1  # relative change of a bone's length that costs nothing
_ANGLE = (0.205, 0.165)  # mean of 1 - cos of the turned bones: middle and half width
_FACTOR_3D, _FACTOR_2D, _FACTOR_RANGE = 6.0, 1.0, 3.0
# error on the augmented over that on the real pose: start, end, half width, factor of the loss
_HARD_ANGLES = (3.0, 5.0, 2.0, 0.1)
_HARD_VIEW = (17.0, 17.0, 15.0, 0.01)
_CRITICS_EVERY = 2  # steps
_SMALLEST_ERROR = 1e-3  # metres; a smaller error of the lifter counts as this

#: Points in camera space (B, J, 3) to the coordinates of the network's input (B, J, 2).
Picture = Callable[[Tensor], Tensor]


@final
class Augmentor:
    """Generator, critics and their optimizers; each step of the lifter is one of theirs, too.

    views   real samples with their cameras; batches are drawn from them by (seed, step).
    device  where all of it lies.
    """

    def __init__(
        self, config: TrainingConfig, views: Views, skeleton: Skeleton, device: torch.device
    ) -> None:
        """Move the samples to the device and make the networks."""
        self._config, self._count = config, len(views.points)
        self._views = tuple(
            to_device(array, device)
            for array in (
                views.points,
                views.intrinsics,
                views.image_size,
                views.center,
                views.scale,
            )
        )
        body = Body(skeleton).to(device)
        joints = len(skeleton)
        self._body = body
        self.generator = Generator(body, joints).to(device)
        self.pose_critic = PoseCritic(body).to(device)
        self.picture_critic = ResidualScore(2 * joints, 100).to(device)
        self._networks: dict[str, nn.Module] = {
            "generator": self.generator,
            "pose_critic": self.pose_critic,
            "picture_critic": self.picture_critic,
        }
        self._optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=_RATE)
            for name, network in self._networks.items()
        }

    def extend(
        self,
        lifter: nn.Module,
        inputs: Float[Tensor, "B J 2"],
        targets: Float[Tensor, "B J 3"],
        *,
        epoch: float,
        number: int,
    ) -> tuple[Float[Tensor, "B_all J 2"], Float[Tensor, "B_all J 3"]]:
        """Take a step, and return the batch with as many augmented samples after it.

        epoch   epochs done, with the fraction of the one under way. While it is below
                `POSEAUG_WARM_UP` the lifter is not asked, and the batch comes back as it is.
        number  of this step, counted from 1 over the whole run.
        """
        draw = np.random.default_rng([self._config.seed, number])
        rows = torch.from_numpy(draw.integers(0, self._count, len(inputs))).to(inputs.device)
        points, intrinsics, size, center, scale = (array[rows] for array in self._views)

        def picture(seen: Tensor) -> Tensor:
            return (project(seen, intrinsics) - center[:, None]) / scale[:, None, None]

        made, real = self.generator(points), picture(points)
        warm = epoch >= POSEAUG_WARM_UP
        loss = self._plausible(made, picture(made.viewed))
        if warm:
            share = epoch / self._config.epochs
            loss = loss + self._feedback(lifter, points, made, picture, share)
        self._optimize("generator", loss, epoch)
        if number % _CRITICS_EVERY == 0:
            self._judge("pose_critic", points, made.bent, epoch)
            self._judge("picture_critic", real.flatten(1), picture(made.viewed).flatten(1), epoch)
        if not warm:
            return inputs, targets
        kept = inside(project(made.viewed, intrinsics), size)[:, None, None]
        chosen = torch.where(kept, made.viewed, points).detach()
        return (
            torch.cat([inputs, picture(chosen)]),
            torch.cat([targets, self._body.relative(chosen)]),
        )

    def _plausible(self, made: Augmented, picture: Tensor) -> Float[Tensor, ""]:
        """Return what the critics object to, and changes beyond their range (sections 3.3, 3.4)."""
        in_3d = _distance(self.pose_critic(made.bent), 1.0)
        in_2d = _distance(self.picture_critic(picture.flatten(1)), 1.0)
        objections = _FACTOR_3D * in_3d + _FACTOR_2D * in_2d
        middle, width = _ANGLE
        beyond = outside(made.turns.mean(dim=1), middle, width)
        return objections + _FACTOR_RANGE * (beyond + outside(made.ratios, 0.0, _FREE_LENGTH))

    def _feedback(
        self,
        lifter: nn.Module,
        points: Tensor,
        made: Augmented,
        picture: Picture,
        share: float,
    ) -> Float[Tensor, ""]:
        """Return how far the poses are from being harder for the lifter by the wanted ratio.

        share  of the training that is done: the wanted ratio grows with it.
        """
        was_training = lifter.training
        lifter.eval()  # batch statistics stay those of the lifter's own steps

        def error(seen: Tensor) -> Float[Tensor, " B"]:
            lifted = self._body.relative(lifter(picture(seen)))
            return torch.linalg.vector_norm(lifted - self._body.relative(seen), dim=-1).mean(dim=1)

        with torch.no_grad():
            easy = error(points).clamp(min=_SMALLEST_ERROR)
        loss = torch.zeros((), device=points.device)
        for seen, (start, end, width, factor) in (
            (made.bent, _HARD_ANGLES),
            (made.viewed, _HARD_VIEW),
        ):
            wanted = start + (end - start) * share
            loss = loss + factor * outside(error(seen) / easy, wanted, width)
        lifter.train(was_training)
        return loss

    def _judge(self, name: str, real: Tensor, made: Tensor, epoch: float) -> None:
        """Take a step of a critic: real samples to 1, made ones to 0 (least squares GAN)."""
        critic = self._networks[name]
        loss = (_distance(critic(real), 1.0) + _distance(critic(made.detach()), 0.0)) / 2
        self._optimize(name, loss, epoch)

    def _optimize(self, name: str, loss: Tensor, epoch: float) -> None:
        """Take a step of one network's optimizer; gradients of the others are left alone."""
        parameters, optimizer = list(self._networks[name].parameters()), self._optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - epoch / self._config.epochs)
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=parameters)
        nn.utils.clip_grad_norm_(parameters, _CLIP)
        optimizer.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a step changes, as named tensors for a checkpoint."""
        return {
            f"poseaug/{name}/{key}": value
            for name, network in self._networks.items()
            for key, value in (
                *((f"state/{key}", value) for key, value in network.state_dict().items()),
                *optimizer_tensors(self._optimizers[name]).items(),
            )
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` returned; entries of others are passed over."""
        for name, network in self._networks.items():
            own = _below(f"poseaug/{name}/", tensors)
            network.load_state_dict(_below("state/", own), strict=True)
            load_optimizer(self._optimizers[name], own)


def project(
    points: Float[Tensor, "B J 3"], intrinsics: Float[Tensor, "B 4"]
) -> Float[Tensor, "B J 2"]:
    """Camera space (metres) -> pixels, as `Camera.project` without distortion or clamping."""
    slopes = points[..., :2] / points[..., 2:].clamp(min=NEAREST)
    return slopes * intrinsics[:, None, :2] + intrinsics[:, None, 2:]


def inside(pixels: Float[Tensor, "B J 2"], size: Float[Tensor, "B 2"]) -> Bool[Tensor, " B"]:
    """Whether all joints are in the picture."""
    return ((pixels >= 0) & (pixels <= size[:, None])).all(dim=2).all(dim=1)


def outside(values: Float[Tensor, "*any"], middle: float, width: float) -> Float[Tensor, ""]:
    """Mean squared distance from `middle` of the values farther than `width` from it."""
    distance = values - middle
    return (distance.square() * (distance.abs() > width)).mean()


def _distance(scores: Tensor, label: float) -> Float[Tensor, ""]:
    """Mean squared distance of scores from what they should be."""
    return (scores - label).square().mean()


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries whose names begin with `prefix`, without it."""
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
