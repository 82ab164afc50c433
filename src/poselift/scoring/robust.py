"""What `poselift eval --data robustness` measures: the goals of the shipped weights, one a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.datasets.registry import Say, silently
from poselift.datasets.robustness import EXCHANGED, KINDS, MISSING, Kind, load_kinds
from poselift.errors import PoseliftError
from poselift.evaluation import Table, mpjpe, p_mpjpe, standing, trunk_lean
from poselift.lifting import Lifter
from poselift.scoring.run import Scores, lift_data, score_pose2sim

#: Values by row of the table; a row's name says the unit.
_Rows = dict[str, float]


@dataclass
class _Measured:
    """What is known of one model while the kinds go by."""

    goals: _Rows = field(default_factory=dict)
    kinds: dict[str, tuple[float, float, float | None]] = field(default_factory=dict)
    true: Float[np.ndarray, "N J 3"] | None = None


def score_robustness(
    lifters: Mapping[str, Lifter], root: Path, split: str = "test", say: Say = silently
) -> Scores:
    """Measure lifters on the frozen kinds of 2D and on the balancing clip.

    root   folder that holds `cmu/` and, for split "test", `pose2sim/`.
    split  "val", to choose by, or "test", to report.

    The first table has the goals, a row each; the second all kinds: errors over the joints that the
    2D shows, and by how much they exceed those of the exact 2D over the same joints. Frames that
    show too few joints to be lifted are left out. Raises `PoseliftError` as the readers do.
    """
    measured = {name: _Measured() for name in lifters}
    for number, kind in enumerate(load_kinds(root / "cmu", split), 1):
        for name, lifter in lifters.items():
            what = f"{kind.data.name} ({number} of {len(KINDS)}): lifting by {name}"
            poses = lift_data(lifter, kind.data, partial(_say_done, say, what))
            _measure(measured[name], kind, poses)
    if split == "test":
        say("lifting the balancing clip ...")
        for name, rows in _balancing(lifters, root / "pose2sim").items():
            measured[name].goals = rows | measured[name].goals
    for one in measured.values():
        each = [p for _, p, _ in one.kinds.values()]
        one.goals["mean over all kinds, P-MPJPE (mm)"] = float(np.mean(each))
    return Scores((_goal_table(measured, split), _kind_table(measured, split)), ())


def _say_done(say: Say, what: str, done: str) -> None:
    """Say how far the lifting of something is."""
    say(f"{what}, {done}")


def _measure(one: _Measured, kind: Kind, poses: Float[np.ndarray, "N J 3"]) -> None:
    """Add what a kind says about a model."""
    data, shown = kind.data, kind.visible
    lifted = np.isfinite(poses).all(axis=(1, 2))
    if not lifted.any():
        raise PoseliftError(f"{data.name}: no frame shows enough joints to be lifted")
    rows = np.flatnonzero(lifted)
    own, target, mask = poses[rows], data.poses[rows], shown[rows]
    errors = [1000 * metric(own, target, mask=mask) for metric in (mpjpe, p_mpjpe)]
    rise = None
    if kind.name == "true":
        one.true = poses
    elif one.true is not None and kind.name != "synthetic people":
        exact = 1000 * mpjpe(one.true[rows], target, mask=mask)
        rise = 100 * (errors[0] / exact - 1)
    one.kinds[kind.name] = (errors[0], errors[1], rise)
    if kind.name in ("true", "detected"):
        one.goals[f"{kind.name} 2D, MPJPE (mm)"], one.goals[f"{kind.name} 2D, P-MPJPE (mm)"] = (
            errors
        )
        upright = standing(target, data.skeleton)
        lean = trunk_lean(own[upright], target[upright], data.skeleton)
        for what, degrees in lean.items():
            one.goals[f"standing, {kind.name} 2D, trunk {what} (degrees)"] = degrees
    if kind.name in MISSING and rise is not None:
        one.goals[f"{kind.name}, rise of MPJPE over visible joints (%)"] = rise
    if kind.name in EXCHANGED and one.true is not None:
        others = [
            data.skeleton.index(f"{side}_{part}")
            for side in ("left", "right")
            for part in EXCHANGED[kind.name]
        ]
        moved = 1000 * np.linalg.norm((own - one.true[rows])[:, others], axis=2)
        one.goals[f"{kind.name}, other limbs move (mm, mean)"] = float(moved.mean())
        one.goals[f"{kind.name}, other limbs move (mm, 95 %)"] = float(np.quantile(moved, 0.95))


def _balancing(lifters: Mapping[str, Lifter], root: Path) -> dict[str, _Rows]:
    """Return both cameras' errors against the filtered track by model."""
    _, filtered = score_pose2sim(lifters, root).tables
    return {
        name: {
            f"balancing {row}": float(str(values[column]))
            for row, values in filtered.rows
            if not row.startswith("mean")
        }
        for column, name in enumerate(filtered.columns)
    }


def _goal_table(measured: Mapping[str, _Measured], split: str) -> Table:
    """Return one row a measure, one column a model."""
    first = next(iter(measured.values()))
    rows = tuple((row, tuple(one.goals[row] for one in measured.values())) for row in first.goals)
    title = f"frozen 2D of cmu17 {split} and the balancing clip, mean over frames"
    return Table(title, tuple(measured), rows)


def _kind_table(measured: Mapping[str, _Measured], split: str) -> Table:
    """Return one row a kind of 2D, three columns a model."""
    several = len(measured) > 1
    names = ("MPJPE (mm)", "P-MPJPE (mm)", "rise of MPJPE (%)")
    columns = tuple(f"{model}: {name}" if several else name for model in measured for name in names)
    rows = tuple(
        (kind, tuple(value for one in measured.values() for value in one.kinds[kind]))
        for kind in KINDS
    )
    return Table(f"cmu17 {split} by kind of 2D, over the joints it shows", columns, rows)
