"""Aligning poses: to the root joint, by scale, by rotation and shift (Procrustes)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Alignment:
    """`aligned = scale * predicted @ rotation + translation`, pose by pose.

    `residual` is the squared error left after alignment over the target's squared spread.
    """

    aligned: Float[np.ndarray, "*batch J D"]
    rotation: Float[np.ndarray, "*batch D D"]
    scale: Float[np.ndarray, "*batch"]
    translation: Float[np.ndarray, "*batch D"]
    residual: Float[np.ndarray, "*batch"]


def root_relative(
    poses: Float[np.ndarray, "*batch J D"], root: int = 0
) -> Float[np.ndarray, "*batch J D"]:
    """Move the root joint of each pose to the origin."""
    return poses - poses[..., root : root + 1, :]


def procrustes(
    predicted: Float[np.ndarray, "*batch J D"],
    target: Float[np.ndarray, "*batch J D"],
    *,
    scale: bool = True,
    reflection: bool = False,
) -> Alignment:
    """Align each predicted pose to its target by least squares (Umeyama 1991).

    Both in the same unit, without missing joints. With `scale` a similarity (what the field calls
    P-MPJPE, protocol 2), without it a rigid motion. Mirror images are excluded, by flipping the
    weakest singular direction, unless `reflection` is set. A prediction that is a single point is
    moved to the target's mean; a target that is one leaves a residual of 1.
    """
    mean_p, mean_t = predicted.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    p, t = predicted - mean_p, target - mean_t
    norm_p = np.sqrt((p**2).sum(axis=(-2, -1), keepdims=True))
    norm_t = np.sqrt((t**2).sum(axis=(-2, -1), keepdims=True))
    # unit spread first: the singular values are then comparable whatever the unit
    unit_p, unit_t = _divide(p, norm_p), _divide(t, norm_t)
    u, s, vt = np.linalg.svd(np.swapaxes(unit_p, -1, -2) @ unit_t)
    if not reflection:
        sign = np.sign(np.linalg.det(u @ vt))
        u = np.concatenate([u[..., :-1], u[..., -1:] * sign[..., None, None]], axis=-1)
        s = np.concatenate([s[..., :-1], s[..., -1:] * sign[..., None]], axis=-1)
    rotation = u @ vt
    trace = s.sum(axis=-1)
    factor = trace * _divide(norm_t, norm_p)[..., 0, 0] if scale else np.ones_like(trace)
    aligned = factor[..., None, None] * (p @ rotation) + mean_t
    translation = (mean_t - factor[..., None, None] * (mean_p @ rotation))[..., 0, :]
    spread = _divide(norm_p, norm_t)[..., 0, 0]  # of the prediction, in units of the target's
    residual = 1 - trace**2 if scale else 1 + spread**2 - 2 * trace * spread
    # asarray: a single pose would give NumPy scalars
    return Alignment(aligned, rotation, np.asarray(factor), translation, np.asarray(residual))


def _divide(
    values: Float[np.ndarray, "*batch n m"], norms: Float[np.ndarray, "*batch 1 1"]
) -> Float[np.ndarray, "*batch n m"]:
    """Quotient, 0 where a pose is a single point."""
    return np.divide(values, norms, out=np.zeros_like(values), where=norms > 0)
