"""Lifter: 2D keypoints in, 3D poses in metres out, checked on the way in and described."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError, expect
from poselift.lifting.arguments import (
    Numbers,
    as_clip,
    as_scores,
    as_size,
    check_picture,
    check_pixels,
    joints_of,
)
from poselift.lifting.backends import AUTO, BACKENDS, choose_precision
from poselift.lifting.core import Advance, Core
from poselift.lifting.live import LiveLifter
from poselift.lifting.optics import Optics, optics_of
from poselift.lifting.session import open_model
from poselift.lifting.stream import Chunk, lift_chunks, numbered
from poselift.modelfiles.card import ModelCard
from poselift.modelfiles.find import DEFAULT_MODEL, ModelFile, find_model
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import Skeleton, conversion


@final
class Lifter:
    """Lifts 2D keypoints to 3D with one set of weights.

    model      a shipped name ("lcn", "gln-small", "gln", "posegraphnet"), a run folder, an .onnx
               file, or one that `find_model` has read.
    threads    CPU threads to use, at most one a core; None for one a core that is free.
    flip       lift the mirrored pose too and return the mean of both, as is the field's habit
               (VideoPose3D, test-time augmentation): more accurate, half as fast.
    precision  what the large products are computed in: "fp32", or "int8" for models that have such
               weights (see `runtimes`); their card says what it costs. "auto" is int8 where this
               CPU computes it exactly and it costs at most 0.5 mm, else fp32.
    backend    what runs the network, one of `BACKENDS`.

    A joint that is missing (NaN), or whose score is 0 because the detector did not find it, is
    given to the network as missing; the 3D pose has all joints. A frame in which fewer than a
    third of the network's joints (6 of 17) are visible is not lifted: its pose is NaN.

    Raises `PoseliftError` if there is no such model, its file is damaged, it has no weights for
    `precision`, or the backend does not have that.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | ModelFile = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        flip: bool = True,
        precision: str = AUTO,
        backend: str = BACKENDS[0],
    ) -> None:
        """Find, check and open the model."""
        self._flip = flip
        precision = choose_precision(model, backend, precision)
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
        return self.core.min_visible

    @property
    def core(self) -> Core:
        """What lifts bare arrays in the network's own joints, and no body as it comes."""
        return Core(self._model.run, self.card, self._flip)

    @property
    def _core(self) -> Core:
        """The same, refusing what is no body."""
        return replace(self.core, human=True)

    @property
    def choices(self) -> str:
        """Which model runs and how, in a few words: for the closing line and the history."""
        opened = self._model
        parts = [
            f"model {self.card.name}",
            f"precision {opened.precision}",
            "mean with the mirrored pose" if self._flip else "without the mirrored pose",
            f"{opened.threads} thread{'s' if opened.threads > 1 else ''}",
        ]
        return ", ".join(parts if opened.backend == BACKENDS[0] else [*parts, opened.backend])

    def __repr__(self) -> str:
        """Say which model this is and how it runs."""
        return f"Lifter({self.choices}, {self.skeleton.name}, {self.weights_sha256[:12]})"

    def __call__(
        self, sequence: PoseSequence, *, focal: float | None = None, human: bool = True
    ) -> PoseSequence:
        """Lift one person's 2D sequence (any known skeleton) to 3D.

        focal  focal length in pixels, or None to take 1.0 x the longer image side; only models
               with the `person` normalisation use it.
        human  refuse poses that are no body; scoring measures them instead.

        Returns a 3D sequence in metres, camera axes, relative to the root joint, which is exactly
        0. Raises `PoseliftError` for a 3D sequence, one without image size, or a useless `focal`.
        """
        return self._lift_sequence(*self._prepare(sequence, focal), None, human)

    def lift(
        self,
        keypoints: Numbers,
        *,
        image_size: Numbers,
        scores: Numbers | None = None,
        skeleton: str | Skeleton | None = None,
        focal: float | None = None,
        root: Numbers | None = None,
        intrinsics: Numbers | None = None,
    ) -> Float[np.ndarray, "T J 3"]:
        """Lift plain arrays.

        keypoints   (T, J, 2) pixels, x right, y down; a missing joint is NaN.
        image_size  (width, height) in pixels.
        scores      (T, J) confidences; 0 means not found, NaN unknown.
        skeleton    joint set of `keypoints`, by name; it may be left out where only one has so many
                    joints.
        focal       as in `Lifter.__call__`.
        root        (T, 3) metres, camera space: where the root joint is; only models of pixel and
                    depth ("target" in their card) use it, and they cannot do without.
        intrinsics  fx, fy, cx, cy of the camera in pixels, for the same models.

        Returns (T, 17, 3) float32: metres, x right, y down, z away from the camera, relative to
        the pelvis, in the joints of `Lifter.skeleton`. Raises `PoseliftError` that says what was
        expected, naming the frame and joint of a value that is not finite.
        """
        joints = joints_of(skeleton, keypoints, self.skeleton)
        size = as_size(image_size)
        points = as_clip("keypoints", keypoints, joints, (2,))
        sequence = PoseSequence.from_2d(
            points,
            joints,
            scores=None if scores is None else as_scores(scores, joints, len(points)),
            image_size=size,
        )
        optics = optics_of(size, focal, root, intrinsics, len(points)).check(self.card)
        prepared = _without_unfound(sequence).to_skeleton(self.skeleton).positions
        core = self._core
        shown = core.liftable(prepared)
        check_pixels(prepared[shown])
        check_picture(prepared[shown], self.skeleton, sequence.frames[shown], size)
        return core.lift(prepared, optics, sequence.frames)

    def live(
        self,
        *,
        image_size: Numbers,
        skeleton: str | Skeleton | None = None,
        focal: float | None = None,
        smooth: bool = False,
    ) -> LiveLifter:
        """Return a lifter of single frames, for a camera: `live(keypoints, scores)` is the pose.

        image_size, skeleton, focal  as in `Lifter.lift`, the same for all frames; the skeleton is
                                     to be named.
        smooth                       steady the poses by the One-Euro filter, which needs the times:
                                     `live(keypoints, scores, time)`. It is for one person.

        Raises `PoseliftError` for an unknown skeleton, one that cannot be converted to
        `Lifter.skeleton`, a useless image size or `focal`.
        """
        size = as_size(image_size)
        optics = Optics(size, focal).check(self.card)
        joints = joints_of(skeleton, own=self.skeleton)
        return LiveLifter(self._core, joints, size, optics, smooth=smooth)

    def stream(
        self,
        chunks: Iterable[Chunk],
        *,
        image_size: Numbers,
        skeleton: str | Skeleton | None = None,
        focal: float | None = None,
    ) -> Iterator[Float[np.ndarray, "T J 3"]]:
        """Lift a clip that comes in chunks, in memory that depends on the largest chunk only.

        chunks                       each (T, J, 2) pixels, or a pair of that and (T, J) scores.
        image_size, skeleton, focal  as in `Lifter.lift`, the same for all chunks; the skeleton is
                                     to be named.

        Yields (T, 17, 3) a chunk, together what `Lifter.lift` returns for the whole clip; with a
        network of several frames a chunk's last poses come with the next chunk, which shows what
        follows. Raises `PoseliftError` as `Lifter.lift` does, frames counted through all chunks;
        whether coordinates are pixels is seen by the first frame that shows enough joints.
        """
        expect(chunks, Iterable, "chunks of keypoints to lift, one after the other")
        joints, size = joints_of(skeleton, own=self.skeleton), as_size(image_size)
        optics = Optics(size, focal).check(self.card)
        conversion(joints, self.skeleton)  # refused before anything is read
        prepared = (
            _without_unfound(one).to_skeleton(self.skeleton)
            for one in numbered(chunks, joints, size)
        )
        return lift_chunks(self._core, optics, prepared)

    def lift_people(
        self,
        people: Sequence[PoseSequence],
        *,
        focal: float | None = None,
        progress: Advance | None = None,
        ready: Sequence[Float[np.ndarray, "_ J 3"]] | None = None,
    ) -> Results:
        """Lift all persons of one source and put them together for the writers.

        focal     as in `Lifter.__call__`.
        progress  called with the number of poses done since the last call.
        ready     the poses of each person, where this lifter has made them before (`Alongside`).

        Raises `PoseliftError` if there is no person, if their image sizes or fps differ, or if
        no frame at all shows enough joints to be lifted.
        """
        if isinstance(people, PoseSequence):  # whose frames would be taken for persons
            raise PoseliftError("expected several persons to lift; of one pass a list: [sequence]")
        expect(people, Sequence, "a list of PoseSequence to lift")
        if not people:
            raise PoseliftError("expected at least one person to lift, got none")
        for person in people:
            expect(person, PoseSequence, "a list of PoseSequence to lift")
        for name in ("image_size", "fps"):
            values = {getattr(person, name) for person in people}
            if len(values) > 1:
                raise PoseliftError(f"expected one {name} for all persons, got {values}")
        inputs = [self._prepare(person, focal) for person in people]
        if not any(self.core.liftable(person.positions).any() for person, _ in inputs):
            raise PoseliftError(
                f"nothing to lift: no frame shows {self.min_visible} of the {len(self.skeleton)} "
                f"joints of {self.skeleton.name} in different places"
            )
        done = dict(enumerate(ready or ()))
        lifted = tuple(
            Person(person, self._lift_sequence(person, optics, progress, ready=done.get(number)))
            for number, (person, optics) in enumerate(inputs)
        )
        meta: dict[str, Any] = {
            "model": self.card.name,
            "architecture": self.card.architecture,
            "weights_sha256": self.weights_sha256,
            "normalisation": self.card.normalisation,
            "flip": self._flip,
            "precision": self._model.precision,
            "threads": self._model.threads,
            "backend": self._model.backend,
            "software": f"poselift {version('poselift')}",
        }
        if (taken := inputs[0][1].describe(self.card)) is not None:
            meta["focal_px"], meta["focal_assumed"] = taken
        return Results(people=lifted, meta=meta)

    def _prepare(self, sequence: Any, focal: float | None) -> tuple[PoseSequence, Optics]:
        """Check a 2D sequence and return it in the network's joints, unfound joints as NaN."""
        if not isinstance(sequence, PoseSequence):
            raise PoseliftError(
                f"expected a PoseSequence to lift, got {type(sequence).__name__} (poselift."
                "load_poses reads files, Lifter.lift takes arrays)"
            )
        if sequence.dims != 2:
            raise PoseliftError("expected a 2D sequence to lift, got one that is 3D already")
        if sequence.image_size is None:
            raise PoseliftError(
                "the image size is not known, give it as (width, height) in pixels "
                "(image_size=..., on the command line --size WIDTHxHEIGHT)"
            )
        optics = Optics(sequence.image_size, focal).check(self.card)
        prepared = _without_unfound(sequence).to_skeleton(self.skeleton)
        shown = prepared[self.core.liftable(prepared.positions)]
        check_picture(shown.positions, self.skeleton, shown.frames, sequence.image_size)
        return prepared, optics

    def _lift_sequence(
        self,
        sequence: PoseSequence,
        optics: Optics,
        progress: Advance | None,
        human: bool = True,
        ready: Float[np.ndarray, "T J 3"] | None = None,
    ) -> PoseSequence:
        """Lift a prepared sequence, unless that is done, and say in one line how."""
        core, poses = replace(self.core, human=human), ready
        if poses is None:
            poses = core.lift(sequence.positions, optics, sequence.frames, progress=progress)
        elif progress is not None:
            progress(len(poses))
        parts = [
            f"lifted: {self.choices}",
            f"weights sha256 {self.weights_sha256}",
            f"normalisation {self.card.normalisation}",
        ]
        if (taken := optics.describe(self.card)) is not None:
            parts.append(f"focal {taken[0]:g} px" + (" (assumed)" if taken[1] else ""))
        return sequence.as_3d(poses, ", ".join([*parts, f"poselift {version('poselift')}"]))


def _without_unfound(sequence: PoseSequence) -> PoseSequence:
    """Make joints with score 0 missing: that is how detectors say that they found none."""
    unfound = (sequence.scores <= 0) & sequence.visible
    if not unfound.any():
        return sequence
    step = f"{int(unfound.sum())} joints with score 0 taken as missing"
    positions = np.where(unfound[..., None], np.float32(np.nan), sequence.positions)
    return replace(sequence, positions=positions, history=(*sequence.history, step))
