"""GridConv's Table 3 and Figure 5b in small and in the open: other people, of `cmu_more`.

The paper trains on Human3.6M and tests on MPI-INF-3DHP. Here networks are trained on cmu17 and
tested on subjects and motions of CMU that cmu17 has not. The numbers are not the paper's and never
stand beside them.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from poselift.datasets import LiftingData
from poselift.datasets.cmu import read_index
from poselift.datasets.cmu_more import load_unseen
from poselift.errors import PoseliftError
from poselift.evaluation import Table, evaluate_3dhp, measure
from poselift.reproduction.cells import Study, cell
from poselift.reproduction.claims import CellResults
from poselift.reproduction.figures import comparison_png
from poselift.reproduction.items import Item, Report
from poselift.reproduction.measure import predict
from poselift.reproduction.pictures import errors_table

GT = "ground_truth"

_ROWS = {
    "LCN": cell("lcn", GT),
    "VideoPose3D with PoseAug": cell("videopose3d", GT, normalisation="screen", poseaug=True),
    "GLN": cell("gln", GT),
}

#: Poses in the figure.
_FEW = 4


def _needs_more(study: Study) -> None:
    """Refuse a study without the other data, or of another training set."""
    if study.data != "cmu17" or study.more_root is None:
        raise PoseliftError(
            "networks trained on cmu17 are tested on cmu_more here: it needs --data cmu17 and "
            "--more, the folder of cmu_more (see docs/data.md)"
        )


def _people(study: Study) -> LiftingData:
    """Return poses of subjects that no split of cmu17 has."""
    assert study.more_root is not None  # _needs_more refused it
    return load_unseen(study.more_root, {clip.subject for clip in read_index(study.root)})


def _table(study: Study, results: CellResults) -> Report:
    data = _people(study)
    rows = []
    for name, one in _ROWS.items():
        predicted = predict(*study.trained(one), data)
        measures = measure(("pck", "auc", "mpjpe"), predicted, data.poses)
        everywhere = np.full(len(data), "cmu_more")
        score = evaluate_3dhp(measures, data.skeleton, everywhere, everywhere, name).overall
        # of the 14 joints that MPI-INF-3DHP counts, root-aligned
        rows.append((name, tuple(v for key, v in score.items() if key.endswith("14 joints)"))))
    title = (
        f"Trained on cmu17, tested on {len(data):,} poses of {len(set(data.subject.tolist()))} "
        "other people of cmu_more: true 2D, 14 joints, mean over frames; not the paper's data"
    )
    columns = ("PCK@150 mm (%)", "AUC 0 to 150 mm (%)", "MPJPE (mm)")
    return Report((Table(title, columns, tuple(rows)),))


def _figure(study: Study, results: CellResults) -> Report:
    people = _people(study)
    clips = np.unique(people.clip)
    chosen = clips[np.linspace(0, len(clips) - 1, _FEW + 2).astype(int)[1:-1]]
    middles = [np.flatnonzero(people.clip == clip) for clip in chosen]
    data = people[np.array([rows[len(rows) // 2] for rows in middles])]
    models = {name: study.trained(one) for name, one in _ROWS.items()}
    predictions = {name: predict(*model, data) for name, model in models.items()}
    names = [
        f"S{subject}, {action}, camera {camera}"
        for subject, action, camera in zip(data.subject, data.action, data.camera, strict=True)
    ]
    draw = partial(
        comparison_png,
        data.skeleton,
        data.keypoints,
        data.poses,
        predictions,
        names=names,
        title="Other people, of cmu_more: 2D input; 3D truth (blue) and prediction (red)",
    )
    return Report(
        (errors_table(data, names, predictions),), draw=lambda caption: draw(caption=caption)
    )


ITEMS = (
    Item("gridconv.table3-open", tuple(_ROWS.values()), _table, check=_needs_more),
    Item("gridconv.figure5b-open", tuple(_ROWS.values()), _figure, check=_needs_more),
)
