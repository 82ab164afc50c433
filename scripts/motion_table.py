"""Measure every step of `poselift.motion` against known truth, and draw what it does.

    python scripts/motion_table.py --data ../shared/data --out docs/motion

writes `tables.md` (all numbers of docs/motion.md) and four pictures. Truth: the balancing clip's
triangulated markers seen by both cameras, and cmu17's test motions (one of the four virtual cameras
a clip, keypoints as a detector finds them). Takes some minutes, nearly all of them lifting.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poselift.datasets.cmu import load_cmu17, load_motions
from poselift.datasets.pose2sim import load_pose2sim
from poselift.evaluation import evaluate_limbs, p_mpjpe
from poselift.io import load_poses
from poselift.lifting import Lifter
from poselift.mocap.trc import MarkerTrack, read_trc
from poselift.modelfiles.find import DEFAULT_MODEL
from poselift.motion import (
    Calibration,
    Lens,
    Options,
    Smoothing,
    bone_lengths,
    read_calibration,
    refine,
    smooth,
    standing_height,
)
from poselift.motion.angles import angles
from poselift.motion.bones import CROWN
from poselift.motion.skeleton import bone_vectors
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import H36M_17

FEET = [H36M_17.index(f"{side}_ankle") for side in ("left", "right")]
HANDS = [H36M_17.index(f"{side}_wrist") for side in ("left", "right")]
#: What is taken for the true focal length, as a part of it; 0 for the stated assumption.
FOCALS = {"true": 1.0, "20 % too long": 1.2, "20 % too short": 0.8, "none": 0.0}
#: Actions whose peak speeds are looked at.
FAST = ("run", "jump", "punch")


@dataclass(frozen=True)
class Clip:
    """A lifted clip with its truth: poses (T, J, 3) root-relative of `joints`, root (T, 3)."""

    name: str
    action: str
    person: Person
    camera: Calibration
    joints: list[int]
    truth: np.ndarray
    root: np.ndarray
    height: float | None


def pose2sim_clips(root: Path, lifter: Lifter) -> list[Clip]:
    """Both cameras of the balancing clip, lifted with the true focal length."""
    clips, height = [], marker_height(read_trc(root / "balancing/balancing.trc"))
    for clip in load_pose2sim(root):
        flat = load_poses(
            clip.keypoints, skeleton=clip.skeleton.name, image_size=clip.image_size, fps=clip.fps
        )
        person = lifter.lift_people([flat], focal=clip.focal).people[0]
        truth = np.full((len(flat), len(clip.joints), 3), np.nan)
        _, ours, theirs = np.intersect1d(flat.frames, clip.frames, return_indices=True)
        truth[ours] = clip.poses[theirs]
        hips = [clip.joints.index(f"{side}_hip") for side in ("left", "right")]
        middle = truth[:, hips].mean(axis=1)
        camera = read_calibration(str(root / "calibration/Calib_qualisys.toml"), clip.name)
        joints = [H36M_17.index(joint) for joint in clip.joints]
        relative = truth - middle[:, None]
        clips.append(Clip(clip.name, "balance", person, camera, joints, relative, middle, height))
    return clips


def marker_height(markers: MarkerTrack) -> float:
    """Height in metres of one who has the markers' median bones; their head top is the crown."""

    def at(*names: str) -> np.ndarray:
        return np.mean([markers.positions[:, markers.index(name)] for name in names], axis=0)

    sides = {"left": "L", "right": "R"}
    places = {
        f"{side}_{part}": at(f"{letter}{part.capitalize()}")
        for side, letter in sides.items()
        for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    }
    places["pelvis"], places["thorax"] = at("LHip", "RHip"), at("LShoulder", "RShoulder")
    places["spine"] = (places["pelvis"] + places["thorax"]) / 2
    places["neck"], places["head"] = at("Nose"), at("Head")
    body = np.stack([places[joint] for joint in H36M_17.joints], axis=1)
    return standing_height(bone_lengths(body, H36M_17), H36M_17)


def cmu_clips(root: Path, lifter: Lifter, variant: str) -> list[Clip]:
    """The test motions, each seen by one virtual camera, lifted with the true focal length."""
    data = load_cmu17(root, "test", variant)
    data = data[data.camera == data.clip % 4]
    heights = {
        motion.path: CROWN * standing_height(bone_lengths(motion.positions, H36M_17), H36M_17)
        for motion in load_motions(root, "test")
    }
    clips = []
    for number, name in enumerate(data.clips):
        one = data[data.clip == number]
        width, height = (int(side) for side in one.image_size[0])
        fx, fy, cx, cy = (float(value) for value in one.intrinsics[0])
        flat = PoseSequence.from_2d(
            one.keypoints,
            H36M_17,
            frames=one.frame // int(np.diff(one.frame).min()),
            fps=30.0,
            image_size=(width, height),
        )
        camera = Calibration((width, height), (fx, fy), (cx, cy), source="true intrinsics")
        person = lifter.lift_people([flat], focal=(fx + fy) / 2).people[0]
        clips.append(
            Clip(
                name,
                str(one.action[0]),
                person,
                camera,
                list(range(17)),
                one.poses.astype(np.float64),
                one.root.astype(np.float64),
                heights[name],
            )
        )
    return clips


def stages(clip: Clip, lens: Lens) -> dict[str, PoseSequence]:
    """The clip's 3D poses after each step, one more a time."""
    floor = "calibration" if clip.camera.rotation is not None else "feet"
    options = {
        "raw": Options(smooth=Smoothing("none")),
        "filtered": Options(),
        "constant bones": Options(bones="symmetric"),
        "root": Options(bones="symmetric", root=True, lens=lens),
        "floor": Options(bones="symmetric", floor=floor, lens=lens),
    }
    if clip.height is not None:
        options["floor, height"] = Options(
            bones="symmetric", floor=floor, height=clip.height, lens=lens
        )
    results = Results((clip.person,))
    return {name: refine(results, one).people[0].poses_3d for name, one in options.items()}


def measured(clip: Clip, poses: PoseSequence) -> list[float]:
    """P-MPJPE (mm), acceleration (m/s2), bone variation (%), root error, its depth (cm), drift."""
    _, ours, theirs = np.intersect1d(poses.frames, clip.person.poses_3d.frames, return_indices=True)
    found, truth = poses.positions[ours][:, clip.joints], clip.truth[theirs]
    mask = np.isfinite(truth).all(axis=2)
    kept = np.isfinite(found).all(axis=(1, 2)) & mask.any(axis=1)
    whole = len(clip.joints) == 17
    error = (
        1000 * float(p_mpjpe(found[kept], truth[kept].astype(np.float32)))
        if whole
        else evaluate_limbs(found[kept], truth[kept].astype(np.float32), mask=mask[kept])
    )
    bones = np.linalg.norm(bone_vectors(poses.positions, H36M_17), axis=-1)[:, 1:]
    variation = 100 * float(np.mean(np.nanstd(bones, axis=0) / np.nanmean(bones, axis=0)))
    row = [error, acceleration(poses.positions, poses.fps or 30.0), variation]
    if poses.root is None:
        return [*row, np.nan, np.nan, np.nan]
    off = poses.root[ours] - clip.root[theirs]
    row += [100 * float(np.nanmean(np.linalg.norm(off, axis=1)))]
    row += [100 * float(np.nanmean(np.abs(off[:, 2])))]
    return [*row, drift(poses, poses.tracks.get("contacts"))]


def acceleration(positions: np.ndarray, fps: float) -> float:
    """Mean length of the joints' accelerations against the root, m/s2."""
    relative = positions - positions[:, :1]
    return float(np.nanmean(np.linalg.norm(np.diff(relative, 2, axis=0), axis=-1)) * fps**2)


def drift(poses: PoseSequence, contacts: np.ndarray | None) -> float:
    """Mean over contacts of how far an ankle gets from where it first stood, mm."""
    if contacts is None:
        return float("nan")
    far = []
    for side in (0, 1):
        on = np.flatnonzero(contacts[:, side] == 1)
        for rows in np.split(on, np.flatnonzero(np.diff(on) > 1) + 1):
            if len(rows) > 2:
                feet = poses.placed[rows, FEET[side]]
                far.append(1000 * float(np.linalg.norm(feet - feet[0], axis=1).max()))
    return float(np.mean(far)) if far else float("nan")


def table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """Return a Markdown table."""
    lines = [f"## {title}", "", f"| | {' | '.join(columns)} |"]
    lines.append(f"| --- |{' ---: |' * len(columns)}")
    for name, values in rows.items():
        cells = ["" if np.isnan(value) else f"{value:.1f}" for value in values]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", ""])


def stage_tables(groups: dict[str, list[Clip]]) -> str:
    """A table of the steps for each group of clips, means over its clips."""
    columns = (
        "P-MPJPE (mm)",
        "acceleration (m/s2)",
        "bones vary (%)",
        "root error (cm)",
        "of it depth (cm)",
        "foot drift (mm)",
    )
    text = ""
    for name, clips in groups.items():
        found: dict[str, list[list[float]]] = {}
        for clip in clips:
            steps = stages(clip, Lens(known=clip.camera))
            contacts = steps["floor"].tracks["contacts"]
            for step, poses in steps.items():
                row = measured(clip, poses)
                if step == "root":
                    row[-1] = drift(poses, contacts)
                found.setdefault(step, []).append(row)
        means = {step: np.nanmean(rows, axis=0).tolist() for step, rows in found.items()}
        true = [acceleration(c.truth, c.person.poses_3d.fps or 30.0) for c in clips]
        if all(len(clip.joints) == 17 for clip in clips):
            means["truth"] = [0.0, float(np.mean(true)), *[np.nan] * 4]
        text += table(f"{name} ({len(clips)} clips)", columns, means)
    return text


def focal_table(groups: dict[str, list[Clip]]) -> str:
    """Root error with the true focal length, with wrong ones, and without any."""
    rows: dict[str, list[float]] = {}
    for name, clips in groups.items():
        for words, factor in FOCALS.items():
            errors = []
            for clip in clips:
                fx, fy = clip.camera.focal
                camera = replace(clip.camera, focal=(fx * factor, fy * factor))
                if not factor:
                    assert clip.camera.size is not None
                    camera = Calibration.of_focal(clip.camera.size)
                options = Options(bones="symmetric", root=True, lens=Lens(known=camera))
                placed = refine(Results((clip.person,)), options).people[0].poses_3d
                assert placed.root is not None
                off = measured(clip, placed)
                said = float(np.nanmean(placed.tracks["root_std"][:, 2]))
                errors.append([off[0], off[3], off[4], 100 * said])
            rows[f"{name}, focal length {words}"] = np.nanmean(errors, axis=0).tolist()
    columns = ("P-MPJPE (mm)", "root error (cm)", "of it depth (cm)", "said: std of depth (cm)")
    return table("Focal length", columns, rows)


def speed_table(clips: list[Clip]) -> str:
    """Peak speeds of wrists and ankles after filters, of the truth's, in percent."""
    filters = ("none", "adaptive", "butterworth:6", "butterworth:10")
    rows: dict[str, list[float]] = {}
    for clip in clips:
        if clip.action not in FAST:
            continue
        poses = clip.person.poses_3d
        truth = replace(poses, positions=clip.truth.astype(np.float32))
        for words, joints in (("wrists", HANDS), ("ankles", FEET)):
            top = peak(truth, joints)
            for source, name in ((truth, "truth"), (poses, "lifted")):
                found = [100 * peak(smooth(source, one), joints) / top - 100 for one in filters]
                rows[f"{clip.action}, {words}, {name} (peak {top:.1f} m/s)"] = found
    return table("Peak speed against the truth's (%), cmu17 test, true 2D", filters, rows)


def peak(poses: PoseSequence, joints: list[int]) -> float:
    """Greatest speed of some joints against the root, m/s."""
    steps = np.linalg.norm(np.diff(poses.positions[:, joints], axis=0), axis=-1)
    return float(np.nanmax(steps[np.diff(poses.frames) == 1])) * (poses.fps or 30.0)


def angle_table(groups: dict[str, list[Clip]]) -> str:
    """Mean absolute error and bias of each angle in degrees, placed poses against the truth's."""
    rows: dict[str, list[float]] = {}
    columns = [f"{group}: {what}" for group in groups for what in ("error", "bias")]
    for place, clips in enumerate(groups.values()):
        errors: dict[str, list[np.ndarray]] = {}
        for clip in clips:
            options = Options(bones="symmetric", root=True, lens=Lens(known=clip.camera))
            poses = refine(Results((clip.person,)), options).people[0].poses_3d
            _, ours, theirs = np.intersect1d(
                poses.frames, clip.person.poses_3d.frames, return_indices=True
            )
            whole = np.full((len(theirs), 17, 3), np.nan, np.float32)
            whole[:, clip.joints] = clip.truth[theirs]
            if len(clip.joints) < 17:
                for joint, part in (("pelvis", "hip"), ("thorax", "shoulder")):
                    sides = [H36M_17.index(f"{side}_{part}") for side in ("left", "right")]
                    whole[:, H36M_17.index(joint)] = whole[:, sides].mean(axis=1)
            found = angles(poses[ours])
            true = angles(replace(poses[ours], positions=whole))
            for name in found.names:
                apart = (found[name] - true[name] + 180) % 360 - 180
                errors.setdefault(name, []).append(apart)
        for name, parts in errors.items():
            apart = np.concatenate(parts)
            apart = apart[np.isfinite(apart)]
            row = rows.setdefault(name, [float("nan")] * len(columns))
            if len(apart):
                row[2 * place : 2 * place + 2] = [np.abs(apart).mean(), apart.mean()]
    kept = {name: row for name, row in rows.items() if np.isfinite(row).any()}
    return table("Angles (degrees)", columns, kept)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("docs/motion"))
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    lifter = Lifter(arguments.model)
    balance = pose2sim_clips(arguments.data / "pose2sim", lifter)
    cmu = cmu_clips(arguments.data / "cmu", lifter, "detected")
    exact = cmu_clips(arguments.data / "cmu", lifter, "ground_truth")
    flat = [clip for clip in cmu if clip.action != "uneven terrain"]
    groups = {clip.name: [clip] for clip in balance}
    text = (
        f"Written by `python scripts/motion_table.py`, model {arguments.model}; means over frames, "
        "then over clips.\n\n"
    )
    text += stage_tables(
        {
            **groups,
            "cmu17 test, detected 2D": cmu,
            "of these on flat ground": flat,
            "cmu17 test, true 2D": exact,
        }
    )
    text += focal_table({**groups, "cmu17 test": cmu})
    text += speed_table(exact)
    text += angle_table({**groups, "cmu17 test": cmu})
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "tables.md").write_text(f"# Tables of docs/motion.md\n\n{text.rstrip()}\n")
    print(text)
    draw(balance[1], arguments.out)


def draw(clip: Clip, out: Path) -> None:
    """Draw each step on one clip: filter, bones, root, floor."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    steps = stages(clip, Lens(known=clip.camera))
    times = clip.person.poses_3d.times
    colours = {"raw": "#b9c0c8", "before": "#e0700a", "after": "#1a73d9", "truth": "#1b2430"}

    def figure(name: str, fill: Callable[..., None], rows: int = 1) -> None:
        shape, axes = plt.subplots(rows, 1, figsize=(8, 2.6 * rows), layout="constrained")
        fill(axes)
        for one in np.ravel(axes):
            one.spines[["top", "right"]].set_visible(False)
            one.legend(frameon=False, fontsize=8, loc="best")
        shape.savefig(out / f"{name}.png", dpi=110, metadata={"Software": ""})
        plt.close(shape)

    def filtered(axis: plt.Axes) -> None:
        for step, colour in (("raw", colours["raw"]), ("filtered", colours["after"])):
            axis.plot(times, steps[step].positions[:, HANDS[1], 1], color=colour, label=step)
        axis.set(xlabel="s", ylabel="right wrist, y (m)")

    def bones(axis: plt.Axes) -> None:
        pens = {"raw": "raw", "filtered": "before", "constant bones": "after"}
        for step, pen in pens.items():
            lengths = np.linalg.norm(bone_vectors(steps[step].positions, H36M_17), axis=-1)
            axis.plot(times, 100 * lengths[:, HANDS[1]], color=colours[pen], label=step)
        axis.set(xlabel="s", ylabel="right forearm (cm)")

    def root(axis: plt.Axes) -> None:
        axis.plot(times, clip.root[:, 2], color=colours["truth"], label="markers")
        for step, colour in (
            ("root", colours["before"]),
            ("floor", colours["after"]),
            ("floor, height", "#3a9a4a"),
        ):
            path, std = steps[step].root, steps[step].tracks["root_std"]
            assert path is not None
            axis.plot(times, path[:, 2], color=colour, label=step)
            if step == "root":
                band = path[:, 2] - std[:, 2], path[:, 2] + std[:, 2]
                axis.fill_between(times, *band, color=colour, alpha=0.12, lw=0)
        axis.set(xlabel="s", ylabel="pelvis' depth (m)")

    def floor(axes: np.ndarray) -> None:
        contacts = steps["floor"].tracks["contacts"]
        for side, (axis, name) in enumerate(zip(axes, ("left", "right"), strict=True)):
            for step, colour in (("root", colours["before"]), ("floor", colours["after"])):
                feet = steps[step].placed[:, FEET[side]]
                speed = np.linalg.norm(np.gradient(feet, times, axis=0), axis=1)
                axis.plot(times, speed, color=colour, label=f"{step}")
            stands = contacts[:, side] == 1
            axis.fill_between(
                times,
                0,
                1,
                where=stands,
                color="#d9dee5",
                lw=0,
                zorder=0,
                transform=axis.get_xaxis_transform(),
                label="stands",
            )
            axis.set(ylabel=f"{name} ankle (m/s)", ylim=(0, 2.5))
        axes[1].set(xlabel="s")

    figure("filter", filtered)
    figure("bones", bones)
    figure("root", root)
    figure("floor", floor, 2)


if __name__ == "__main__":
    main()
