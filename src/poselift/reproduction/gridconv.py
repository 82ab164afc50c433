"""Tables 1 to 6 and Figures 5, 7 and 8 of the GridConv paper (Kang et al., AAAI 2023)."""

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
from poselift.reproduction.claims import CellResults, Claim, Row, mpjpe, p_mpjpe, random_layouts
from poselift.reproduction.end_to_end import FROM_PICTURES
from poselift.reproduction.figures import bars_png, grid_sizes_png
from poselift.reproduction.items import (
    Item,
    Report,
    Value,
    beside_published,
    by_action,
    published,
)
from poselift.reproduction.measure import predict
from poselift.reproduction.pictures import comparison, figure

GT, DETECTED = "ground_truth", "detected"

#: The paper's "further improvement after fine-tuning with augmented data".
_TUNED = "Ours, 2D by the screen, then tuned with PoseAug"

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
    _TUNED: ("gln", {"normalisation": "screen", "poseaug": True}),
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
    start = lifter("Ours, 2D by the screen", variant) if name == _TUNED else None
    return cell(architecture, variant, start=start, **settings)


_FIRST = {name: lifter(name, DETECTED) for name in LIFTERS}


def _table1(study: Study, results: CellResults) -> Report:
    title = "MPJPE (mm) from detected 2D, by action"
    tables = by_action("gridconv.table1", title, _FIRST, results, "MPJPE", "")
    best = sorted((mpjpe(results[one]), name) for name, one in _FIRST.items())
    return Report(
        tables,
        (
            f"lowest: {best[0][1]} with {best[0][0]:.1f} mm, then {best[1][1]} with "
            f"{best[1][0]:.1f} mm (published, of these rows: Ours §, Ours)",
        ),
    )


def pair(words: str, low: tuple[str, Cell], high: tuple[str, Cell], *printed: float) -> Claim:
    """Claim that one network is below another in MPJPE."""
    return Claim(words, tuple(Row(name, (one,)) for name, one in (low, high)), mpjpe, printed)


_DEPTH = pair(
    "predicting pixels and depth (§) helps",
    ("Ours §", _FIRST["Ours §"]),
    ("Ours", _FIRST["Ours"]),
    *(46.3, 47.6),
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
    return Report((table,))


_AUGMENTED = tuple(
    pair(
        f"augmented data (PoseAug) improve ours further, true 2D, {how}",
        ("with", lifter(name, GT)),
        ("without", lifter("Ours, 2D by the screen", GT)),
    )
    for how, name in (
        ("trained on both", "Ours, 2D by the screen + PoseAug"),
        ("tuned from the weights without", _TUNED),
    )
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
    return Report((table,))


_VANILLA = ("GridConv", _TABLE4["GridConv", "D_craft"])
_GRAPHS = tuple(one for (name, _), one in _TABLE4.items() if name.endswith("(2019)"))
_CLAIMS4 = (
    pair(
        "dynamic below vanilla",
        ("D-GridConv", _TABLE4["D-GridConv", "D_craft"]),
        _VANILLA,
        *(37.1, 39.0),
    ),
    Claim(
        "vanilla grid convolution below every graph network",
        (Row("GridConv", (_VANILLA[1],)), Row("best graph network", _GRAPHS, best=True)),
        printed=(39.0, 39.4),
    ),
    *(
        pair(
            f"{name}: the grid's links help",
            (f"{name} G_craft", _TABLE4[f"{name} (2019)", "G_craft"]),
            (f"{name} own", _TABLE4[f"{name} (2019)", "Original"]),
            *printed,
        )
        for name, printed in (("SemGCN", (41.8, 43.8)), ("LCN", (39.4, 39.7)))
    ),
)


#: The rows of Table 5.
SGT_DESIGNS: dict[str, dict[str, Any]] = {
    **{f"Random SGT #{n}": {"layout": "random", "layout_seed": n} for n in (1, 2, 3, 4)},
    "Handcrafted SGT": {"layout": "handcrafted"},
    "Learnable SGT": {},
}

#: A row of ours: the released code's layout, which gets no gradient, its centre the mean of two
#: joints, and attention that stays at temperature 30.
_RELEASED = cell("gln", GT, layout="official", anneal_epochs=0.0)

#: Rows of ours beside the paper's, of true 2D. By straight-through at the usual scale of 6 the
#: noise exchanges a node in every step, which a short training has no time to learn from.
_OWN_ROWS = {
    "As the released code has it": _RELEASED,
    "Learnable SGT by straight-through": cell(
        "gln", GT, estimator="straight_through", score_scale=10.0
    ),
}


def _table5(study: Study, results: CellResults) -> Report:
    errors = {
        name: _by_protocol(results, *(cell("gln", kind, **settings) for kind in (GT, DETECTED)))
        for name, settings in SGT_DESIGNS.items()
    }
    random = np.array([errors[f"Random SGT #{n}"] for n in (1, 2, 3, 4)])
    mean = tuple(random.mean(axis=0).tolist())
    rows: list[tuple[str, Sequence[Value]]] = list(errors.items())
    rows.insert(4, ("Mean over #1-4", mean))
    rows += [(name, (None, mpjpe(results[one]), None)) for name, one in _OWN_ROWS.items()]
    title = f"5x5 layouts; {_AVERAGED}"
    table = beside_published("gridconv.table5", title, _PROTOCOLS, rows)
    spread = random.max(axis=0) - random.min(axis=0)
    apart = ", ".join(
        f"{s:.1f} mm ({c})" for s, c in zip(spread, _PROTOCOLS.values(), strict=True) if s == s
    )
    return Report((table,), (f"the four random layouts differ by {apart}",) if apart else ())


_CLAIMS5 = (
    *(
        Claim(
            f"learnable below handcrafted below random, {column}",
            (
                Row("learnable", (cell("gln", variant),)),
                Row("handcrafted", (cell("gln", variant, layout="handcrafted"),)),
                Row("random", random_layouts(variant)),
            ),
            metric,
            tuple(
                published("gridconv.table5", row, column)
                for row in ("Learnable SGT", "Handcrafted SGT", "Mean over #1-4")
            ),
        )
        for column, variant, metric in (
            ("P1", DETECTED, mpjpe),
            ("P1*", GT, mpjpe),
            ("P2", DETECTED, p_mpjpe),
        )
    ),
    pair(
        "learnable below the released code's",
        ("learnable", cell("gln", GT)),
        ("released", _RELEASED),
    ),
)


_TABLE6 = {
    (design, joints): cell("gln", GT, joints_32=True, **size, **settings)
    for design, settings in (("Handcrafted SGT", {"layout": "handcrafted"}), ("Learnable SGT", {}))
    for joints, size in ((17, {}), (32, {"skeleton": "h36m_32", "grid": (7, 5)}))
}


def _table6(study: Study, results: CellResults) -> Report:
    rows = []
    for design in ("Handcrafted SGT", "Learnable SGT"):
        few, many = (mpjpe(results[_TABLE6[design, joints]]) for joints in (17, 32))
        rows.append((design, (few, many, few - many)))
    columns = {"17 joints, 5x5": "17 joints", "32 joints, 7x5": "32 joints", "difference": "Δ"}
    title = f"MPJPE (mm) from true 2D; {_AVERAGED}"
    if study.data == "cmu17":
        title += ", poses of cmu32, the part of cmu17 that has 32 joints"
    return Report((beside_published("gridconv.table6", title, columns, rows),))


_CLAIMS6 = tuple(
    pair(
        f"learnable below handcrafted, {joints} joints",
        ("learnable", _TABLE6["Learnable SGT", joints]),
        ("handcrafted", _TABLE6["Handcrafted SGT", joints]),
        *printed,
    )
    for joints, printed in ((17, (36.4, 37.1)), (32, (33.4, 35.0)))
)


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
    return Report(
        (table,),
        (f"best here: {best[0]}x{best[1]}; the paper prints its numbers only as a drawing",),
        lambda caption: grid_sizes_png(errors, title=title, caption=caption),
    )


_CLAIM7 = Claim(
    "5x5 is the best size",
    (
        Row("5x5", (_SIZES[5, 5],)),
        Row("best other size", tuple(o for size, o in _SIZES.items() if size != (5, 5)), best=True),
    ),
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
    return Report(
        (Table(f"{title}; {_AVERAGED}", ("MPJPE (mm)",), rows),),
        (),
        lambda caption: bars_png(
            errors, xlabel="attention of D-GridConv", title=title, caption=caption
        ),
    )


_CLAIM8 = Claim(
    "our design is the best",
    (
        Row("ours", (_DESIGNS["ours"],)),
        Row(
            "best other", tuple(one for name, one in _DESIGNS.items() if name != "ours"), best=True
        ),
    ),
)

ITEMS = (
    Item("gridconv.table1", tuple(_FIRST.values()), _table1, (_DEPTH,), pictures=FROM_PICTURES),
    Item(
        "gridconv.table2",
        tuple(lifter(name, variant) for name in LIFTERS for variant in (DETECTED, GT)),
        _table2,
        _AUGMENTED,
    ),
    Item("gridconv.table3", tuple(_TABLE3.values()), _table3, check=_needs_mpi),
    Item("gridconv.table4", tuple(_TABLE4.values()), _table4, _CLAIMS4),
    Item(
        "gridconv.table5",
        (
            *(cell("gln", v, **s) for s in SGT_DESIGNS.values() for v in (GT, DETECTED)),
            *_OWN_ROWS.values(),
        ),
        _table5,
        _CLAIMS5,
    ),
    Item("gridconv.table6", tuple(_TABLE6.values()), _table6, _CLAIMS6),
    figure(
        "gridconv.figure5",
        {name: lifter(name, GT) for name in ("Martinez 2017", "Zhao 2019", "Ours")},
        comparison,
        needs_data=True,
    ),
    Item("gridconv.figure7", tuple(_SIZES.values()), _figure7, (_CLAIM7,)),
    Item("gridconv.figure8", tuple(_DESIGNS.values()), _figure8, (_CLAIM8,)),
)
