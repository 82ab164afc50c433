"""`cmu17`: the CMU motion capture excerpts as 17 Human3.6M joints, 30 fps, metres.

Each clip is seen by four virtual cameras with Human3.6M's intrinsics (see `virtual_cameras`), lens
distortion included, as that benchmark's own 2D inputs have it.
"""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.errors import PoseliftError
from poselift.files import inside
from poselift.geometry import Camera, root_relative
from poselift.mocap.asfamc import AmcMotion, AsfSkeleton, read_amc, read_asf
from poselift.mocap.bvh import read_bvh
from poselift.mocap.chain import Motion
from poselift.mocap.expmap import ExpmapSkeleton, read_expmap, read_expmap_skeleton
from poselift.mocap.h36m_joints import from_amc, from_bvh, from_expmap
from poselift.mocap.textfile import read_text
from poselift.simulation.noise import DetectorNoise
from poselift.simulation.virtual_cameras import ring_of_cameras
from poselift.skeletons import H36M_17, Skeleton

#: Splits by subject; the column `split` of INDEX.csv.
SPLITS = ("train", "val", "test")
#: 2D keypoints as projected, or as a detector would find them.
VARIANTS = ("ground_truth", "detected")
FPS = 30

#: Frames of the longest clip, and more numbers of subjects than anybody has.
_MOST = 10_000_000

# Short action names for tables: the description's part before " - " or ",", but
_ACTIONS = {
    "bend over, scoop up, rise, lift arm": "bend",
    "brisk walk": "walk",
    "jump, balance": "jump",
    "punch/strike": "punch",
    "run/jog": "run",
    "slow walk": "walk",
    "walk on uneven terrain": "uneven terrain",
    "wash self": "wash",
}


@dataclass(frozen=True)
class Clip:
    """A row of INDEX.csv: `frames` in the file, of which those before `first_frame` and those in
    `skip_spans` (first and last frame, both included) are not the person's motion.
    """

    path: str
    format: str
    subject: int
    trial: int
    frames: int
    fps: int
    action: str
    first_frame: int
    skip_spans: tuple[tuple[int, int], ...]
    split: str

    def frames_at(self, fps: int) -> Int[np.ndarray, " T"]:
        """Return the frame numbers at a lower rate, from `first_frame`, without skip spans.

        Raises `PoseliftError` if `fps` does not divide the file's rate.
        """
        if self.fps % fps:
            raise PoseliftError(f"{self.path}: expected a multiple of {fps} fps, got {self.fps}")
        step = self.fps // fps
        numbers: np.ndarray = np.arange(self.first_frame, self.frames, step, dtype=np.int64)
        for first, last in self.skip_spans:
            numbers = numbers[(numbers < first) | (numbers > last)]
        return numbers


def read_index(root: str | os.PathLike[str]) -> list[Clip]:
    """Read INDEX.csv in the data folder; `PoseliftError` if there is none or a row is broken."""
    name = Path(root) / "INDEX.csv"
    if not name.is_file():
        raise PoseliftError(f"{root}: expected the CMU data folder, but it has no INDEX.csv")
    clips = []
    for number, row in enumerate(csv.DictReader(read_text(name).splitlines()), start=2):
        try:
            clips.append(_clip(row))
        except KeyError as error:
            raise PoseliftError(f"{name}: expected a column {error.args[0]!r}") from None
        except (ValueError, TypeError, AttributeError):
            raise PoseliftError(f"{name}, line {number}: this row cannot be read") from None
    return clips


def _clip(row: dict[str, str]) -> Clip:
    spans = [span.partition("-") for span in row["skip_spans"].split()]
    return Clip(
        path=row["path"],
        format=row["format"],
        subject=whole(row["subject"] or "-1", -1),
        trial=whole(row["trial"] or "-1", -1),
        frames=whole(row["frames"]),
        fps=whole(row["fps"], 1),
        action=row["description"],
        first_frame=whole(row["first_frame"]),
        skip_spans=tuple((whole(first), whole(last)) for first, _, last in spans),
        split=row["split"],
    )


def whole(text: str, least: int = 0) -> int:
    """Read a whole number; `ValueError` for one that no clip has."""
    value = int(text)
    if not least <= value <= _MOST:
        raise ValueError(text)
    return value


def load_motions(root: str | os.PathLike[str], split: str) -> list[Motion]:
    """Load all clips of a split as `h36m_17` at 30 fps, world metres, Y up.

    Every 4th frame of 120 Hz data and every 2nd of 60 Hz from the clip's first frame on; frames
    inside skip spans are left out, which shows as gaps in `frames`. The order is that of
    INDEX.csv. Raises `PoseliftError` for an unknown split, a missing INDEX.csv, and for a file
    that is missing, broken, or has not the number of frames the index says.
    """
    reader = MotionReader(Path(root))
    return [reader.read(clip, clip.frames_at(FPS)) for clip in clips_of(root, split)]


def clips_of(root: str | os.PathLike[str], split: str) -> list[Clip]:
    """Return the clips of a split in the order of INDEX.csv."""
    if split not in SPLITS:
        raise PoseliftError(f"unknown split {split!r}, expected one of {', '.join(SPLITS)}")
    clips = [clip for clip in read_index(root) if clip.split == split]
    if not clips:
        raise PoseliftError(f"{Path(root) / 'INDEX.csv'}: there is no clip of split {split!r}")
    return clips


def load_cmu17(
    root: str | os.PathLike[str],
    split: str,
    variant: str = "ground_truth",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """Load a split as 2D keypoints of four virtual cameras with their 3D poses.

    split     "train", "val" or "test": subjects do not overlap.
    variant   "ground_truth" (keypoints as projected) or "detected" (with `DetectorNoise`).
    seed      of the detector noise; it follows from seed, clip and camera alone, so the same
              numbers come whatever else is loaded.
    progress  called with (clips done, clips in all) after each clip.

    Rows are ordered by clip (as in INDEX.csv), camera, frame. Raises `PoseliftError` as
    `load_motions` does, and for an unknown variant or a seed below 0.
    """
    if variant not in VARIANTS:
        raise PoseliftError(f"unknown variant {variant!r}, expected one of {', '.join(VARIANTS)}")
    if seed < 0:
        raise PoseliftError(f"expected a seed of at least 0, got {seed}")
    clips, reader = clips_of(root, split), MotionReader(Path(root))
    motions = (reader.read(clip, clip.frames_at(FPS)) for clip in clips)
    name = f"cmu17 {split}, {variant.replace('_', ' ')}"
    noise = DetectorNoise() if variant == "detected" else None
    return seen_by_cameras(motions, clips, H36M_17, name, noise, seed, progress)


def seen_by_cameras(
    motions: Iterable[Motion],
    clips: Sequence[Clip],
    skeleton: Skeleton,
    name: str,
    noise: DetectorNoise | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """See the motions of clips by four cameras each; the rest as of `load_cmu17`."""
    parts = []
    for done, (clip, motion) in enumerate(zip(clips, motions, strict=True), start=1):
        for number, camera in enumerate(ring_of_cameras(motion)):
            part = view(motion, camera, number, skeleton)
            if noise is not None:
                rng = np.random.default_rng((seed, zlib.crc32(clip.path.encode()), number))
                part = replace(part, keypoints=noise.apply(rng, part.keypoints))
            parts.append(part)
        if progress is not None:
            progress(done, len(clips))
    data = concatenate(parts, name)
    # every camera's part came as a clip of its own
    paths = tuple(clip.path for clip in clips)
    return replace(data, clip=data.clip // (len(parts) // len(clips)), clips=paths)


def action_name(description: str) -> str:
    """Return the short name of an action, e.g. `dance` for "dance - expressive arms"."""
    return _ACTIONS.get(description, description.split(" - ")[0].split(",")[0].strip())


def view(motion: Motion, camera: Camera, number: int, skeleton: Skeleton = H36M_17) -> LiftingData:
    """See a motion by one camera: exact keypoints (lens distortion included) and 3D poses."""
    seen = camera.to_camera(motion.positions.astype(np.float64))
    count = len(motion)
    return LiftingData(
        keypoints=camera.project(seen).astype(np.float32),
        poses=root_relative(seen, skeleton.root).astype(np.float32),
        image_size=np.tile(np.array(camera.size, dtype=np.float32), (count, 1)),
        root=seen[:, skeleton.root].astype(np.float32),
        intrinsics=np.tile(np.array([*camera.focal, *camera.center], np.float32), (count, 1)),
        subject=np.full(count, motion.subject, dtype=np.int64),
        action=np.full(count, action_name(motion.action)),
        camera=np.full(count, number, dtype=np.int64),
        frame=motion.frames,
        clip=np.zeros(count, dtype=np.int64),
        clips=(motion.path,),
        skeleton=skeleton,
        name=f"{motion.path}, camera {number}",
    )


class MotionReader:
    """Reads clips of any encoding below `root`; skeletons are read once."""

    def __init__(self, root: Path) -> None:
        """Remember the data folder; nothing is read yet."""
        self._root = root
        self._subjects: dict[Path, AsfSkeleton] = {}
        self._skeleton38: ExpmapSkeleton | None = None

    def read(self, clip: Clip, frames: Int[np.ndarray, " T"]) -> Motion:
        """Return the given frames (0-based rows of the file) of a clip."""
        return Motion(
            positions=self._positions(clip, frames).astype(np.float32),
            frames=frames,
            fps=float(FPS),
            subject=clip.subject,
            trial=clip.trial,
            action=clip.action,
            path=clip.path,
        )

    def _positions(self, clip: Clip, frames: Int[np.ndarray, " T"]) -> Float[np.ndarray, "T 17 3"]:
        path = inside(self._root, clip.path)
        if clip.format == "bvh":
            bvh = read_bvh(path)
            _check_length(path, clip, len(bvh))
            return from_bvh(bvh[frames])
        if clip.format == "amc":
            return from_amc(self.amc(clip, frames))
        if clip.format == "expmap":
            expmap = read_expmap(path, self._expmap_skeleton())
            _check_length(path, clip, len(expmap))
            return from_expmap(expmap[frames])
        raise PoseliftError(f"{path}: unknown format {clip.format!r}, expected amc, bvh or expmap")

    def amc(self, clip: Clip, frames: Int[np.ndarray, " T"]) -> AmcMotion:
        """Return the given frames of a clip in its own (ASF) joints; it must be an AMC file."""
        path = self._root / clip.path
        motion = read_amc(path, self._subject(path))
        _check_length(path, clip, len(motion))
        return motion[frames]

    def _subject(self, motion: Path) -> AsfSkeleton:
        """Return the skeleton beside an AMC file: `02_01.amc` belongs to `02.asf`."""
        path = motion.with_name(motion.name.split("_")[0] + ".asf")
        if not path.is_file() and path.with_suffix(".asf.gz").is_file():
            path = path.with_suffix(".asf.gz")
        if path not in self._subjects:
            self._subjects[path] = read_asf(path)
        return self._subjects[path]

    def _expmap_skeleton(self) -> ExpmapSkeleton:
        if self._skeleton38 is None:
            self._skeleton38 = read_expmap_skeleton(self._root / "expmap" / "SKELETON38.csv")
        return self._skeleton38


def _check_length(path: Path, clip: Clip, frames: int) -> None:
    if frames != clip.frames:
        raise PoseliftError(
            f"{path}: expected {clip.frames} frames as INDEX.csv says, found {frames}"
        )
