"""What is measured of a trained network on a test set, all of it at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import msgspec
import numpy as np
import orjson
import torch
from jaxtyping import Float, Shaped
from torch import nn

from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.evaluation import (
    AVERAGES,
    average,
    error_per_axis,
    joint_errors,
)
from poselift.lifting.core import Core
from poselift.modelfiles import read_card
from poselift.scoring.run import lift_rows

_BATCH = 2048

#: Errors that are measured, and the alignment of `evaluation.metrics` that each is after.
ALIGNED = {"MPJPE": "root", "P-MPJPE": "similarity"}


@final
@dataclass(frozen=True)
class Result:
    """Errors of one network, in millimetres; protocols and averages by their names.

    averages    protocol -> averaging -> error, the root at 0 and counted.
    by_action   action -> protocol -> error, mean over its frames.
    by_joint    joint -> protocol -> error, mean over frames.
    by_axis     x, y, z -> mean absolute root-relative error.
    parameters  of the network, `samples` it was trained on, `seconds` that took.
    data        what was tested on, `frames` of it.
    error_2d    of systems: how far keypoints are off, crop pixels; `by_joint_2d` by joint.
    """

    averages: dict[str, dict[str, float]]
    by_action: dict[str, dict[str, float]]
    by_joint: dict[str, dict[str, float]]
    by_axis: dict[str, float]
    parameters: int
    samples: int
    seconds: float
    data: str
    frames: int
    error_2d: float | None = None
    by_joint_2d: dict[str, float] | None = None

    def to_json(self) -> bytes:
        """Return all fields as JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n"

    @classmethod
    def from_json(cls, data: bytes, source: str) -> Result:
        """Read what `to_json` wrote; `PoseliftError` naming `source` if it is something else."""
        try:
            found = msgspec.json.decode(data, type=cls)
            protocols: list[Mapping[str, Any]] = [
                found.averages,
                *found.by_action.values(),
                *found.by_joint.values(),
            ]
            if not all(ALIGNED.keys() <= one.keys() for one in protocols):
                raise ValueError(f"expected {' and '.join(ALIGNED)} everywhere")
            if not all(set(AVERAGES) <= one.keys() for one in found.averages.values()):
                raise ValueError(f"expected averages over {', '.join(AVERAGES)}")
            if not set("xyz") <= found.by_axis.keys():
                raise ValueError("expected errors along x, y and z")
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise PoseliftError(
                f"{source}: not the result of a cell ({error}); delete it to measure again"
            ) from None
        return found


#: Of a network that nobody has trained yet.
UNKNOWN = Result(
    averages={name: dict.fromkeys(AVERAGES, math.nan) for name in ALIGNED},
    by_action={},
    by_joint={},
    by_axis={},
    parameters=0,
    samples=0,
    seconds=0.0,
    data="",
    frames=0,
)


def measure_network(network: nn.Module, card: Mapping[str, Any], data: LiftingData) -> Result:
    """Measure a network on a test set, each pose once, not mirrored.

    card  of the network; names its normalisation and target.
    """
    predicted = predict(network, card, data)
    joints = data.skeleton.joints
    return result_of(predicted, data.poses, data.action, joints, network, card, data.name)


def result_of(
    predicted: Float[np.ndarray, "N J 3"],
    poses: Float[np.ndarray, "N J 3"],
    action: Shaped[np.ndarray, " N"],
    joints: Sequence[str],
    network: nn.Module,
    card: Mapping[str, Any],
    name: str,
) -> Result:
    """Measure predicted poses of test data called `name`; metres, the root at 0."""
    errors = {
        name: 1000.0 * joint_errors(predicted, poses, alignment=alignment)
        for name, alignment in ALIGNED.items()
    }
    axes = 1000.0 * error_per_axis(predicted, poses)
    metrics = card.get("metrics", {})
    return Result(
        averages={
            name: {kind: average(error, kind, action) for kind in AVERAGES}
            for name, error in errors.items()
        },
        by_action={
            str(one): {
                name: float(error[action == one].mean(dtype=np.float64))
                for name, error in errors.items()
            }
            for one in np.unique(action)
        },
        by_joint={
            joint: {name: float(e[:, i].mean(dtype=np.float64)) for name, e in errors.items()}
            for i, joint in enumerate(joints)
        },
        by_axis=dict(zip("xyz", axes.tolist(), strict=True)),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        samples=int(metrics.get("samples", 0)),
        seconds=float(card.get("seconds", 0.0)),
        data=name,
        frames=len(poses),
    )


def predict(
    network: nn.Module, card: Mapping[str, Any], data: LiftingData
) -> Float[np.ndarray, "N J 3"]:
    """Lift all rows, not mirrored; root-relative camera-space metres, the root at 0.

    A network of pixels and depth is given the true camera and root, as in the papers' rows with §.
    """
    network = network.eval()

    @torch.no_grad()
    def run(inputs: np.ndarray) -> np.ndarray:
        outputs: np.ndarray = network(torch.from_numpy(inputs)).numpy()
        return outputs

    return lift_rows(Core(run, read_card(card, data.name), batch=_BATCH), data)
