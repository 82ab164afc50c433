"""The networks by name, and their configs to and from plain dictionaries."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, cast

from torch import nn

from poselift.errors import PoseliftError
from poselift.models.gridconv import GLNConfig, GridLiftingNetwork
from poselift.models.lcn import LCN, LCNConfig
from poselift.models.martinez import Martinez, MartinezConfig
from poselift.models.posegraphnet import PoseGraphNet, PoseGraphNetConfig
from poselift.models.schedule import Scheduled
from poselift.models.semgcn import SemGCN, SemGCNConfig
from poselift.models.stgcn import STGCN, STGCNConfig
from poselift.models.videopose3d import VideoPose3D, VideoPose3DConfig

Config = (
    GLNConfig
    | PoseGraphNetConfig
    | MartinezConfig
    | SemGCNConfig
    | LCNConfig
    | VideoPose3DConfig
    | STGCNConfig
)

_NETWORKS: dict[str, tuple[type[Scheduled], type[Config]]] = {
    "gln": (GridLiftingNetwork, GLNConfig),
    "posegraphnet": (PoseGraphNet, PoseGraphNetConfig),
    "martinez": (Martinez, MartinezConfig),
    "videopose3d": (VideoPose3D, VideoPose3DConfig),
    "stgcn": (STGCN, STGCNConfig),
    "semgcn": (SemGCN, SemGCNConfig),
    "lcn": (LCN, LCNConfig),
}


def architectures() -> tuple[str, ...]:
    """Names of the networks that can be built."""
    return tuple(_NETWORKS)


def build(architecture: str, config: Mapping[str, object] | None = None) -> Scheduled:
    """Build a network with fresh weights; it maps (B, J, 2) to (B, J, 3).

    `config` holds fields of the network's config; those left out keep their defaults. Raises
    `PoseliftError` for an unknown name, and as `config_from_dict` does.
    """
    network, _ = _find(architecture)
    return network(config_from_dict(architecture, config or {}))


def describe(model: nn.Module) -> tuple[str, dict[str, Any]]:
    """Return the name of a network's architecture and its config as a JSON-like dictionary.

    Raises `PoseliftError` if the network is none of `architectures()`.
    """
    for name, (network, _) in _NETWORKS.items():
        if type(model) is network:
            return name, config_to_dict(cast(Config, model.config))
    raise PoseliftError(
        f"cannot describe a {type(model).__name__}, expected one of {', '.join(architectures())}"
    )


def config_to_dict(config: Config) -> dict[str, Any]:
    """Return a config's fields with lists for tuples, as JSON has them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(config).items()
    }


def config_from_dict(architecture: str, values: Mapping[str, object]) -> Config:
    """Make the config of an architecture from a dictionary, as read from JSON.

    Raises `PoseliftError` naming the field if one is unknown, of another type, or refused by the
    config.
    """
    _, config = _find(architecture)
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
                f"{architecture}: expected {_words(kinds[name])} for {name}, got {value!r}"
            ) from None
    return config(**arguments)


def _find(architecture: str) -> tuple[type[Scheduled], type[Config]]:
    """Look up an architecture; `PoseliftError` lists the names if there is none."""
    try:
        return _NETWORKS[architecture]
    except KeyError:
        raise PoseliftError(
            f"unknown architecture {architecture!r}, expected one of {', '.join(_NETWORKS)}"
        ) from None


def _as_kind(value: object, kind: Any) -> object:
    """Return `value` as `kind`, tuples from lists and floats from ints; `TypeError` if it is not.

    Kinds are str, bool, int, float, tuples of them and unions with None.
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
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError
    return value


def _words(kind: Any) -> str:
    """Name a kind in an error message."""
    names = {str: "a string", bool: "true or false", int: "an integer", float: "a number"}
    plural = {str: "strings", int: "integers", float: "numbers"}
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        if Ellipsis in arguments:
            return f"a list of {plural[arguments[0]]}"
        return f"a list of {len(arguments)} {plural[arguments[0]]}"
    if arguments:
        return " or ".join("null" if part is type(None) else _words(part) for part in arguments)
    return names[kind]
