"""Tables 1 to 6 and Figures 5 to 8 of the GridConv paper (Kang et al., AAAI 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from poselift.datasets import load_mpi_inf_3dhp
from poselift.datasets.mpi_inf_3dhp import scenes_of
from poselift.errors import PoseliftError
from poselift.evaluation import (
    Table,
    evaluate_3dhp,
)
from poselift.evaluation import measure as measure_poses
from poselift.reproduction.cells import Cell, Study, cell
from poselift.reproduction.end_to_end import FROM_PICTURES
from poselift.reproduction.figures import bars_png, grid_sizes_png
from poselift.reproduction.items import (
    CellResults,
    Item,
    Report,
    Value,
    beside_published,
    by_action,
    claim,
    mpjpe,
    p_mpjpe,
    published,
)
from poselift.reproduction.measure import predict
from poselift.reproduction.pictures import comparison, figure, layouts

GT, DETECTED = "ground_truth", "detected"

#: Lifters of Tables 1 and 2 that are implemented, by the papers' names.
LIFTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Martinez 2017": ("martinez", {}),
    "Zhao 2019": ("semgcn", {}),
    "Pavllo 2019": ("videopose3d", {}),
    "Ci 2019 §": ("lcn", {"target": "pixel_depth", "add_input": True}),
    "Cai 2019": ("stgcn", {}),
    "Ours": ("gln", {}),
    "Ours §": ("gln", {"target": "pixel_depth"}),
    "Ours, 2D by the screen": ("gln", {"normalisation": "screen"}),
    "Ours, 2D by the screen + PoseAug": ("gln", {"normalisation": "screen", "poseaug": True}),
}

#: Table 2 marks some of them.
_MARKS = {"Pavllo 2019": "Pavllo 2019 T=1", "Cai 2019": "Cai 2019 T=1"}

#: Columns of Tables 2 and 5, and what the paper calls them.
_PROTOCOLS = {
    "P1 MPJPE (mm, detected 2D)": "P1",
    "P1* MPJPE (mm, true 2D)": "P1*",
    "P2 P-MPJPE (mm, detected 2D)": "P2",
}

#: Averaging of all single numbers below, as the official code's.
_AVERAGED = "root-aligned, the root at 0 and counted, mean of action means"


def lifter(name: str, variant: str) -> Cell:
    """Return the cell of a lifter of `LIFTERS`."""
    architecture, settings = LIFTERS[name]
    return cell(architecture, variant, **settings)


def _table1(study: Study, results: CellResults) -> Report:
    rows = {name: lifter(name, DETECTED) for name in LIFTERS}
    printed = {name: published("gridconv.table1", name, "Avg") for name in rows}
    table = by_action("MPJPE (mm) from detected 2D, by action", rows, results, "MPJPE", printed)
    best = sorted((mpjpe(results[one]), name) for name, one in rows.items())
    ours, depth = mpjpe(results[rows["Ours"]]), mpjpe(results[rows["Ours §"]])
    return Report(
        (table,),
        (
            f"lowest: {best[0][1]} with {best[0][0]:.1f} mm, then {best[1][1]} with "
            f"{best[1][0]:.1f} mm (published, of these rows: Ours §, Ours)",
            claim(
                "predicting pixels and depth (§) helps",
                [("Ours §", depth), ("Ours", ours)],
                (46.3, 47.6),
            ),
        ),
    )


def _by_protocol(results: CellResults, true: Cell, detected: Cell) -> tuple[float, float, float]:
    """Return what stands under P1, P1* and P2 of cells of true and of detected 2D."""
    return mpjpe(results[detected]), mpjpe(results[true]), p_mpjpe(results[detected])


def _table2(study: Study, results: CellResults) -> Report:
    rows = [
        (_MARKS.get(name, name), _by_protocol(results, lifter(name, GT), lifter(name, DETECTED)))
        for name in LIFTERS
    ]
    table = beside_published("gridconv.table2", f"All protocols; {_AVERAGED}", _PROTOCOLS, rows)
    plain = results[lifter("Ours, 2D by the screen", GT)]
    augmented = results[lifter("Ours, 2D by the screen + PoseAug", GT)]
    return Report(
        (table,),
        (
            claim(
                "augmented data (PoseAug) improves ours further, true 2D, same input",
                [("with", mpjpe(augmented)), ("without", mpjpe(plain))],
            ),
        ),
    )


_TABLE3 = {
    "LCN 2019, cross": cell("lcn", GT),
    "PoseAug 2021, cross": cell("videopose3d", GT, normalisation="screen", poseaug=True),
    "Ours, cross": cell("gln", GT),
}


def _needs_mpi(study: Study) -> None:
    """Refuse a study without the other data set."""
    if study.mpi_root is None:
        raise PoseliftError(
            "gridconv.table3 is measured on another data set than its networks are trained on: it "
            "needs --mpi-root, the folder of the MPI-INF-3DHP test set (see docs/data.md)"
        )


def _table3(study: Study, results: CellResults) -> Report:
    assert study.mpi_root is not None  # _needs_mpi refused it
    data = load_mpi_inf_3dhp(study.mpi_root)
    scores = {}
    for name, one in _TABLE3.items():
        predicted = predict(*study.trained(one), data)
        measures = measure_poses(("pck", "auc", "mpjpe"), predicted, data.poses)
        scores[name] = evaluate_3dhp(
            measures, data.skeleton, scenes_of(data), data.action, f"{name} on {data.name}"
        )
    # PCK@150, AUC 0:5:150 and MPJPE of the official joints, in the order of the columns
    rows = [
        (name, [value for key, value in score.overall.items() if key.endswith("14 joints)")])
        for name, score in scores.items()
    ]
    columns = {name: name for name in ("PCK (%)", "AUC (%)", "MPJPE (mm)")}
    title = f"{data.name}, networks trained on {study.name}, true 2D, 14 joints, mean over frames"
    table = beside_published("gridconv.table3", title, columns, rows)
    return Report((table, *(score.by_scene for score in scores.values())))


#: Columns of Table 4: which joints the two graph networks link.
_POSES = {"Original": {}, "G_craft": {"topology": "grid_graph"}, "D_craft": {"topology": "grid"}}
_TABLE4 = {
    **{
        (f"{name} (2019)", pose): cell(name.lower(), GT, **links)
        for name in ("SemGCN", "LCN")
        for pose, links in _POSES.items()
    },
    ("GridConv", "D_craft"): cell("gln", GT, layout="handcrafted", attention="none"),
    ("D-GridConv", "D_craft"): cell("gln", GT, layout="handcrafted"),
}


def _table4(study: Study, results: CellResults) -> Report:
    errors = {place: mpjpe(results[one]) for place, one in _TABLE4.items()}
    rows = [
        (network, [errors.get((network, pose)) for pose in _POSES])
        for network in dict.fromkeys(network for network, _ in errors)
    ]
    title = f"MPJPE (mm) from true 2D; {_AVERAGED}"
    table = beside_published("gridconv.table4", title, {pose: pose for pose in _POSES}, rows)
    dynamic, vanilla = errors["D-GridConv", "D_craft"], errors["GridConv", "D_craft"]
    graphs = {f"{n} {p}": e for (n, p), e in errors.items() if n.endswith("(2019)")}
    best = min(graphs, key=lambda name: graphs[name])
    readings = [
        claim(
            "dynamic below vanilla", [("D-GridConv", dynamic), ("GridConv", vanilla)], (37.1, 39.0)
        ),
        claim(
            "vanilla grid convolution below every graph network",
            [("GridConv", vanilla), (f"best graph network, {best},", graphs[best])],
            (39.0, 39.4),
        ),
    ]
    for network, printed in (("SemGCN (2019)", (41.8, 43.8)), ("LCN (2019)", (39.4, 39.7))):
        pair = [("G_craft", errors[network, "G_craft"]), ("own", errors[network, "Original"])]
        readings.append(claim(f"{network}: the grid's links help", pair, printed))
    return Report((table,), tuple(readings))


#: The rows of Table 5.
SGT_DESIGNS: dict[str, dict[str, Any]] = {
    **{f"Random SGT #{n}": {"layout": "random", "layout_seed": n} for n in (1, 2, 3, 4)},
    "Handcrafted SGT": {"layout": "handcrafted"},
    "Learnable SGT": {},
}

#: A row of ours: the released code's layout, which gets no gradient, its centre the mean of two
#: joints, and attention that stays at temperature 30.
_RELEASED = cell("gln", GT, layout="official", anneal_epochs=0.0)


def _table5(study: Study, results: CellResults) -> Report:
    errors = {
        name: _by_protocol(results, *(cell("gln", kind, **settings) for kind in (GT, DETECTED)))
        for name, settings in SGT_DESIGNS.items()
    }
    random = np.array([errors[f"Random SGT #{n}"] for n in (1, 2, 3, 4)])
    mean = tuple(random.mean(axis=0).tolist())
    released = mpjpe(results[_RELEASED])
    rows: list[tuple[str, Sequence[Value]]] = list(errors.items())
    rows.insert(4, ("Mean over #1-4", mean))
    rows.append(("As the released code has it", (None, released, None)))
    title = f"5x5 layouts; {_AVERAGED}"
    table = beside_published("gridconv.table5", title, _PROTOCOLS, rows)
    readings = [
        claim(
            f"learnable below handcrafted below random, {column}",
            [
                ("learnable", errors["Learnable SGT"][index]),
                ("handcrafted", errors["Handcrafted SGT"][index]),
                ("mean of random", mean[index]),
            ],
            [
                published("gridconv.table5", row, column)
                for row in ("Learnable SGT", "Handcrafted SGT", "Mean over #1-4")
            ],
        )
        for index, column in enumerate(_PROTOCOLS.values())
    ]
    spread = random.max(axis=0) - random.min(axis=0)
    readings.append(
        "the four random layouts differ by "
        + ", ".join(f"{s:.1f} mm ({c})" for s, c in zip(spread, _PROTOCOLS.values(), strict=True))
        + ": differences below that may be chance"
    )
    learnt = ("learnable", errors["Learnable SGT"][1])
    readings.append(claim("learnable below the released code's", [learnt, ("released", released)]))
    return Report((table,), tuple(readings))


_TABLE6 = {
    (design, joints): cell("gln", GT, skeleton=f"h36m_{joints}", grid=grid, **settings)
    for design, settings in (("Handcrafted SGT", {"layout": "handcrafted"}), ("Learnable SGT", {}))
    for joints, grid in ((17, (5, 5)), (32, (7, 5)))
}


def _needs_32_joints(study: Study) -> None:
    """Refuse data of 17 joints only."""
    if study.data == "cmu17":
        raise PoseliftError(
            "gridconv.table6 needs poses of 32 joints, which cmu17 has not: use --data h36m"
        )


def _table6(study: Study, results: CellResults) -> Report:
    rows = []
    for design in ("Handcrafted SGT", "Learnable SGT"):
        few, many = (mpjpe(results[_TABLE6[design, joints]]) for joints in (17, 32))
        rows.append((design, (few, many, few - many)))
    columns = {"17 joints, 5x5": "17 joints", "32 joints, 7x5": "32 joints", "difference": "Δ"}
    title = f"MPJPE (mm) from true 2D; {_AVERAGED}"
    return Report((beside_published("gridconv.table6", title, columns, rows),))


#: Sizes of Figure 7: from the smallest that hold 17 joints. All but 5x5 start at random.
_SIZES = {
    size: cell("gln", GT, **({} if size == (5, 5) else {"grid": size}))
    for size in ((6, 3), (5, 4), (5, 5), (6, 5))
}


def _figure7(study: Study, results: CellResults) -> Report:
    errors = {size: mpjpe(results[one]) for size, one in _SIZES.items()}
    title = "MPJPE (mm) by grid size, learnable SGT, true 2D"
    rows = tuple((f"{h}x{p}", (h * p, error)) for (h, p), error in errors.items())
    table = Table(f"{title}; {_AVERAGED}", ("nodes", "MPJPE (mm)"), rows)
    best = min(errors, key=lambda size: errors[size])
    others = min(error for size, error in errors.items() if size != (5, 5))
    return Report(
        (table,),
        (
            claim("5x5 is the best size", [("5x5", errors[5, 5]), ("best other size", others)]),
            f"best here: {best[0]}x{best[1]}; the paper prints its numbers only as a drawing",
        ),
        lambda caption: grid_sizes_png(errors, title=title, caption=caption),
    )


_DESIGNS = {
    "channel-wise": cell("gln", GT, attention="channel"),
    "spatial-wise": cell("gln", GT, attention="spatial"),
    "spatial + channel": cell("gln", GT, attention="spatial_channel"),
    "ours": cell("gln", GT),
}


def _figure8(study: Study, results: CellResults) -> Report:
    errors = {name: mpjpe(results[one]) for name, one in _DESIGNS.items()}
    title = "MPJPE (mm) by design of the attention, learnable SGT, true 2D"
    rows = tuple((name, (error,)) for name, error in errors.items())
    others = {name: error for name, error in errors.items() if name != "ours"}
    best = min(others, key=lambda name: others[name])
    return Report(
        (Table(f"{title}; {_AVERAGED}", ("MPJPE (mm)",), rows),),
        (claim("our design is the best", [("ours", errors["ours"]), (best, others[best])]),),
        lambda caption: bars_png(
            errors, xlabel="attention of D-GridConv", title=title, caption=caption
        ),
    )


_LEARNT = {
    "handcrafted": cell("gln", GT, layout="handcrafted"),
    "learnt #1": cell("gln", GT),
    "learnt #2": cell("gln", GT, repeat=1),
}

ITEMS = (
    Item(
        "gridconv.table1",
        tuple(lifter(name, DETECTED) for name in LIFTERS),
        _table1,
        pictures=FROM_PICTURES,
    ),
    Item(
        "gridconv.table2",
        tuple(lifter(name, variant) for name in LIFTERS for variant in (DETECTED, GT)),
        _table2,
    ),
    Item("gridconv.table3", tuple(_TABLE3.values()), _table3, check=_needs_mpi),
    Item("gridconv.table4", tuple(_TABLE4.values()), _table4),
    Item(
        "gridconv.table5",
        (*(cell("gln", v, **s) for s in SGT_DESIGNS.values() for v in (GT, DETECTED)), _RELEASED),
        _table5,
    ),
    Item("gridconv.table6", tuple(_TABLE6.values()), _table6, check=_needs_32_joints),
    figure(
        "gridconv.figure5",
        {name: lifter(name, GT) for name in ("Martinez 2017", "Zhao 2019", "Ours")},
        comparison,
        needs_data=True,
    ),
    figure("gridconv.figure6", _LEARNT, layouts),
    Item("gridconv.figure7", tuple(_SIZES.values()), _figure7),
    Item("gridconv.figure8", tuple(_DESIGNS.values()), _figure8),
)
