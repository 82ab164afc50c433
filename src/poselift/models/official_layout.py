"""What a network says of its official state dicts, and the renaming of their keys by rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor

from poselift.errors import PoseliftError

State = dict[str, Tensor]
#: Weights by official names to the fields of our config that they tell, and weights by our names.
Convert = Callable[[State], tuple[dict[str, Any], State]]
SOURCE = "official checkpoint"


@final
@dataclass(frozen=True)
class OfficialLayout:
    """How an official code lays out its state dicts.

    marks    keys of which one is in every such state dict, and in no other code's.
    convert  returns the fields of our config that the weights tell, and the weights by our names;
             may raise `KeyError` for a key that is missing.
    """

    marks: tuple[str, ...]
    convert: Convert


#: Residual stages of the Martinez and grid networks; both name their parts alike.
STAGES = [
    (r"linear_stages\.(\d+)\.(w|batch_norm|atten_conv)1\.", r"blocks.\1.first.\2."),
    (r"linear_stages\.(\d+)\.(w|batch_norm|atten_conv)2\.", r"blocks.\1.second.\2."),
]


def rename(state: State, rules: list[tuple[str, str]]) -> State:
    """Rename keys by the first rule whose pattern matches from the start."""
    renamed: State = {}
    for key, value in state.items():
        for pattern, replacement in rules:
            new, count = re.subn(f"^{pattern}", replacement, key)
            if count:
                renamed[new] = value
                break
        else:
            raise PoseliftError(f"{SOURCE}: unexpected weight {key!r}")
    return renamed


def count(state: State, pattern: str) -> int:
    """Number of numbered members among the keys: the largest number plus one."""
    found = (re.match(pattern, key) for key in state)
    return max((int(match[1]) + 1 for match in found if match), default=0)
