"""GLB (binary glTF 2.0): skinned bodies that move; metres, y up, several persons.

Each person is a node `person_00` with the joints of a T pose below it, a skin, and a mesh of our
own that follows (see `mannequin`). One animation turns all joints and moves all hips; its times are
the source's, from the first frame that is written. `asset.extras` says how the poses were made.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import to_quaternion
from poselift.io import rows
from poselift.io.arrays import Sink
from poselift.io.facts import about_file, facts
from poselift.io.mannequin import mannequin
from poselift.io.posture import Posture, posture
from poselift.poses import Results

#: glTF's numbers for kinds of components, and for what a piece of the buffer is for.
_KINDS = {"f4": 5126, "u1": 5121, "u2": 5123, "u4": 5125}
_CORNERS, _POINTS = 34963, 34962

#: Linear red, green, blue of the persons' bodies, in turn.
_COLOURS = ((0.05, 0.22, 0.55), (0.65, 0.13, 0.05), (0.10, 0.38, 0.12), (0.45, 0.28, 0.03))

#: Rotations that stay this near to none are left out.
_STILL = 1e-7


@dataclass
class _File:
    """The parts of a glTF file as they are put together."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    scene: list[int] = field(default_factory=list)
    meshes: list[dict[str, Any]] = field(default_factory=list)
    materials: list[dict[str, Any]] = field(default_factory=list)
    skins: list[dict[str, Any]] = field(default_factory=list)
    samplers: list[dict[str, Any]] = field(default_factory=list)
    channels: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, array: np.ndarray, shape: str, *, target: int = 0, limits: bool = False) -> int:
        """Append an array to the buffer; return the number of its accessor."""
        data = np.ascontiguousarray(array).tobytes()
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        if target:
            view["target"] = target
        accessor: dict[str, Any] = {
            "bufferView": len(self.views),
            "componentType": _KINDS[array.dtype.str[1:]],
            "count": len(array),
            "type": shape,
        }
        if limits:
            columns = array.reshape(len(array), -1)
            accessor["min"] = columns.min(axis=0).tolist()
            accessor["max"] = columns.max(axis=0).tolist()
        self.views.append(view)
        self.accessors.append(accessor)
        data += b"\0" * (-len(data) % 4)
        self.parts.append(data)
        self.size += len(data)
        return len(self.accessors) - 1


def write_glb(results: Results, stream: Sink, title: str, name: str) -> None:
    """Write all persons as one moving scene, in a file called `name`.

    Raises `PoseliftError` as `posture` does, and if the file would pass 4 GiB.
    """
    said = facts(results)
    postures = [posture(one.poses_3d) for one in results.people]
    begin = min(one.line.times[0] for one in postures)
    file = _File()
    for one, person in zip(postures, results.people, strict=True):
        _add_person(file, one, person.poses_3d.person_id, float(one.line.times[0] - begin))
    notes = [note for one in postures for note in one.notes]
    about = about_file(name, results, "y-up", notes)
    content = {
        "asset": {
            "version": "2.0",
            "generator": str(results.meta.get("software", "poselift")),
            "extras": {**said, "start_s": float(begin), "files": [about]},
        },
        "scene": 0,
        "scenes": [{"name": title, "nodes": file.scene}],
        "nodes": file.nodes,
        "meshes": file.meshes,
        "materials": file.materials,
        "skins": file.skins,
        "animations": [{"name": title, "samplers": file.samplers, "channels": file.channels}],
        "accessors": file.accessors,
        "bufferViews": file.views,
        "buffers": [{"byteLength": file.size}],
    }
    text = rows.dump(content)
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + file.size
    if length >= 1 << 32:
        raise PoseliftError(f"a GLB file is at most 4 GiB, this would be {length / 2**30:.1f} GiB")
    stream.write(struct.pack("<4sII", b"glTF", 2, length))
    stream.write(struct.pack("<I4s", len(text), b"JSON") + text)
    stream.write(struct.pack("<I4s", file.size, b"BIN\0"))
    for part in file.parts:
        stream.write(part)


def _add_person(file: _File, moved: Posture, number: int, start: float) -> None:
    """Add the nodes, the body and the movement of one person."""
    rig, rest = moved.rig, moved.rest
    name, first = f"person_{number:02d}", len(file.nodes) + 1
    file.scene.append(len(file.nodes))
    file.nodes.append({"name": name, "children": [first]})
    for node, label in enumerate(rig.nodes):
        place = rest if node == 0 else rig.offsets[node]
        entry: dict[str, Any] = {"name": label}
        if np.abs(place).max() > 0:
            entry["translation"] = [float(value) for value in place]
        if rig.children(node):
            entry["children"] = [first + child for child in rig.children(node)]
        file.nodes.append(entry)
    binding = np.tile(np.eye(4, dtype=np.float32), (len(rig), 1, 1))
    binding[:, 3, :3] = -(rig.rest + rest)[list(rig.joints)]  # stored by columns
    joints = list(range(first, first + len(rig)))
    skin = {
        "name": name,
        "joints": joints,
        "skeleton": first,
        "inverseBindMatrices": file.add(binding.reshape(-1, 16), "MAT4"),
    }
    _add_body(file, moved, name)
    file.nodes[-1]["skin"] = len(file.skins)
    file.skins.append(skin)
    times = (moved.line.times - moved.line.times[0] + start).astype(np.float32)
    clock = file.add(times, "SCALAR", limits=True)
    _animate(file, clock, first, "translation", moved.root)
    for node in range(len(rig)):
        turns = _continuous(to_quaternion(moved.rotations[:, node]))
        if np.abs(turns[:, 1:]).max() > _STILL:
            _animate(file, clock, first + node, "rotation", turns[:, [1, 2, 3, 0]])


def _add_body(file: _File, moved: Posture, name: str) -> None:
    """Add the mesh of a person, and the node that shows it."""
    body = mannequin(moved.rig, moved.rest)
    wide = "<u1" if len(moved.rig) <= 256 else "<u2"
    carried = np.zeros((len(body.points), 4), wide)
    carried[:, 0] = body.nodes
    shares = np.zeros((len(body.points), 4), np.float32)
    shares[:, 0] = 1.0
    attributes = {
        "POSITION": file.add(body.points.astype(np.float32), "VEC3", target=_POINTS, limits=True),
        "NORMAL": file.add(body.normals.astype(np.float32), "VEC3", target=_POINTS),
        "JOINTS_0": file.add(carried, "VEC4", target=_POINTS),
        "WEIGHTS_0": file.add(shares, "VEC4", target=_POINTS),
    }
    corners = file.add(body.corners.astype("<u4").ravel(), "SCALAR", target=_CORNERS)
    primitive = {"attributes": attributes, "indices": corners, "material": len(file.materials)}
    colour = _COLOURS[len(file.meshes) % len(_COLOURS)]
    file.materials.append(
        {
            "name": f"{name}_skin",
            "pbrMetallicRoughness": {
                "baseColorFactor": [*colour, 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": 0.8,
            },
        }
    )
    file.scene.append(len(file.nodes))
    file.nodes.append({"name": f"{name}_body", "mesh": len(file.meshes)})
    file.meshes.append({"name": f"{name}_body", "primitives": [primitive]})


def _animate(
    file: _File, clock: int, node: int, path: str, values: Float[np.ndarray, "T C"]
) -> None:
    """Add one channel of the animation."""
    shape = "VEC3" if path == "translation" else "VEC4"
    output = file.add(values.astype(np.float32), shape)
    target = {"node": node, "path": path}
    file.channels.append({"sampler": len(file.samplers), "target": target})
    file.samplers.append({"input": clock, "output": output, "interpolation": "LINEAR"})


def _continuous(quaternions: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, "T 4"]:
    """Choose signs so that each quaternion is near the one before: players go the short way."""
    near = (quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0
    signs = np.where(np.cumsum(near, axis=0) % 2, -1.0, 1.0)
    return np.concatenate([quaternions[:1], quaternions[1:] * signs[..., None]])
