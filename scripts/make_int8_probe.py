"""Make src/poselift/lifting/int8_probe.onnx: the product that shows whether 8-bit sums are exact.

64 activations of 255 times weights of 127: CPUs without 8-bit dot products add pairs of such
products in 16 bits, where they do not fit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from poselift.files import write_bytes

TARGET = Path(__file__).resolve().parents[1] / "src" / "poselift" / "lifting" / "int8_probe.onnx"


def probe() -> bytes:
    """Return the model: "x" (N, 64) uint8 to "y" (N, 16) int32."""
    weights = numpy_helper.from_array(np.full((64, 16), 127, dtype=np.int8), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [None, 64])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [None, 16])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


if __name__ == "__main__":
    write_bytes(TARGET, probe())
