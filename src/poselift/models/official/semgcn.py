"""SemGCN's official state dict: shared or channel-wise masks, with or without non-local blocks.

N node, C channel; a mask's entries are numbered row by row.
"""

from __future__ import annotations

import re
from typing import Any

from poselift.errors import PoseliftError
from poselift.models.official.keys import SOURCE, State, count, rename

_PARTS = {"W": "weight", "e": "scores", "bias": "bias"}


def semgcn(state: State) -> tuple[dict[str, Any], State]:
    """Convert SemGCN; non-local blocks stand between the residual blocks and are counted along."""
    nonlocal_blocks = any(".nonlocal." in key for key in state)
    named = rename(
        {_renumbered(key, nonlocal_blocks): value for key, value in state.items()},
        [
            (r"gconv_input\.0\.", "first."),
            (r"gconv_output\.", "last.gconv."),
            (r"(blocks\.\d+)\.gconv1\.", r"\1.first."),
            (r"(blocks\.\d+)\.gconv2\.", r"\1.second."),
            (r"(nonlocal_blocks\.\d+)\.g\.0\.", r"\1.value."),
            (r"(nonlocal_blocks\.\d+)\.phi\.0\.", r"\1.key."),
            (r"(nonlocal_blocks\.\d+)\.theta\.", r"\1.query."),
            (r"(nonlocal_blocks\.\d+)\.concat_project\.0\.", r"\1.score."),
            (r"(nonlocal_blocks\.\d+)\.W\.0\.", r"\1.output."),
            (r"(nonlocal_blocks\.\d+)\.W\.1\.", r"\1.norm."),
        ],
    )
    weights: State = {}
    for key, value in named.items():
        key = re.sub(r"\.gconv\.(W|e|bias)$", lambda m: f".convolution.{_PARTS[m[1]]}", key)
        key = key.replace(".bn.", ".norm.").replace("last.convolution.", "last.")
        is_map = key.startswith("nonlocal_blocks.") and value.ndim > 1
        weights[key] = value.flatten(1) if is_map else value  # convolutions of size 1
    masks, entries = weights["first.convolution.scores"].shape
    config = {
        "skeleton": _skeleton(entries, nonlocal_blocks),
        "width": weights["first.convolution.weight"].shape[2],
        "layers": count(weights, r"blocks\.(\d+)\."),
        "nonlocal_blocks": nonlocal_blocks,
        "mask": "shared" if masks == 1 else "channelwise",
    }
    return config, weights


def _renumbered(key: str, nonlocal_blocks: bool) -> str:
    """Tell residual blocks and non-local blocks apart, each numbered from 0."""
    key = re.sub(r"^gconv_input\.1\.nonlocal\.", "nonlocal_blocks.0.", key)
    layer = re.match(r"gconv_layers\.(\d+)\.(nonlocal\.)?", key)
    if layer is None:
        return key
    number, rest = int(layer[1]), key[layer.end() :]
    if not nonlocal_blocks:
        return f"blocks.{number}.{rest}"
    block, second = divmod(number, 2)
    if second != (layer[2] is not None):
        raise PoseliftError(f"{SOURCE}: unexpected weight {key!r}")
    return f"nonlocal_blocks.{block + 1}.{rest}" if second else f"blocks.{block}.{rest}"


def _skeleton(entries: int, nonlocal_blocks: bool) -> str:
    """Name the joint set whose bones, both ways, and joints are as many as a mask's entries."""
    if entries == 46:
        return "h36m_16"
    if entries != 49:
        raise PoseliftError(
            f"{SOURCE}: expected masks of 46 or 49 entries (16 or 17 joints), found {entries}"
        )
    if nonlocal_blocks:
        raise PoseliftError(
            f"{SOURCE}: a SemGCN of 17 joints with non-local blocks does not say which joints "
            "they pool, expected 16 joints"
        )
    return "h36m_17"
