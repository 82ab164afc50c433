"""Train a shipped network by the clock: on a machine with a GPU that is lent for minutes.

    python scripts/train_by_the_clock.py pack poses.npz --root ../shared/data
    python scripts/train_by_the_clock.py train poses.npz runs/small --network gln \
        --recipe shipped-small --init gln-small --minutes 8

`pack` puts all that the recipe of the shipped weights draws from into one file (14 MB), since such
a machine has no data. `train` first proves the device: a few steps there must lose what they lose
on the CPU. Then it trains at a constant rate, with views drawn by processes of their own (a core
draws 50,000 a second), until the time that is left is what a decay takes. The run folder is
as of `poselift train`, with weights of 16 bits, as they ship: `scripts/ship_weights.py` takes it.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch.utils.data import DataLoader, Dataset

from poselift.errors import PoseliftError
from poselift.export import export_run
from poselift.models.checkpoint import load_model, save_model
from poselift.models.registry import build
from poselift.pickles.arrayfile import read_npz
from poselift.simulation.augmentation import AugmentedSource, Bank
from poselift.skeletons import H36M_17
from poselift.training import DataSpec, TrainingConfig, make_config, open_data, start_from, train
from poselift.training.branch import branch_off
from poselift.training.environment import choose_device, process_settings
from poselift.training.report import LineReporter, Reporter
from poselift.training.schedules import Trapezoid
from poselift.training.sources import FixedSource, TrainingData
from poselift.training.step import TrainingStep, fastest

#: Arrays of a pack: poses that are drawn from, how likely each is, and held-out samples.
_ARRAYS = ("poses", "chance", "inputs", "targets", "words")

#: Share of the time that the decay takes.
_DECAY = 0.25

#: How far losses of the device may be from the CPU's, which rounds bf16 otherwise and draws other
#: layouts.
_CLOSE = 0.05

#: An end that is never reached at the constant rate.
_ENDLESS = 1_000_000


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("pack", type=Path)
    packing.add_argument("--root", type=Path, required=True, help="folder with cmu/ and motion/")
    training = commands.add_parser("train")
    training.add_argument("pack", type=Path)
    training.add_argument("run", type=Path)
    training.add_argument("--network", default="gln")
    training.add_argument("--recipe", default="shipped")
    training.add_argument("--init", help="shipped name or run folder to start from")
    training.add_argument("--minutes", type=float, default=8.0)
    training.add_argument("--batch-size", type=int)
    training.add_argument("--lr", type=float)
    training.add_argument("--samples", type=int, help="of an epoch")
    training.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    training.add_argument("--workers", type=int, default=2, help="processes that draw views")
    options = parser.parse_args()
    if options.command == "train" and options.workers < 0:
        parser.error(f"--workers: expected at least 0, got {options.workers}")
    try:
        if options.command == "pack":
            pack(options.root, options.pack)
        else:
            train_until(time.monotonic() + 60 * options.minutes, options)
    except PoseliftError as error:
        raise SystemExit(f"error: {error}") from None


def pack(root: Path, path: Path) -> None:
    """Write the poses that `--recipe shipped` learns from, and its held-out samples."""
    data = open_data(_config("gln", "shipped", root))
    source, held_out = data.source, data.validation
    assert isinstance(source, AugmentedSource)  # as the recipe says
    assert isinstance(held_out, FixedSource)
    assert source.bank is not None
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            # tenths of millimetres: far below what the views add, and a third of the size
            poses=np.round(source.bank.poses * 1e4).astype(np.int16),
            chance=source.bank.chance,
            inputs=held_out.inputs,
            targets=held_out.targets,
            words=np.frombuffer(data.description.encode(), np.uint8),
        )


def train_until(end: float, options: argparse.Namespace) -> None:
    """Train at a constant rate, then decay, so that all is done at `end` (`time.monotonic`)."""
    device, config = choose_device(options.device), _config(options.network, options.recipe, None)
    wanted = {"batch_size": options.batch_size, "lr": options.lr}
    config = replace(config, **{name: value for name, value in wanted.items() if value})
    if options.init is not None:
        config = start_from(config, options.init)
    arrays = read_npz(options.pack, _ARRAYS)
    bank = Bank(arrays["poses"].astype(np.float32) / 1e4, arrays["chance"])
    source = AugmentedSource(bank, options.samples or 100_000, config.seed)
    held_out = FixedSource(arrays["inputs"], arrays["targets"])
    words = arrays["words"].tobytes().decode()
    prove(config, held_out.inputs, held_out.targets, device)
    drawn = DrawnAhead(source, options.workers)
    data = TrainingData(drawn, held_out, H36M_17.name, words)
    begun = time.monotonic()
    watch = Watch(begun + (1 - _DECAY) * (end - begun))
    constant = options.run.with_name(f"{options.run.name}-constant")
    with suppress(_TimeUp):
        train(config, data, constant, device=device, reporter=watch, export=False)
    # the time that is left, less what opening and publishing a run take
    decay = max(1, int((end - time.monotonic() - 2 * watch.start_up) / watch.seconds_an_epoch))
    ending = branch_off(config, constant, options.run, decay)
    reporter = LineReporter(Console())
    train(ending, data, options.run, device=device, resume=True, reporter=reporter, export=False)
    network, card = load_model(options.run)
    for weight in network.parameters():
        if weight.dim() > 1:  # batch norms are small, and need their range
            weight.data = weight.data.half()
    save_model(options.run, network, card)
    export_run(options.run)


def prove(config: TrainingConfig, inputs: np.ndarray, targets: np.ndarray, device: str) -> None:
    """Take the same steps on a batch of samples: on the CPU and, as recorded, on the device.

    Raises `PoseliftError` if they lose more or less there: then something is computed wrongly.
    """
    losses: list[list[float]] = []
    first = build(config.architecture, dict(config.model))
    for where in ("cpu", device):
        with process_settings(config.seed, None, where):
            step = TrainingStep(copy.deepcopy(first), config, where)
            take = fastest(step)
            rows = slice(config.batch_size)
            batch = [torch.from_numpy(array[rows]).to(step.device) for array in (inputs, targets)]
            losses.append([])
            for number in range(1, 9):  # the first few warm a recording up
                step.prepare(lr=config.lr, epoch=0.0, number=number)
                losses[-1].append(float(take(*batch)))
    for number, (here, there) in enumerate(zip(*losses, strict=True), start=1):
        if not abs(here - there) <= _CLOSE * here:
            raise PoseliftError(
                f"step {number} loses {there:.5f} on the device and {here:.5f} on the CPU"
            )
    print(f"{len(losses[0])} steps lose the same on the CPU and the device: {losses[1][-1]:.5f}")


class DrawnAhead:
    """A source whose epochs are drawn by processes, before they are asked for."""

    def __init__(self, source: AugmentedSource, workers: int) -> None:
        """Start nothing yet; each process will draw every sample of an epoch."""
        self._source, self._workers = source, workers
        self._next = -1
        self._epochs: Iterator[Any] = iter(())

    def epoch(self, index: int) -> tuple[np.ndarray, ...]:
        """Return inputs and targets of an epoch, and have the next ones drawn."""
        if index != self._next:  # the first, or where a decay branches off
            loader: DataLoader[Any] = DataLoader(
                _Epochs(self._source),
                batch_size=None,
                sampler=range(index, _ENDLESS),
                num_workers=self._workers,
                multiprocessing_context="spawn" if self._workers else None,
                generator=torch.Generator(),  # or it would draw from the training's own
            )
            self._next, self._epochs = index, iter(loader)
        self._next += 1
        return tuple(tensor.numpy() for tensor in next(self._epochs))


class _Epochs(Dataset[tuple[np.ndarray, ...]]):
    """The epochs of a source, by index."""

    def __init__(self, source: AugmentedSource) -> None:
        self._source = source

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return self._source.epoch(index)


class _TimeUp(Exception):
    """The constant rate has had its time."""


class Watch(Reporter):
    """Says how a training goes, and ends it after the first epoch that is over after `until`."""

    def __init__(self, until: float) -> None:
        """Start the clock."""
        self._until, self._rate = until, 0.0
        self._begun = self._first = self._last = time.monotonic()
        self._epochs = 0

    @property
    def start_up(self) -> float:
        """Seconds until the first epoch began."""
        return self._first - self._begun

    @property
    def seconds_an_epoch(self) -> float:
        """Seconds of an epoch, on average."""
        return (self._last - self._first) / max(self._epochs, 1)

    def start(self, epochs: int, steps: int, done: int, seconds: float, where: str) -> None:
        """Note that the training begins."""
        self._first = self._last = time.monotonic()
        print(f"at a constant rate on {where}", flush=True)

    def step(self, epoch: int, step: int, loss: float, lr: float, rate: float) -> None:
        """Note the speed."""
        self._rate = rate

    def epoch(self, row: Mapping[str, int | float]) -> None:
        """Print the epoch, and end the training when it is time."""
        self._last, self._epochs = time.monotonic(), int(row["epoch"])
        error, left = row["val_mpjpe_mm"], max(0.0, self._until - self._last)
        print(
            f"epoch {self._epochs}  {row['samples']:,} samples  MPJPE {error:.1f} mm  "
            f"{self._rate:,.0f} samples/s  {left:.0f} s to the decay",
            flush=True,
        )
        # the branch is of the checkpoint before this epoch, and the warm-up must be over there
        if self._epochs > 1 and not left:
            raise _TimeUp

    def close(self) -> None:
        """Say nothing."""


def _config(network: str, recipe: str, root: Path | None) -> TrainingConfig:
    """Return a recipe of fresh views, without an end; `root` None: the data are a pack's."""
    place = root or Path()
    spec = DataSpec("cmu17", place / "cmu", "augmented", more=place / "motion")
    config = make_config(network, spec, recipe=recipe)
    if not isinstance(config.schedule, Trapezoid):
        raise PoseliftError(f"--recipe {recipe}: its rate has no decay that could be branched off")
    schedule = replace(config.schedule, decay=1.0)
    return replace(config, epochs=_ENDLESS, schedule=schedule, checkpoint_seconds=1e9)


if __name__ == "__main__":
    main()
