"""Tables 1 to 3 and Figures 2 and 3 of the PoseGraphNet paper (Banik et al., ICIP 2021)."""

from __future__ import annotations

from functools import partial

import torch

from poselift.benchmark.timing import interleaved
from poselift.evaluation import OF_ACTION_MEANS, OVER_FRAMES, Table
from poselift.models.forms import frozen
from poselift.reproduction.cells import Cell, Study, cell
from poselift.reproduction.claims import CellResults, Claim, Row
from poselift.reproduction.items import (
    Item,
    Report,
    by_action,
    published,
)
from poselift.reproduction.measure import Result
from poselift.reproduction.pictures import adjacency, figure, pipeline
from poselift.reproduction.published import PUBLISHED

#: The papers' short joint names.
_JOINTS = {
    "right_hip": "RHip",
    "left_hip": "LHip",
    "spine": "Spine",
    "thorax": "Thorax",
    "neck": "Neck",
    "left_shoulder": "LSho",
    "right_shoulder": "RSho",
    "left_knee": "LKnee",
    "right_knee": "RKnee",
    "head": "Head",
    "left_elbow": "LElb",
    "right_ankle": "RFoot",
    "right_elbow": "RElb",
    "left_ankle": "LFoot",
    "right_wrist": "RWrist",
    "left_wrist": "LWrist",
}

_ROWS: dict[str, Cell] = {
    "Martinez 2017": cell("martinez", "detected"),
    "Cai 2019": cell("stgcn", "detected"),
    "Zhao 2019": cell("semgcn", "detected"),
    "Pavllo 2019": cell("videopose3d", "detected"),
    "Ours": cell("posegraphnet", "detected"),
}

#: Rows of Table 3, and the seconds that each is timed.
_TIMED = ("Cai 2019", "Martinez 2017", "Ours")
_SECONDS = 2.0

#: Mean absolute error along x, y and z that section 3.5 prints.
_AXES = {"x": 20.7, "y": 22.8, "z": 42.0}


def _table1(study: Study, results: CellResults) -> Report:
    result = results[_ROWS["Ours"]]
    errors = {joint: one["MPJPE"] for joint, one in result.by_joint.items()}
    listed = sorted((joint for joint in errors if joint in _JOINTS), key=lambda j: errors[j])
    rows = [
        (joint, (errors[joint], published("posegraphnet.table1", "Ours", _JOINTS[joint])))
        for joint in listed
    ]
    counted = result.averages["MPJPE"][OVER_FRAMES]
    number = len(errors)
    without = counted * number / (number - 1)
    rows += [
        (f"mean over {number} joints, the hip's 0 counted", (counted, 59.5)),
        (f"mean over {number - 1} joints, without the hip", (without, 63.3)),
    ]
    rows += [(f"mean absolute error along {a}", (result.by_axis[a], _AXES[a])) for a in "xyz"]
    title = f"MPJPE (mm) by joint, root-aligned, detected 2D, {OVER_FRAMES}, ascending"
    limbs = [joint for joint in listed[-6:] if joint.split("_")[-1] in ("wrist", "elbow", "ankle")]
    axes = [(axis, result.by_axis[axis]) for axis in "xyz"]
    deepest = max(axes, key=lambda pair: pair[1])[0]
    return Report(
        (Table(title, ("MPJPE (mm)", f"{PUBLISHED} MPJPE"), tuple(rows)),),
        (
            f"the extremities err most: {len(limbs)} of the 6 worst joints are wrists, elbows or "
            "ankles (published: 6 of 6)",
            f"most of the error lies along the axis {deepest} (published: z)",
        ),
    )


def _table2(study: Study, results: CellResults) -> Report:
    tables: list[Table] = []
    for mark, protocol, words in (
        ("#1", "MPJPE", "root-aligned"),
        ("#2", "P-MPJPE", "similarity-aligned"),
    ):
        title = f"Protocol {mark}: {protocol} (mm), {words}, detected 2D, by action"
        tables += by_action("posegraphnet.table2", title, _ROWS, results, protocol, f"{mark} ")
    return Report(tuple(tables))


def _over_frames(result: Result) -> float:
    """MPJPE in mm, mean over frames, as this paper averages."""
    return result.averages["MPJPE"][OVER_FRAMES]


_CLAIMS2 = tuple(
    Claim(words, tuple(Row(name, (_ROWS[name],)) for name in names), _over_frames, printed)
    for words, names, printed in (
        (
            "structure helps: PoseGraphNet below Martinez",
            ("Ours", "Martinez 2017"),
            (59.5, 62.9),
        ),
        ("Cai et al. below PoseGraphNet", ("Cai 2019", "Ours"), (50.6, 59.5)),
    )
)


def _table3(study: Study, results: CellResults) -> Report:
    times = _forward_passes(study)
    rows = []
    for name in _TIMED:
        result = results[_ROWS[name]]
        print_of = partial(published, "posegraphnet.table3", name)
        rows.append(
            (
                name,
                (
                    f"{result.parameters / 1e6:.2f}",
                    f"{print_of('parameters (M)'):.2f}",
                    times[name],
                    print_of("throughput (1/s)"),
                    result.averages["MPJPE"][OF_ACTION_MEANS],
                    print_of("MPJPE (mm)"),
                ),
            )
        )
    columns = (
        "parameters (M)",
        f"{PUBLISHED} parameters (M)",
        "forward passes a second, batch 1",
        f"{PUBLISHED} throughput (GeForce RTX 2060)",
        "MPJPE (mm, P1)",
        f"{PUBLISHED} MPJPE (mm)",
    )
    threads = torch.get_num_threads()
    title = (
        f"Size, speed in PyTorch on {threads} CPU threads, taken in turns, and error "
        f"(root-aligned, {OF_ACTION_MEANS})"
    )
    return Report(
        (Table(title, columns, tuple(rows)),),
        (
            f"PoseGraphNet against Cai et al.: {times['Ours'] / times['Cai 2019']:.1f} times as "
            "many forward passes (published: 2.2)",
            f"PoseGraphNet against Martinez et al.: {times['Ours'] / times['Martinez 2017']:.2f} "
            "times as many (published: 0.23)",
        ),
    )


def _forward_passes(study: Study) -> dict[str, float]:
    """Forward passes a second of one pose each, in evaluation mode, networks in turns."""
    one = torch.zeros(1, 17, 2)
    networks = {name: frozen(study.trained(_ROWS[name])[0]) for name in _TIMED}
    with torch.inference_mode():
        times = interleaved(
            {name: partial(network, one) for name, network in networks.items()}, _SECONDS
        )
    return {name: 1 / time.median for name, time in times.items()}


_OURS = {"PoseGraphNet": _ROWS["Ours"]}

ITEMS = (
    Item("posegraphnet.table1", (_ROWS["Ours"],), _table1),
    Item("posegraphnet.table2", tuple(_ROWS.values()), _table2, _CLAIMS2),
    Item("posegraphnet.table3", tuple(_ROWS[name] for name in _TIMED), _table3),
    figure("posegraphnet.figure2", _OURS, pipeline, needs_data=True),
    figure("posegraphnet.figure3", _OURS, adjacency),
)
