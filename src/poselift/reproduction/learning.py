"""How layouts are learnt: GridConv's Figures 3 and 6, and the search from several starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.evaluation import OF_ACTION_MEANS, Table
from poselift.models.gridconv import SIZES, GridLiftingNetwork, Layout, handcrafted
from poselift.reproduction.cells import Cell, Study, cell
from poselift.reproduction.claims import CHANCE, FAILS, HOLDS, CellResults, mpjpe
from poselift.reproduction.figures import grid_graph, layouts_png, progress_png, stacked
from poselift.reproduction.figures.progress import differing
from poselift.reproduction.items import Item, Model, Report
from poselift.skeletons import get_skeleton
from poselift.training.layouts import LayoutLog, read_layouts

GT = "ground_truth"

#: Layouts of Figure 6, and what a cell of them is called.
_LEARNT = {
    "learnt #1": cell("gln", GT),
    "learnt #2": cell("gln", GT, layout_start="random", layout_seed=1),
}

#: Layouts of a training that a figure shows.
_SHOWN = 6


def _figure3(study: Study, results: CellResults) -> Report:
    return _process({name: study.layouts(one) for name, one in _LEARNT.items()})


def _figure3_of_model(model: Model, data: LiftingData | None) -> Report:
    if model.folder is None:
        raise PoseliftError(
            f"gridconv.figure3: expected the run folder of a training, got {model.name}"
        )
    return _process({model.name: read_layouts(model.folder)})


def _process(logs: Mapping[str, LayoutLog]) -> Report:
    """Draw layouts over a training, with some that were drawn, and count the nodes that moved."""
    rows = []
    for name, log in logs.items():
        (_, first), *_ = log.layouts
        for (_, before), (epoch, layout) in zip(log.layouts, log.layouts[1:], strict=False):
            kept = grid_graph(layout, get_skeleton(log.skeleton)).kept
            counts = (len(differing(before, layout)), len(differing(first, layout)), len(kept))
            rows.append((f"{name}, epoch {epoch}", counts))
    columns = ("nodes moved in it", "since the start", "bones kept")
    return Report(
        (Table("Layouts while they are learnt", columns, tuple(rows)),),
        draw=lambda caption: stacked(
            [_strip(name, log, caption, drawn=True) for name, log in logs.items()]
        ),
    )


def _strip(name: str, log: LayoutLog, caption: str, *, drawn: bool) -> bytes:
    """Draw one training's layouts: its start, its end, and what lies between where it changes.

    drawn  show some of the layouts that were drawn, too.
    """
    changes = [
        index
        for index, (_, layout) in enumerate(log.layouts)
        if index == 0 or layout != log.layouts[index - 1][1]
    ]
    places = np.linspace(0, len(changes) - 1, min(_SHOWN, len(changes))).round().astype(int)
    chosen = [log.layouts[changes[place]] for place in places]
    first = log.layouts[0][1]
    steps = [
        (
            f"epoch {epoch}: {len(differing(first, layout))} nodes moved",
            layout,
            differing(first, layout),
        )
        for epoch, layout in chosen
    ]
    below = [log.drawn[epoch] if drawn else () for epoch, _ in chosen]
    skeleton = get_skeleton(log.skeleton)
    return progress_png(steps, below, skeleton, title=f"{name}: its layout", caption=caption)


def _figure6(study: Study, results: CellResults) -> Report:
    models = {name: Model(name, *study.trained(one)) for name, one in _LEARNT.items()}
    return _graphs(models, {name: study.layouts(one) for name, one in _LEARNT.items()})


def _figure6_of_model(model: Model, data: LiftingData | None) -> Report:
    try:
        logs = {} if model.folder is None else {model.name: read_layouts(model.folder)}
    except PoseliftError:  # a run of before layouts were logged, or of a fixed one
        logs = {}
    return _graphs({model.name: model}, logs)


def _graphs(models: Mapping[str, Model], logs: Mapping[str, LayoutLog]) -> Report:
    """Draw the start and what was learnt as graphs, and the way from one to the other."""
    skeleton = get_skeleton(next(iter(models.values())).card["skeleton"])
    known = skeleton.name in SIZES and not logs
    grids = {"handcrafted": handcrafted(skeleton)} if known else {}
    for name, model in models.items():
        if not isinstance(model.network, GridLiftingNetwork):
            raise PoseliftError(f"{name}: has no grid layout, expected a model of gln")
        short = name if len(models) > 1 else "learnt"  # a run's name is a long one
        if name in logs:
            grids[f"start of {short}" if len(models) > 1 else "start"] = logs[name].layouts[0][1]
        grids[short] = model.network.layout()
    rows = []
    for name, grid in grids.items():
        graph = grid_graph(grid, skeleton)
        rows.append((name, (len(graph.kept), len(skeleton.edges), len(graph.added))))
    title = "Grid layouts: bones whose joints are neighbours in the grid, and links beside them"

    def draw(caption: str) -> bytes:
        graphs = layouts_png(grids, skeleton, title="Grid layouts as graphs", caption=caption)
        strips = [_strip(name, log, "", drawn=False) for name, log in logs.items()]
        return stacked([graphs, *strips])

    table = Table(title, ("bones kept", "bones", "links added"), tuple(rows))
    return Report((table,), draw=draw)


#: Starts of the search, and its seeds.
_STARTS: dict[str, dict[str, Any]] = {
    **{f"random #{n}": {"layout_start": "random", "layout_seed": n} for n in (1, 2, 3, 4)},
    "handcrafted": {},
}
_SEEDS = (0, 1, 2)


def _kept(start: str, seed: int) -> Cell:
    """Return the cell that keeps a start."""
    settings = _STARTS[start]
    fixed = {"layout": "random", "layout_seed": settings["layout_seed"]} if settings else {}
    return cell("gln", GT, repeat=seed, **(fixed or {"layout": "handcrafted"}))


def _searched(start: str, seed: int) -> Cell:
    """Return the cell that learns its layout from a start."""
    return cell("gln", GT, repeat=seed, **_STARTS[start])


def _anew(study: Study, start: str, seed: int) -> Cell:
    """Return the cell that trains a learnt layout anew from scratch."""
    _, layout = study.layouts(_searched(start, seed)).layouts[-1]
    nodes = tuple(joint for (joint,) in layout.cells)
    return cell("gln", GT, repeat=seed, layout="given", nodes=nodes)


def _all_anew(study: Study, results: CellResults) -> tuple[Cell, ...]:
    return tuple(_anew(study, start, seed) for seed in _SEEDS for start in _STARTS)


def _search(study: Study, results: CellResults) -> Report:
    """Compare starts that are kept with layouts that are learnt from them, both ways."""
    ways: dict[str, Callable[[str, int], Cell]] = {
        "kept": _kept,
        "learnt within the training": _searched,
        "learnt, then trained anew": lambda start, seed: _anew(study, start, seed),
    }
    errors = {
        way: {s: [mpjpe(results[make(s, seed)]) for seed in _SEEDS] for s in _STARTS}
        for way, make in ways.items()
    }
    errors["nodes moved"] = {
        start: [float(len(differing(log[0][1], log[-1][1]))) for log in _logs(study, start)]
        for start in _STARTS
    }
    drawn = [start for start in _STARTS if start != "handcrafted"]
    groups = {start: [start] for start in _STARTS}
    groups |= {"all random starts": drawn, "all starts": list(_STARTS)}
    rows = []
    for name, starts in groups.items():
        together = [[e for start in starts for e in errors[one][start]] for one in errors]
        spreads = ((float(np.mean(v)), float(np.std(v, ddof=1))) for v in together)
        rows.append((name, tuple(number for pair in spreads for number in pair)))
    title = (
        f"MPJPE (mm), true 2D, {OF_ACTION_MEANS}; mean and deviation (±) over {len(_SEEDS)} seeds"
    )
    columns = tuple(column for one in errors for column in (one, f"± {one}"))
    del errors["nodes moved"]
    return Report((Table(title, columns, tuple(rows)),), tuple(_orders(errors, drawn)))


def _logs(study: Study, start: str) -> list[tuple[tuple[int, Layout], ...]]:
    return [study.layouts(_searched(start, seed)).layouts for seed in _SEEDS]


def _orders(errors: Mapping[str, Mapping[str, list[float]]], drawn: list[str]) -> list[str]:
    """Say whether learnt is below random and at or below handcrafted, by the seeds' spread."""
    kept, *learnt = errors
    # the deviation over seeds of one and the same setting, all settings together
    groups = [values for way in errors.values() for values in way.values()]
    seeds = float(np.sqrt(np.mean([np.var(values, ddof=1) for values in groups])))
    lines = []
    for way in learnt:
        from_random = float(np.mean([errors[way][start] for start in drawn]))
        everywhere = float(np.mean(list(errors[way].values())))
        random = float(np.mean([errors[kept][start] for start in drawn]))
        hand = float(np.mean(errors[kept]["handcrafted"]))
        below = HOLDS if from_random < random - seeds else CHANCE
        below = FAILS if from_random > random + seeds else below
        at = HOLDS if everywhere <= hand else CHANCE if everywhere <= hand + seeds else FAILS
        lines += [
            f"{way}, from random starts, below those starts by more than the seeds' spread of "
            f"{seeds:.1f} mm: {below}, {from_random:.1f} against {random:.1f} mm",
            f"{way}, from all starts, at or below handcrafted: {at}, "
            f"{everywhere:.1f} against {hand:.1f} mm",
        ]
    return lines


ITEMS = (
    Item("gridconv.figure3", tuple(_LEARNT.values()), _figure3, of_model=_figure3_of_model),
    Item("gridconv.figure6", tuple(_LEARNT.values()), _figure6, of_model=_figure6_of_model),
    Item(
        "gridconv.search",
        tuple(make(s, seed) for seed in _SEEDS for s in _STARTS for make in (_kept, _searched)),
        _search,
        more=_all_anew,
    ),
)
