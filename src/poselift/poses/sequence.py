"""PoseSequence: one person's poses over time, the one thing that travels through the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError, expect
from poselift.poses.checks import check_rate, check_size, numbers
from poselift.skeletons import Skeleton, conversion, get_skeleton

#: Axes of the two kinds of sequence; written into every file.
AXES_2D = "image: x right, y down"
AXES_3D = "camera: x right, y down, z forward, root-relative"

#: Axes of poses that were turned upright; the root's path then has the floor at y = 0.
AXES_WORLD = "world: x right, y up, z backward, root-relative"

#: What may accompany poses over time, by name: the shape behind T ("J" is one value a joint).
TRACKS: dict[str, tuple[int | str, ...]] = {
    "root": (3,),  # metres, place of the root joint (pelvis), in the sequence's axes
    "root_std": (3,),  # metres, standard deviation of `root` by axis
    "contacts": (2,),  # 1 while the left, the right foot stands, else 0
    "filled": ("J",),  # 1 where a gap was filled by interpolation, else 0
}


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """One person's 2D or 3D poses over time; frozen, validated once at construction.

    positions   (T, J, D) float32; D = 2 in pixels (`units` "px") or D = 3 in metres ("m").
                A missing joint is NaN in all its coordinates.
    scores      (T, J) float32 confidence as the source gave it (commonly 0 to 1), NaN if unknown.
    skeleton    names the joints.
    frames      (T,) int64, 0-based frame numbers in the source, strictly increasing. Frames
                without the person are absent.
    times       (T,) float64, seconds from the start of the source, strictly increasing.
    fps         frames a second of the source, or None if its time stamps are irregular.
    image_size  (width, height) of the source in pixels, or None if unknown.
    units, axes "px" and `AXES_2D`, or "m" and `AXES_3D` or `AXES_WORLD`.
    person_id   number of the person in the source.
    tracks      what is known besides, by the names of `TRACKS`: (T, ...) float32, NaN is unknown.
                `root` is the path of the pelvis, to which 3D positions are relative.
    history     one line for each step that made these data, oldest first.

    Raises `PoseliftError` that names the frame and joint if any of this does not hold.
    """

    positions: Float[np.ndarray, "T J D"]
    skeleton: Skeleton
    scores: Float[np.ndarray, "T J"]
    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    fps: float | None
    image_size: tuple[int, int] | None
    units: str
    axes: str
    person_id: int = 0
    history: tuple[str, ...] = ()
    tracks: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate shapes and values, and make the arrays read-only."""
        expect(self.skeleton, Skeleton, "a Skeleton")
        positions = numbers("positions", self.positions, np.float32)
        if positions.ndim != 3 or positions.shape[2] not in (2, 3):
            raise PoseliftError(
                f"expected positions of shape (frames, joints, 2 or 3), got {positions.shape}"
            )
        count, joints, dims = positions.shape
        if joints != len(self.skeleton):
            raise PoseliftError(
                f"expected {len(self.skeleton)} joints ({self.skeleton.name}), got {joints}"
            )
        scores = numbers("scores", self.scores, np.float32)
        frames = numbers("frames", self.frames, np.int64)
        times = numbers("times", self.times, np.float64)
        for name, array, shape in (
            ("scores", scores, (count, joints)),
            ("frames", frames, (count,)),
            ("times", times, (count,)),
        ):
            if array.shape != shape:
                raise PoseliftError(f"expected {name} of shape {shape}, got {array.shape}")
        self._check_values(positions, frames, times)
        units, axes = ("px", (AXES_2D,)) if dims == 2 else ("m", (AXES_3D, AXES_WORLD))
        if self.units != units or self.axes not in axes:
            raise PoseliftError(
                f"expected units and axes {(units, axes[0])} for {dims}D poses, "
                f"got {(self.units, self.axes)}"
            )
        check_rate(self.fps)
        check_size(self.image_size)
        for name, array in (
            ("positions", positions),
            ("scores", scores),
            ("frames", frames),
            ("times", times),
        ):
            array = array.view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "tracks", self._checked_tracks(count, joints))

    def _checked_tracks(self, count: int, joints: int) -> Mapping[str, np.ndarray]:
        """Return the tracks as read-only float32; refuse unknown names and wrong shapes."""
        tracks = {}
        for name, values in self.tracks.items():
            if name not in TRACKS:
                raise PoseliftError(
                    f"expected a track to be one of {', '.join(TRACKS)}, got {name!r}"
                )
            array = np.array(values, dtype=np.float32)
            shape = (count, *(joints if side == "J" else side for side in TRACKS[name]))
            if array.shape != shape or np.isinf(array).any():
                raise PoseliftError(
                    f"expected track {name} as finite numbers or NaN of shape {shape}, "
                    f"got shape {array.shape}"
                )
            array.flags.writeable = False
            tracks[name] = array
        return MappingProxyType(tracks)

    def _check_values(
        self,
        positions: Float[np.ndarray, "T J D"],
        frames: Int[np.ndarray, " T"],
        times: Float[np.ndarray, " T"],
    ) -> None:
        """Refuse infinite and half-missing joints, and frames or times out of order."""
        bad = np.isinf(positions).any(axis=2)
        if bad.any():
            row, joint = np.argwhere(bad)[0]
            raise PoseliftError(
                f"frame {frames[row]}, joint {self.skeleton.joints[joint]}: "
                "expected finite coordinates or NaN (missing), got infinity"
            )
        missing = np.isnan(positions)
        half = missing.any(axis=2) & ~missing.all(axis=2)
        if half.any():
            row, joint = np.argwhere(half)[0]
            raise PoseliftError(
                f"frame {frames[row]}, joint {self.skeleton.joints[joint]}: "
                "expected all coordinates or none to be missing (NaN)"
            )
        if not np.isfinite(times).all():
            raise PoseliftError("expected finite time stamps")
        for name, array in (("frame numbers", frames), ("time stamps", times)):
            back = np.flatnonzero(np.diff(array) <= 0)
            if len(back):
                raise PoseliftError(
                    f"expected increasing {name}, got {array[back[0] + 1]} after {array[back[0]]}"
                )

    @classmethod
    def from_2d(
        cls,
        keypoints: Float[np.ndarray, "T J 2"],
        skeleton: Skeleton | str,
        *,
        scores: Float[np.ndarray, "T J"] | None = None,
        frames: Int[np.ndarray, " T"] | None = None,
        times: Float[np.ndarray, " T"] | None = None,
        fps: float | None = None,
        image_size: tuple[int, int] | None = None,
        person_id: int = 0,
        history: tuple[str, ...] = (),
    ) -> PoseSequence:
        """Make a 2D sequence from pixel coordinates (x right, y down; NaN is missing).

        Without `frames` the rows are frames 0, 1, ...; without `times` they are `frames / fps`
        (or `frames` themselves, one a second, if `fps` is unknown too). `image_size` is
        (width, height).
        """
        keypoints = numbers("keypoints", keypoints, np.float32)
        if keypoints.ndim != 3:
            raise PoseliftError(
                f"expected keypoints of shape (frames, joints, 2), got {keypoints.shape}"
            )
        count = keypoints.shape[0]
        number = np.arange(count) if frames is None else numbers("frames", frames, np.int64)
        check_rate(fps)
        return cls(
            positions=keypoints,
            skeleton=skeleton if isinstance(skeleton, Skeleton) else get_skeleton(skeleton),
            scores=(np.full(keypoints.shape[:2], np.nan, np.float32) if scores is None else scores),
            frames=number,
            times=number / float(fps or 1.0) if times is None else times,
            fps=fps,
            image_size=image_size,
            units="px",
            axes=AXES_2D,
            person_id=person_id,
            history=history,
        )

    def as_3d(self, positions: Float[np.ndarray, "T J 3"], step: str) -> PoseSequence:
        """Return the lifted sequence: `positions` in metres (`AXES_3D`), all else as here."""
        return replace(
            self,
            positions=positions,
            units="m",
            axes=AXES_3D,
            history=(*self.history, step),
        )

    @property
    def root(self) -> np.ndarray | None:
        """(T, 3) metres, the path of the pelvis in the sequence's axes; None if unknown."""
        return self.tracks.get("root")

    @property
    def placed(self) -> np.ndarray:
        """(T, J, 3) metres: positions in the room, where the root's path is known; else as here."""
        path = self.root
        return self.positions if path is None else self.positions + path[:, None]

    @property
    def timed(self) -> bool:
        """Whether times are seconds: of an unknown frame rate they are the frame numbers."""
        return self.fps is not None or bool((self.times != self.frames).any())

    @property
    def dims(self) -> int:
        """Number of coordinates, 2 or 3."""
        return int(self.positions.shape[2])

    @property
    def visible(self) -> np.ndarray:
        """(T, J) bool: joints that are present."""
        return ~np.isnan(self.positions[..., 0])

    def to_skeleton(self, target: Skeleton | str) -> PoseSequence:
        """Convert to another joint set, or one of that name; the history says what was derived.

        Raises `PoseliftError` for an unknown name, and if too few of its joints can be made.
        """
        if not isinstance(target, Skeleton):
            target = get_skeleton(target)
        if target == self.skeleton:
            return self
        rule = conversion(self.skeleton, target)
        per_joint = [name for name in self.tracks if "J" in TRACKS[name]]
        return replace(
            self,
            tracks={name: v for name, v in self.tracks.items() if name not in per_joint},
            positions=rule.positions(self.positions),
            scores=rule.scores(self.scores),
            skeleton=target,
            history=(*self.history, f"joints: {rule.describe()}"),
        )

    def __len__(self) -> int:
        """Return the number of frames T."""
        return int(self.positions.shape[0])

    def __getitem__(self, item: int | slice | np.ndarray) -> PoseSequence:
        """Select frames: an index (a sequence of one frame), a slice or an index array."""
        rows = np.arange(len(self))[item]
        rows = np.atleast_1d(rows)
        return replace(
            self,
            positions=self.positions[rows],
            scores=self.scores[rows],
            frames=self.frames[rows],
            times=self.times[rows],
            tracks={name: values[rows] for name, values in self.tracks.items()},
        )

    def __iter__(self) -> Iterator[PoseSequence]:
        """Yield each frame as a sequence of length one."""
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Equal if all arrays (NaN equal to NaN) and all descriptions but history are equal."""
        if not isinstance(other, PoseSequence):
            return NotImplemented
        same = (
            self.skeleton == other.skeleton
            and self.fps == other.fps
            and self.image_size == other.image_size
            and (self.units, self.axes) == (other.units, other.axes)
            and self.person_id == other.person_id
            and self.tracks.keys() == other.tracks.keys()
            and all(
                np.array_equal(values, other.tracks[name], equal_nan=True)
                for name, values in self.tracks.items()
            )
        )
        return same and all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
            for name in ("positions", "scores", "frames", "times")
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def __reduce__(self) -> tuple[partial[PoseSequence], tuple[()]]:
        """Travel between processes as what it was made of."""
        made = {field.name: getattr(self, field.name) for field in fields(self)}
        return partial(PoseSequence, **{**made, "tracks": dict(self.tracks)}), ()

    def __repr__(self) -> str:
        """Say what is inside in one line."""
        rate = "irregular times" if self.fps is None else f"{self.fps:g} fps"
        return (
            f"PoseSequence({len(self)} frames, {self.skeleton.name}, {self.dims}D {self.units}, "
            f"{rate}, image {self.image_size}, person {self.person_id})"
        )
