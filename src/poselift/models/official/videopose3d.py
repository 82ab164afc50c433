"""VideoPose3D on single frames, as its authors and PoseAug have it."""

from __future__ import annotations

from typing import Any

from poselift.errors import PoseliftError
from poselift.models.official.keys import SOURCE, State, count, rename


def videopose3d(state: State) -> tuple[dict[str, Any], State]:
    """Convert VideoPose3D: convolutions over one frame become linear maps."""
    weights: State = {}
    renamed = rename(
        state,
        [
            (r"expand_conv\.", "first.linear."),
            (r"expand_bn\.", "first.norm."),
            (r"layers_(conv|bn)\.(\d+)\.", r"layers.\2.\1."),
            (r"shrink\.", "last."),
        ],
    )
    for key, value in renamed.items():
        if value.ndim == 3:
            if value.shape[2] != 1:
                raise PoseliftError(
                    f"{SOURCE}: expected a single-frame network (filter width 1), "
                    f"found filter width {value.shape[2]}"
                )
            value = value.squeeze(2)
        weights[_in_blocks(key)] = value
    channels, inputs = weights["first.linear.weight"].shape
    outputs = weights["last.weight"].shape[0]
    skeletons = {34: "h36m_17", 32: "h36m_16"}
    if inputs not in skeletons or outputs not in (3 * inputs // 2, 3 * inputs // 2 - 3):
        raise PoseliftError(
            f"{SOURCE}: expected 17 or 16 joints in, as many or one fewer out, "
            f"found {inputs} values in and {outputs} out"
        )
    config = {
        "skeleton": skeletons[inputs],
        "channels": channels,
        "blocks": count(weights, r"blocks\.(\d+)\."),
        "fixed_root": outputs != 3 * inputs // 2,
    }
    return config, weights


def _in_blocks(key: str) -> str:
    """Name a hidden layer by its block: the official list counts layers through."""
    if not key.startswith("layers."):
        return key
    _, number, part, name = key.split(".", 3)
    half = ("first", "second")[int(number) % 2]
    member = {"conv": "linear", "bn": "norm"}[part]
    return f"blocks.{int(number) // 2}.{half}.{member}.{name}"
