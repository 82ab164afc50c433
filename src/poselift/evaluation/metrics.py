"""Pose errors. NumPy only; float32 stays float32, float64 stays float64.

`predicted` and `target` are (*batch, J, D) in one unit, which is that of the result unless said
otherwise. `mask` (*batch, J) says which joints count; without it all do, and a NaN is an error
instead of being left out silently. Alignments, by name:

| name | the prediction is moved to its target by |
| --- | --- |
| `none` | nothing |
| `root` | putting both roots (joint 0) at the origin |
| `scale` | the best factor, pose by pose, without centring (N-MPJPE) |
| `rigid` | the best rotation and shift, no mirroring |
| `similarity` | the best rotation, shift and factor, no mirroring (P-MPJPE, protocol 2) |
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from poselift.errors import PoseliftError
from poselift.geometry import procrustes, root_relative

# what all functions below take and most of them give
Poses = Float[np.ndarray, "*batch J D"]
Mask = Bool[np.ndarray, "*batch J"] | None
Errors = Float[np.ndarray, "*batch J"]

ALIGNMENTS = ("none", "root", "scale", "rigid", "similarity")

#: Thresholds of the area under the PCK curve, in millimetres; none can be met at 0.
AUC_THRESHOLDS_MM = np.arange(0.0, 151.0, 5.0)


def align(
    predicted: Poses, target: Poses, alignment: str, mask: Mask = None
) -> tuple[Poses, Poses]:
    """Return prediction and target after alignment, joints outside the mask set to 0.

    Raises `PoseliftError` for an unknown alignment, differing shapes, and for values that are
    not finite but count: joints in the mask, and the roots where they are aligned.
    """
    if alignment not in ALIGNMENTS:
        raise PoseliftError(
            f"unknown alignment {alignment!r}, expected one of {', '.join(ALIGNMENTS)}"
        )
    _check_shapes(predicted, target, mask)
    if alignment == "root":
        predicted, target = root_relative(predicted), root_relative(target)
    _check_finite(predicted, target, mask)
    if mask is not None:
        keep = mask[..., None]
        predicted = np.where(keep, predicted, np.zeros_like(predicted))
        target = np.where(keep, target, np.zeros_like(target))
    if alignment == "scale":
        return predicted * _best_scale(predicted, target), target
    if alignment in ("rigid", "similarity"):
        return _superimpose(predicted, target, alignment == "similarity", mask), target
    return predicted, target


def joint_errors(
    predicted: Poses, target: Poses, *, alignment: str = "none", mask: Mask = None
) -> Errors:
    """Distance between each joint and its target after alignment; 0 outside the mask."""
    predicted, target = align(predicted, target, alignment, mask)
    return np.linalg.norm(predicted - target, axis=-1)


def mpjpe(predicted: Poses, target: Poses, *, alignment: str = "none", mask: Mask = None) -> float:
    """Mean per joint position error: the mean distance over all poses and joints."""
    errors = joint_errors(predicted, target, alignment=alignment, mask=mask)
    return float(_mean(errors, mask, tuple(range(errors.ndim))))


def p_mpjpe(predicted: Poses, target: Poses, *, mask: Mask = None) -> float:
    """MPJPE after similarity alignment of each pose, reflections excluded (protocol 2)."""
    return mpjpe(predicted, target, alignment="similarity", mask=mask)


def n_mpjpe(predicted: Poses, target: Poses, *, mask: Mask = None) -> float:
    """MPJPE after scaling each pose by its best factor, without centring (Rhodin et al. 2018)."""
    return mpjpe(predicted, target, alignment="scale", mask=mask)


def mpjpe_per_sample(
    predicted: Poses, target: Poses, *, alignment: str = "none", mask: Mask = None
) -> Float[np.ndarray, "*batch"]:
    """Mean error of each pose; `PoseliftError` if the mask leaves one without a joint."""
    errors = joint_errors(predicted, target, alignment=alignment, mask=mask)
    return _mean(errors, mask, (-1,))


def mpjpe_per_joint(
    predicted: Poses, target: Poses, *, alignment: str = "none", mask: Mask = None
) -> Float[np.ndarray, " J"]:
    """Mean error of each joint; `PoseliftError` if the mask leaves one without a pose."""
    errors = joint_errors(predicted, target, alignment=alignment, mask=mask)
    return _mean(errors, mask, tuple(range(errors.ndim - 1)))


def error_per_axis(
    predicted: Poses, target: Poses, *, alignment: str = "none", mask: Mask = None
) -> Float[np.ndarray, " D"]:
    """Mean absolute error of each coordinate."""
    predicted, target = align(predicted, target, alignment, mask)
    wide = None if mask is None else np.broadcast_to(mask[..., None], predicted.shape)
    return _mean(np.abs(predicted - target), wide, tuple(range(predicted.ndim - 1)))


def weighted_mpjpe(
    predicted: Poses, target: Poses, weight: Float[np.ndarray, "*batch #J"]
) -> float:
    """Mean of weight times distance; one weight a pose (last axis 1) or a joint.

    The weights are not normalised (as in VideoPose3D): doubling them doubles the result.
    """
    return float((weight * joint_errors(predicted, target)).mean())


def mean_velocity_error(
    predicted: Float[np.ndarray, "T J D"],
    target: Float[np.ndarray, "T J D"],
    *,
    mask: np.ndarray | None = None,
) -> float:
    """Mean distance between the joints' steps from each frame to the next, unit per frame.

    With a mask a step counts if both of its ends do. Needs two frames or more.
    """
    if len(predicted) < 2:
        raise PoseliftError(f"velocity error: expected 2 frames or more, got {len(predicted)}")
    predicted, target = align(predicted, target, "none", mask)
    steps = None if mask is None else mask[1:] & mask[:-1]
    return mpjpe(np.diff(predicted, axis=0), np.diff(target, axis=0), mask=steps)


def pck(
    predicted: Poses, target: Poses, *, threshold_mm: float = 150.0, mask: Mask = None
) -> float:
    """Percent of joints strictly closer than the threshold. Poses must be in metres."""
    errors = joint_errors(predicted, target, mask=mask)
    return float(_percent_below(errors, np.array([threshold_mm]), mask)[0])


def pck_curve(
    predicted: Poses,
    target: Poses,
    *,
    thresholds_mm: Float[np.ndarray, " K"] = AUC_THRESHOLDS_MM,
    mask: Mask = None,
) -> Float[np.ndarray, " K"]:
    """`pck` at each threshold. Poses must be in metres."""
    return _percent_below(joint_errors(predicted, target, mask=mask), thresholds_mm, mask)


def auc(predicted: Poses, target: Poses, *, mask: Mask = None) -> float:
    """Mean `pck` over 31 thresholds from 0 to 150 mm, percent. Poses must be in metres.

    No distance is below 0, so a perfect prediction scores 30/31, 96.77 (as MPI-INF-3DHP counts).
    """
    return float(pck_curve(predicted, target, mask=mask).mean())


def _percent_below(
    errors: Errors, thresholds_mm: Float[np.ndarray, " K"], mask: Mask
) -> Float[np.ndarray, " K"]:
    flat = (errors if mask is None else errors[mask]).astype(np.float64).ravel()
    if flat.size == 0:
        raise PoseliftError("no joint is left to average over")
    return 100.0 * (flat[None, :] < thresholds_mm[:, None] / 1000.0).mean(axis=1)


def _mean(
    values: Float[np.ndarray, "*shape"],
    mask: Bool[np.ndarray, "*shape"] | None,
    axes: tuple[int, ...],
) -> Float[np.ndarray, "*rest"]:
    """Mean over some axes, of what the mask keeps; `PoseliftError` if nothing is left."""
    counts = np.ones(values.shape, bool) if mask is None else mask
    number = counts.sum(axis=axes)
    if (number == 0).any() or number.size == 0:
        raise PoseliftError("no joint is left to average over")
    total = np.where(counts, values, np.zeros_like(values)).sum(axis=axes)
    return np.asarray(total / number.astype(values.dtype))


def _best_scale(predicted: Poses, target: Poses) -> Float[np.ndarray, "*batch 1 1"]:
    """Factor that brings each pose closest to its target; 0 for a pose without extent."""
    square = (predicted**2).sum(axis=(-2, -1), keepdims=True)
    product = (predicted * target).sum(axis=(-2, -1), keepdims=True)
    return np.divide(product, square, out=np.zeros_like(square), where=square > 0)


def _superimpose(predicted: Poses, target: Poses, scale: bool, mask: Mask) -> Poses:
    """Procrustes alignment, of the joints in the mask alone; the others stay 0."""
    if mask is None or mask.all():
        return procrustes(predicted, target, scale=scale).aligned
    flat = predicted.reshape(-1, *predicted.shape[-2:])
    goal, keep = target.reshape(flat.shape), mask.reshape(flat.shape[:2])
    aligned = np.zeros_like(flat)
    # poses that lack the same joints are aligned together
    patterns, which = np.unique(keep, axis=0, return_inverse=True)
    for index, joints in enumerate(patterns):
        if joints.any():
            at = np.ix_(which.reshape(-1) == index, joints)
            aligned[at] = procrustes(flat[at], goal[at], scale=scale).aligned
    return aligned.reshape(predicted.shape)


def _check_shapes(predicted: np.ndarray, target: np.ndarray, mask: np.ndarray | None) -> None:
    if predicted.shape != target.shape:
        raise PoseliftError(
            f"expected predictions and targets of one shape, got {predicted.shape} "
            f"and {target.shape}"
        )
    if mask is not None and mask.shape != predicted.shape[:-1]:
        raise PoseliftError(f"expected a mask of shape {predicted.shape[:-1]}, got {mask.shape}")


def _check_finite(predicted: Poses, target: Poses, mask: Mask) -> None:
    for name, poses in (("prediction", predicted), ("target", target)):
        bad = ~np.isfinite(poses).all(axis=-1)
        if mask is not None:
            bad &= mask
        if bad.any():
            *where, joint = (int(i) for i in np.argwhere(bad)[0])
            at = f"pose {', '.join(map(str, where))}, joint {joint}" if where else f"joint {joint}"
            raise PoseliftError(
                f"{at}: the {name} is not finite; leave such joints out by a mask if that is meant"
            )
