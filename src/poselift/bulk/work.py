"""What is done with every clip of a run: the model's bytes and the options, and a name for both."""

from __future__ import annotations

import hashlib
import re
import socket
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import msgspec
import numpy as np

from poselift import detection, io
from poselift.bulk.outcomes import Unfit
from poselift.errors import PoseliftError
from poselift.lifting import Lifter
from poselift.lifting.alongside import Alongside
from poselift.lifting.backends import AUTO, BACKENDS, card_of, choose_precision
from poselift.lifting.clip import focal_of, lift_clip, rate_doubt, with_rate
from poselift.lifting.session import file_sha256
from poselift.modelfiles.card import FILE_PRECISIONS
from poselift.modelfiles.find import ModelFile, find_model
from poselift.motion import Options
from poselift.poses import Detections, Results
from poselift.tracking import people_of

#: Threads of one clip; a machine's cores are filled by clips.
THREADS = 1


@final
@dataclass(frozen=True)
class Work:
    """A model and what `poselift lift` would be told; travels to workers as it is.

    model       the model's file, read once by the driver: workers need not have it.
    precision   as in `Lifter`, decided.
    flip        as in `Lifter`.
    motion      the steps after lifting.
    skeleton    joint set of keypoints, where a file leaves it open.
    image_size  (width, height) of keypoints, winning over the file's.
    fps         frames a second, winning over the file's or the video's.
    detector    name of what finds people in videos, or a file that every machine has.
    every       frames between two looks at a whole picture, as in `record`.
    software    version that all machines must have.
    """

    model: ModelFile
    precision: str
    flip: bool = True
    motion: Options = field(default_factory=Options)
    skeleton: str | None = None
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    detector: str = "movenet"
    every: int | None = None
    software: str = field(default_factory=lambda: version("poselift"))

    @classmethod
    def of(cls, model: str, *, precision: str = AUTO, **options: Any) -> Work:
        """Find the model and decide the precision, for all machines what this one would take.

        Raises `PoseliftError` as `find_model` and `choose_precision` do.
        """
        if precision not in (AUTO, *FILE_PRECISIONS):
            known = ", ".join((AUTO, *FILE_PRECISIONS))
            raise PoseliftError(f"expected --precision as one of {known}, got {precision!r}")
        precision = choose_precision(model, BACKENDS[0], precision)
        return cls(find_model(model, precision), precision, **options)

    def facts(self) -> dict[str, Any]:
        """Return all that the outputs depend on besides the inputs, JSON-like."""
        detector = {"detector": self.detector}
        if self.detector not in detection.DETECTORS:
            detector["detector_sha256"] = file_sha256(Path(self.detector))
        return {
            "model": card_of(self.model).name,
            "weights_sha256": self.model.sha256,
            "precision": self.precision,
            "flip": self.flip,
            "threads": THREADS,
            "motion": {**asdict(self.motion), "smooth": str(self.motion.smooth)},
            "skeleton": self.skeleton,
            "image_size": self.image_size,
            "fps": self.fps,
            **detector,
            "detect_every": self.every,
            "software": f"poselift {self.software}",
        }

    @cached_property
    def name(self) -> str:
        """Name of the folder that the outputs go to: another model or option has another."""
        facts = self.facts()
        digest = hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()
        model = re.sub(r"[^A-Za-z0-9.-]+", "-", facts["model"]).strip("-.") or "model"
        return f"{model}-{self.precision}-{digest[:12]}"

    def lift(self, path: Path, shown: str) -> tuple[Results, int, tuple[str, ...]]:
        """Lift a file of keypoints, or a video, as `poselift lift` does with one thread.

        path   a local file.
        shown  what the user calls it, for the history and for messages.

        Returns the results, the number of frames with somebody in them, and what was doubtful.
        Raises `PoseliftError` as `lift` does, and `Unfit` if this machine cannot do it.
        """
        lifter, along = opened(self), None
        try:
            if detection.is_video(path):
                detections, facts, warnings, along = self._watch(path, lifter)
            else:
                detections = io.read_detections(
                    path,
                    format="parquet",
                    skeleton=self.skeleton,
                    image_size=self.image_size,
                    fps=self.fps,
                )
                facts, warnings = {}, []
            notes = tuple(note.replace(str(path), shown) for note in detections.notes)
            found = people_of(replace(detections, notes=notes, source=shown))
            ready = None if along is None else along.ready(found)
            people, facts["fps_assumed"] = with_rate(found)
            results = lift_clip(lifter, people, self.motion, facts, ready=ready)
        except PoseliftError as error:
            sentence = str(error).replace(str(path), shown)
            raise PoseliftError(
                sentence if sentence.startswith(shown) else f"{shown}: {sentence}"
            ) from None
        warnings += [step[9:] for one in people for step in one.history if step[:9] == "warning: "]
        if facts["fps_assumed"] and (doubt := rate_doubt(people)):
            warnings.append(doubt)
        doubts = tuple(f"{shown}: {one}" for one in dict.fromkeys(warnings))
        return results, len(np.unique(detections.frames)), doubts

    def _watch(
        self, path: Path, lifter: Lifter
    ) -> tuple[Detections, dict[str, Any], list[str], Alongside]:
        """Return the detections of a video, what results tell of it, what was lost, the poses."""
        detector = detection.open_detector(self.detector, threads=THREADS)
        with detection.Video(path) as video:
            focal = focal_of(lifter, self.motion.lens, video.size)
            with Alongside(lifter, detector.skeleton, video.size, focal) as along:
                seen = detection.record(
                    video, detector, every=self.every, fps=self.fps, found=along.add
                )
            last, lost = int(seen.frames[-1]), []
            if video.lost:
                lost.append(f"{video.lost} frames could not be decoded and are left out")
            elif video.count and len(seen.frames) < 0.95 * video.count - 1:
                lost.append(f"ends with frame {last}, {video.count} frames were promised")
        return seen.detections, {"video": path.name, "trim": None}, lost, along


# The lifter of this process, by the model and how it runs.
_OPENED: dict[tuple[str, str, bool], Lifter] = {}


def opened(work: Work) -> Lifter:
    """Open the model once in a process. Raises `Unfit` if this machine cannot run it alike."""
    key = (work.model.sha256, work.precision, work.flip)
    if key in _OPENED:
        return _OPENED[key]
    here, host = version("poselift"), socket.gethostname()
    if here != work.software:
        raise Unfit(
            f"{host}: has poselift {here}, the driver {work.software}; all need the same version"
        )
    try:
        choose_precision(work.model, BACKENDS[0], work.precision)
        lifter = Lifter(work.model, threads=THREADS, flip=work.flip, precision=work.precision)
    except PoseliftError as error:
        raise Unfit(f"{host}: {error}") from error
    _OPENED.clear()
    _OPENED[key] = lifter
    return lifter
