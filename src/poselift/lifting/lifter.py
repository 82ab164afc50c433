"""Lifter: pixels in, metres out. Normalise -> ONNX Runtime -> back to camera space."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import DEFAULT_FOCAL, normalise
from poselift.lifting.card import ModelCard
from poselift.lifting.session import open_model
from poselift.lifting.weights import find_model
from poselift.sequence import PoseSequence
from poselift.skeletons import Skeleton, get_skeleton

if TYPE_CHECKING:
    from poselift.io.results import Results

#: An array, or nested lists or tuples; what is in them is checked in words.
Numbers = np.ndarray | Sequence[Any]

#: Frames that go through the network at once. Bounds the memory, whatever the clip's length.
BATCH = 64


@final
class Lifter:
    """Lifts 2D keypoints to 3D, one frame at a time, with one set of weights.

    model    a shipped name ("gln", "posegraphnet"), a run folder, or an .onnx file.
    threads  CPU threads to use, or None for one a physical core.
    flip     lift the mirrored pose too and return the mean of both, as is the field's habit
             (VideoPose3D, test-time augmentation): more accurate, half as fast.

    A joint that is missing (NaN), or whose score is 0 because the detector did not find it, is
    given to the network as missing; the 3D pose has all joints. A frame in which fewer than a
    third of the network's joints (6 of 17) are visible is not lifted: its pose is NaN.

    Raises `PoseliftError` if there is no such model or its file is damaged.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "gln",
        *,
        threads: int | None = None,
        flip: bool = True,
    ) -> None:
        """Find, check and open the model."""
        self._flip = flip
        if threads is not None and threads < 1:
            raise PoseliftError(f"expected at least 1 thread, got {threads}")
        self._model = open_model(find_model(model), threads)

    @property
    def card(self) -> ModelCard:
        """What the weights say about themselves."""
        return self._model.card

    @property
    def skeleton(self) -> Skeleton:
        """The joints that come out."""
        return self.card.skeleton

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the model file, hexadecimal."""
        return self._model.sha256

    @property
    def min_visible(self) -> int:
        """Joints that a frame must show to be lifted."""
        return -(-len(self.skeleton) // 3)

    def __repr__(self) -> str:
        """Say which model this is."""
        return f"Lifter({self.card.name}, {self.skeleton.name}, {self.weights_sha256[:12]})"

    def __call__(self, sequence: PoseSequence, *, focal: float | None = None) -> PoseSequence:
        """Lift one person's 2D sequence (any known skeleton) to 3D.

        focal  focal length in pixels, or None to take 1.0 x the longer image side; only models
               with the `person` normalisation use it.

        Returns a 3D sequence in metres, camera axes, relative to the root joint, which is exactly
        0. Raises `PoseliftError` for a 3D sequence, one without image size, or a useless `focal`.
        """
        return self._lift_sequence(self._prepare(sequence, focal), focal, None)

    def lift(
        self,
        keypoints: Numbers,
        *,
        image_size: Numbers,
        scores: Numbers | None = None,
        skeleton: str = "h36m_17",
        focal: float | None = None,
    ) -> Float[np.ndarray, "T J 3"]:
        """Lift plain arrays.

        keypoints   (T, J, 2) pixels, x right, y down; a missing joint is NaN.
        image_size  (width, height) in pixels.
        scores      (T, J) confidences; 0 means not found, NaN unknown.
        skeleton    name of the joint set of `keypoints`.
        focal       as in `Lifter.__call__`.

        Returns (T, 17, 3) float32: metres, x right, y down, z away from the camera, relative to
        the pelvis, in the joints of `Lifter.skeleton`. Raises `PoseliftError` that says what was
        expected, naming the frame and joint of a value that is not finite.
        """
        joints = get_skeleton(skeleton)
        points = _as_floats("keypoints", keypoints, joints, (2,))
        _check_pixels(points)
        sequence = PoseSequence.from_2d(
            points,
            joints,
            scores=None if scores is None else _as_scores(scores, joints, len(points)),
            image_size=_as_size(image_size),
        )
        return self(sequence, focal=focal).positions

    def lift_people(
        self,
        people: Sequence[PoseSequence],
        *,
        focal: float | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Results:
        """Lift all persons of one source and put them together for the writers.

        focal     as in `Lifter.__call__`.
        progress  called with the number of poses done since the last call.

        Raises `PoseliftError` if there is no person, if their image sizes or fps differ, or if
        no frame at all shows enough joints to be lifted.
        """
        from poselift.io.results import Results

        if not people:
            raise PoseliftError("expected at least one person to lift, got none")
        for name in ("image_size", "fps"):
            values = {getattr(person, name) for person in people}
            if len(values) > 1:
                raise PoseliftError(f"expected one {name} for all persons, got {values}")
        inputs = [self._prepare(person, focal) for person in people]
        if not any(self._liftable(person).any() for person in inputs):
            raise PoseliftError(
                f"nothing to lift: no frame shows {self.min_visible} "
                f"of the {len(self.skeleton)} joints of {self.skeleton.name}"
            )
        pairs = tuple((person, self._lift_sequence(person, focal, progress)) for person in inputs)
        return Results(people=pairs, meta=self._describe(pairs[0][1], focal))

    def _prepare(self, sequence: PoseSequence, focal: float | None) -> PoseSequence:
        """Check a 2D sequence and return it in the network's joints, unfound joints as NaN."""
        if sequence.dims != 2:
            raise PoseliftError("expected a 2D sequence to lift, got one that is 3D already")
        if sequence.image_size is None:
            raise PoseliftError(
                "the image size is not known, give it as (width, height) in pixels "
                "(image_size=..., on the command line --size WIDTHxHEIGHT)"
            )
        if focal is not None and self.card.normalisation != "person":
            raise PoseliftError(
                f"model {self.card.name} with normalisation {self.card.normalisation!r} "
                "makes no use of a focal length, leave it out"
            )
        if focal is not None and not (np.isfinite(focal) and focal > 0):
            raise PoseliftError(f"expected a focal length above 0 pixels, got {focal}")
        return _without_unfound(sequence).to_skeleton(self.skeleton)

    def _liftable(self, sequence: PoseSequence) -> np.ndarray:
        """(T,) bool: frames that show enough joints."""
        enough: np.ndarray = sequence.visible.sum(axis=1) >= self.min_visible
        return enough

    def _lift_sequence(
        self,
        sequence: PoseSequence,
        focal: float | None,
        progress: Callable[[int], None] | None,
    ) -> PoseSequence:
        """Lift a prepared sequence batch by batch."""
        poses = np.full((len(sequence), len(self.skeleton), 3), np.nan, dtype=np.float32)
        liftable = self._liftable(sequence)
        for start in range(0, len(sequence), BATCH):
            rows = start + np.flatnonzero(liftable[start : start + BATCH])
            if len(rows):
                poses[rows] = self._lift_batch(sequence, rows, focal)
            if progress is not None:
                progress(min(BATCH, len(sequence) - start))
        return sequence.as_3d(poses, self._step(sequence, focal))

    def _lift_batch(
        self, sequence: PoseSequence, rows: np.ndarray, focal: float | None
    ) -> Float[np.ndarray, "B J 3"]:
        """Lift the frames `rows`: metres, camera axes, root at 0."""
        assert sequence.image_size is not None  # _prepare refused it
        width, height = sequence.image_size
        points, flip = sequence.positions[rows], self.skeleton.flip
        with np.errstate(over="ignore", invalid="ignore"):  # found below
            poses = self._run(points, (width, height), focal)
            if self._flip:
                mirrored = self._run(flip(points, width=float(width)), (width, height), focal)
                poses = (poses + flip(mirrored)) / 2
        broken = ~np.isfinite(poses).all(axis=(1, 2))
        if broken.any():
            raise PoseliftError(
                f"frame {sequence.frames[rows[broken][0]]}: model {self.card.name} gave no finite "
                f"pose, are these pixels of a {width}x{height} picture?"
            )
        root = self.skeleton.root
        return poses - poses[:, root : root + 1]

    def _run(
        self, points: Float[np.ndarray, "B J 2"], size: tuple[int, int], focal: float | None
    ) -> Float[np.ndarray, "B J 3"]:
        """Pixels -> network -> camera axes, metres."""
        pose = normalise(points, self.card.normalisation, size, focal, self.skeleton.root)
        inputs = np.where(np.isnan(pose.inputs), np.float32(0), pose.inputs)
        return pose.to_camera(self._model.run(inputs))

    def _step(self, sequence: PoseSequence, focal: float | None) -> str:
        """Say in one line how the 3D poses were made."""
        parts = [
            f"lifted: model {self.card.name}",
            f"weights sha256 {self.weights_sha256}",
            f"normalisation {self.card.normalisation}",
        ]
        if self._flip:
            parts.append("mean with the mirrored pose")
        if self.card.normalisation == "person":
            length, assumed = self._focal(sequence, focal)
            parts.append(f"focal {length:g} px" + (" (assumed)" if assumed else ""))
        return ", ".join([*parts, f"poselift {version('poselift')}"])

    def _focal(self, sequence: PoseSequence, focal: float | None) -> tuple[float, bool]:
        """Return the focal length in pixels and whether it was assumed."""
        assert sequence.image_size is not None  # _prepare refused it
        if focal is not None:
            return float(focal), False
        return DEFAULT_FOCAL * max(sequence.image_size), True

    def _describe(self, lifted: PoseSequence, focal: float | None) -> dict[str, Any]:
        """Facts for every file written from these results; the writers add the sequences' own."""
        meta: dict[str, Any] = {
            "model": self.card.name,
            "architecture": self.card.architecture,
            "weights_sha256": self.weights_sha256,
            "normalisation": self.card.normalisation,
            "flip": self._flip,
            "software": f"poselift {version('poselift')}",
        }
        if self.card.normalisation == "person":
            meta["focal_px"], meta["focal_assumed"] = self._focal(lifted, focal)
        return meta


def _without_unfound(sequence: PoseSequence) -> PoseSequence:
    """Make joints with score 0 missing: that is how detectors say that they found none."""
    unfound = (sequence.scores <= 0) & sequence.visible
    if not unfound.any():
        return sequence
    step = f"{int(unfound.sum())} joints with score 0 taken as missing"
    positions = np.where(unfound[..., None], np.float32(np.nan), sequence.positions)
    return replace(sequence, positions=positions, history=(*sequence.history, step))


def _as_floats(
    name: str, values: Numbers, joints: Skeleton, tail: tuple[int, ...]
) -> Float[np.ndarray, ...]:
    """Return an argument as float32 of shape (frames, joints, *tail), or say what is wrong."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        raise PoseliftError(f"expected {name} to be an array of numbers") from None
    wanted = f"(frames, {', '.join(map(str, (len(joints), *tail)))}) for {joints.name}"
    if array.dtype.kind not in "fiu":
        raise PoseliftError(f"expected {name} of real numbers, got dtype {array.dtype}")
    if array.shape == (len(joints), *tail):
        raise PoseliftError(
            f"expected {name} of shape {wanted}, got {array.shape}; "
            f"for a single frame pass {name}[None]"
        )
    if array.ndim != 2 + len(tail) or array.shape[1:] != (len(joints), *tail):
        raise PoseliftError(f"expected {name} of shape {wanted}, got {array.shape}")
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as such
        return array.astype(np.float32)


def _as_scores(scores: Numbers, joints: Skeleton, frames: int) -> Float[np.ndarray, "T J"]:
    """Return confidences as float32, one row for each of the frames."""
    array = _as_floats("scores", scores, joints, ())
    if len(array) != frames:
        raise PoseliftError(
            f"expected scores of shape {(frames, len(joints))} as the keypoints have, "
            f"got {array.shape}"
        )
    return array


def _as_size(image_size: Numbers) -> tuple[int, int]:
    """Return an image size as two positive whole numbers, or say what is wrong."""
    sides = np.asarray(image_size)
    if sides.shape != (2,) or sides.dtype.kind not in "fiu" or not (sides >= 1).all():
        raise PoseliftError(f"expected image_size as (width, height) in pixels, got {image_size!r}")
    return int(sides[0]), int(sides[1])


def _check_pixels(keypoints: Float[np.ndarray, "T J 2"]) -> None:
    """Refuse coordinates that were divided by the image size."""
    finite = np.abs(keypoints[np.isfinite(keypoints)])
    if finite.size and finite.max() <= 1.5:
        raise PoseliftError(
            "expected keypoints in pixels (a missing joint as NaN), but all are between -1.5 and "
            "1.5: multiply normalised coordinates by the image size"
        )
