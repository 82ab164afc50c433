"""Write a torch network as one ONNX file that `Lifter` runs and torch can load back.

The file holds every entry of the state dict under its own name, so the same weights start a
fine-tuning. Nothing is folded at export: what the network computes from its weights (merged
kernels, one-hot layouts, normalised adjacencies) stays a few nodes on named weights, which ONNX
Runtime folds once when it opens the file.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from jaxtyping import Float
from onnx import numpy_helper
from torch import nn

from poselift.errors import PoseliftError
from poselift.files import write_bytes
from poselift.lifting.session import LoadedModel, open_model
from poselift.modelfiles.card import (
    BEFORE_OUTPUT,
    FILE_PRECISIONS,
    INPUT,
    METADATA_KEY,
    OUTPUT,
    ModelCard,
    read_card,
)
from poselift.modelfiles.find import ModelFile
from poselift.modelfiles.onnxfile import GRAPH_KEY, read_onnx
from poselift.models.base import LiftingNetwork
from poselift.models.forms import graph_form, quantized

OPSET = 18

#: Weights with fewer elements stay float32 in an fp16 file: they weigh nothing, and rounding
#: could turn the argmax of a learned layout.
FP16_MIN_SIZE = 4096

#: Largest difference to the torch model (in float64) that is always accepted, relative to the
#: largest coordinate; above it only what float32 rounding explains, as torch itself shows it.
TOLERANCE = 1e-5

#: Largest difference that is put down to rounding, whatever torch shows.
CEILING = 1e-4

#: Largest difference of int8 files to the same integers in torch, relative to the coordinates, in
#: the median frame.
INTEGER_TOLERANCE = 1e-3

#: Where the exporter notes which modules a node comes from.
_SCOPES = "pkg.torch.onnx.name_scopes"

_PROOF_BATCHES = (1, 2, 7, 64)


def export_onnx(
    model: nn.Module,
    card: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    fp16: bool = False,
    precision: str = "fp32",
) -> None:
    """Export `model` with its card to `path` (one file, atomically).

    Its ports are those of the card: (B, J, 2) -> (B, J, 3), or (B, T, J, 2) -> (B, T, J, 3) for
    networks that look at T > 1 frames.

    fp16       store large weights as float16; they are cast back when the file is opened, and all
               computation stays float32.
    precision  "fp32", or "int8" for large products on 8-bit integers (`models/integers.py`); such a
               file is only for running and cannot be loaded back into torch.

    Before anything is written the file is run against the torch model (with `fp16`, against the
    torch model with weights rounded in the same way; with "int8", against the same integers in
    torch) on random inputs, with and without missing joints, at several batch sizes. Raises
    `PoseliftError` if the outputs differ by more than `TOLERANCE`, if the card is incomplete, if a
    weight is not finite (after rounding), or for an unknown precision.
    """
    if precision not in FILE_PRECISIONS:
        known = " or ".join(FILE_PRECISIONS)
        raise PoseliftError(f"expected precision {known} for an ONNX file, got {precision!r}")
    card = {**card, "precision": precision}
    facts = read_card(card, f"export of {path}")
    reference = rounded(model, fp16)
    fixed = graph_form(reference)
    if precision == "int8":
        reference = fixed = quantized(fixed)
    example = torch.zeros(3, *facts.ports[INPUT])
    _check_fits(fixed, example)
    proto = trace(fixed, [example])
    card = {**card, BEFORE_OUTPUT: _before_output(proto, fixed)}
    tidy(proto)
    if precision == "fp32":
        name_weights(proto, reference)
    if fp16:
        store_halves(proto)
    data = seal(proto, card)
    _prove(reference, facts, data)
    write_bytes(path, data)


def seal(proto: onnx.ModelProto, card: Mapping[str, Any]) -> bytes:
    """Return the bytes of a model file: the graph, its card, and the hash of the graph.

    Raises `PoseliftError` if JSON cannot hold the card.
    """
    try:
        text = json.dumps(dict(card), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PoseliftError(f"the model card cannot be written as JSON ({error})") from None
    del proto.metadata_props[:]
    bare = proto.SerializeToString(deterministic=True)
    texts = {METADATA_KEY: text, GRAPH_KEY: read_onnx(bare, "the export").graph_sha256}
    for key, text in texts.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, text
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def rounded(model: nn.Module, fp16: bool) -> nn.Module:
    """Copy the model to the CPU in eval mode, with the weights that the file will hold."""
    reference = copy.deepcopy(model).cpu().eval()
    with torch.no_grad():
        for name, value in reference.state_dict().items():
            if not value.is_floating_point():
                continue
            if fp16 and _is_large(value.numel()):
                value.copy_(value.half().float())
            if not torch.isfinite(value).all():
                rounded = " after rounding to float16" if fp16 else ""
                raise PoseliftError(f"weight {name} is not finite{rounded}, refusing to export it")
    return reference


def _is_large(size: int) -> bool:
    """Whether a weight of that many elements is stored as float16."""
    return size >= FP16_MIN_SIZE


def _check_fits(model: nn.Module, example: torch.Tensor) -> None:
    """Refuse a network that does not map 2D to 3D poses for the card's joints."""
    expected = (*example.shape[:-1], 3)
    try:
        with torch.no_grad():
            got = tuple(model(example).shape)
    except RuntimeError as error:  # torch's own word on shapes that do not go together
        reason = str(error).splitlines()[0]
        raise PoseliftError(
            f"the network takes no {example.shape[-2]} joints ({reason})"
        ) from error
    if got != expected:
        raise PoseliftError(f"expected poses of shape {expected} from the network, got {got}")


def trace(
    model: nn.Module,
    examples: Sequence[torch.Tensor],
    inputs: Sequence[str] = (INPUT,),
    outputs: Sequence[str] = (OUTPUT,),
) -> onnx.ModelProto:
    """Turn the network into an ONNX graph with a free batch axis, folding nothing."""
    batch = torch.export.Dim("batch", min=1)
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            model,
            tuple(examples),
            dynamo=True,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple({0: batch} for _ in examples),
            opset_version=OPSET,
            optimize=False,
            verbose=False,
        )
    assert program is not None  # it is only without dynamo
    proto: onnx.ModelProto = program.model_proto
    return proto


@contextmanager
def quiet() -> Iterator[None]:
    """Silence notes of the exporter on its own inside: torchvision, LeafSpec, names of axes."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            warnings.filterwarnings("ignore", message=".*axis name: batch will not be used")
            yield
    finally:
        log.setLevel(level)


def _before_output(proto: onnx.ModelProto, model: nn.Module) -> str | None:
    """Name the tensor that the network's output layer works on, if it is one and knows its layer.

    A runtime can compute all before it in fewer digits.
    """
    if not isinstance(model, LiftingNetwork):
        return None
    layer, _ = model.output_layer()
    scope = next(name for name, module in model.named_modules() if module is layer)
    floats = {
        value.name
        for value in proto.graph.value_info
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    data, crossing, inside = {INPUT}, set[str](), set[str]()
    for node in proto.graph.node:
        scopes = {entry.key: entry.value for entry in node.metadata_props}.get(_SCOPES, "")
        own = f"'{scope}'" in scopes
        if data.intersection(node.input):
            data.update(node.output)
            crossing.update((data - inside).intersection(node.input) if own else ())
        if own:
            inside.update(node.output)
    crossing &= floats  # the others are sizes of the batch
    return crossing.pop() if len(crossing) == 1 else None


def tidy(proto: onnx.ModelProto) -> None:
    """Remove the exporter's debugging notes: stack traces with paths of this machine."""
    proto.doc_string = ""
    graph = proto.graph
    graph.doc_string = ""
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    for item in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def name_weights(proto: onnx.ModelProto, model: nn.Module) -> None:
    """Make the file's initialisers exactly the state dict, under its names.

    What the exporter stored besides (index tables and other buffers outside the state dict)
    becomes constants. Weights that only training uses are read by no node; they are stored too,
    so that loading back is strict.
    """
    graph, weights = proto.graph, model.state_dict()
    stored = {tensor.name: tensor for tensor in graph.initializer}
    made = {name for node in graph.node for name in node.output}
    read = {name for node in graph.node for name in node.input}
    for name, value in weights.items():
        array = value.numpy()
        if name in made:
            raise PoseliftError(f"weight {name} lost its name in the exporter, refusing the file")
        if name not in stored:
            stored[name] = numpy_helper.from_array(array, name)
        elif not np.array_equal(numpy_helper.to_array(stored[name]), array):
            raise PoseliftError(f"weight {name} was changed by the exporter, refusing the file")
    constants = [
        onnx.helper.make_node("Constant", [], [name], value=tensor)
        for name, tensor in stored.items()
        if name not in weights and name in read
    ]
    initializers = [stored[name] for name in weights]
    _replace(graph.initializer, initializers)
    _replace(graph.node, [*constants, *graph.node])


def _replace(field: Any, entries: list[Any]) -> None:
    """Put copies of `entries` into a repeated protobuf field, instead of what is there."""
    copies = [copy.deepcopy(entry) for entry in entries]
    del field[:]
    field.extend(copies)


def store_halves(proto: onnx.ModelProto) -> None:
    """Store large float32 weights as float16, each followed by a cast back to float32."""
    graph = proto.graph
    casts = []
    renamed = {}
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or not _is_large(array.size):
            continue
        renamed[tensor.name] = f"{tensor.name}.float32"
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), tensor.name))
        casts.append(
            onnx.helper.make_node(
                "Cast", [tensor.name], [renamed[tensor.name]], to=onnx.TensorProto.FLOAT
            )
        )
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    _replace(graph.node, [*casts, *graph.node])


def _prove(model: nn.Module, card: ModelCard, data: bytes) -> None:
    """Run file and torch model side by side; refuse if they differ."""
    session = open_model(
        ModelFile("the exported model", data, ""), threads=1, precision=card.precision
    )
    if card.precision == "int8":
        _prove_integers(model, card, session)
        return
    exact = copy.deepcopy(model).double()
    rng = np.random.default_rng(0)
    for batch in _PROOF_BATCHES:
        inputs = _proof_inputs(rng, (batch, *card.ports[INPUT]))
        with torch.no_grad():
            truth = exact(torch.from_numpy(inputs).double()).numpy()
            rounding = distance(model(torch.from_numpy(inputs)).numpy(), truth)
        error = distance(session.run(inputs), truth)
        # folded batch norms and other orders of summation round by several times as much
        accepted = min(max(TOLERANCE, 10 * rounding), CEILING)
        if not error <= accepted:
            raise PoseliftError(
                f"the exported {card.name} differs from the torch model by {error:.1e} of its "
                f"largest coordinate at batch size {batch} (accepted: {accepted:.0e}), "
                "nothing was written"
            )


def _prove_integers(model: nn.Module, card: ModelCard, session: LoadedModel) -> None:
    """Compare with the same integers in torch, frame by frame, in batches of several sizes."""
    shape = (sum(_PROOF_BATCHES), *card.ports[INPUT])
    inputs = _proof_inputs(np.random.default_rng(0), shape)
    with torch.no_grad():
        truth = model(torch.from_numpy(inputs)).numpy()
    parts = np.split(inputs, np.cumsum(_PROOF_BATCHES)[:-1])
    found = np.concatenate([session.run(part) for part in parts])
    frame = tuple(range(1, truth.ndim))
    error = np.abs(found - truth).mean(axis=frame) / np.abs(truth).mean(axis=frame)
    # where float32 sums round apart, an activation of a few frames becomes the next integer
    if not np.median(error) <= INTEGER_TOLERANCE:
        raise PoseliftError(
            f"the exported {card.name} differs from the same integers in torch by "
            f"{np.median(error):.1e} of its coordinates (median frame; accepted: "
            f"{INTEGER_TOLERANCE:.0e}), nothing was written"
        )


def distance(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest difference, relative to the largest number."""
    return float(np.abs(found - truth).max() / max(np.abs(truth).max(), 1e-6))


def _proof_inputs(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> Float[np.ndarray, "B *T J 2"]:
    """Normalised keypoints: spread around 0; half of the samples lack about a fifth of joints."""
    inputs = rng.normal(size=shape).astype(np.float32)
    missing = rng.random(shape[:-1]) < 0.2
    missing[::2] = False
    inputs[missing] = 0.0
    return inputs
