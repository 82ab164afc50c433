"""The networks by name, their other forms, and their configs to and from plain dictionaries.

A network enters itself with `register`, in its own file or folder; nothing else names its class.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, final

import torch
from torch import nn

from poselift.errors import PoseliftError, quoted
from poselift.models.base import Network
from poselift.models.integers import int8_linears
from poselift.models.official_layout import OfficialLayout

#: Changes a network in place.
Change = Callable[[Any], object]


@final
@dataclass(frozen=True)
class Forms:
    """What puts a network into its other forms; all compute the same from the same weights."""

    fast: Change | None = None
    """Speed for training and evaluation; weights keep names and order."""
    freeze: Change | None = None
    """Of a fast network: merge for inference in torch what never changes again."""
    graph: Change | None = None
    """Of a fast network: settle what a graph cannot hold, for ONNX."""
    int8: Callable[[Any], int] = int8_linears
    """Of a fast network: put large products on 8-bit integers; returns how many layers."""


@final
@dataclass(frozen=True)
class Entry:
    """A registered network; `kind` is one of `KINDS`."""

    network: type[Network]
    config: type[Any]
    forms: Forms
    official: tuple[OfficialLayout, ...]
    kind: str


#: What networks take and give: 2D poses to 3D ones, crops to heat maps, crops to 3D poses.
KINDS = ("lifter", "detector", "system")

_NETWORKS: dict[str, Entry] = {}


def register(
    name: str,
    network: type[Network],
    config: type[Any],
    *,
    forms: Forms | None = None,
    official: tuple[OfficialLayout, ...] = (),
    kind: str = "lifter",
) -> None:
    """Enter a network, its config dataclass, its forms, and layouts of official checkpoints."""
    _NETWORKS[name] = Entry(network, config, forms or Forms(), official, kind)


def architectures(*kinds: str) -> tuple[str, ...]:
    """Names of the networks of some of `KINDS`; of all that lift if none is given."""
    return tuple(name for name, entry in _NETWORKS.items() if entry.kind in (kinds or KINDS[:1]))


def entries() -> tuple[tuple[str, Entry], ...]:
    """All registered networks by name."""
    return tuple(_NETWORKS.items())


def find(architecture: str) -> Entry:
    """Look up an architecture; `PoseliftError` lists the names if there is none."""
    try:
        return _NETWORKS[architecture]
    except KeyError:
        raise PoseliftError(
            f"unknown architecture {architecture!r}, expected one of "
            f"{', '.join(architectures() + architectures(*KINDS[1:]))}"
        ) from None


def forms_of(network: nn.Module) -> Forms:
    """Return the forms of a network; of one that is not registered, none."""
    found = (entry.forms for entry in _NETWORKS.values() if type(network) is entry.network)
    return next(found, Forms())


def build(architecture: str, config: Mapping[str, object] | None = None) -> Network:
    """Build a network with fresh weights, in its fast form; lifters map (B, J, 2) to (B, J, 3).

    `config` holds fields of the network's config; those left out keep their defaults. Raises
    `PoseliftError` for an unknown name, and as `config_from_dict` does.
    """
    entry = find(architecture)
    network = entry.network(config_from_dict(architecture, config or {}))
    if entry.forms.fast is not None:
        entry.forms.fast(network)
    return network


def outline_of(architecture: str, config: Mapping[str, object]) -> Network:
    """Build a network without memory for its weights, which only have names and shapes."""
    with torch.device("meta"):
        return find(architecture).network(config_from_dict(architecture, config))


def frames_of(architecture: str, config: Mapping[str, object]) -> int:
    """Return T, how many frames a network looks at for one pose: `frames` of its config, or 1."""
    return int(getattr(config_from_dict(architecture, config), "frames", 1))


def describe(model: nn.Module) -> tuple[str, dict[str, Any]]:
    """Return the name of a network's architecture and its config as a JSON-like dictionary.

    Raises `PoseliftError` if the network is not registered.
    """
    for name, entry in _NETWORKS.items():
        if type(model) is entry.network:
            return name, config_to_dict(model.config)
    raise PoseliftError(
        f"cannot describe a {type(model).__name__}, expected one of {', '.join(architectures())}"
    )


def config_to_dict(config: Any) -> dict[str, Any]:
    """Return a config's fields with lists for tuples, as JSON has them."""
    values = asdict(config).items()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


def config_from_dict(architecture: str, values: Mapping[str, object]) -> Any:
    """Make the config of an architecture from a dictionary, as read from JSON.

    Raises `PoseliftError` naming the field if one is unknown, of another type, or refused by the
    config.
    """
    config = find(architecture).config
    kinds = typing.get_type_hints(config)
    known = [field.name for field in fields(config)]
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise PoseliftError(
                f"{architecture}: unknown setting {name!r}, expected one of {', '.join(known)}"
            )
        try:
            arguments[name] = _as_kind(value, kinds[name])
        except TypeError:
            raise PoseliftError(
                f"{architecture}: expected {_words(kinds[name])} for {name}, got {quoted(value)}"
            ) from None
    return config(**arguments)


def _as_kind(value: object, kind: Any) -> object:
    """Return `value` as `kind`, tuples from lists and floats from ints; `TypeError` if it is not.

    Kinds are str, bool, int, float, tuples of them, unions with None, and dictionaries.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _as_kind(value, next(part for part in arguments if part is not type(None)))
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise TypeError
        parts = arguments[:1] * len(value) if Ellipsis in arguments else arguments
        if len(parts) != len(value):
            raise TypeError
        return tuple(_as_kind(entry, part) for entry, part in zip(value, parts, strict=True))
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if origin is dict and isinstance(value, dict):
        return dict(value)
    if type(value) is not kind:
        raise TypeError
    return value


def _words(kind: Any) -> str:
    """Name a kind in an error message."""
    names = {str: "a string", bool: "true or false", int: "an integer", float: "a number"}
    plural = {str: "strings", int: "integers", float: "numbers"}
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is dict:
        return "an object"
    if typing.get_origin(kind) is tuple:
        if Ellipsis in arguments:
            return f"a list of {plural[arguments[0]]}"
        return f"a list of {len(arguments)} {plural[arguments[0]]}"
    if arguments:
        return " or ".join("null" if part is type(None) else _words(part) for part in arguments)
    return names[kind]
