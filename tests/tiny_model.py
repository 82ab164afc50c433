"""A model file of a few kilobytes, made without torch, for tests of what runs models."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from poselift.skeletons import get_skeleton

CARD: dict[str, Any] = {
    "name": "tiny",
    "architecture": "tiny",
    "config": {},
    "skeleton": "h36m_17",
    "normalisation": "person",
    "units": "m",
    "longest_bone_m": 1e6,  # random weights make no bodies
}


def tiny_onnx(
    card: dict[str, Any] | None = None,
    *,
    metadata: dict[str, str] | None = None,
    joints: int | None = None,
    batch: int | str = "batch",
    gain: float = 1.0,
) -> bytes:
    """Bytes of an ONNX model with random weights: two linear layers with tanh between.

    `card` overrides entries of `CARD`; `metadata` replaces the card altogether. With "frames" in
    the card, every pose depends on all frames of its window.
    """
    full = {**CARD, **(card or {})}
    joints = len(get_skeleton(full["skeleton"])) if joints is None else joints
    length = full.get("frames", 1)
    window = [] if length == 1 else [length]
    axes = [batch, *window, joints]
    rng = np.random.default_rng(7)
    first = rng.normal(size=(2 * joints * length, 8)).astype(np.float32)
    second = gain * rng.normal(size=(8, 3 * joints * length)).clip(-1, 1)
    second = second.astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["keypoints"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["hidden"]),
        helper.make_node("Tanh", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "second"], ["wide"]),
        helper.make_node("Reshape", ["wide", "shape"], ["poses"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(
                "keypoints", TensorProto.FLOAT, [batch, *window, joints, 2]
            )
        ],
        [helper.make_tensor_value_info("poses", TensorProto.FLOAT, [*axes, 3])],
        [
            numpy_helper.from_array(first, "first"),
            numpy_helper.from_array(second, "second"),
            numpy_helper.from_array(np.array([-1, *window, joints, 3]), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"poselift": json.dumps(full)} if metadata is None else metadata)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def pose_network(path: Path, *, kind: str, joints: int = 17) -> Path:
    """An .onnx file like MMPose's: wherever the picture is, each joint is in the same place.

    Joint j is at (12 + 2 j, 20 + 4 j) of 96 x 128 pixels.
    """
    at = [(12 + 2 * j, 20 + 4 * j) for j in range(joints)]
    if kind == "simcc":
        along = np.zeros((1, joints, 192), np.float32), np.zeros((1, joints, 256), np.float32)
        for joint, (x, y) in enumerate(at):
            along[0][0, joint, 2 * x] = along[1][0, joint, 2 * y] = 0.8
        outputs = dict(zip(("simcc_x", "simcc_y"), along, strict=True))
    else:
        heat = np.zeros((1, joints, 32, 24), np.float32)
        for joint, (x, y) in enumerate(at):
            heat[0, joint, y // 4, x // 4] = 0.8
        outputs = {"output": heat}
    if kind == "nonsense":
        outputs = {"output": np.zeros((1, 5), np.float32)}
    nodes = [helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0)]
    nodes += [helper.make_node("Mul", ["mean", "zero"], ["nothing"])]
    for name in outputs:
        nodes.append(helper.make_node("Add", ["nothing", f"{name}_0"], [name]))
    graph = helper.make_graph(
        nodes,
        "pose",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 128, 96])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
            for name, value in outputs.items()
        ],
        [
            numpy_helper.from_array(np.zeros((), np.float32), "zero"),
            *(numpy_helper.from_array(value, f"{name}_0") for name, value in outputs.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
