"""BVH: a T pose, and rotations of its joints over time; metres, one person.

The first joint, `root`, is on the floor under the hips and only moves; so its OFFSET is 0 and
nobody has to ask whether position channels are added to it. Below come the joints of the skeleton.
A joint that several bones leave carries a node for each, `pelvis_to_left_hip`, at no distance.
Rotations are degrees about z, x, y: Rz Rx Ry. Wrists, ankles and the head have an End Site, as long
as hands, feet and head are; their own rotation is 0.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.geometry import to_euler
from poselift.io import textrows
from poselift.io.arrays import Sink
from poselift.io.axes import Axes, turning
from poselift.io.motionfile import rig
from poselift.io.posture import posture
from poselift.mocap import BvhMotion
from poselift.motion.skeleton import Rig
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton, get_skeleton, skeleton_names

_ROOT = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
_JOINT = "CHANNELS 3 Zrotation Xrotation Yrotation"


def write_bvh(sequence: PoseSequence, stream: Sink, axes: Axes) -> tuple[str, ...]:
    """Write 3D poses as BVH; return what had to be decided (see `posture`), and a late start.

    Raises `PoseliftError` if there is nothing to write or a joint has no place in a T pose.
    """
    moved = posture(sequence)
    turn = turning("y-up", axes)
    rig = moved.rig
    order = preorder(rig)
    stream.write(_hierarchy(rig, moved.rest, turn).encode())
    count = len(moved.line)
    stream.write(f"MOTION\nFrames: {count}\nFrame Time: {1 / moved.line.fps!r}\n".encode())
    path = (moved.root - moved.rest) @ turn.T
    angles = np.empty((count, len(rig), 3))
    for place, node in enumerate(order):  # one at a time, as all at once would fill the memory
        turns = moved.rotations[:, node]
        turns = turns if axes == "y-up" else turn @ turns @ turn.T
        angles[:, place] = np.degrees(np.unwrap(to_euler(turns, "zxy"), axis=0))
    table = angles.reshape(count, -1)
    for rows in textrows.blocks(count):
        still = np.zeros((len(path[rows]), 3))
        values = np.concatenate([path[rows], still, table[rows]], axis=1).astype(np.float32)
        stream.write(b"\n".join(textrows.lines(values, b" ")) + b"\n")
    start = float(moved.line.times[0])  # which the format has no place for, and several need
    who = f"person {sequence.person_id}"
    late = (f"{who}: begins {start:.3f} s into the source",) if moved.line.first else ()
    return (*moved.notes, *late)


def preorder(rig: Rig) -> list[int]:
    """Return the nodes as a hierarchy names them: each directly before all that hang on it."""
    order, todo = [], [0]
    while todo:
        order.append(todo.pop())
        todo.extend(reversed(rig.children(order[-1])))
    return order


def _hierarchy(rig: Rig, rest: Float[np.ndarray, " D"], turn: Float[np.ndarray, "3 3"]) -> str:
    """Return the tree as text; `rest` is where the root joint is at rest, in y-up axes."""
    lines = ["HIERARCHY", "ROOT root", "{", "\tOFFSET 0 0 0", f"\t{_ROOT}"]

    def add(node: int, depth: int) -> None:
        tab = "\t" * depth
        offset = rig.offsets[node] if node else rest
        lines.extend([f"{tab}JOINT {rig.nodes[node]}", f"{tab}{{"])
        lines.extend([f"{tab}\tOFFSET {_numbers(turn @ offset)}", f"{tab}\t{_JOINT}"])
        for child in rig.children(node):
            add(child, depth + 1)
        if not rig.children(node):
            end = turn @ end_of(rig, node, rest)
            lines.extend([f"{tab}\tEnd Site", f"{tab}\t{{"])
            lines.extend([f"{tab}\t\tOFFSET {_numbers(end)}", f"{tab}\t}}"])
        lines.append(f"{tab}}}")

    add(0, 1)
    lines.append("}\n")
    return "\n".join(lines)


def _numbers(values: Float[np.ndarray, " D"]) -> str:
    return " ".join(f"{value + 0.0:.9g}" for value in values)


def end_of(rig: Rig, node: int, rest: Float[np.ndarray, " D"]) -> Float[np.ndarray, " D"]:
    """Metres from a last joint to the end of hand, foot, head or whatever it is, at rest, y-up.

    As long as they are in a person of these legs; toes end on the floor.
    """
    joint = rig.joints[node]
    landmark, place, size = rig.skeleton.landmarks[joint], rig.rest[joint], float(rest[1])
    part = landmark.partition("_")[2]
    if part == "wrist":
        return np.array([np.copysign(0.2 * size, place[0]), 0.0, 0.0])
    if part == "ankle":
        return np.array([0.0, -(place[1] + rest[1]), 0.2 * size])
    away = rig.offsets[node]
    length = float(np.linalg.norm(away))
    return away * (0.05 * size / length) if length > 0 else np.array([0.0, 0.05 * size, 0.0])


def joints_of(motion: BvhMotion) -> tuple[Skeleton, list[int]] | None:
    """Return the joint set that a hierarchy of ours holds, and where each of its joints is in it.

    -1 for a joint that was left out when it was written. None for a hierarchy that is not ours: a
    `root` that is no joint of a body, and nodes at no distance for the bones of those that branch.
    """
    names, parents = motion.names, motion.parents
    carriers = {
        node
        for node, (name, parent) in enumerate(zip(names, parents, strict=True))
        if parent >= 0
        and name.startswith(f"{names[parent]}_to_")
        and not motion.offsets[node].any()
    }
    if names[0] != "root" or motion.offsets[0].any() or not (carriers or len(names) < 4):
        return None
    above = [-1] * len(names)  # the nearest joint above that is one of a body
    for node in range(1, len(names)):
        up = parents[node]
        above[node] = above[up] if up in carriers else up
    ends = {node for node, channels in enumerate(motion.channels) if not channels}
    body = [node for node in range(1, len(names)) if node not in carriers | ends]
    inner = [names[node] for node in body]
    sets = [one for one in map(get_skeleton, skeleton_names()) if set(inner) <= set(one.joints)]
    if sets and (known := min(sets, key=len)) and len(inner) > len(known) / 2:
        return known, [names.index(one) if one in inner else -1 for one in known.joints]
    tree = [body.index(above[node]) if above[node] in body else -1 for node in body]
    return rig(inner, tree), body
