"""The fully connected baseline, as SemGCN and PoseAug have it."""

from __future__ import annotations

from typing import Any

from poselift.errors import PoseliftError
from poselift.models.official.keys import SOURCE, STAGES, State, count, rename


def martinez(state: State) -> tuple[dict[str, Any], State]:
    """Convert the fully connected baseline."""
    weights = rename(
        state,
        [
            *STAGES,
            (r"w1\.", "first.w."),
            (r"batch_norm1\.", "first.batch_norm."),
            (r"w2\.", "last."),
        ],
    )
    weights = {
        key.replace(".w.", ".linear.").replace(".batch_norm.", ".norm."): value
        for key, value in weights.items()
    }
    width, inputs = weights["first.linear.weight"].shape
    outputs = weights["last.weight"].shape[0]
    skeletons = {34: "h36m_17", 32: "h36m_16"}
    if inputs not in skeletons or outputs not in (3 * inputs // 2, 3 * inputs // 2 - 3):
        raise PoseliftError(
            f"{SOURCE}: expected 17 or 16 joints in, as many or one fewer out, "
            f"found {inputs} values in and {outputs} out"
        )
    config = {
        "skeleton": skeletons[inputs],
        "width": width,
        "blocks": count(weights, r"blocks\.(\d+)\."),
        "fixed_root": outputs != 3 * inputs // 2,
    }
    return config, weights
