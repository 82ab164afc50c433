"""Weights with their card on disk: safetensors and JSON, loaded strictly; nothing pickled.

A folder holds `model.safetensors` (the state dict) and `model.json` (the card: a JSON object
with at least `architecture` and `config`). An exported .onnx file holds the same weights under
the same names, perhaps in half precision, and the card as its metadata entry "poselift".
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from poselift.errors import PoseliftError, quoted
from poselift.files import write_bytes_together
from poselift.modelfiles import find_model, parse_content, shipped_models
from poselift.modelfiles.find import RUN_WEIGHTS as WEIGHTS
from poselift.modelfiles.find import weights_folder
from poselift.modelfiles.onnxfile import card_text
from poselift.models.registry import build, describe, outline_of

#: The card in a run folder.
CARD = "model.json"

#: Entry of the card in a run folder: the SHA-256 of the weights beside it.
HASH = "weights_sha256"

#: Sizes and counts up to here need no weight that has them (rows of a grid, blocks).
_SMALL = 64

#: No setting that is no size or count is larger, nor fits into float32 then.
_LARGEST = 1e30

Card = dict[str, Any]


def save_model(folder: str | os.PathLike[str], model: nn.Module, card: Mapping[str, Any]) -> None:
    """Write a network and its card into `folder`, both files or neither.

    The entries `architecture` and `config` of the card are taken from the network itself. Raises
    `PoseliftError` if the network is not in the registry, the card is not JSON, or the place
    cannot be written.
    """
    architecture, config = describe(model)
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    weights = format_safetensors(state)
    full = {
        **card,
        "architecture": architecture,
        "config": config,
        HASH: hashlib.sha256(weights).hexdigest(),
    }
    try:
        text = json.dumps(full, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise PoseliftError(f"the model card cannot be written as JSON ({error})") from None
    write_bytes_together([(Path(folder) / WEIGHTS, weights), (Path(folder) / CARD, text.encode())])


def load_model(
    source: str | os.PathLike[str], *, architecture: str | None = None
) -> tuple[nn.Module, Card]:
    """Load a network in evaluation mode, with its card.

    `source` is a folder that `save_model` filled, or a run folder that was stopped, whose best
    checkpoint counts, an exported .onnx file, or the name of shipped weights ("gln-small", "gln",
    "lcn", "posegraphnet"; write "./gln" for a folder of that name). With `architecture` a network
    of another one is refused.

    Raises `PoseliftError` naming the file, and the key where one is at fault, if something is
    missing, damaged, or does not fit.
    """
    path = Path(source)
    if isinstance(source, str) and source in shipped_models():
        exported, (state, card) = True, _read_onnx(find_model(source).data, source)
    elif path.is_dir():
        exported, (state, card) = False, read_weights(weights_folder(path))
    elif path.suffix.lower() == ".onnx":
        exported, (state, card) = True, _read_onnx(_read(path), str(path))
    else:
        raise PoseliftError(
            f"{path}: expected the name of shipped weights, a folder with {WEIGHTS}, or an .onnx "
            "file"
        )
    _check_card(card, str(source), architecture)
    try:
        _check_sizes(card["config"], state)
        outline = outline_of(card["architecture"], card["config"])
        _matched(outline.state_dict(), state, str(source), exported)  # before memory is taken
        model = build(card["architecture"], card["config"])
    except PoseliftError as error:
        raise PoseliftError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from None
    fill(model, state, str(source), exported=exported)
    return model.eval(), card


def _check_sizes(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Refuse sizes and counts in a config that none of the weights could have."""
    largest = max((size for value in state.values() for size in value.shape), default=0)
    limit = max(_SMALL, len(state), largest)
    for name, value in config.items():
        if isinstance(value, dict):  # of a network within
            _check_sizes(value, state)
        sizes = value if isinstance(value, list | tuple) else [value]
        found = [len(sizes), *(size for size in sizes if isinstance(size, int))]
        if max(found) > limit and not name.endswith("seed"):
            raise PoseliftError(f"{name}: {max(found)} is more than its weights have of anything")
        if not all(abs(size) < _LARGEST for size in sizes if isinstance(size, float)):
            raise PoseliftError(f"{name}: {quoted(value)} is no setting of a network")


def fill(
    model: nn.Module, state: Mapping[str, Tensor], source: str, *, exported: bool = False
) -> None:
    """Copy weights into a network: every key of either side must be in the other.

    The weights of an exported file may lack batch-norm counters, and constants of its graph
    beside the weights are left out. Values are cast to the network's own types. Raises
    `PoseliftError` naming `source`, the key, and both shapes.
    """
    own = model.state_dict()
    matched = _matched(own, state, source, exported)
    for key, value in matched.items():
        if not torch.isfinite(value).all():
            raise PoseliftError(f"{source}: weight {key!r} holds NaN or infinity")
    with torch.no_grad():
        for key, value in matched.items():
            own[key].copy_(value)


def _matched(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str, exported: bool
) -> Mapping[str, Tensor]:
    """Return those of `state` that go into `own`, after comparing names, shapes and kinds."""
    if exported:
        counters = {key: own[key] for key in own if key.endswith("num_batches_tracked")}
        state = {**counters, **{key: value for key, value in state.items() if key in own}}
    for key, value in own.items():
        if key not in state:
            raise PoseliftError(
                f"{source}: weight {key!r} is missing, expected shape {tuple(value.shape)}"
            )
        found = state[key]
        if found.shape != value.shape:
            raise PoseliftError(
                f"{source}: expected shape {tuple(value.shape)} for weight {key!r}, "
                f"found {tuple(found.shape)}"
            )
        if found.is_floating_point() != value.is_floating_point():
            raise PoseliftError(
                f"{source}: expected {value.dtype} for weight {key!r}, found {found.dtype}"
            )
    for key, value in state.items():
        if key not in own:
            raise PoseliftError(
                f"{source}: unexpected weight {key!r} of shape {tuple(value.shape)}"
            )
    return state


def _read(path: Path) -> bytes:
    """Read a file; `PoseliftError` if that cannot be done."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PoseliftError(f"{path}: no such file") from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None


def read_weights(folder: Path) -> tuple[dict[str, Tensor], Card]:
    """Read what `save_model` wrote, as tensors by name and the card.

    Raises `PoseliftError` if a file is missing or damaged, or if the weights are not those that
    the card was written with (cards of before the hash do not say).
    """
    card = parse_content(_read(folder / CARD), str(folder / CARD))
    path = folder / WEIGHTS
    data = _read(path)
    try:
        state: dict[str, Tensor] = parse_safetensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise PoseliftError(f"{path}: damaged or not a safetensors file ({error})") from None
    if card.pop(HASH, None) not in (None, hashlib.sha256(data).hexdigest()):
        raise PoseliftError(
            f"{path}: damaged, or not the weights that {folder / CARD} was written with "
            "(their SHA-256 differ)"
        )
    return state, card


def _read_onnx(data: bytes, path: str) -> tuple[dict[str, Tensor], Card]:
    """Read weights and card of an exported file; constants without a state-dict name stay out."""
    import onnx
    from google.protobuf.message import DecodeError

    card = parse_content(card_text(data, path), path)
    try:
        proto = onnx.load_model_from_string(data)
    except DecodeError:
        raise PoseliftError(f"{path}: damaged or not an ONNX file") from None
    if card.get("precision", "fp32") != "fp32":
        raise PoseliftError(
            f"{path}: holds {card['precision']} weights, which are only for running, "
            "expected the fp32 file or the run folder"
        )
    state: dict[str, Tensor] = {}
    for entry in proto.graph.initializer:
        try:
            state[entry.name] = torch.from_numpy(onnx.numpy_helper.to_array(entry).copy())
        except (ValueError, TypeError) as error:
            raise PoseliftError(f"{path}: weight {entry.name!r} is damaged ({error})") from None
    return state, card


def _check_card(card: Card, source: str, architecture: str | None) -> None:
    """Refuse a card without architecture and config, or of another architecture than asked."""
    for key, kind, words in (("architecture", str, "a string"), ("config", dict, "an object")):
        if not isinstance(card.get(key), kind):
            raise PoseliftError(
                f"{source}: expected {words} under {key!r} in the model card, "
                f"got {quoted(card.get(key))}"
            )
    if architecture not in (None, card["architecture"]):
        raise PoseliftError(
            f"{source}: expected a network of architecture {architecture}, "
            f"found {card['architecture']}"
        )
