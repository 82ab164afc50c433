"""GridConv's Table 1 from pictures: its end-to-end row beside the same networks lifting alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from poselift.evaluation import Table
from poselift.reproduction.cells import Cell, Study, cell
from poselift.reproduction.claims import CellResults, mpjpe, of_seeds, p_mpjpe
from poselift.reproduction.figures import bars_png
from poselift.reproduction.items import (
    Item,
    Report,
    by_action,
)
from poselift.reproduction.picture_cells import PICTURES
from poselift.reproduction.published import PUBLISHED
from poselift.skeletons import H36M_17

#: Seeds of the three rows that are compared; each has a detector of its own.
SEEDS = (0, 1, 2)

#: Lifters that learn on what a frozen detector finds, by the paper's names.
_ALONE = {
    "Martinez 2017": "martinez",
    "Zhao 2019": "semgcn",
    "Pavllo 2019": "videopose3d",
    "Cai 2019": "stgcn",
}


def alone(repeat: int = 0, lifter: str = "gln") -> Cell:
    """Return a lifter on what a detector finds that stays as it is."""
    return cell("end_to_end", PICTURES, lifter=lifter, detector_rate=0.0, repeat=repeat)


def joint(repeat: int = 0, *, through: bool = True) -> Cell:
    """Return detector and lifter that go on learning together.

    through  whether the error of the poses reaches the detector.
    """
    return cell("end_to_end", PICTURES, lifter="gln", through=through, repeat=repeat)


#: Rows of the table: the first seed of each.
ROWS = {
    **{name: alone(lifter=lifter) for name, lifter in _ALONE.items()},
    "Ours": alone(),
    "Ours e2e": joint(),
    "Ours, both learning side by side": joint(through=False),
}

_CELLS = tuple(
    dict.fromkeys(
        (
            *(one for n in SEEDS for one in (alone(n), joint(n), joint(n, through=False))),
            *ROWS.values(),
        )
    )
)


#: Ways to learn from the same pictures, each a cell of a seed.
_WAYS: dict[str, Callable[[int], Cell]] = {
    "alone": alone,
    "e2e": joint,
    "side by side": partial(joint, through=False),
}


def _seeds(results: CellResults) -> Table:
    """Put the seeds side by side: 3D and 2D error of the ways to learn, and their means."""
    columns = [
        f"{way} {what}" for way in _WAYS for what in ("MPJPE (mm)", "P-MPJPE (mm)", "2D (px)")
    ]
    rows: list[tuple[str, tuple[float | None, ...]]] = []
    for number in SEEDS:
        own = [results.get(make(number)) for make in _WAYS.values()]
        values: list[float | None] = []
        for one in own:
            found = (None,) * 3 if one is None else (mpjpe(one), p_mpjpe(one), one.error_2d)
            values += found
        if own[0] is not None and own[1] is not None:
            rows.append((f"seed {number}", (*values, 100 * (1 - mpjpe(own[1]) / mpjpe(own[0])))))
    table = np.array([[np.nan if value is None else value for value in row] for _, row in rows])
    known = ~np.isnan(table).any(axis=0)
    means = tuple(
        float(mean) if there else None
        for mean, there in zip(table.mean(axis=0), known, strict=True)
    )
    title = "Ways to learn from the same pictures; mean of action means, 2D in crop pixels"
    return Table(title, (*columns, "e2e lower by (%)"), (*rows, ("mean", means)))


def gains(results: CellResults) -> dict[str, float]:
    """Return by joint how much lower the joint training's error is, mm, mean over the seeds."""
    found: dict[str, float] = {}
    for name in H36M_17.joints:
        pairs = [
            (results[alone(n)].by_joint[name]["MPJPE"], results[joint(n)].by_joint[name]["MPJPE"])
            for n in SEEDS
            if alone(n) in results and joint(n) in results
        ]
        found[name] = float(np.mean([a - b for a, b in pairs]))
    del found[H36M_17.joints[H36M_17.root]]
    return found


def table1(study: Study, results: CellResults) -> Report:
    """Make the table of what `results` holds, and draw the gain by joint."""
    rows = {name: one for name, one in ROWS.items() if one in results}
    title = "MPJPE (mm) from pictures, by action; lifting alone: on what a frozen detector finds"
    tables = by_action("gridconv.table1", title, rows, results, "MPJPE", "")
    seeds, by_joint = _seeds(results), gains(results)
    means = dict(zip(seeds.columns, dict(seeds.rows)["mean"], strict=True))
    side, alone_mm = means["side by side MPJPE (mm)"], means["alone MPJPE (mm)"]
    joints = tuple((name, (gain,)) for name, gain in by_joint.items())
    gained = Table("Lower MPJPE of the joint training by joint (mm)", ("gain (mm)",), joints)
    printed_gain = 100 * (1 - 43.7 / 47.6)
    lower = f"that is {means['e2e lower by (%)']:.1f} % lower ({PUBLISHED}: {printed_gain:.1f} %)"
    if isinstance(side, float) and isinstance(alone_mm, float):
        lower += (
            "; where both go on learning side by side, with nothing from the poses reaching the "
            f"detector, it is {100 * (1 - side / alone_mm):.1f} %"
        )
    readings = (
        of_seeds(
            "joint training below lifting alone",
            ("e2e", [mpjpe(results[joint(n)]) for n in SEEDS if joint(n) in results]),
            ("alone", [mpjpe(results[alone(n)]) for n in SEEDS if alone(n) in results]),
            (43.7, 47.6),
        ),
        lower,
    )
    return Report(
        (*tables, seeds, gained),
        readings,
        lambda caption: bars_png(
            {name.replace("_", " "): gain for name, gain in by_joint.items()},
            xlabel="joint",
            ylabel="lower by, mm",
            title="What joint training gains by joint",
            caption=caption,
        ),
    )


FROM_PICTURES = Item("gridconv.table1", _CELLS, table1)

__all__ = ["FROM_PICTURES", "SEEDS", "alone", "gains", "joint", "table1"]
