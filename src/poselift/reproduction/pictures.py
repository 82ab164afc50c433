"""The papers' qualitative figures: of a study's cells, or of one network trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.evaluation import Table
from poselift.models import PoseGraphNet
from poselift.models.gridconv import GridLiftingNetwork, handcrafted
from poselift.models.posegraphnet import GROUPS
from poselift.reproduction.cells import Cell, Study
from poselift.reproduction.figures import (
    adjacency_png,
    comparison_png,
    layouts_png,
    pipeline_png,
)
from poselift.reproduction.items import CellResults, Model, Report
from poselift.reproduction.measure import predict
from poselift.reproduction.published import PUBLISHED, TABLES
from poselift.skeletons import H36M_17, Skeleton, get_skeleton

#: Poses in Figure 5 and in PoseGraphNet's Figure 2.
_FEW, _NINE = 4, 9


def chosen_rows(data: LiftingData, count: int) -> Int[np.ndarray, " N"]:
    """Choose rows to be shown: evenly spread over actions, each from the middle of its frames."""
    actions = np.unique(data.action)
    shares = [actions[k * len(actions) // count] for k in range(count)]
    rows = []
    for number, action in enumerate(shares):
        own = np.flatnonzero(data.action == action)
        turn = 1 + sum(1 for other in shares[:number] if other == action)
        rows.append(own[turn * len(own) // (1 + shares.count(action))])
    return np.array(rows, dtype=np.int64)


def _names(data: LiftingData) -> list[str]:
    """Name samples by subject, action and camera."""
    return [
        f"S{subject}, {action}, camera {camera}"
        for subject, action, camera in zip(data.subject, data.action, data.camera, strict=True)
    ]


def _comparison(data: LiftingData, predictions: Mapping[str, np.ndarray]) -> Report:
    """Draw Figure 5 of chosen samples, and list their errors."""
    names = _names(data)
    errors = {
        name: 1000 * np.linalg.norm(poses - data.poses, axis=-1).mean(axis=1)
        for name, poses in predictions.items()
    }
    rows = tuple(
        (name, tuple(float(error[row]) for error in errors.values()))
        for row, name in enumerate(names)
    )
    title = f"Samples of {data.name}: distance (mm), root-aligned, mean over joints"

    def draw(caption: str) -> bytes:
        return comparison_png(
            data.skeleton,
            data.keypoints,
            data.poses,
            predictions,
            names=names,
            title="2D input; 3D truth (blue) and prediction (red)",
            caption=caption,
        )

    return Report((Table(title, tuple(errors), rows),), draw=draw)


def panels(cells: Mapping[str, Cell], study: Study, results: CellResults) -> Report:
    """Make GridConv's Figure 5 of several cells that see the same test set."""
    data = study.test_data(next(iter(cells.values())))
    data = data[chosen_rows(data, _FEW)]
    predictions = {name: predict(*study.trained(one), data) for name, one in cells.items()}
    return _comparison(data, predictions)


def panels_of(model: Model, data: LiftingData | None) -> Report:
    """Make GridConv's Figure 5 of one network."""
    assert data is not None
    data = data[chosen_rows(data, _FEW)]
    return _comparison(data, {model.name: predict(model.network, model.card, data)})


def pipeline(one: Cell, study: Study, results: CellResults) -> Report:
    """Make PoseGraphNet's Figure 2 of a cell that was trained on detected 2D."""
    truth = study.load(study.config(Cell(one.architecture, "ground_truth")), "test")
    data = study.test_data(one)
    rows = chosen_rows(data, _NINE)
    predicted = predict(*study.trained(one), data[rows])
    return _pipeline(data[rows], truth[rows].keypoints, predicted)


def pipeline_of(model: Model, data: LiftingData | None) -> Report:
    """Make PoseGraphNet's Figure 2 of one network; the 2D input stands for both 2D columns."""
    assert data is not None
    data = data[chosen_rows(data, _NINE)]
    return _pipeline(data, data.keypoints, predict(model.network, model.card, data))


def _pipeline(
    data: LiftingData,
    true_keypoints: Float[np.ndarray, "N J 2"],
    predicted: Float[np.ndarray, "N J 3"],
) -> Report:
    """Draw Figure 2 of some samples, and list their errors."""
    names = _names(data)
    errors = 1000 * np.linalg.norm(predicted - data.poses, axis=-1).mean(axis=1)
    rows = tuple((name, (float(error),)) for name, error in zip(names, errors, strict=True))
    title = f"Samples of {data.name}: distance (mm), root-aligned, mean over joints"

    def draw(caption: str) -> bytes:
        return pipeline_png(
            data.skeleton,
            true_keypoints,
            data.keypoints,
            data.poses,
            predicted,
            names=names,
            title="2D truth, 2D input, 3D truth, 3D prediction",
            caption=caption,
        )

    return Report((Table(title, ("distance (mm)",), rows),), draw=draw)


def layouts_of_cells(cells: Mapping[str, Cell], study: Study, results: CellResults) -> Report:
    """Make GridConv's Figure 6 of the layouts that cells ended with."""
    return _layouts({name: study.trained(one)[0] for name, one in cells.items()}, H36M_17)


def layouts_of_model(model: Model, data: LiftingData | None) -> Report:
    """Make GridConv's Figure 6 of one network, beside the handcrafted layout."""
    return _layouts({model.name: model.network}, get_skeleton(model.card["skeleton"]))


def _layouts(networks: Mapping[str, nn.Module], skeleton: Skeleton) -> Report:
    """Draw layouts as graphs, and count the bones that they keep."""
    layouts = {"handcrafted": handcrafted(skeleton)}
    for name, network in networks.items():
        if not isinstance(network, GridLiftingNetwork):
            raise PoseliftError(f"{name}: has no grid layout, expected a model of gln")
        layouts[name] = network.layout()
    bones = len(skeleton.edges)
    rows = tuple(
        (name, (bones - len(layout.broken_edges(skeleton)), bones))
        for name, layout in layouts.items()
    )
    title = "Grid layouts: bones whose joints are neighbours in the grid"
    return Report(
        (Table(title, ("bones kept", "bones"), rows),),
        draw=lambda caption: layouts_png(
            layouts, skeleton, title="Grid layouts as graphs", caption=caption
        ),
    )


def adjacency(one: Cell, study: Study, results: CellResults) -> Report:
    """Make PoseGraphNet's Figure 3 of a cell."""
    return _adjacency(study.trained(one)[0], H36M_17, "PoseGraphNet")


def adjacency_of(model: Model, data: LiftingData | None) -> Report:
    """Make PoseGraphNet's Figure 3 of one network."""
    return _adjacency(model.network, get_skeleton(model.card["skeleton"]), model.name)


def _adjacency(network: nn.Module, skeleton: Skeleton, name: str) -> Report:
    """Draw the normalised child group, and list the entries that the paper names."""
    if not isinstance(network, PoseGraphNet):
        raise PoseliftError(f"{name}: has no learned adjacency, expected a model of posegraphnet")
    with torch.no_grad():
        matrix = network.normalised_adjacency()[GROUPS.index("child")].numpy()
    rows = []
    for pair, (printed,) in TABLES["posegraphnet.figure3"].rows:
        first, second = (_joint(words, skeleton) for words in pair.split(" - "))
        entries = (float(matrix[first, second]), float(matrix[second, first]))
        rows.append((pair, (*(f"{entry:.2f}" for entry in entries), f"{printed:.2f}")))
    title = "Learned child adjacency, normalised: entries that the paper names"
    columns = ("first receives", "second receives", f"{PUBLISHED} weight")
    return Report(
        (Table(title, columns, tuple(rows)),),
        draw=lambda caption: adjacency_png(
            matrix, skeleton, title=f"Learned child adjacency of {name}", caption=caption
        ),
    )


def _joint(words: str, skeleton: Skeleton) -> int:
    """Find a joint by the paper's words; its foot is our ankle."""
    return skeleton.index(words.replace("foot", "ankle").replace(" ", "_"))
