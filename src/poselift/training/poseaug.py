"""The networks of PoseAug: what changes a pose, and what tells changed poses from real ones.

Gong et al., "PoseAug: A Differentiable Pose Augmentation Framework for 3D Human Pose Estimation",
CVPR 2021, with the sizes of the released code (jfzhang95/PoseAug). Unlike there a view is learnt as
a change of the sample's own: the root's distance changes by a factor and its viewing ray shifts,
so that nobody gets behind the camera. `augmentor` trains them.

Axes: B sample, J joint, E bone, K class of bones, C channel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.simulation.bones import bone_to_joint, joint_to_bone, length_classes
from poselift.skeletons import Skeleton

#: Largest relative change of a bone's length.
LENGTH = 0.2

#: Metres between the camera and what may be nearest to it.
NEAREST = 0.1

_NOISE = 48  # random numbers that each part of the generator is fed
_SHIFT = 0.3  # largest shift of the root's viewing slopes; the edge of the picture is at 0.42


@final
class Body(nn.Module):
    """A skeleton's bones as tensors, and which of them are what."""

    to_bones: Tensor
    to_joints: Tensor
    classes: Tensor
    free: Tensor
    free_lengths: Tensor

    def __init__(self, skeleton: Skeleton) -> None:
        """Work out matrices and masks; `PoseliftError` for a skeleton without a joint needed."""
        super().__init__()
        self.root, self.bones = skeleton.root, len(skeleton.edges)
        children = [child for _, child in skeleton.edges]
        trunk = [children.index(skeleton.index(joint)) for joint in ("spine", "thorax")]
        free = torch.ones(self.bones, 1)
        free[trunk] = 0.0  # else the whole body could turn without any joint being bent
        classes = torch.from_numpy(length_classes(skeleton))
        lengths = torch.ones(int(classes.max()) + 1)
        lengths[classes[trunk[1]]] = 0.0  # else a tall person far away is a small one nearby
        for name, value in (
            ("to_bones", torch.from_numpy(joint_to_bone(skeleton)).float()),
            ("to_joints", torch.from_numpy(bone_to_joint(skeleton)).float()),
            ("classes", classes),
            ("free", free),
            ("free_lengths", lengths),
        ):
            self.register_buffer(name, value, persistent=False)
        self.parts = _parts(skeleton, children)

    def split(
        self, points: Float[Tensor, "B J 3"]
    ) -> tuple[Float[Tensor, "B E 3"], Float[Tensor, "B E 1"]]:
        """Return directions and lengths of the bones."""
        bones = self.to_bones @ points
        lengths = torch.linalg.vector_norm(bones, dim=-1, keepdim=True).clamp(min=1e-6)
        return bones / lengths, lengths

    def joined(self, bones: Float[Tensor, "B E 3"]) -> Float[Tensor, "B J 3"]:
        """Return the pose of bone vectors, the root at 0."""
        return self.to_joints @ bones

    def relative(self, points: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
        """Return the pose with the root at 0."""
        return points - points[:, self.root : self.root + 1]


def _parts(skeleton: Skeleton, children: list[int]) -> tuple[tuple[int, ...], ...]:
    """Return the bones that the parts of the body are judged by: arms, legs, trunk."""
    sides = ("left", "right")
    limbs = {f"{side}_{joint}" for side in sides for joint in ("knee", "ankle", "elbow", "wrist")}
    names = [
        *(("thorax", *(f"{s}_{joint}" for joint in ("shoulder", "elbow", "wrist"))) for s in sides),
        *(("left_hip", "right_hip", "spine", f"{s}_knee", f"{s}_ankle") for s in sides),
        tuple(skeleton.joints[child] for child in children if skeleton.joints[child] not in limbs),
    ]
    return tuple(tuple(children.index(skeleton.index(joint)) for joint in part) for part in names)


@final
class NoisyLayers(nn.Module):
    """Features and noise in, what to change out: five linear layers with batch norm between."""

    def __init__(self, inputs: int, outputs: int, width: int = 256) -> None:
        """Make the layers, with Kaiming normal weights."""
        super().__init__()
        sizes = [inputs + _NOISE, *[width] * 5]
        units = [
            nn.Sequential(_linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU())
            for a, b in pairwise(sizes)
        ]
        self.layers = nn.Sequential(*units, _linear(width, outputs))

    def forward(self, features: Float[Tensor, "B C"]) -> Float[Tensor, "B C_out"]:
        """Draw noise and return the raw change."""
        noise = torch.randn(len(features), _NOISE, device=features.device)
        return cast(Tensor, self.layers(torch.cat([features, noise], dim=1)))


@dataclass(frozen=True)
class Augmented:
    """What the generator makes of poses in camera space, metres."""

    bent: Float[Tensor, "B J 3"]
    """Bones turned."""
    resized: Float[Tensor, "B J 3"]
    """And of other lengths."""
    viewed: Float[Tensor, "B J 3"]
    """And seen from elsewhere."""
    turns: Float[Tensor, "B E"]
    """1 - cos of the angle that each bone was turned by."""
    ratios: Float[Tensor, "B K"]
    """Relative change of each class of bone lengths."""


@final
class Generator(nn.Module):
    """Changes bone angles, then bone lengths, then the view (section 3.2)."""

    def __init__(self, body: Body, joints: int) -> None:
        """Make a network for each change; turning and moving have one of their own."""
        super().__init__()
        self.body = body
        self.angles = NoisyLayers(3 * joints, 3 * body.bones)
        self.lengths = NoisyLayers(3 * joints + body.bones, len(body.free_lengths))
        self.turn = NoisyLayers(3 * joints, 3)
        self.place = NoisyLayers(3 * joints, 3)

    def forward(self, points: Float[Tensor, "B J 3"]) -> Augmented:
        """Augment poses in camera space (metres)."""
        body = self.body
        pose = body.relative(points)
        root = points - pose
        directions, lengths = body.split(pose)
        features = pose.flatten(1)

        change = self.angles(features).unflatten(1, (-1, 3)) * body.free
        bent = functional.normalize(directions + change, dim=-1)
        turns = 1 - (bent * directions).sum(dim=-1)

        raw = self.lengths(torch.cat([features, lengths.flatten(1)], dim=1))
        ratios = LENGTH * torch.tanh(raw * body.free_lengths)
        resized = body.joined(bent * lengths * (1 + ratios[:, body.classes, None]))

        turn = rotation(math.pi * torch.tanh(self.turn(features)))
        place = self.moved(root[:, :1], resized, torch.tanh(self.place(features))[:, None])
        return Augmented(
            body.joined(bent * lengths) + root,
            resized + root,
            resized @ turn.transpose(1, 2) + place,
            turns,
            ratios,
        )

    @staticmethod
    def moved(
        root: Float[Tensor, "B 1 3"], pose: Float[Tensor, "B J 3"], change: Float[Tensor, "B 1 3"]
    ) -> Float[Tensor, "B 1 3"]:
        """Return where the root goes, however the pose is turned there: all before the camera.

        change  within -1..1: shift of the viewing slopes, and logarithm of the factor on the depth.
        """
        reach = torch.linalg.vector_norm(pose, dim=-1).amax(dim=1).detach()[:, None, None]
        nearest = reach + NEAREST
        room = (root[..., 2:] - nearest).clamp(min=NEAREST)
        depth = nearest + room * torch.exp(change[..., 2:])
        slopes = root[..., :2] / root[..., 2:] + _SHIFT * change[..., :2]
        return torch.cat([slopes * depth, depth], dim=-1)


@final
class PoseCritic(nn.Module):
    """Tells real poses from made ones by the angles between the bones of each part (section 3.3).

    A part's features are the products of its bones' directions (kinematic chain space), which no
    turn of the whole body changes.
    """

    def __init__(self, body: Body, width: int = 256) -> None:
        """Make a network for each part."""
        super().__init__()
        self.body = body
        self.paths = nn.ModuleList(ResidualScore(len(part) ** 2, width) for part in body.parts)

    def forward(self, points: Float[Tensor, "B J 3"]) -> Float[Tensor, "B parts"]:
        """Score poses part by part: 1 is real, 0 is made."""
        directions, _ = self.body.split(points)
        scores = []
        for part, path in zip(self.body.parts, self.paths, strict=True):
            bones = directions[:, list(part)]
            scores.append(path((bones @ bones.transpose(1, 2)).flatten(1)))
        return torch.cat(scores, dim=1)


@final
class ResidualScore(nn.Module):
    """Fully connected layers with one residual sum and a score at the end."""

    def __init__(self, inputs: int, width: int) -> None:
        """Make the layers, with Kaiming normal weights."""
        super().__init__()
        self.first = nn.Sequential(_linear(inputs, width), nn.LeakyReLU())
        self.inner = nn.Sequential(
            _linear(width, width), nn.LeakyReLU(), _linear(width, width), nn.LeakyReLU()
        )
        self.last = nn.Sequential(_linear(width, 100), nn.LeakyReLU(), _linear(100, 1))

    def forward(self, features: Float[Tensor, "B C"]) -> Float[Tensor, "B 1"]:
        """Score the features."""
        x = self.first(features)
        return cast(Tensor, self.last(x + self.inner(x)))


def rotation(vectors: Float[Tensor, "B 3"]) -> Float[Tensor, "B 3 3"]:
    """Rodrigues: rotate by |vector| radians about the vector."""
    angle = torch.linalg.vector_norm(vectors, dim=-1)[:, None, None]
    x, y, z = vectors.unbind(dim=-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(1, (3, 3))
    first = torch.sinc(angle / math.pi)
    second = 0.5 * torch.sinc(angle / (2 * math.pi)).square()
    unit = torch.eye(3, device=vectors.device, dtype=vectors.dtype)
    return unit + first * cross + second * (cross @ cross)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer with Kaiming normal weights."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight)
    return layer
