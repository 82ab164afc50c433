"""Checkpoint files of the official research codes, read without running anything in them.

| code | its file holds |
| --- | --- |
| GridConv | `state_dict`, `epoch`, `lr`, `error`; the optimizer itself, not its state |
| PoseGraphNet | `state_dict`, `epoch`, `last_best_err`, state of optimizer and schedule |
| SemGCN | `state_dict`, `epoch`, `lr`, `step`, `error`, state of the optimizer |
| VideoPose3D | `model_pos`, `epoch`, `lr`, state of the optimizer, NumPy's random generator |
| PoseAug | `state_dict` or `model_pos`, `epoch` |

They are pickles, the older ones of Python 2 and of before torch's zip format. torch's reader for
weights builds tensors and plain containers only; numbers, generator and optimizer of the table are
classes that it refuses, so each of their names gets a stand-in that keeps a number or nothing.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from poselift.errors import PoseliftError
from poselift.models.official_layout import State

#: Entries that hold the state dict, the first one found counts.
WRAPPERS = ("state_dict", "model_pos", "model")


@final
@dataclass(frozen=True)
class Checkpoint:
    """What an official checkpoint file holds.

    state     official key -> weight, on the CPU.
    recorded  numbers beside it: epoch, learning rate, error, as the code named them.
    sha256    of the file, hexadecimal.
    """

    state: State
    recorded: dict[str, int | float]
    sha256: str


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a file that an official code wrote with `torch.save`.

    Raises `PoseliftError` naming the file if it is missing, damaged, holds more than weights,
    plain values and what the table above names, or no state dict. Nothing of a refused file, or
    of another, is run.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise PoseliftError(f"{path}: no such file") from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    content = _unpack(data, path)
    state = next(
        (content[key] for key in WRAPPERS if isinstance(content.get(key), dict)),
        content,
    )
    _check_state(state, path)
    recorded = {
        str(key): value
        for key, value in content.items()
        if type(value) in (int, float) and math.isfinite(value)
    }
    return Checkpoint(state, recorded, hashlib.sha256(data).hexdigest())


def _unpack(data: bytes, path: str | os.PathLike[str]) -> dict[Any, Any]:
    """Return the dictionary that a file holds."""
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(_STAND_INS)):
            # that the encoding counts for nothing is not so: it reads the strings of Python 2
            warnings.simplefilter("ignore")
            content = torch.load(
                io.BytesIO(data), map_location="cpu", weights_only=True, encoding="latin1"
            )
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        if named is None:
            raise _damaged(path) from None
        raise PoseliftError(
            f"{path}: expected weights and numbers, found {named[1][:80]!r}, which could run code; "
            "nothing of it was run"
        ) from None
    except Exception:  # whatever a damaged byte leads torch's reader to
        raise _damaged(path) from None
    if not isinstance(content, dict):
        raise PoseliftError(
            f"{path}: expected a dictionary of weights, found {type(content).__name__}"
        )
    return content


def _damaged(path: str | os.PathLike[str]) -> PoseliftError:
    return PoseliftError(f"{path}: damaged, or not a checkpoint that torch saved")


def _check_state(state: dict[Any, Any], path: str | os.PathLike[str]) -> None:
    """Refuse what is not a dictionary of plain tensors by name."""
    if not any(isinstance(value, Tensor) for value in state.values()):
        found = ", ".join(sorted(map(str, state))[:8]) or "nothing"
        raise PoseliftError(
            f"{path}: holds no state dict, expected one as such or under "
            f"{', '.join(WRAPPERS)}, found {found[:200]}"
        )
    for key, value in state.items():
        if not isinstance(key, str):
            raise PoseliftError(f"{path}: expected weights by name, found the key {key!r}")
        plain = isinstance(value, Tensor) and value.device.type == "cpu"
        # sparse, quantised and complex numbers are in no official network
        if not (plain and value.layout == torch.strided and value.dtype in _DTYPES):
            what = value.dtype if plain else type(value).__name__
            raise PoseliftError(f"{path}: expected a plain tensor under {key!r}, found {what}")


_DTYPES = (torch.float16, torch.float32, torch.float64, torch.int32, torch.int64)


@final
class _Nothing:
    """Stands in for an object that is not needed; whatever it is given is dropped."""

    def __init__(self, *arguments: object) -> None:
        """Take and forget."""

    def __setstate__(self, state: object) -> None:
        """Take and forget."""


@final
class _NumberType:
    """Stands in for `numpy.dtype` of numbers: its code ("f8") and byte order."""

    def __init__(self, code: str, *flags: object) -> None:
        """Keep the code."""
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Keep the byte order, the second entry."""
        self.order = state[1]


def _number(kind: _NumberType, data: bytes | str) -> int | float | bool:
    """Return the number that a pickled NumPy scalar is; Python 2 gives its bytes as a string."""
    if kind.code not in ("f4", "f8", "i4", "i8", "b1"):
        raise ValueError(kind.code)
    raw = data.encode("latin1") if isinstance(data, str) else data
    order = "<" if kind.order == "<" else ">" if kind.order == ">" else "="
    value: int | float | bool
    (value,) = np.frombuffer(raw, np.dtype(order + kind.code)).tolist()
    return value


def _dictionary(*arguments: object) -> dict[Any, Any]:
    """Stand in for `defaultdict`, in which an optimizer keeps its state."""
    return {}


#: What the name in a pickle calls, instead of what it says.
_STAND_INS: tuple[tuple[Callable[..., object], str], ...] = (
    (_number, "numpy.core.multiarray.scalar"),
    (_number, "numpy._core.multiarray.scalar"),
    (_NumberType, "numpy.dtype"),
    (_Nothing, "numpy.ndarray"),
    (_Nothing, "numpy.core.multiarray._reconstruct"),
    (_Nothing, "numpy._core.multiarray._reconstruct"),
    (_Nothing, "numpy.random.__RandomState_ctor"),
    (_Nothing, "numpy.random._pickle.__randomstate_ctor"),
    (_Nothing, "numpy.random._pickle.__bit_generator_ctor"),
    (_Nothing, "numpy.random._mt19937.MT19937"),
    (_Nothing, "torch.optim.adam.Adam"),
    (_Nothing, "builtins.dict"),
    (_dictionary, "collections.defaultdict"),
)
