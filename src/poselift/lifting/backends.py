"""What runs the networks: the runtimes, their precisions, and what this machine has of them."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.lifting.card import INPUT, OUTPUT
from poselift.lifting.weights import ModelFile, has_weights

if TYPE_CHECKING:
    import onnxruntime

#: Runtimes, the one that is taken unless another is asked for first.
BACKENDS = ("onnxruntime",)

#: What the large products are computed in, the exact one first.
PRECISIONS = ("fp32", "int8")

#: What each runtime can do, wherever it runs.
_PRECISIONS_OF = {"onnxruntime": ("fp32", "int8")}


class Network(ABC):
    """A network that a runtime has opened."""

    @abstractmethod
    def run(self, inputs: Float[np.ndarray, "B J 2"]) -> Float[np.ndarray, "B J 3"]:
        """Run normalised keypoints (float32, missing joints 0)."""


@final
class OnnxRuntimeNetwork(Network):
    """A network in ONNX Runtime."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Take an open session."""
        self._session = session

    def run(self, inputs: Float[np.ndarray, "B J 2"]) -> Float[np.ndarray, "B J 3"]:
        """Run the session."""
        outputs: np.ndarray = self._session.run([OUTPUT], {INPUT: inputs})[0]
        return outputs


def runtimes(model: str | os.PathLike[str] = "gln") -> tuple[tuple[str, str], ...]:
    """Return each (backend, precision) that this machine can run a model with, exact ones first.

    Raises `PoseliftError` if there is no such model.
    """
    return tuple(
        (backend, precision)
        for backend in BACKENDS
        for precision in _PRECISIONS_OF[backend]
        if has_weights(model, precision)
    )


def check_choice(backend: str, precision: str) -> None:
    """Refuse an unknown backend or precision, and one that does not have the other."""
    for name, value, known in (
        ("backend", backend, BACKENDS),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise PoseliftError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
    if precision not in _PRECISIONS_OF[backend]:
        raise PoseliftError(
            f"precision: {backend} has {', '.join(_PRECISIONS_OF[backend])}, got {precision!r}"
        )


def start_session(file: ModelFile, threads: int) -> onnxruntime.InferenceSession:
    """Open ONNX Runtime; whatever it says of a bad file becomes one sentence."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # between two runs the pool must not keep cores busy: the caller decodes, draws or detects
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            file.data, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's errors have no common base class
        reason = re.sub(r"\s+", " ", str(error).split(" : ")[-1]).strip().rstrip(".")
        raise PoseliftError(
            f"{file.source}: not a readable ONNX model, damaged or of another kind ({reason})"
        ) from None
