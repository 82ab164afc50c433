"""Cells: what a table compares, each a network trained on one kind of 2D input, then measured.

Cells are equal if their settings are; a network that several tables need is trained once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import orjson
import torch
from torch import nn

from poselift.datasets import LiftingData, get_data_set
from poselift.errors import PoseliftError
from poselift.files import write_bytes
from poselift.models import EndToEnd, build, load_model
from poselift.models.registry import frames_of
from poselift.reproduction.budgets import Budget
from poselift.reproduction.measure import Result, measure_network
from poselift.reproduction.picture_cells import (
    PICTURES,
    Drawn,
    measure_system,
    picture_config,
    plan_of,
)
from poselift.reproduction.titles import OTHER_DATA
from poselift.training import (
    DataSpec,
    Reporter,
    TrainingConfig,
    load_fixed,
    make_config,
    open_data,
    train,
)
from poselift.training.environment import process_settings
from poselift.training.layouts import LayoutLog, read_layouts
from poselift.training.pictures import FRESH, PictureSamples
from poselift.training.report import duration
from poselift.training.start import PAST
from poselift.training.step import step_seconds

RESULT = "result.json"


@final
@dataclass(frozen=True)
class Cell:
    """A network, its settings, and what it is trained and tested on.

    architecture  a name of the model registry.
    variant       "ground_truth" or "detected": the 2D input, in training and test.
    model         settings that differ from the architecture's published ones, (name, value).
    target        what the network predicts, as in `TrainingConfig`.
    poseaug       trained with PoseAug.
    normalisation  of the input; None: the recipe's.
    repeat        0, or the number of a repetition from another seed.
    joints_32     of the data, take the part whose files have 32 joints: all of h36m, cmu32 of
                  cmu17. So that networks of 17 and of 32 joints learn the same poses.
    start         cell whose weights it starts from.
    """

    architecture: str
    variant: str
    model: tuple[tuple[str, Any], ...] = ()
    target: str = "pose"
    poseaug: bool = False
    normalisation: str | None = None
    repeat: int = 0
    joints_32: bool = False
    start: Cell | None = None

    @property
    def name(self) -> str:
        """The cell in words, for folders and progress."""
        parts = [self.architecture, *(f"{key}={_plain(value)}" for key, value in self.model)]
        parts += [self.target] * (self.target != "pose") + ["poseaug"] * self.poseaug
        parts += [] if self.normalisation is None else [self.normalisation]
        parts += [f"repeat={self.repeat}"] * (self.repeat > 0) + ["joints_32"] * self.joints_32
        parts += ["tuned"] * (self.start is not None)
        return "-".join([*parts, self.variant])


def cell(architecture: str, variant: str, **settings: Any) -> Cell:
    """Make a cell; fields of `Cell` and settings of the network alike are given by name."""
    fields = ("target", "poseaug", "normalisation", "repeat", "joints_32", "start")
    own = {name: settings.pop(name) for name in fields if name in settings}
    return Cell(architecture, variant, tuple(sorted(settings.items())), **own)


@final
@dataclass(frozen=True, eq=False)
class Study:
    """What all cells share: data, budget, seed, and where trained ones are kept.

    data        name of the data set, `root` its folder, `detections` of h36m's detected input.
    runs        folder of the cells; one that is finished is not trained again.
    drop_drifting  leave out h36m's 12 drifting test sequences where the 2D input is detected.
    mpi_root    folder of MPI-INF-3DHP's test set, for what is measured on it; `more_root` of
                cmu_more, likewise.
    device, threads  as of `train`; threads None leaves PyTorch's choice.
    """

    data: str
    root: Path
    budget: Budget
    runs: Path
    seed: int = 0
    detections: str = "cpn"
    drop_drifting: bool = False
    mpi_root: Path | None = None
    more_root: Path | None = None
    device: str = "auto"
    threads: int | None = None
    _loaded: dict[tuple[str, ...], LiftingData] = field(default_factory=dict, repr=False)
    _drawn: list[Drawn] = field(default_factory=list, repr=False)

    @property
    def drawn(self) -> Drawn:
        """The study's pictures, of cells that learn from such."""
        if not self._drawn:
            self._drawn.append(Drawn(self.root, self.budget.name))
        return self._drawn[0]

    def command(self, item: str) -> str:
        """Return the command that makes a table or figure of this study."""
        words = (
            f"poselift reproduce {item} --data {self.data} --root {self.root} "
            f"--budget {self.budget.name} --seed {self.seed}"
        )
        if self.data == "h36m":
            words += f" --detections {self.detections}" + " --drop-drifting" * self.drop_drifting
        for option, root in (("--mpi-root", self.mpi_root), ("--more", self.more_root)):
            if root is not None and item in OTHER_DATA[option]:
                words += f" {option} {root}"
        return words

    @property
    def name(self) -> str:
        """Name of the data set."""
        return get_data_set(self.data, self.root).name

    @property
    def facts(self) -> dict[str, str]:
        """What a report says of the study besides its command."""
        budget = f"{self.budget.name}: {self.budget.description}"
        return {"data": self.name, "budget": budget, "seed": str(self.seed)}

    def config(self, cell: Cell) -> TrainingConfig:
        """Return the training of a cell: the published recipe, cut down to the budget."""
        if cell.variant == PICTURES:
            return picture_config(
                cell.architecture,
                dict(cell.model),
                root=self.root,
                budget=self.budget.name,
                seed=self.seed + cell.repeat,
                threads=self.threads,
                detector=self.detector_folder(cell.repeat),
            )
        name = "cmu32" if cell.joints_32 and self.data == "cmu17" else self.data
        spec = DataSpec(name, self.root, cell.variant, detections=self.detections)
        config = make_config(cell.architecture, spec)
        config = replace(
            config,
            model={**config.model, **dict(cell.model)},
            target=cell.target,
            poseaug=cell.poseaug,
            seed=self.seed + cell.repeat,
            threads=self.threads,
        )
        config = self.budget.shorten(config)
        if cell.normalisation is not None:
            config = replace(config, normalisation=cell.normalisation)
        if cell.start is not None:
            settled = {name: 0.0 for name in PAST if name in config.model}
            source = str(self.folder(cell.start))
            config = replace(config, model={**config.model, **settled}, init=source)
        return config

    def folder(self, cell: Cell) -> Path:
        """Return the run folder of a cell; its name tells other settings apart by a hash."""
        if cell.joints_32 and self.data != "cmu17":
            cell = replace(cell, joints_32=False)  # all have them: the same network
        config = self.config(cell)
        plain = config.as_dict()
        del plain["data"]["root"], plain["threads"], plain["checkpoint_seconds"]
        plain.pop("detector", None)  # a place
        if cell.start is not None:
            plain["init"] = self.folder(cell.start).name  # wherever it lies
        tested = [self.budget.test_rows, *(["drop_drifting"] if self._drops(config) else [])]
        found = get_data_set(self.data, self.root)
        tested += [found.mark] * bool(found.mark)
        text = orjson.dumps([plain, *tested], option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(text).hexdigest()[:8]
        return self.runs / f"{found.name}-{self.budget.name}" / f"{cell.name}-{digest}"

    def detector_folder(self, repeat: int) -> Path:
        """Return the run folder of the detector that systems of a seed start from."""
        digest = hashlib.sha256(orjson.dumps(dict(plan_of(self.budget.name).detector)))
        name = f"hrnet-{self.seed + repeat}-{digest.hexdigest()[:8]}"
        return self.runs / f"{self.data}-{self.budget.name}" / name

    def load(self, config: TrainingConfig, split: str) -> LiftingData:
        """Load a split as a config asks, once; detector noise follows the study's own seed."""
        skeleton = str(config.model.get("skeleton", ""))
        key = (config.data.name, split, config.data.variant, skeleton)
        if key not in self._loaded:
            drop = split == "test" and self._drops(config)
            data = load_fixed(replace(config, seed=self.seed), split, drop_drifting=drop)
            rows = self.budget.test_rows
            if split != "train" and rows is not None and rows < len(data):
                data = data[:: -(-len(data) // rows)]
            self._loaded[key] = data
        return self._loaded[key]

    def _drops(self, config: TrainingConfig) -> bool:
        """Whether drifting sequences are left out: GridConv's code does where 2D is detected."""
        return self.drop_drifting and config.data.variant == "detected"

    def finished(self, cell: Cell) -> bool:
        """Whether a cell has been trained and measured before."""
        return (self.folder(cell) / RESULT).is_file()

    def unfinished(self, cells: Iterable[Cell]) -> tuple[Cell, ...]:
        """Return those that are still to be trained, each once."""
        return tuple(one for one in dict.fromkeys(cells) if not self.finished(one))

    def seconds(self, cell: Cell) -> float:
        """Return about how long a cell's training takes, by the time of a step."""
        if cell.variant == PICTURES:
            return self._picture_seconds(cell)
        config, data = self.config(cell), self.load(self.config(cell), "train")
        frames, samples = frames_of(config.architecture, config.model), config.data.samples
        # PoseAug adds as many samples again
        shape = [config.batch_size * (1 + config.poseaug), frames, len(data.skeleton)]
        del shape[1 : 1 + (frames == 1)]
        batch = [np.zeros((*shape, axes), np.float32) for axes in (2, 3)]
        with process_settings(0, self.threads, self.device):
            network = build(config.architecture, dict(config.model))
            taken = step_seconds(network, config, self.device, *batch)
        return taken * config.epochs * (min(samples or len(data), len(data)) // config.batch_size)

    def complete(self, cell: Cell, reporter: Reporter) -> Result:
        """Return what was measured of a cell; train it first, or to its end, where that is due."""
        folder, config = self.folder(cell), self.config(cell)
        if not self.finished(cell) and cell.variant == PICTURES:
            self._train(Cell("hrnet", PICTURES, repeat=cell.repeat), reporter)
            self._train(cell, reporter)
            network, card = load_model(folder)
            assert isinstance(network, EndToEnd)  # as the config says
            result = measure_system(network, card, self.drawn.split("test"))
            write_bytes(folder / RESULT, result.to_json())
        elif not self.finished(cell):
            if cell.start is not None:
                self.complete(cell.start, reporter)
            started = (folder / "config.json").is_file()
            data = open_data(config, self.load)
            train(
                config,
                data,
                folder,
                device=self.device,
                resume=started,
                reporter=reporter,
                export=False,
            )
            network, card = load_model(folder)
            result = measure_network(network, card, self.load(config, "test"))
            write_bytes(folder / RESULT, result.to_json())
        return self.result(cell)

    def result(self, cell: Cell) -> Result:
        """Return what was measured of a finished cell."""
        path = self.folder(cell) / RESULT
        return Result.from_json(path.read_bytes(), str(path))

    def _train(self, cell: Cell, reporter: Reporter) -> None:
        """Train what learns from pictures, or complete its training."""
        is_detector = cell.architecture == "hrnet"
        folder = self.detector_folder(cell.repeat) if is_detector else self.folder(cell)
        if (folder / "model.json").is_file():
            return
        config, started = self.config(cell), (folder / "config.json").is_file()
        data = self.drawn.data(config)
        options: dict[str, Any] = {"device": self.device, "resume": started, "reporter": reporter}
        train(config, data, folder, export=False, **options)

    def _picture_seconds(self, cell: Cell) -> float:
        """Return about how long a system takes, with its detector where that is not there."""
        total = 0.0
        for one in (Cell("hrnet", PICTURES, repeat=cell.repeat), cell):
            config = self.config(one)
            place = self.detector_folder(one.repeat)
            if one.architecture == "hrnet" and (place / "model.json").is_file():
                continue
            first = next(
                PictureSamples(self.drawn.split("val"), 0).batches(
                    np.arange(8), 8, torch.device("cpu")
                )
            )
            network = build(config.architecture, dict(config.model))
            with process_settings(0, self.threads, self.device):
                taken = step_seconds(network, config, self.device, *first) / 8
            total += taken * config.epochs * (config.data.samples or FRESH)
        return total

    def trained(self, cell: Cell) -> tuple[nn.Module, dict[str, Any]]:
        """Return the network of a finished cell, in evaluation mode, and its card."""
        return load_model(self.folder(cell))

    def test_data(self, cell: Cell) -> LiftingData:
        """Return the test set as a cell sees it."""
        return self.load(self.config(cell), "test")

    def check_size(self, cell: Cell) -> None:
        """Refuse training data that do not fill a step, of which every network takes as many."""
        config = self.config(cell)
        data = self.load(config, "train")
        if len(data) < config.batch_size:
            raise PoseliftError(
                f"{data.name}: has {len(data)} poses, too few for a table, whose networks learn "
                f"from {config.batch_size} a step (--budget {self.budget.name})"
            )

    def layouts(self, cell: Cell) -> LayoutLog:
        """Return how a finished cell learnt its layout."""
        return read_layouts(self.folder(cell))


def complete_all(
    study: Study,
    cells: tuple[Cell, ...],
    reporter: Reporter,
    say: Callable[[str], None],
) -> dict[Cell, Result]:
    """Complete cells one after the other, saying which is at work.

    Raises `PoseliftError` before any training if test data of one of them cannot be read, or if
    there are too few to train on.
    """
    unique, waiting = tuple(dict.fromkeys(cells)), study.unfinished(cells)
    for one in (one for one in waiting if one.variant != PICTURES):
        study.test_data(one)  # a missing file is found before hours of training, not after
        study.check_size(one)
    if waiting:
        left = duration(sum(study.seconds(one) for one in waiting))
        say(f"{len(waiting)} of {len(unique)} networks are to be trained, about {left}")
    for number, one in enumerate(waiting, start=1):
        say(f"network {number} of {len(waiting)}: {one.name}")
        study.complete(one, reporter)
    return {one: study.complete(one, reporter) for one in unique}


def _plain(value: Any) -> str:
    """Write a setting for a folder's name."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return str(value)
