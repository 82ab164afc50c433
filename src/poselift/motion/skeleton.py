"""Poses as joint rotations: what animation files hold, exact for bones of constant length.

A `Rig` is a tree of nodes. Every bone has a node of its own at its upper end that turns it from
its rest direction to where it is, so positions come back exactly if the bones keep their lengths.
A joint with one bone below it is one node, of the joint's name. A joint with several (pelvis,
thorax) is a node that turns as the body there does and carries, at no distance, a node for each
bone, called `pelvis_to_left_hip` and so on: with a rigid pelvis these stay at rest.

A direction says nothing of the twist about it. A limb's upper bone (thigh, upper arm) is twisted
so that the limb bends about the axis that it bends about at rest; where it is nearly straight,
the twist is interpolated between the frames around. All other bones turn by the shortest way.

Axes: T frame, J joint, N node. Rotations are matrices that act on column vectors; a node's world
rotation is its parent's times its own. Rest: x to the person's left, y up, z to the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import from_rotation_vector
from poselift.motion.tpose import rest_bend, rest_directions, rest_place
from poselift.skeletons import Skeleton

#: A limb bent by less than this has no axis of its own: its twist is held.
STRAIGHT = np.radians(15.0)


@final
@dataclass(frozen=True, eq=False)
class Rig:
    """A tree of nodes at rest; made by `Rig.of`.

    skeleton  the joints that the nodes stand for.
    lengths   (J,) metres, of the bone that ends in each joint; 0 for the root.
    nodes     (N,) names; a parent comes before its children.
    parents   (N,) index of each node's parent, -1 for the first, the root.
    joints    (N,) index of the joint at each node.
    """

    skeleton: Skeleton
    lengths: Float[np.ndarray, " J"]
    nodes: tuple[str, ...]
    parents: tuple[int, ...]
    joints: tuple[int, ...]

    @classmethod
    def of(cls, skeleton: Skeleton, lengths: Float[np.ndarray, " J"]) -> Rig:
        """Build the tree of a skeleton with bones of the given lengths (metres).

        Raises `PoseliftError` for lengths that are not finite or below 0.
        """
        for parent, child in skeleton.edges:
            if not (np.isfinite(lengths[child]) and lengths[child] >= 0):
                raise PoseliftError(
                    f"bone {skeleton.joints[parent]} to {skeleton.joints[child]}: "
                    f"expected a length of at least 0 m, got {lengths[child]}"
                )
        nodes, parents, joints = [skeleton.joints[skeleton.root]], [-1], [skeleton.root]
        todo = [0]
        while todo:
            node = todo.pop()
            name, below = skeleton.joints[joints[node]], _children(skeleton, joints[node])
            for child in below:
                carrier = node
                if len(below) > 1:
                    nodes.append(f"{name}_to_{skeleton.joints[child]}")
                    parents.append(node)
                    joints.append(joints[node])
                    carrier = len(nodes) - 1
                nodes.append(skeleton.joints[child])
                parents.append(carrier)
                joints.append(child)
                todo.append(len(nodes) - 1)
        lengths = np.array(lengths, np.float64)
        lengths[skeleton.root] = 0.0
        return cls(skeleton, lengths, tuple(nodes), tuple(parents), tuple(joints))

    def __len__(self) -> int:
        """Return the number of nodes N."""
        return len(self.nodes)

    @cached_property
    def offsets(self) -> Float[np.ndarray, "N 3"]:
        """Metres: from each node's parent to the node, at rest. The root's is 0."""
        rest = rest_directions(self.skeleton) * self.lengths[:, None]
        above = [self.joints[parent] for parent in self.parents]
        moved = np.array(above) != self.joints
        moved[0] = False
        return rest[list(self.joints)] * moved[:, None]

    @cached_property
    def rest(self) -> Float[np.ndarray, "J 3"]:
        """Metres: the joints at rest, the root at 0."""
        still = np.tile(np.eye(3), (1, len(self), 1, 1))
        return self.to_positions(still)[0]

    def children(self, node: int) -> tuple[int, ...]:
        """Return the nodes that hang on a node."""
        return tuple(i for i, parent in enumerate(self.parents) if parent == node)

    def to_positions(
        self,
        rotations: Float[np.ndarray, "T N 3 3"],
        root: Float[np.ndarray, "T 3"] | None = None,
    ) -> Float[np.ndarray, "T J 3"]:
        """Return joint positions (metres) of nodes' rotations against their parents.

        root  where the root joint is; at 0 if left out.
        """
        world = np.empty_like(rotations)
        places = np.empty((*rotations.shape[:2], 3))
        for node, parent in enumerate(self.parents):
            if parent < 0:
                world[:, node], places[:, node] = rotations[:, node], 0.0 if root is None else root
                continue
            world[:, node] = world[:, parent] @ rotations[:, node]
            places[:, node] = places[:, parent] + world[:, parent] @ self.offsets[node]
        first = [self.joints.index(joint) for joint in range(len(self.skeleton))]
        return places[:, first]

    def to_rotations(self, positions: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "T N 3 3"]:
        """Return each node's rotation against its parent, of positions in any right-handed axes.

        Only the directions of bones count: `to_positions` gives these positions back if their bones
        have the rig's lengths, else the same pose with those lengths. A frame with a missing (NaN)
        joint is NaN. A bone of no length turns with its parent.
        """
        points = np.asarray(positions, np.float64)
        whole = np.isfinite(points).all(axis=(1, 2))
        if not whole.any():
            return np.full((len(points), len(self), 3, 3), np.nan)
        points = points[whole]
        # a node's frames lie side by side in memory: twice as fast
        world = np.empty((len(self), len(points), 3, 3)).swapaxes(0, 1)
        found = np.empty_like(world)
        directions = rest_directions(self.skeleton)
        for node, parent in enumerate(self.parents):
            above = np.eye(3) if parent < 0 else world[:, parent]
            below = [self.joints[child] for child in self.children(node)]
            if self._carries(node):
                world[:, node] = self._frame(node, points, above)
            elif not below:
                world[:, node] = above
            else:
                child = below[0]
                bone = points[:, child] - points[:, self.joints[node]]
                swing = shortest_turn(above @ directions[child], _unit(bone))
                world[:, node] = swing @ above
                if self._is_limb(node):
                    twist = self._twist(node, child, points, world[:, node])
                    world[:, node] = _about(_unit(bone), twist) @ world[:, node]
            found[:, node] = np.swapaxes(above, -1, -2) @ world[:, node]
        if whole.all():
            return found
        local = np.full((len(positions), len(self), 3, 3), np.nan)
        local[whole] = found
        return local

    def _carries(self, node: int) -> bool:
        """Whether this is the body of a joint with several bones, or a root that needs a frame."""
        return (
            len(_children(self.skeleton, self.joints[node])) > 1 and "_to_" not in self.nodes[node]
        )

    def _is_limb(self, node: int) -> bool:
        """Whether a bone and another one, and no more, hang below: a thigh or an upper arm."""
        middle = _children(self.skeleton, self.joints[node])
        return (
            len(middle) == 1
            and len(_children(self.skeleton, middle[0])) == 1
            and self.skeleton.landmarks[middle[0]].partition("_")[2] in ("knee", "elbow")
        )

    def _frame(
        self, node: int, points: Float[np.ndarray, "T J 3"], above: Float[np.ndarray, ...]
    ) -> Float[np.ndarray, "T 3 3"]:
        """Turn of a branching joint's body: its left-right line exactly, then the trunk as near."""
        joint = self.joints[node]
        first, second = _frame_bones(self.skeleton, joint)
        rest = np.stack([rest_place(landmark) for landmark in self.skeleton.landmarks])
        at_rest = _triad(*(rest[None, b] - rest[None, a] for a, b in (first, second)))
        turned = _triad(*(points[:, b] - points[:, a] for a, b in (first, second)))
        lost = ~np.isfinite(turned).all(axis=(1, 2))
        world = turned @ np.swapaxes(at_rest, -1, -2)
        world[lost] = np.broadcast_to(above, world.shape)[lost]
        return world

    def _twist(
        self,
        node: int,
        child: int,
        points: Float[np.ndarray, "T J 3"],
        swung: Float[np.ndarray, "T 3 3"],
    ) -> Float[np.ndarray, " T"]:
        """Radians about the upper bone from `swung`'s bending axis to the limb's own."""
        end = _children(self.skeleton, child)[0]
        upper = _unit(points[:, child] - points[:, self.joints[node]])
        lower = _unit(points[:, end] - points[:, child])
        axis = np.cross(upper, lower)
        bent = np.linalg.norm(axis, axis=1) > np.sin(STRAIGHT)
        bent |= (upper * lower).sum(axis=1) < 0  # folded onto itself: no axis either, but no zero
        bent &= np.linalg.norm(axis, axis=1) > 1e-3
        if not bent.any():
            return np.zeros(len(points))
        direction = rest_directions(self.skeleton)[child]
        at_rest = np.cross(direction, rest_bend(self.skeleton.landmarks[child]))
        reference = swung @ at_rest
        sine = (np.cross(reference, axis) * upper).sum(axis=1)
        angle = np.arctan2(sine, (reference * axis).sum(axis=1))
        frames = np.arange(len(points))
        return np.interp(frames, frames[bent], np.unwrap(angle[bent]))


def bone_vectors(
    positions: Float[np.ndarray, "T J 3"], skeleton: Skeleton
) -> Float[np.ndarray, "T J 3"]:
    """Vector of the bone that ends in each joint, parent to child; 0 for the root."""
    vectors = np.zeros_like(positions)
    parents, children = np.array(skeleton.edges).T
    vectors[:, children] = positions[:, children] - positions[:, parents]
    return vectors


def shortest_turn(
    start: Float[np.ndarray, "*#batch 3"], end: Float[np.ndarray, "*#batch 3"]
) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation that takes one unit vector to another by the shortest way.

    Opposite vectors have no shortest way: about any axis across. A vector that is NaN: no turn.
    """
    start, end = np.broadcast_arrays(start, end)
    axis, cosine = np.cross(start, end), (start * end).sum(axis=-1)[..., None, None]
    across = np.zeros((*axis.shape, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        across[..., k, j], across[..., j, k] = axis[..., i], -axis[..., i]
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.eye(3) + across + across @ across / (1 + cosine)
    opposite = cosine[..., 0, 0] < -1 + 1e-12
    if opposite.any():
        other = np.eye(3)[np.abs(start[opposite]).argmin(axis=-1)]
        normal = _unit(np.cross(start[opposite], other))
        turn[opposite] = 2 * normal[..., :, None] * normal[..., None, :] - np.eye(3)
    turn[~np.isfinite(cosine[..., 0, 0])] = np.eye(3)
    return turn


def _children(skeleton: Skeleton, joint: int) -> list[int]:
    return [child for parent, child in skeleton.edges if parent == joint]


def _frame_bones(skeleton: Skeleton, joint: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two lines, each from one joint to another, that say how the body at a joint is turned.

    From right to left, where such a pair hangs below and is apart at rest (not Human3.6M's collars
    but its shoulders); then the bone above, then those below. The two are not parallel at rest.
    """
    rest = np.stack([rest_place(landmark) for landmark in skeleton.landmarks])
    level, parent = _children(skeleton, joint), skeleton.parents[joint]
    pairs, others = [], [(parent, joint)] if parent >= 0 else []
    while level:
        others += [(joint, one) for one in level]
        names = {skeleton.joints[one]: one for one in level}  # a joint may lack its mirror image
        pairs += [
            (names[other], one)
            for name, one in names.items()
            if name.startswith("left_")
            and (other := "right_" + name.removeprefix("left_")) in names
        ]
        level = [child for one in level for child in _children(skeleton, one)]
    lines = [(a, b) for a, b in (*pairs, *others) if np.linalg.norm(rest[b] - rest[a]) > 1e-3]
    start, end = lines[0]
    across = [np.cross(rest[end] - rest[start], rest[b] - rest[a]) for a, b in lines]
    return lines[0], next(
        line
        for line, normal in zip(lines, across, strict=True)
        if line not in pairs and np.linalg.norm(normal) > 1e-4
    )


def _triad(
    first: Float[np.ndarray, "T 3"], second: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 3 3"]:
    """Axes as columns: along `first`, across both, and the third; NaN where they are parallel."""
    x = _unit(first)
    z = _unit(np.cross(x, _unit(second)))
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _unit(vectors: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Vectors of length 1; NaN for those without a length."""
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 1e-9, vectors / length, np.nan)


def _about(
    axis: Float[np.ndarray, "T 3"], angle: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T 3 3"]:
    """Rotate by `angle` radians about unit axes."""
    return from_rotation_vector(np.nan_to_num(axis) * angle[:, None])
