"""The plain matrix product of each runtime and precision: what a network could reach at most.

Axes: M rows of activations, K inner, N outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from poselift.benchmark.runtimes import Runtime
from poselift.lifting.backends import start_session
from poselift.modelfiles.find import ModelFile
from poselift.modelfiles.runtime import load_openvino, openvino_core

Shape = tuple[int, int, int]


def matrix_product(runtime: Runtime, shape: Shape, threads: int) -> Callable[[], object] | None:
    """Return a function that multiplies (M, K) activations by constant (K, N) weights.

    None where no plain product of that precision is known for the backend.
    """
    rng = np.random.default_rng(0)
    activations = rng.normal(size=shape[:2]).astype(np.float32)
    if runtime in (("openvino", "fp32"), ("openvino", "bf16")):
        return _openvino(_float_model(shape), runtime[1], activations, threads)
    if runtime == ("onnxruntime", "fp32"):
        model = _float_model(shape)
        inputs: dict[str, Any] = {"x": activations}
    elif runtime == ("onnxruntime", "int8"):
        model = _integer_model(shape)
        scale = np.array(0.01, dtype=np.float32)
        inputs = {"x": rng.integers(0, 255, shape[:2], dtype=np.uint8), "x_scale": scale}
    else:
        return None
    session = start_session(ModelFile("matrix product", model, ""), threads)
    return lambda: session.run(None, inputs)


def _float_model(shape: Shape) -> bytes:
    """One MatMul in ONNX."""
    weights = np.random.default_rng(1).normal(size=shape[1:]).astype(np.float32)
    return _model(
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape[:2]))],
        [numpy_helper.from_array(weights, "w")],
    )


def _integer_model(shape: Shape) -> bytes:
    """One product of unsigned activations and signed weights, scaled back to floats."""
    weights = np.random.default_rng(1).integers(-64, 64, shape[1:], dtype=np.int8)
    scale = np.full(shape[2], 0.01, dtype=np.float32)
    return _model(
        helper.make_node(
            "MatMulIntegerToFloat", ["x", "w", "x_scale", "w_scale"], ["y"], domain="com.microsoft"
        ),
        [
            helper.make_tensor_value_info("x", TensorProto.UINT8, list(shape[:2])),
            helper.make_tensor_value_info("x_scale", TensorProto.FLOAT, []),
        ],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(scale, "w_scale")],
    )


def _model(node: onnx.NodeProto, inputs: list[Any], constants: list[Any]) -> bytes:
    """Bytes of a model of one node with the output y."""
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "product", inputs, outputs, constants)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, opset_imports=domains, ir_version=9)
    return bytes(made.SerializeToString())


def _openvino(
    model: bytes, precision: str, activations: np.ndarray, threads: int
) -> Callable[[], object]:
    """Compile for OpenVINO in a precision."""
    openvino, core = load_openvino(), openvino_core()
    settings = {
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()

    def multiply() -> np.ndarray:
        # the request does not keep what it shares: `activations` must live as long as this does
        request.set_input_tensor(openvino.Tensor(activations, shared_memory=True))
        request.infer()
        product: np.ndarray = request.get_output_tensor().data
        return product

    return multiply
