"""Draw docs/angles.png, a figure for each joint angle, and print the table of docs/angles.md.

    python scripts/draw_angles.py --out docs/angles.png

Each figure is a rig with some nodes turned; the number at its arc is what `angles` measures.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.geometry import about_axis
from poselift.motion import Rig
from poselift.motion.angles import DEFINITIONS, angles
from poselift.poses import AXES_WORLD, PoseSequence
from poselift.skeletons import H36M_17

_LEG, _ARM = (0.1, 0.43, 0.42), (0.18, 0.28, 0.25)
RIG = Rig.of(H36M_17, np.array([0.0, *_LEG, *_LEG, 0.25, 0.26, 0.12, 0.17, *_ARM, *_ARM]))
#: Arms that hang.
HANGING = {"left_shoulder": ("z", -88.0), "right_shoulder": ("z", 88.0)}
#: Views: what goes right and up in the drawing.
SIDE, FRONT, TOP = (2, 1), (0, 1), (0, 2)


@dataclass(frozen=True)
class Figure:
    """An angle on a turned rig: turns of nodes (axis, degrees), view, the lines it lies between.

    A line is (joint, joint), or a direction that is drawn dashed.
    """

    name: str
    turns: Mapping[str, tuple[str, float]]
    view: tuple[int, int]
    at: str
    first: tuple[str, str] | tuple[float, float, float]
    second: tuple[str, str] | tuple[float, float, float]


DOWN, UP, LEFT = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
SHOULDERS = ("right_shoulder", "left_shoulder")
FIGURES = (
    Figure(
        "left_knee_flexion",
        {"left_knee": ("x", 60)},
        SIDE,
        "left_knee",
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
    ),
    Figure(
        "left_hip_flexion",
        {"left_hip": ("x", -50), "left_knee": ("x", 40)},
        SIDE,
        "left_hip",
        DOWN,
        ("left_hip", "left_knee"),
    ),
    Figure(
        "left_hip_abduction",
        {"left_hip": ("z", 30)},
        FRONT,
        "left_hip",
        DOWN,
        ("left_hip", "left_knee"),
    ),
    Figure(
        "left_shoulder_flexion",
        {"left_shoulder": ("x", -60)},
        SIDE,
        "left_shoulder",
        DOWN,
        ("left_shoulder", "left_elbow"),
    ),
    Figure(
        "left_shoulder_abduction",
        {"left_shoulder": ("z", -20)},
        FRONT,
        "left_shoulder",
        DOWN,
        ("left_shoulder", "left_elbow"),
    ),
    Figure(
        "left_elbow_flexion",
        {"left_elbow": ("y", -70)},
        SIDE,
        "left_elbow",
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
    ),
    Figure("trunk_lean", {"pelvis": ("x", 25)}, SIDE, "pelvis", UP, ("pelvis", "thorax")),
    Figure("trunk_tilt", {"pelvis": ("z", -20)}, FRONT, "pelvis", UP, ("pelvis", "thorax")),
    Figure(
        "trunk_turn", {"spine": ("y", 35)}, TOP, "thorax", LEFT, ("right_shoulder", "left_shoulder")
    ),
    Figure("neck_flexion", {"thorax_to_neck": ("x", 30)}, SIDE, "thorax", UP, ("thorax", "head")),
    Figure("neck_tilt", {"thorax_to_neck": ("z", -25)}, FRONT, "thorax", UP, ("thorax", "head")),
)


def posed(figure: Figure) -> PoseSequence:
    """The figure's pose, upright."""
    rotations = np.tile(np.eye(3), (1, len(RIG), 1, 1))
    hanging = {} if figure.name == "left_shoulder_abduction" else HANGING
    hanging = hanging or {"right_shoulder": HANGING["right_shoulder"]}
    for node, (axis, degrees) in hanging.items():
        rotations[0, RIG.nodes.index(node)] = about_axis(axis, np.radians(degrees))
    for node, (axis, degrees) in figure.turns.items():
        place = RIG.nodes.index(node)
        rotations[0, place] = about_axis(axis, np.radians(degrees)) @ rotations[0, place]
    points = RIG.to_positions(rotations).astype(np.float32)
    return PoseSequence(
        points,
        H36M_17,
        scores=np.full((1, 17), np.nan, np.float32),
        frames=np.arange(1),
        times=np.zeros(1),
        fps=30.0,
        image_size=None,
        units="m",
        axes=AXES_WORLD,
    )


def draw(out: Path) -> None:
    """Draw all figures into one picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shape, grid = plt.subplots(2, 6, figsize=(13, 6.4), layout="constrained")
    for axis, figure in zip(grid.ravel(), FIGURES, strict=False):
        poses = posed(figure)
        degrees = float(angles(poses)[figure.name][0])
        # seen from above, with the front at the top, the left is at the left
        hand = np.array([-1.0 if figure.view == TOP else 1.0, 1.0])
        points = poses.positions[0][:, list(figure.view)] * hand
        colour = {"left": "#e0700a", "right": "#1a73d9"}
        for parent, child in H36M_17.edges:
            side = H36M_17.joints[child].partition("_")[0]
            axis.plot(
                *points[[parent, child]].T,
                color=colour.get(side, "#47525f"),
                lw=2.5,
                alpha=0.55,
                solid_capstyle="round",
            )
        centre, ends = points[H36M_17.index(figure.at)], []
        for line in (figure.first, figure.second):
            if isinstance(line[0], str):
                a, b = (points[H36M_17.index(str(joint))] for joint in line)
                along = (b - a) / np.linalg.norm(b - a)
            else:
                along = np.array(line)[list(figure.view)].astype(float) * hand
                axis.plot(*np.stack([centre, centre + 0.42 * along]).T, "--", color="#1b2430", lw=1)
            ends.append(np.arctan2(along[1], along[0]))
        if isinstance(figure.first[0], str):  # the first bone goes on beyond the joint
            on = np.array([np.cos(ends[0]), np.sin(ends[0])])
            axis.plot(*np.stack([centre, centre + 0.35 * on]).T, "--", color="#1b2430", lw=1)
        turn = (ends[1] - ends[0] + np.pi) % (2 * np.pi) - np.pi
        sweep = ends[0] + np.linspace(0, turn, 40)
        radius = 0.24
        axis.plot(
            centre[0] + radius * np.cos(sweep),
            centre[1] + radius * np.sin(sweep),
            color="#c2255c",
            lw=2,
        )
        words = centre + 0.36 * np.array([np.cos(sweep[20]), np.sin(sweep[20])])
        axis.text(*words, f"{degrees:.0f}°", color="#c2255c", ha="center", va="center", fontsize=11)
        views = {SIDE: "from the left side", FRONT: "from the front", TOP: "from above"}
        name = figure.name.removeprefix("left_").replace("_", " ")
        axis.set_title(f"{name}\n{views[figure.view]}", fontsize=10)
        axis.set_aspect("equal")
        axis.axis("off")
        limits = (-0.55, 0.55) if figure.view == TOP else (-1.0, 0.95)
        axis.set(xlim=(-0.7, 0.7), ylim=limits)
        if figure.view != SIDE:  # the person faces us: the left side is at the right
            place = 0.62 * hand[0], limits[0] * 0.95
            axis.text(*place, "left", color=colour["left"], ha="center", fontsize=8)
    grid.ravel()[-1].axis("off")
    shape.savefig(out, dpi=100, metadata={"Software": ""})


def table() -> str:
    """The table of definitions in Markdown."""
    lines = [
        "| angle | between | 0 | greater | plane | reference |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in DEFINITIONS:
        name = f"`{one.name}`" if not one.sided else f"`left_{one.name}`, `right_...`"
        cells = (name, one.between, one.zero, one.sign, one.plane, one.reference)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/angles.png"))
    draw(parser.parse_args().out)
    print(table())
