"""The papers' qualitative figures: of a study's cells, or of one network trained elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int

from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.evaluation import Table
from poselift.models import PoseGraphNet
from poselift.models.posegraphnet import GROUPS
from poselift.reproduction.cells import Cell, Study
from poselift.reproduction.claims import CellResults
from poselift.reproduction.figures import (
    adjacency_png,
    comparison_png,
    pipeline_png,
)
from poselift.reproduction.items import Item, Model, Report
from poselift.reproduction.measure import predict
from poselift.reproduction.published import PUBLISHED, TABLES
from poselift.skeletons import get_skeleton

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


@final
@dataclass(frozen=True, eq=False)
class Shown:
    """What a figure is drawn of.

    models  networks by name.
    data    the test set as they see it; None where the figure needs none.
    truth   (N, J, 2) its true 2D keypoints, where the networks are given others.
    """

    models: Mapping[str, Model]
    data: LiftingData | None
    truth: Float[np.ndarray, "N J 2"] | None = None

    def samples(self, count: int) -> tuple[LiftingData, Float[np.ndarray, "N J 2"]]:
        """Return some samples to be shown, and their true 2D keypoints."""
        assert self.data is not None  # the item says that it needs data
        truth = self.data.keypoints if self.truth is None else self.truth
        rows = chosen_rows(self.data, count)
        return self.data[rows], truth[rows]


def figure(
    name: str, cells: Mapping[str, Cell], draw: Callable[[Shown], Report], needs_data: bool = False
) -> Item:
    """Make an item that is drawn of cells, or of one network that was trained elsewhere."""

    def of_study(study: Study, results: CellResults) -> Report:
        models = {name: Model(name, *study.trained(one)) for name, one in cells.items()}
        if not needs_data:
            return draw(Shown(models, None))
        first = next(iter(cells.values()))
        true = study.test_data(Cell(first.architecture, "ground_truth"))
        return draw(Shown(models, study.test_data(first), true.keypoints))

    def of_model(model: Model, data: LiftingData | None) -> Report:
        return draw(Shown({model.name: model}, data))

    needed = tuple(cells.values())
    return Item(name, needed, of_study, of_model=of_model, needs_data=needs_data)


def errors_table(
    data: LiftingData, names: Sequence[str], predictions: Mapping[str, np.ndarray]
) -> Table:
    """List how far the predictions of some samples lie from the truth."""
    errors = [
        1000 * np.linalg.norm(poses - data.poses, axis=-1).mean(axis=1)
        for poses in predictions.values()
    ]
    rows = zip(names, zip(*(error.tolist() for error in errors), strict=True), strict=True)
    title = f"Samples of {data.name}: distance (mm), root-aligned, mean over joints"
    return Table(title, tuple(predictions), tuple(rows))


def comparison(shown: Shown) -> Report:
    """Make GridConv's Figure 5."""
    data, _ = shown.samples(_FEW)
    predictions = {
        name: predict(model.network, model.card, data) for name, model in shown.models.items()
    }
    names = _names(data)

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

    return Report((errors_table(data, names, predictions),), draw=draw)


def pipeline(shown: Shown) -> Report:
    """Make PoseGraphNet's Figure 2; without true keypoints the input stands for both columns."""
    data, true_keypoints = shown.samples(_NINE)
    ((_, model),) = shown.models.items()
    predicted, names = predict(model.network, model.card, data), _names(data)

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

    return Report((errors_table(data, names, {"distance (mm)": predicted}),), draw=draw)


def adjacency(shown: Shown) -> Report:
    """Make PoseGraphNet's Figure 3: the child group, and the entries that the paper names."""
    ((name, model),) = shown.models.items()
    if not isinstance(model.network, PoseGraphNet):
        raise PoseliftError(f"{name}: has no learned adjacency, expected a model of posegraphnet")
    skeleton = get_skeleton(model.card["skeleton"])
    with torch.no_grad():
        matrix = model.network.normalised_adjacency()[GROUPS.index("child")].numpy()
    rows = []
    for pair, (printed,) in TABLES["posegraphnet.figure3"].rows:
        # the paper's foot is our ankle
        words = pair.replace("foot", "ankle").split(" - ")
        first, second = (skeleton.index(joint.replace(" ", "_")) for joint in words)
        entries = (matrix[first, second], matrix[second, first], printed)
        rows.append((pair, tuple(f"{entry:.2f}" for entry in entries)))
    title = "Learned child adjacency, normalised: entries that the paper names"
    columns = ("first receives", "second receives", f"{PUBLISHED} weight")
    return Report(
        (Table(title, columns, tuple(rows)),),
        draw=lambda caption: adjacency_png(
            matrix, skeleton, title=f"Learned child adjacency of {name}", caption=caption
        ),
    )
