"""Detectors and whole systems as one ONNX file each: crop to heat maps, or crop to 3D pose."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.export.onnx_export import (
    TOLERANCE,
    distance,
    name_weights,
    rounded,
    seal,
    store_halves,
    tidy,
    trace,
)
from poselift.files import write_bytes
from poselift.modelfiles.detector_card import (
    CROP,
    DETECTOR,
    FOCAL,
    HEATMAPS,
    IMAGE,
    KEYPOINTS,
    POSES,
    SIZE,
)
from poselift.modelfiles.runtime import load_onnxruntime
from poselift.models.end_to_end import EndToEnd
from poselift.models.forms import graph_form
from poselift.models.hrnet.network import HRNet, as_input

_PROOF_BATCHES = (1, 3)

#: Largest difference that is put down to rounding, whatever torch shows. It is larger than a
#: lifter's: normalisation divides by the spread of the keypoints, and as long as maps are flat all
#: of them are near the middle of the crop.
_CEILING = 1e-3

#: What a module inside another is called in the traced graph.
_WITHIN = "network."


@final
class _Detector(nn.Module):
    """A detector that takes RGB from 0 to 255."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap a network."""
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Return heat maps."""
        heatmaps: Tensor = self.network(as_input(image))
        return heatmaps


@final
class _System(nn.Module):
    """A system that puts the root at 0."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap a network."""
        super().__init__()
        self.network = network

    def forward(
        self, image: Tensor, crop: Tensor, size: Tensor, focal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return poses, keypoints and heat maps."""
        poses, keypoints, heatmaps = self.network(image, crop, size, focal)
        # a number; to the checker any attribute of a module is a tensor or a module
        root = int(self.network.root)  # type: ignore[arg-type]
        return poses - poses[:, root : root + 1], keypoints, heatmaps


def export_pictures(
    model: nn.Module,
    card: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    fp16: bool = False,
) -> dict[str, Any]:
    """Export an `HRNet` or an `EndToEnd` with its card to `path` (one file, atomically).

    Ports are those of `modelfiles/detector_card.py`. Before anything is written the file is run
    against the torch model, in float64, on random crops. Returns the card as written; raises
    `PoseliftError` if the two differ or a weight is not finite.
    """
    reference = rounded(model, fp16)
    is_system = isinstance(model, EndToEnd)
    detector = model.detector if isinstance(model, EndToEnd) else model
    assert isinstance(detector, HRNet)
    facts = {"size": list(detector.config.size), "temperature": detector.config.temperature}
    card = {**card, "precision": "fp32", DETECTOR: facts}
    wrap = _System if is_system else _Detector
    inputs = (IMAGE, CROP, SIZE, FOCAL) if is_system else (IMAGE,)
    outputs = (POSES, KEYPOINTS, HEATMAPS) if is_system else (HEATMAPS,)
    examples = _crops(np.random.default_rng(0), 3, detector.config.size)[: len(inputs)]
    proto = trace(wrap(graph_form(reference)).eval(), examples, inputs, outputs)
    tidy(proto)
    _unwrap(proto)
    name_weights(proto, reference)
    if fp16:
        store_halves(proto)
    data = seal(proto, card)
    _prove(wrap(reference).eval(), data, inputs, outputs, detector.config.size)
    write_bytes(path, data)
    return card


def _unwrap(proto: onnx.ModelProto) -> None:
    """Give weights the names that they have in the network, not in its wrapper."""
    graph = proto.graph
    known = {tensor.name for tensor in graph.initializer if tensor.name.startswith(_WITHIN)}
    for tensor in graph.initializer:
        tensor.name = tensor.name.removeprefix(_WITHIN)
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in known:
                node.input[index] = name.removeprefix(_WITHIN)


def _crops(rng: np.random.Generator, count: int, size: Sequence[int]) -> list[Tensor]:
    """Return random crops with affines, picture sizes and focal lengths, some unknown."""
    image = rng.integers(0, 256, (count, 3, *size))
    crop = np.zeros((count, 3, 3))
    crop[:, 0, 0] = crop[:, 1, 1] = rng.uniform(0.2, 1.0, count)
    crop[:, :2, 2] = rng.uniform(-100, 0, (count, 2))
    crop[:, 2, 2] = 1
    picture = np.tile([1280.0, 720.0], (count, 1))
    focal = np.where(np.arange(count) % 3 == 1, 0.0, 1100.0)
    return [torch.from_numpy(one.astype(np.float32)) for one in (image, crop, picture, focal)]


def _prove(
    model: nn.Module,
    data: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    size: Sequence[int],
) -> None:
    """Run file and torch model side by side; refuse if an output differs."""
    runtime = load_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    exact = copy.deepcopy(model).double()
    rng = np.random.default_rng(0)
    for batch in _PROOF_BATCHES:
        given = _crops(rng, batch, size)[: len(inputs)]
        with torch.no_grad():
            truth = _as_tuple(exact(*(one.double() for one in given)))
            plain = _as_tuple(model(*given))
        found = session.run(
            list(outputs), {name: one.numpy() for name, one in zip(inputs, given, strict=True)}
        )
        for name, ours, same, true in zip(outputs, found, plain, truth, strict=True):
            error, rounding = (distance(one, true.numpy()) for one in (ours, same.numpy()))
            accepted = min(max(TOLERANCE, 10 * rounding), _CEILING)
            if not error <= accepted:
                raise PoseliftError(
                    f"the exported {name} differ from the torch model's by {error:.1e} of the "
                    f"largest at batch size {batch} (accepted: {accepted:.0e}), nothing was written"
                )


def _as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)
