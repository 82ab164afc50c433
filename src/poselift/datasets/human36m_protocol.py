"""What all codes agree on about Human3.6M: subjects, actions, joints, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_16, H36M_17, H36M_32, Skeleton

#: Where the files come from, for the sentence about a missing one.
HOW_TO_GET = "docs/data.md says how to get it and where it belongs"

#: Subjects by split. "val" is part of "train": whoever chooses weights by it trains on the others.
SPLITS = {
    "train": ("S1", "S5", "S6", "S7", "S8"),
    "val": ("S8",),
    "test": ("S9", "S11"),
}

#: The 15 actions in the order of the papers' tables.
ACTIONS = (
    "Directions",
    "Discussion",
    "Eating",
    "Greeting",
    "Phoning",
    "Photo",
    "Posing",
    "Purchases",
    "Sitting",
    "SittingDown",
    "Smoking",
    "Waiting",
    "WalkDog",
    "Walking",
    "WalkTogether",
)

# the original files of some subjects call two of them by longer names
_OTHER_NAMES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}

#: The sequence that every code leaves out, because its video is corrupt.
CORRUPT = ("S11", "Directions")

#: Sequences of S9 whose 3D drifts away from the person, in all four cameras: the 12 of GridConv.
DRIFTING = ("Greeting", "SittingDown 1", "Waiting 1")

#: The joint sets that can be read; of all 32 joints 17 move, and the smaller set lacks the nose.
SKELETONS = {skeleton.name: skeleton for skeleton in (H36M_17, H36M_16, H36M_32)}


@dataclass(frozen=True)
class Selection:
    """Which sequences are wanted."""

    split: str
    subjects: tuple[str, ...]
    actions: tuple[str, ...]
    drop_drifting: bool

    def wants(self, subject: str, sequence: str) -> bool:
        """Whether a sequence such as ("S9", "Walking 1") is among them."""
        if subject not in self.subjects or (subject, sequence) == CORRUPT:
            return False
        if self.drop_drifting and subject == "S9" and sequence in DRIFTING:
            return False
        return action_of(sequence) in self.actions

    def title(self, *more: str) -> str:
        """Return the name of the data, all that was left out included."""
        parts = [f"human36m {self.split}", *more]
        if self.subjects != SPLITS[self.split]:
            parts.append(f"only {' '.join(self.subjects)}")
        if self.actions != ACTIONS:
            parts.append(f"only {' '.join(self.actions)}")
        if self.drop_drifting and "S9" in self.subjects:
            parts.append("without the 12 drifting sequences of S9")
        return ", ".join(parts)


def select(
    split: str,
    subjects: Iterable[str] | None,
    actions: Iterable[str] | None,
    drop_drifting: bool,
) -> Selection:
    """Check a choice; `PoseliftError` for an unknown split, action, or subject of another split."""
    if split not in SPLITS:
        raise PoseliftError(f"unknown split {split!r}, expected one of {', '.join(SPLITS)}")
    chosen = SPLITS[split] if subjects is None else tuple(subjects)
    for subject in chosen:
        if subject not in SPLITS[split]:
            raise PoseliftError(
                f"subject {subject!r} is not in split {split!r}, "
                f"expected some of {', '.join(SPLITS[split])}"
            )
    wanted = ACTIONS if actions is None else tuple(actions)
    for action in wanted:
        if action not in ACTIONS:
            raise PoseliftError(f"unknown action {action!r}, expected some of {', '.join(ACTIONS)}")
    return Selection(
        split,
        tuple(subject for subject in SPLITS[split] if subject in chosen),
        tuple(action for action in ACTIONS if action in wanted),
        drop_drifting,
    )


def sequence_name(name: str, source: str) -> str:
    """Return a sequence by its usual name: "TakingPhoto_1" is "Photo 1".

    Raises `PoseliftError` naming `source` if it is none of the 15 actions.
    """
    action, _, take = name.replace("_", " ").partition(" ")
    action = _OTHER_NAMES.get(action, action)
    if action not in ACTIONS:
        raise PoseliftError(
            f"{source}: unknown action {name!r}, expected one of {', '.join(ACTIONS)}"
        )
    return f"{action} {take}".rstrip()


def action_of(sequence: str) -> str:
    """Return the action of a sequence: "Walking 1" is a "Walking"."""
    return sequence.partition(" ")[0]


def in_order(sequences: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort (subject, sequence) pairs as the subjects and the actions of the tables are."""
    subjects = [subject for split in SPLITS.values() for subject in split]
    return sorted(
        sequences,
        key=lambda pair: (subjects.index(pair[0]), ACTIONS.index(action_of(pair[1])), pair[1]),
    )


def skeleton_named(name: str) -> Skeleton:
    """Return one of the three joint sets; `PoseliftError` for another one."""
    if name not in SKELETONS:
        raise PoseliftError(
            f"unknown skeleton {name!r} for Human3.6M, expected one of {', '.join(SKELETONS)}"
        )
    return SKELETONS[name]


def joints_to_keep(skeleton: Skeleton, count: int, source: str) -> list[int]:
    """Return the indices of a joint set among the `count` joints that a file has.

    Raises `PoseliftError` naming `source` if the file has too few joints for it.
    """
    for known in SKELETONS.values():
        if len(known) == count and set(skeleton.joints) <= set(known.joints):
            return [known.index(joint) for joint in skeleton.joints]
    raise PoseliftError(
        f"{source}: expected the {len(skeleton)} joints of {skeleton.name}, found {count} joints"
    )


@dataclass(frozen=True, eq=False)
class SequenceView:
    """One sequence as one camera saw it, T frames.

    keypoints   (T, J, 2) pixels.
    points      (T, J, 3) metres, camera space, relative to the root.
    root        (T, 3) metres, camera space.
    intrinsics  fx, fy, cx, cy, pixels.
    size        width, height, pixels.
    """

    subject: str
    sequence: str
    camera: int
    keypoints: Float[np.ndarray, "T J 2"]
    points: Float[np.ndarray, "T J 3"]
    root: Float[np.ndarray, "T 3"]
    intrinsics: tuple[float, ...]
    size: tuple[int, int]


def assemble(
    views: Iterable[SequenceView], rows: int, skeleton: Skeleton, name: str, source: str
) -> LiftingData:
    """Put views, of `rows` frames in all, into one table, each as soon as it comes.

    A clip is a sequence ("S9 Walking 1"), whichever camera saw it. Raises `PoseliftError` naming
    `source` if there are no rows or the poses are not in metres.
    """
    check_any(rows, name, source)
    joints = len(skeleton)
    keypoints = np.empty((rows, joints, 2), dtype=np.float32)
    poses = np.empty((rows, joints, 3), dtype=np.float32)
    size, intrinsics = np.empty((rows, 2), np.float32), np.empty((rows, 4), np.float32)
    root = np.empty((rows, 3), dtype=np.float32)
    subject, camera, frame, clip = (np.empty(rows, dtype=np.int64) for _ in range(4))
    action = np.empty(rows, dtype=f"U{max(map(len, ACTIONS))}")
    clips: dict[str, int] = {}
    start = 0
    for view in views:
        part = slice(start, start + len(view.keypoints))
        keypoints[part], poses[part], root[part] = view.keypoints, view.points, view.root
        size[part], intrinsics[part] = view.size, view.intrinsics
        subject[part], camera[part] = int(view.subject[1:]), view.camera
        action[part] = action_of(view.sequence)
        frame[part] = np.arange(part.stop - part.start)
        clip[part] = clips.setdefault(f"{view.subject} {view.sequence}", len(clips))
        start = part.stop
    check_metres(poses, source)
    return LiftingData(
        keypoints=keypoints,
        poses=poses,
        image_size=size,
        root=root,
        intrinsics=intrinsics,
        subject=subject,
        action=action,
        camera=camera,
        frame=frame,
        clip=clip,
        clips=tuple(clips),
        skeleton=skeleton,
        name=name,
    )


def check_any(rows: int, name: str, source: str) -> None:
    """Refuse an empty choice."""
    if not rows:
        raise PoseliftError(f"{source}: there is nothing in it of {name}")


def check_present(chosen: Selection, found: Sequence[tuple[str, str]], source: str) -> None:
    """Refuse a file without a single sequence of one of the chosen subjects."""
    for subject in chosen.subjects:
        if not any(subject == other for other, _ in found):
            raise PoseliftError(f"{source}: expected subject {subject}, found no sequence of it")


def check_metres(poses: Float32[np.ndarray, "N J 3"], source: str) -> None:
    """Refuse root-relative poses that are no people in metres: a hand, foot or head is farthest
    from the pelvis, half a metre to a metre and a half.
    """
    reach = float(np.median(np.abs(poses[:: max(1, len(poses) // 1000)]).max(axis=(1, 2))))
    if reach <= 0.2 or reach >= 2.5:
        raise PoseliftError(
            f"{source}: expected people in metres, but the poses typically reach {reach:.3g} "
            "from the pelvis (another unit?)"
        )
