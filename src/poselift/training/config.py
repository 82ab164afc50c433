"""Everything that decides the outcome of a training run, as one typed and checked value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, final

from poselift.errors import PoseliftError
from poselift.geometry import NORMALISATIONS, TARGETS
from poselift.training.schedules import Cosine, Schedule, Trapezoid

DATA_NAMES = ("cmu17", "cmu32", "h36m", "own", "synthetic", "cmu17-rendered")
VARIANTS = ("ground_truth", "detected", "augmented", "pictures")
LOSSES = ("mse", "joint_distance")
PRECISIONS = ("fp32", "bf16")

#: Networks that are trained from pictures.
PICTURE_NETWORKS = ("hrnet", "end_to_end")

#: Epochs in which PoseAug's generator learns alone, before the lifter sees what it makes.
POSEAUG_WARM_UP = 2


@final
@dataclass(frozen=True)
class DataSpec:
    """Which data to train on. Raises `PoseliftError` naming the command-line flag at fault."""

    name: str
    """Data set: "cmu17", its part "cmu32", "h36m" or "own" (files under `root`), "synthetic" (needs
    no files), or "cmu17-rendered" (pictures drawn of cmu17's files under `root`)."""
    root: Path | None = None
    """Folder of the data set's files."""
    variant: str = "ground_truth"
    """2D input: exact projections ("ground_truth"), what a detector finds in the same views
    ("detected"), fresh random views, bodies and noise in every epoch ("augmented"), or no 2D at
    all but the pictures themselves ("pictures": crops of one person)."""
    samples: int | None = None
    """Poses of an epoch. None: the whole data set, or 100,000 where they are drawn fresh; fewer
    of a data set are another random part of it in every epoch."""
    detections: str = "cpn"
    """Which detector's 2D of "h36m" is "detected", as its file is called."""
    more: Path | None = None
    """Folder of `cmu_more`, motions that "augmented" views of cmu17 are drawn of as well."""

    def __post_init__(self) -> None:
        """Check each field and how they go together."""
        if self.name not in DATA_NAMES:
            raise PoseliftError(
                f"--data: expected one of {', '.join(DATA_NAMES)}, or a folder of your own, "
                f"got {self.name!r}"
            )
        _one_of("--variant", self.variant, VARIANTS)
        if self.name == "synthetic" and self.root is not None:
            raise PoseliftError(f"--data synthetic reads no files: leave out --root {self.root}")
        if self.name == "synthetic" and self.variant != "augmented":
            raise PoseliftError(
                f"--data synthetic draws fresh views: expected --variant augmented, "
                f"got {self.variant}"
            )
        if self.name != "synthetic" and self.root is None:
            raise PoseliftError(f"--data {self.name} needs --root, the folder of its files")
        if (self.variant == "pictures") != (self.name == "cmu17-rendered") and self.name != "h36m":
            raise PoseliftError(
                "pictures are those of --data cmu17-rendered or h36m, and train a detector (hrnet) "
                f"or a system (--end-to-end): got --data {self.name} with 2D input {self.variant}"
            )
        if self.variant == "augmented" and self.name in ("cmu32", "h36m", "own"):
            whose = "one's own data" if self.name == "own" else self.name
            raise PoseliftError(
                f"--variant augmented: fresh views are made of cmu17, not of {whose}"
            )
        if self.more is not None and (self.name, self.variant) != ("cmu17", "augmented"):
            raise PoseliftError(
                f"--more adds motions to the fresh views of cmu17 (--variant augmented): "
                f"leave out --more {self.more}"
            )
        if self.samples is not None and self.samples < 1:
            raise PoseliftError(f"expected at least 1 sample an epoch, got {self.samples}")


@final
@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Raises `PoseliftError` naming the command-line flag at fault."""

    architecture: str
    """Network, a name of the model registry."""
    data: DataSpec
    """What is learnt from."""
    normalisation: str
    """How pixels become the network's input; pinned to the weights."""
    epochs: int
    """Passes over the data set."""
    batch_size: int
    """Samples a step."""
    lr: float
    """Base learning rate of Adam."""
    schedule: Schedule
    """Factor on the base learning rate over the training."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the architecture's own config; those left out keep their defaults. Schedules of
    the network itself (Gumbel noise, attention temperature) are set here."""
    loss: str = "mse"
    """"mse": squared error averaged over coordinates (GridConv eq. 10, PoseGraphNet section 3);
    "joint_distance": mean Euclidean distance over joints (PoseGraphNet's released code)."""
    target: str = "pose"
    """What the network gives: "pose" (metres), or "pixel_depth": where each joint is in the picture
    and how deep, taken back to metres by the camera and the root's position (the papers' §)."""
    poseaug: bool = False
    """Add to each batch as many samples of a generator that learns to make hard but plausible
    poses (PoseAug, Gong et al. 2021)."""
    output_fan: float | None = None
    """Lowers the learning rate of the output layer to this over the number of values that each
    output sums (Yang and Hu 2021, muP): no batch norm follows it, so with thousands of inputs one
    Adam step at the base rate moves a joint by metres. None leaves the rates equal."""
    layout_lr: float = 1.0
    """Factor on the learning rate of AutoGrids' scores: on 0.1 by the score function, on the base
    rate by straight-through."""
    weight_decay: float = 0.0
    """L2 penalty added to the gradients."""
    grad_clip: float | None = None
    """Largest norm of all gradients together; None leaves them as they are."""
    ema_decay: float | None = None
    """Decay a step of the running mean of the weights, which is then what is validated and kept;
    None keeps the weights themselves."""
    precision: str = "fp32"
    """"fp32", or "bf16" for automatic mixed precision; validation is always fp32."""
    seed: int = 0
    """Decides the initial weights, the order of samples, the noise and fresh samples."""
    threads: int | None = None
    """CPU threads, at most one a core; None: one for each free core. Runs repeat bit for bit with
    1."""
    checkpoint_seconds: float = 60.0
    """Time between two checkpoints to resume from; the start and the end always have one."""
    recipe: str = ""
    """Name of the recipe that this config came from, for the model card."""
    init: str | None = None
    """Where the first weights come from: shipped name, run folder or .onnx file; None draws them.
    See `start_from`."""
    detector: str | None = None
    """Of "end_to_end": run folder that the detector's first weights come from; None draws them."""
    picture_weights: tuple[float, float, float] = (1.0, 1.0, 100.0)
    """What the parts of the loss from pictures count: heat maps (squared error summed over the
    cells of a map), keypoints (distance in cells), poses (`loss`; squared metres with "mse")."""
    workers: int | None = None
    """Processes that make or decode pictures ahead, a few batches each; None or 0: none. Decides
    the speed only."""

    def __post_init__(self) -> None:
        """Check each field and how they go together."""
        object.__setattr__(self, "model", self._with_estimator())
        _one_of("--precision", self.precision, PRECISIONS)
        _one_of("loss", self.loss, LOSSES)
        _one_of("normalisation", self.normalisation, NORMALISATIONS)
        _one_of("--target", self.target, TARGETS)
        _at_least("--epochs", self.epochs, 1)
        _at_least("--batch-size", self.batch_size, 2)  # batch norm needs two values
        _at_least("--seed", self.seed, 0)
        if self.threads is not None:
            _at_least("--threads", self.threads, 1)
        if not 0 < self.lr < float("inf"):
            raise PoseliftError(f"--lr: expected a number above 0, got {self.lr}")
        _at_least("layout_lr", self.layout_lr, 0)
        _at_least("weight_decay", self.weight_decay, 0)
        if self.output_fan is not None and not self.output_fan > 0:
            raise PoseliftError(f"output_fan: expected a number above 0, got {self.output_fan}")
        _at_least("checkpoint_seconds", self.checkpoint_seconds, 0)
        if self.grad_clip is not None and not self.grad_clip > 0:
            raise PoseliftError(f"grad_clip: expected a number above 0, got {self.grad_clip}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise PoseliftError(f"ema_decay: expected 0 < decay < 1, got {self.ema_decay}")
        if self.data.variant == "augmented" and self.normalisation != "person":
            raise PoseliftError(
                "--variant augmented comes normalised by person: expected that normalisation, "
                f"got {self.normalisation!r}"
            )
        if self.data.variant == "augmented" and self.target != "pose":
            raise PoseliftError(
                f"--target {self.target} needs the camera, which --variant augmented does not keep"
            )
        self._check_poseaug()
        self._check_pictures()
        self._check_spans()

    def _check_pictures(self) -> None:
        """Refuse networks that pictures do not train, and data that have none."""
        wants = self.architecture in PICTURE_NETWORKS
        if wants != (self.data.variant == "pictures"):
            raise PoseliftError(
                f"{self.architecture} learns from {'pictures' if wants else '2D keypoints'}, not "
                f"from --data {self.data.name} with 2D input {self.data.variant}"
            )
        if self.workers is not None:
            _at_least("--workers", self.workers, 0)
        if len(self.picture_weights) != 3 or not all(one >= 0 for one in self.picture_weights):
            raise PoseliftError(
                f"picture_weights: expected three numbers of 0 or more, got {self.picture_weights}"
            )
        if self.detector is not None and self.architecture != "end_to_end":
            raise PoseliftError(f"--detector goes with --end-to-end, not with {self.architecture}")

    def _with_estimator(self) -> dict[str, Any]:
        """Return the model's settings, those of a learnt layout with how it is learnt."""
        settings = dict(self.model)
        if self.architecture == "gln" and settings.get("layout", "learnable") == "learnable":
            settings.setdefault("estimator", "score_function")
        return settings

    def _check_poseaug(self) -> None:
        """Refuse what PoseAug cannot be put together with."""
        if not self.poseaug:
            return
        for flag, value, wanted in (
            ("--variant", self.data.variant, ("ground_truth", "detected")),
            ("--target", self.target, ("pose",)),
            ("normalisation", self.normalisation, ("screen", "gridconv")),
        ):
            if value not in wanted:
                raise PoseliftError(
                    f"--poseaug goes with {flag} {' or '.join(wanted)}, got {value!r}"
                )
        if self.epochs <= POSEAUG_WARM_UP:
            raise PoseliftError(
                f"--poseaug warms up for {POSEAUG_WARM_UP} epochs: expected more of them, "
                f"got --epochs {self.epochs}"
            )

    def _check_spans(self) -> None:
        """Refuse phases that would not end within the training."""
        if isinstance(self.schedule, Cosine) and self.schedule.warmup >= self.epochs:
            raise PoseliftError(
                f"the warm-up of {self.schedule.warmup:g} epochs leaves nothing of "
                f"--epochs {self.epochs}"
            )
        phases = self.schedule
        if isinstance(phases, Trapezoid) and phases.warmup + phases.decay > self.epochs:
            raise PoseliftError(
                f"a warm-up of {phases.warmup:g} and a decay of {phases.decay:g} epochs do not "
                f"fit into --epochs {self.epochs}"
            )
        for name in ("gumbel_off_epoch", "anneal_epochs"):
            span = self.model.get(name)
            if span is not None and span > self.epochs:
                raise PoseliftError(f"{name} {span} lies beyond --epochs {self.epochs}")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; the schedule becomes its kind and its fields."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["data"] = asdict(self.data) | {
            name: None if path is None else str(path)
            for name, path in (("root", self.data.root), ("more", self.data.more))
        }
        # as it was before there was a choice
        defaults = {item.name: item.default for item in fields(self)}
        for name in ("init", "detector", "workers", "picture_weights"):
            if plain[name] == defaults[name]:
                del plain[name]
        kind = type(self.schedule).__name__.lower()
        plain["schedule"] = {"kind": kind, **asdict(self.schedule)}  # type: ignore[call-overload]
        return plain


def _one_of(flag: str, value: str, names: tuple[str, ...]) -> None:
    """Refuse a value outside `names`."""
    if value not in names:
        raise PoseliftError(f"{flag}: expected one of {', '.join(names)}, got {value!r}")


def _at_least(flag: str, value: int | float, least: int) -> None:
    """Refuse a value below `least` (or not a number)."""
    if not value >= least:
        raise PoseliftError(f"{flag}: expected at least {least}, got {value}")
