"""Lifter: pixels in, metres out. Normalise -> ONNX Runtime -> back to camera space."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import DEFAULT_FOCAL, PixelDepth, normalise
from poselift.lifting.arguments import (
    Numbers,
    as_clip,
    as_scores,
    as_size,
    check_pixels,
    check_poses,
)
from poselift.lifting.backends import BACKENDS, check_choice
from poselift.lifting.live import LiveLifter
from poselift.lifting.placement import Placement, as_placement
from poselift.lifting.session import open_model
from poselift.lifting.stream import Chunk, numbered
from poselift.modelfiles.card import ModelCard
from poselift.modelfiles.find import ModelFile, find_model
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton, conversion, get_skeleton

if TYPE_CHECKING:
    from poselift.poses import Results

#: Poses, mirror images among them, that go through the network at once: enough for large products,
#: few enough for their features to stay in the caches. Bounds the memory, however long the clip.
BATCH = 64


@final
class Lifter:
    """Lifts 2D keypoints to 3D, one frame at a time, with one set of weights.

    model      a shipped name ("gln", "posegraphnet"), a run folder, an .onnx file, or one
               that `find_model` has read.
    threads    CPU threads to use, or None for one a physical core.
    flip       lift the mirrored pose too and return the mean of both, as is the field's habit
               (VideoPose3D, test-time augmentation): more accurate, half as fast.
    precision  what the large products are computed in: "fp32", or "int8" for models that have such
               weights (see `runtimes`); their card says what it costs.
    backend    what runs the network, one of `BACKENDS`.

    A joint that is missing (NaN), or whose score is 0 because the detector did not find it, is
    given to the network as missing; the 3D pose has all joints. A frame in which fewer than a
    third of the network's joints (6 of 17) are visible is not lifted: its pose is NaN.

    Raises `PoseliftError` if there is no such model, its file is damaged, it has no weights for
    `precision`, or the backend does not have that.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | ModelFile = "gln",
        *,
        threads: int | None = None,
        flip: bool = True,
        precision: str = "fp32",
        backend: str = BACKENDS[0],
    ) -> None:
        """Find, check and open the model."""
        self._flip = flip
        if threads is not None and threads < 1:
            raise PoseliftError(f"expected at least 1 thread, got {threads}")
        check_choice(backend, precision)
        file = model if isinstance(model, ModelFile) else find_model(model, precision)
        self._model = open_model(file, threads, backend=backend, precision=precision)

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
        root: Numbers | None = None,
        intrinsics: Numbers | None = None,
    ) -> Float[np.ndarray, "T J 3"]:
        """Lift plain arrays.

        keypoints   (T, J, 2) pixels, x right, y down; a missing joint is NaN.
        image_size  (width, height) in pixels.
        scores      (T, J) confidences; 0 means not found, NaN unknown.
        skeleton    name of the joint set of `keypoints`.
        focal       as in `Lifter.__call__`.
        root        (T, 3) metres, camera space: where the root joint is; only models of pixel and
                    depth ("target" in their card) use it, and they cannot do without.
        intrinsics  fx, fy, cx, cy of the camera in pixels, for the same models.

        Returns (T, 17, 3) float32: metres, x right, y down, z away from the camera, relative to
        the pelvis, in the joints of `Lifter.skeleton`. Raises `PoseliftError` that says what was
        expected, naming the frame and joint of a value that is not finite.
        """
        joints = get_skeleton(skeleton)
        points = as_clip("keypoints", keypoints, joints, (2,))
        sequence = PoseSequence.from_2d(
            points,
            joints,
            scores=None if scores is None else as_scores(scores, joints, len(points)),
            image_size=as_size(image_size),
        )
        placement = None
        if root is not None and intrinsics is not None:
            placement = as_placement(root, intrinsics, len(points))
        elif root is not None or intrinsics is not None:
            raise PoseliftError("expected root and intrinsics together, got only one of them")
        prepared = self._prepare(sequence, focal, placement)
        check_pixels(prepared.positions[self._liftable(prepared)])
        return self._lift_frames(prepared, focal, None, placement)

    def live(
        self, *, image_size: Numbers, skeleton: str = "h36m_17", focal: float | None = None
    ) -> LiveLifter:
        """Return a lifter of single frames, for a camera: `live(keypoints, scores)` is the pose.

        image_size, skeleton, focal  as in `Lifter.lift`, the same for all frames.

        Raises `PoseliftError` for an unknown skeleton, one that cannot be converted to
        `Lifter.skeleton`, a useless image size or `focal`.
        """
        self._check_camera(focal)
        return LiveLifter(
            self._model.run,
            self.card,
            joints=get_skeleton(skeleton),
            size=as_size(image_size),
            focal=focal,
            flip=self._flip,
            min_visible=self.min_visible,
        )

    def stream(
        self,
        chunks: Iterable[Chunk],
        *,
        image_size: Numbers,
        skeleton: str = "h36m_17",
        focal: float | None = None,
    ) -> Iterator[Float[np.ndarray, "T J 3"]]:
        """Lift a clip that comes in chunks, in memory that depends on the largest chunk only.

        chunks                       each (T, J, 2) pixels, or a pair of that and (T, J) scores.
        image_size, skeleton, focal  as in `Lifter.lift`, the same for all chunks.

        Yields (T, 17, 3) a chunk, together what `Lifter.lift` returns for the whole clip. Raises
        `PoseliftError` as that does, frames counted through all chunks; whether coordinates are
        pixels is seen by the first frame that shows enough joints to be lifted.
        """
        self._check_camera(focal)
        joints, size = get_skeleton(skeleton), as_size(image_size)
        conversion(joints, self.skeleton)  # refused before anything is read
        return self._stream(numbered(chunks, joints, size), focal)

    def _stream(
        self, sequences: Iterator[PoseSequence], focal: float | None
    ) -> Iterator[Float[np.ndarray, "T J 3"]]:
        """Lift sequence after sequence."""
        seen = False
        for sequence in sequences:
            prepared = self._prepare(sequence, focal)
            first = np.flatnonzero(self._liftable(prepared))[:1]
            if not seen:
                check_pixels(prepared.positions[first])
                seen = len(first) > 0
            yield self._lift_frames(prepared, focal, None)

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
        from poselift.poses import Person, Results

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
        pairs = tuple(
            Person(person, self._lift_sequence(person, focal, progress)) for person in inputs
        )
        return Results(people=pairs, meta=self._describe(pairs[0].poses_3d, focal))

    def _prepare(
        self, sequence: PoseSequence, focal: float | None, placement: Placement | None = None
    ) -> PoseSequence:
        """Check a 2D sequence and return it in the network's joints, unfound joints as NaN."""
        if sequence.dims != 2:
            raise PoseliftError("expected a 2D sequence to lift, got one that is 3D already")
        if sequence.image_size is None:
            raise PoseliftError(
                "the image size is not known, give it as (width, height) in pixels "
                "(image_size=..., on the command line --size WIDTHxHEIGHT)"
            )
        self._check_camera(focal, placement)
        return _without_unfound(sequence).to_skeleton(self.skeleton)

    def _check_camera(self, focal: float | None, placement: Placement | None = None) -> None:
        """Refuse a useless focal length, and what the model makes no use of or cannot do without.

        Only `lift` takes a placement: no other caller knows where a person stands.
        """
        placed = self.card.target == "pixel_depth"
        if placed and placement is None:
            raise PoseliftError(
                f"model {self.card.name} gives pixels and depth relative to the root: it needs the "
                "root's position and the camera's intrinsics, as Lifter.lift(root=..., "
                "intrinsics=...) takes them"
            )
        if placement is not None and not placed:
            raise PoseliftError(
                f"model {self.card.name} gives metres and makes no use of root and intrinsics, "
                "leave them out"
            )
        if focal is not None and self.card.normalisation != "person":
            raise PoseliftError(
                f"model {self.card.name} with normalisation {self.card.normalisation!r} "
                "makes no use of a focal length, leave it out"
            )
        if focal is not None and not (np.isfinite(focal) and focal > 0):
            raise PoseliftError(f"expected a focal length above 0 pixels, got {focal}")

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
        """Lift a prepared sequence and say how."""
        poses = self._lift_frames(sequence, focal, progress)
        return sequence.as_3d(poses, self._step(sequence, focal))

    def _lift_frames(
        self,
        sequence: PoseSequence,
        focal: float | None,
        progress: Callable[[int], None] | None,
        placement: Placement | None = None,
    ) -> Float[np.ndarray, "T J 3"]:
        """Lift a prepared sequence batch by batch."""
        poses = np.full((len(sequence), len(self.skeleton), 3), np.nan, dtype=np.float32)
        liftable = self._liftable(sequence)
        size = max(1, BATCH // (1 + self._flip))
        for start in range(0, len(sequence), size):
            rows = start + np.flatnonzero(liftable[start : start + size])
            if len(rows):
                place = None if placement is None else placement[rows]
                poses[rows] = self._lift_batch(sequence, rows, focal, place)
            if progress is not None:
                progress(min(size, len(sequence) - start))
        return poses

    def _lift_batch(
        self,
        sequence: PoseSequence,
        rows: np.ndarray,
        focal: float | None,
        placement: Placement | None,
    ) -> Float[np.ndarray, "B J 3"]:
        """Lift the frames `rows`: metres, camera axes, root at 0."""
        assert sequence.image_size is not None  # _prepare refused it
        width, height = sequence.image_size
        points, flip = sequence.positions[rows], self.skeleton.flip
        if self._flip:
            points = np.concatenate([points, flip(points, width=float(width))])
            if placement is not None:
                placement = placement.with_mirrored(float(width))
        with np.errstate(over="ignore", invalid="ignore"):  # found below
            poses = self._run(points, (width, height), focal, placement)
            if self._flip:
                poses = (poses[: len(rows)] + flip(poses[len(rows) :])) / 2
        check_poses(poses, sequence.frames[rows], self.card.name, (width, height))
        root = self.skeleton.root
        return poses - poses[:, root : root + 1]

    def _run(
        self,
        points: Float[np.ndarray, "B J 2"],
        size: tuple[int, int],
        focal: float | None,
        placement: Placement | None,
    ) -> Float[np.ndarray, "B J 3"]:
        """Pixels -> network -> camera axes, metres."""
        pose = normalise(points, self.card.normalisation, size, focal, self.skeleton.root)
        inputs = np.where(np.isnan(pose.inputs), np.float32(0), pose.inputs)
        outputs = self._model.run(inputs)
        if placement is not None:
            way = PixelDepth.of(pose, placement.root, placement.intrinsics, size, focal)
            outputs = way.to_metres(outputs)
        return pose.to_camera(outputs)

    def _step(self, sequence: PoseSequence, focal: float | None) -> str:
        """Say in one line how the 3D poses were made."""
        parts = [
            f"lifted: model {self.card.name}",
            f"weights sha256 {self.weights_sha256}",
            f"normalisation {self.card.normalisation}",
        ]
        if self._model.precision != "fp32":
            parts.append(f"precision {self._model.precision}")
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
            "precision": self._model.precision,
            "backend": self._model.backend,
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
