"""What runs the networks: the runtimes, their precisions, and what this machine has of them."""

from __future__ import annotations

import importlib.util
import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError, how_to_install
from poselift.modelfiles.card import (
    BEFORE_OUTPUT,
    INPUT,
    NOT_OFFERED,
    OUTPUT,
    ModelCard,
    parse_card,
)
from poselift.modelfiles.find import DEFAULT_MODEL, ModelFile, find_model, has_weights
from poselift.modelfiles.onnxfile import card_text
from poselift.modelfiles.runtime import load_onnxruntime, load_openvino, openvino_core

if TYPE_CHECKING:
    import onnxruntime

#: Runtimes, the one that is taken unless another is asked for first.
BACKENDS = ("onnxruntime", "openvino")

#: What the large products are computed in, the exact one first.
PRECISIONS = ("fp32", "bf16", "int8")

#: Taken unless a precision is named: int8 where that is exact enough (see `choose_precision`).
AUTO = "auto"

#: Most that int8 may cost in mm of MPJPE on cmu17, by the card of the file, to be taken unasked.
AUTO_LIMIT_MM = 0.5

#: What each runtime can do where the CPU can.
_PRECISIONS_OF = {"onnxruntime": ("fp32", "int8"), "openvino": ("fp32", "bf16")}


class Network(ABC):
    """A network that a runtime has opened."""

    @abstractmethod
    def run(self, inputs: Float[np.ndarray, "B *T J 2"]) -> Float[np.ndarray, "B *T J 3"]:
        """Run normalised keypoints (float32, missing joints 0)."""


@final
@dataclass(frozen=True)
class OnnxRuntimeNetwork(Network):
    """A network in ONNX Runtime, in an open session."""

    session: onnxruntime.InferenceSession

    def run(self, inputs: Float[np.ndarray, "B *T J 2"]) -> Float[np.ndarray, "B *T J 3"]:
        """Run the session."""
        outputs: np.ndarray = self.session.run([OUTPUT], {INPUT: inputs})[0]
        return outputs


@final
class OpenVinoNetwork(Network):
    """A network in OpenVINO; in bf16 its output layer stays float32 (it costs 0.25 mm else)."""

    def __init__(self, file: ModelFile, card: ModelCard, precision: str, threads: int) -> None:
        """Compile the network, or its two parts."""
        core = openvino_core()
        model = core.read_model(file.data)
        parts = [(model, "f32")]
        if precision == "bf16":
            refusal = _refusal_of_bf16(card)
            if refusal:
                raise PoseliftError(f"{file.source}: is not offered in bf16: {refusal}")
            trunk, head = _cut(model, card.content[BEFORE_OUTPUT])
            parts = [(trunk, "bf16"), (head, "f32")]
        self._requests = [
            core.compile_model(
                part,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": kind,
                    "INFERENCE_NUM_THREADS": threads,
                    "NUM_STREAMS": 1,
                    "PERFORMANCE_HINT": "LATENCY",
                },
            ).create_infer_request()
            for part, kind in parts
        ]
        self._one_at_a_time = Lock()

    def run(self, inputs: Float[np.ndarray, "B *T J 2"]) -> Float[np.ndarray, "B *T J 3"]:
        """Run one part after the other."""
        tensor = load_openvino().Tensor

        with self._one_at_a_time:
            values: tuple[np.ndarray, ...] = (np.ascontiguousarray(inputs),)
            for request in self._requests:
                for index, value in enumerate(values):
                    request.set_input_tensor(index, tensor(value, shared_memory=True))
                request.infer()
                values = (request.get_output_tensor().data, values[-1])
            outputs: np.ndarray = values[0].copy()
        return outputs


def _refusal_of_bf16(card: ModelCard) -> str:
    """Say why a model is not run in bf16; nothing if it is."""
    if not isinstance(card.content.get(BEFORE_OUTPUT), str):
        return "its card does not say where the output layer begins, export it again"
    reasons = card.content.get(NOT_OFFERED)
    return str(reasons.get("bf16", "")) if isinstance(reasons, dict) else ""


def _cut(model: Any, name: str) -> tuple[Any, Any]:
    """Cut an OpenVINO model in two at the tensor of a name.

    The second part takes that tensor, and the keypoints for their number of frames.
    """
    openvino = load_openvino()
    opset13 = openvino.opset13

    border = next(
        output
        for node in model.get_ops()
        for output in node.outputs()
        if name in output.get_names()
    )
    entry = opset13.parameter(border.get_partial_shape(), np.float32)
    for consumer in border.get_target_inputs():
        consumer.replace_source_output(entry.output(0))
    head = openvino.Model(model.get_results(), [entry, *model.get_parameters()])
    return openvino.Model([border], model.get_parameters()), head


def runtimes(model: str | os.PathLike[str] = DEFAULT_MODEL) -> tuple[tuple[str, str], ...]:
    """Return each (backend, precision) that this machine can run a model with, exact ones first.

    Raises `PoseliftError` if there is no such model.
    """
    return tuple(
        (backend, precision)
        for backend in BACKENDS
        for precision in _available(backend)
        if has_weights(model, precision) and (precision != "bf16" or _offers_bf16(model))
    )


def _offers_bf16(model: str | os.PathLike[str]) -> bool:
    """Tell whether a model with fp32 weights runs in bf16."""
    return not _refusal_of_bf16(card_of(find_model(model)))


def choose_precision(
    model: str | os.PathLike[str] | ModelFile, backend: str, precision: str
) -> str:
    """Return the precision to run a model with; `AUTO` is decided, all else only checked.

    `AUTO` is int8 where this CPU computes that exactly and the card of the model's int8 file says
    that it costs at most `AUTO_LIMIT_MM`, else fp32; a file that has been read is run as it is.

    Raises `PoseliftError` as `check_choice` does, and if there is no such model.
    """
    if precision != AUTO:
        check_choice(backend, precision)
        return precision
    check_choice(backend, "fp32")
    if isinstance(model, ModelFile):
        return card_of(model).precision
    if not has_weights(model, "int8"):
        return "fp32"
    if not has_weights(model, "fp32"):
        return "int8"  # a file of integers, named as such
    if "int8" not in _available(backend):
        return "fp32"
    losses = card_of(find_model(model, "int8")).content.get("loss_against_fp32")
    measured = losses.get("int8") if isinstance(losses, dict) else None
    found = [
        value
        for title, row in (measured.items() if isinstance(measured, dict) else ())
        for column, value in (row.items() if isinstance(row, dict) else ())
        if title.startswith("cmu17") and column.startswith("MPJPE")
    ]
    fine = found and all(isinstance(one, float) and one <= AUTO_LIMIT_MM for one in found)
    return "int8" if fine else "fp32"


def card_of(file: ModelFile) -> ModelCard:
    """Return the card in a model file; `PoseliftError` as `card_text` and `parse_card` say."""
    return parse_card(card_text(file.data, file.source), file.source)


def check_choice(backend: str, precision: str) -> None:
    """Refuse an unknown backend or precision, and what this machine does not have of them."""
    for name, value, known in (
        ("backend", backend, BACKENDS),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise PoseliftError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
    if importlib.util.find_spec(backend) is None:
        raise PoseliftError(
            f"backend {backend} is not installed, get it with: {how_to_install(backend)}"
        )
    if precision not in _PRECISIONS_OF[backend]:
        others = ", ".join(b for b in BACKENDS if precision in _PRECISIONS_OF[b])
        raise PoseliftError(
            f"precision: {backend} has {', '.join(_PRECISIONS_OF[backend])}, got {precision!r} "
            f"(which {others} has: --backend {others})"
        )
    if precision != "fp32" and precision not in _available(backend):
        raise PoseliftError(
            f"precision: this CPU cannot compute in {precision}, expected one of "
            f"{', '.join(_available(backend))}"
        )


@cache
def _available(backend: str) -> tuple[str, ...]:
    """Precisions that a backend has on this machine; none if it is not installed."""
    if importlib.util.find_spec(backend) is None:
        return ()
    able = {"fp32": True, "bf16": False, "int8": True}
    if backend == "openvino":
        able["bf16"] = "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    else:
        able["int8"] = _whole_products_are_exact()
    return tuple(precision for precision in _PRECISIONS_OF[backend] if able[precision])


def _whole_products_are_exact() -> bool:
    """Tell whether 8-bit products keep their sums: CPUs without VNNI cut them off at 16 bits.

    The probe multiplies 64 values of 255 by weights of 127.
    """
    onnxruntime = load_onnxruntime()
    session = onnxruntime.InferenceSession(
        str(files("poselift") / "lifting" / "int8_probe.onnx"), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"x": np.full((4, 64), 255, dtype=np.uint8)})[0]
    return bool((found == 64 * 255 * 127).all())


def start_session(
    file: ModelFile, threads: int, *, only_look: bool = False
) -> onnxruntime.InferenceSession:
    """Open ONNX Runtime; whatever it says of a bad file becomes one sentence.

    With `only_look` nothing is made ready for running.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # between two runs the pool must not keep cores busy: the caller decodes, draws or detects
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 4
    if only_look:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(
            file.data, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's errors have no common base class
        reason = re.sub(r"\s+", " ", str(error).split(" : ")[-1]).strip().rstrip(".")
        raise PoseliftError(
            f"{file.source}: not a readable ONNX model, damaged or of another kind ({reason})"
        ) from None
