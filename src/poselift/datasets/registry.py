"""Data sets by name: splits, kinds of 2D, what is measured on them, loaders, how to get them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import final

from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PATH, PoseliftError, expect
from poselift.evaluation import DETECTED, GROUND_TRUTH

#: Called with a few words about what is being done.
Say = Callable[[str], None]


def silently(_: str) -> None:
    """Say nothing."""


@final
@dataclass(frozen=True)
class Part:
    """Which part of a data set, in which form; a data set has use for its `DataSet.options` only.

    split          one of its splits.
    variant        2D keypoints: "ground_truth" or "detected".
    detections     whose detections of h36m are "detected", as the file is called; which detector
                   looks at cmu17-rendered.
    drop_drifting  leave out the 12 drifting sequences of h36m's S9.
    annotations    3D poses of 3dhp: "univ" (official) or "raw" (true size).
    skeleton       joints that are wanted, by name.
    seed           of cmu17's detector noise, and of the pictures of cmu17-rendered.
    """

    split: str = "test"
    variant: str = "ground_truth"
    detections: str = "cpn"
    drop_drifting: bool = False
    annotations: str = "univ"
    skeleton: str = "h36m_17"
    seed: int = 0


@final
@dataclass(frozen=True)
class DataSet:
    """What is to be known of a data set before a file is opened.

    name, summary  as a user reads them.
    splits         names of its parts; none if it has one part only.
    kinds          variant -> kind of 2D keypoints, `DETECTED` or `GROUND_TRUTH`.
    metrics        kind -> what is measured if nothing is said: what the tables of the field print;
                   empty where there is no choice.
    options        fields of `Part` that it has a choice of.
    remedies       what to do where a protocol asks for a kind of 2D keypoints that is not measured.
    how_to_get     where it comes from.
    load           reads a part of the files under a folder, which `read` does with a check; None
                   where it is no `LiftingData`.
    only           metrics that it allows, and why; none: all.
    skeleton       joints that it comes in, as `get_skeleton` takes them.
    mark           hash of what says what it holds, where that may change.
    at             makes it what the files under a folder say it is; None where that is known.
    """

    name: str
    summary: str
    kinds: Mapping[str, str]
    metrics: Mapping[str, tuple[str, ...]]
    remedies: Mapping[str, str]
    how_to_get: str
    splits: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    load: Callable[[Path, Part, Say], LiftingData] | None = None
    only: tuple[tuple[str, ...], str] = field(default=((), ""))
    skeleton: str = "h36m_17"
    mark: str = ""
    at: Callable[[Path], DataSet] | None = None

    def read(self, root: str | os.PathLike[str], part: Part, say: Say = silently) -> LiftingData:
        """Read a part; `PoseliftError` as the readers say, and for what is no lifting data."""
        if self.load is None:
            raise PoseliftError(f"--data {self.name} {self.only[1]}: it is for poselift eval only")
        return self.load(Path(root), part, say)


def _load_cmu17(root: Path, part: Part, say: Say) -> LiftingData:
    from poselift.datasets.cmu import load_cmu17
    from poselift.skeletons import get_skeleton

    say(f"cmu17 {part.split}, {part.variant}: loading ...")
    data = load_cmu17(root, part.split, part.variant, seed=part.seed)
    return data.in_joints_of(get_skeleton(part.skeleton))


def _load_rendered(root: Path, part: Part, say: Say) -> LiftingData:
    from poselift.datasets.rendered import load_rendered
    from poselift.datasets.rendered_lifting import DETECTED_SIZE, EVERY, rendered_lifting_data
    from poselift.detection import open_detector
    from poselift.skeletons import get_skeleton

    say(f"cmu17-rendered {part.split}: loading ...")
    detector = open_detector(part.detections) if part.variant == "detected" else None
    pictures = load_rendered(root, part.split, DETECTED_SIZE, part.seed)
    data = rendered_lifting_data(
        pictures,
        range(0, len(pictures), EVERY),
        detector,
        lambda done, total: say(f"cmu17-rendered {part.split}: {done} of {total} ..."),
    )
    return data.in_joints_of(get_skeleton(part.skeleton))


def _load_cmu32(root: Path, part: Part, say: Say) -> LiftingData:
    from poselift.datasets.cmu32 import load_cmu32
    from poselift.skeletons import get_skeleton

    if part.variant != "ground_truth":
        raise PoseliftError("--data cmu32 has true 2D keypoints only; cmu17 has detected ones too")
    say(f"cmu32 {part.split}: loading ...")
    return load_cmu32(root, part.split).in_joints_of(get_skeleton(part.skeleton))


def _load_h36m(root: Path, part: Part, say: Say) -> LiftingData:
    from poselift.datasets.human36m_layouts import open_human36m

    say("human36m: loading ...")
    return open_human36m(
        root,
        part.split,
        "gt" if part.variant == "ground_truth" else part.detections,
        skeleton=part.skeleton,
        drop_drifting=part.drop_drifting,
        progress=lambda done, total: say(f"h36m: loading {done} of {total} ..."),
    )


def _load_3dhp(root: Path, part: Part, say: Say) -> LiftingData:
    from poselift.datasets.mpi_inf_3dhp import load_mpi_inf_3dhp

    say("3dhp: loading ...")
    return load_mpi_inf_3dhp(root, poses=ANNOTATIONS[part.annotations])


def _own_at(folder: Path) -> DataSet:
    """Return one's own recordings as their `dataset.toml` describes them."""
    from poselift.datasets.own import load_own, read_description
    from poselift.datasets.own.loading import in_joints, kinds_of
    from poselift.skeletons import get_skeleton, skeleton_text

    what = read_description(folder)
    kinds = {kind: _BOTH[kind] for kind in kinds_of(what)}

    def load(root: Path, part: Part, say: Say) -> LiftingData:
        return in_joints(load_own(what, part.split, part.variant, say), get_skeleton(part.skeleton))

    return replace(
        DATA_SETS["own"],
        name=what.name,
        splits=tuple(what.splits),
        kinds=kinds,
        load=load,
        skeleton=skeleton_text(what.skeleton),
        mark=what.mark,
        at=None,
    )


#: 3D poses of 3dhp by the name that `Part` has for them.
ANNOTATIONS = {"univ": "univ_annot3", "raw": "annot3"}

_BOTH = {"ground_truth": GROUND_TRUTH, "detected": DETECTED}

DATA_SETS: dict[str, DataSet] = {
    one.name: one
    for one in (
        DataSet(
            "cmu17",
            "CMU motion capture seen by virtual cameras",
            splits=("train", "val", "test"),
            kinds=_BOTH,
            options=("split", "variant"),
            metrics={DETECTED: ("mpjpe", "p-mpjpe"), GROUND_TRUTH: ("mpjpe", "p-mpjpe")},
            remedies={
                DETECTED: "give --variant detected",
                GROUND_TRUTH: "give --variant ground_truth",
            },
            how_to_get="free for all uses, from mocap.cs.cmu.edu; docs/data.md says where it goes",
            load=_load_cmu17,
        ),
        DataSet(
            "cmu17-rendered",
            "the people of cmu17, dressed and drawn: every 10th picture",
            splits=("train", "val", "test"),
            kinds=_BOTH,
            options=("split", "detections"),
            metrics={DETECTED: ("mpjpe", "p-mpjpe"), GROUND_TRUTH: ("mpjpe", "p-mpjpe")},
            remedies={
                DETECTED: "name a detector, as by --detections movenet",
                GROUND_TRUTH: "leave out --detections, or give gt",
            },
            how_to_get="drawn from cmu17's files; `poselift data render` stores pictures",
            load=_load_rendered,
        ),
        DataSet(
            "cmu32",
            "the part of cmu17 that has Human3.6M's 32 joints",
            splits=("train", "val", "test"),
            kinds={"ground_truth": GROUND_TRUTH},
            options=("split",),
            metrics={GROUND_TRUTH: ("mpjpe", "p-mpjpe")},
            remedies={DETECTED: "cmu17 has them"},
            how_to_get="as cmu17, in the same folder",
            load=_load_cmu32,
        ),
        DataSet(
            "h36m",
            "Human3.6M in the layouts of VideoPose3D, GridConv and MMPose",
            splits=("train", "val", "test"),
            kinds=_BOTH,
            options=("split", "detections", "drop_drifting"),
            # GridConv's Tables 1 and 2, PoseGraphNet's Tables 1 and 2 with the errors by axis
            metrics={DETECTED: ("mpjpe", "p-mpjpe", "axis"), GROUND_TRUTH: ("mpjpe", "axis")},
            remedies={
                DETECTED: "name a detector, as by --detections cpn",
                GROUND_TRUTH: "leave out --detections, or give gt",
            },
            how_to_get="licensed for research; docs/data.md says how to get it",
            load=_load_h36m,
        ),
        DataSet(
            "3dhp",
            "MPI-INF-3DHP's test set",
            kinds={"ground_truth": GROUND_TRUTH},
            options=("annotations",),
            metrics={GROUND_TRUTH: ("mpjpe", "pck", "auc")},  # GridConv's Table 3
            remedies={DETECTED: "the test set has none"},
            how_to_get="licensed for research; docs/data.md says how to get it",
            load=_load_3dhp,
        ),
        DataSet(
            "pose2sim",
            "a person balancing on a beam, real detections and triangulated markers",
            kinds={"detected": DETECTED},
            metrics={DETECTED: ("p-mpjpe",)},
            remedies={GROUND_TRUTH: "the clip has none"},
            how_to_get="the demo of Pose2Sim (BSD); docs/data.md says where it goes",
            only=(("p-mpjpe",), "has markers of 12 limb joints and no root"),
        ),
        DataSet(
            "robustness",
            "frozen kinds of 2D of cmu17 and the balancing clip",
            splits=("val", "test"),
            kinds={"ground_truth": GROUND_TRUTH},
            options=("split",),
            metrics={},
            remedies={},
            how_to_get="as cmu17 and pose2sim",
            only=((), "has a table of its own"),
        ),
        DataSet(
            "own",
            "one's own recordings, a folder with a dataset.toml",
            splits=("train", "val", "test"),
            kinds=_BOTH,
            options=("split", "variant"),
            metrics={DETECTED: ("mpjpe", "p-mpjpe"), GROUND_TRUTH: ("mpjpe", "p-mpjpe")},
            remedies={
                DETECTED: "give --variant detected",
                GROUND_TRUTH: "give --variant ground_truth",
            },
            how_to_get="docs/own-data.md says how a folder is described",
            at=_own_at,
        ),
    )
}


#: The file that makes a folder a data set.
_DESCRIBED = "dataset.toml"


def named(data: str, root: str | os.PathLike[str] | None) -> tuple[str, Path | None]:
    """Return the name of a data set and its folder; a folder alone is one's `own`.

    Raises `PoseliftError`, which lists the names, for one that is neither, or for two folders.
    """
    expect(data, str, "a data set by name, or a folder")
    expect(root, (*PATH, NoneType), "root as the path of a folder")
    place = None if root is None else Path(root)
    if data in DATA_SETS:
        return data, place
    if not is_folder(data):
        raise PoseliftError(
            f"--data: expected one of {', '.join(DATA_SETS)}, or a folder with a {_DESCRIBED}, "
            f"got {data!r}"
        )
    if place is not None:
        raise PoseliftError(f"--data {data} is the folder of its files: leave out --root {root}")
    return "own", Path(data)


def is_folder(data: str) -> bool:
    """Tell whether --data names no data set but a folder, which need not be there."""
    separators = (os.sep, os.altsep or os.sep)
    return data not in DATA_SETS and (any(one in data for one in separators) or Path(data).is_dir())


def get_data_set(name: str, root: str | os.PathLike[str] | None = None) -> DataSet:
    """Return a data set by name, or that of a folder of one's own; arguments as `find_data`.

    `root` is needed only where the folder says what the data set is.
    """
    name, place = named(name, root)
    found = DATA_SETS[name]
    return found if found.at is None else found.at(_needed(name, place))


def find_data(data: str, root: str | os.PathLike[str] | None = None) -> tuple[str, DataSet, Path]:
    """Return the name of a data set, what is known of it, and its folder.

    data  a name of `DATA_SETS`, whose folder is `root`; or a folder of one's own.

    Raises `PoseliftError` as `named` does, without a folder, and as the folder's reader.
    """
    name, place = named(data, root)
    return name, get_data_set(name, place), _needed(name, place)


def _needed(name: str, root: Path | None) -> Path:
    if root is None:
        raise PoseliftError(f"--data {name} needs --root, the folder of its files")
    return root
