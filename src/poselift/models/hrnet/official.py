"""Checkpoints of the released HRNet code; its keys are ours, so only sizes are to be read.

Published with the code: pose_hrnet_w32_256x192.pth and others, trained on COCO or MPII.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from poselift.errors import PoseliftError
from poselift.models.official_layout import SOURCE, OfficialLayout, State, count
from poselift.skeletons import get_skeleton

#: Joint sets by how many maps a published checkpoint has.
_SKELETONS = {17: "coco_17"}

#: Height and width of the crop that most of them were trained with.
_USUAL_SIZE = (256, 192)


def hrnet(state: State) -> tuple[dict[str, Any], State]:
    """Read the sizes off the weights; add the counters that files of old torch versions lack."""
    weights = dict(state)
    for key, value in state.items():
        if key.endswith(".running_mean"):
            name = f"{key.removesuffix('running_mean')}num_batches_tracked"
            weights.setdefault(name, torch.zeros((), dtype=torch.long))
        if not torch.is_floating_point(value) and not key.endswith("num_batches_tracked"):
            raise PoseliftError(f"{SOURCE}: expected numbers under {key!r}, found {value.dtype}")
    joints = state["final_layer.weight"].shape[0]
    config = {
        "width": state["stage2.0.branches.0.0.conv1.weight"].shape[0],
        "stem": state["conv1.weight"].shape[0],
        "bottlenecks": count(state, r"layer1\.(\d+)\."),
        "blocks": count(state, r"stage2\.0\.branches\.0\.(\d+)\."),
        "modules": tuple(count(state, rf"stage{stage}\.(\d+)\.") for stage in (2, 3, 4)),
        "skeleton": _SKELETONS.get(joints, f"of {joints} joints"),
        "size": _USUAL_SIZE,
    }
    return config, weights


def detector_settings(
    config: Mapping[str, Any], weights: State, settings: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Complete what a checkpoint does not hold, of a file called `name`: joints and crop."""
    joints = weights["final_layer.weight"].shape[0]
    chosen = dict(settings)
    chosen.setdefault("size", size_of(name) or _USUAL_SIZE)
    skeleton = chosen.setdefault("skeleton", config["skeleton"])
    if joints not in _SKELETONS and "skeleton" not in settings:
        raise PoseliftError(f"has {joints} heat maps: name their joint set, --skeleton NAME")
    wanted = len(get_skeleton(skeleton))
    if wanted != joints:
        raise PoseliftError(f"has {joints} heat maps, expected the {wanted} of {skeleton}")
    return chosen


def size_of(name: str) -> tuple[int, int] | None:
    """Return height and width of the crop that a published file's name tells, as ..._256x192."""
    found = re.search(r"_(\d{2,4})x(\d{2,4})", name)
    return None if found is None else (int(found[1]), int(found[2]))


OFFICIAL = (OfficialLayout(("stage4.0.branches.3.0.conv1.weight",), hrnet),)
