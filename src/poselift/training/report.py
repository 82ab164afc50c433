"""What a person sees of a training run: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from math import nan
from typing import final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from poselift.training.checkpoint import words_of

#: Seconds that the time left is reckoned by.
_RECENT = 120.0


class Reporter(ABC):
    """Told by the training loop how it goes."""

    #: What an epoch's line says of a learnt layout.
    _nodes = ""

    @abstractmethod
    def start(self, epochs: int, steps: int, done: int, seconds: float, where: str) -> None:
        """Begin: `steps` a run in `epochs`, `done` of them already in an earlier session.

        seconds  that what is left will take, by the time of a step.
        where    what computes, in words.
        """

    @abstractmethod
    def step(self, epoch: int, step: int, loss: float, lr: float, rate: float) -> None:
        """Note that `step` is done in the 0-based `epoch`, at `rate` samples a second."""

    @abstractmethod
    def epoch(self, row: Mapping[str, int | float]) -> None:
        """Note the metrics of a finished epoch, or, without training loss, of the start."""

    def layout(self, moved: int, nodes: int) -> None:
        """Note that `moved` of the `nodes` of a learnt layout hold another joint than at first.

        Called before each epoch is noted, of networks that learn one.
        """
        self._nodes = f"  {moved} of {nodes} nodes moved"

    @abstractmethod
    def close(self) -> None:
        """End, whether the run is complete or not."""


@final
class SilentReporter(Reporter):
    """Says nothing."""

    def start(self, epochs: int, steps: int, done: int, seconds: float, where: str) -> None:
        """Say nothing."""

    def step(self, epoch: int, step: int, loss: float, lr: float, rate: float) -> None:
        """Say nothing."""

    def epoch(self, row: Mapping[str, int | float]) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


@final
class LineReporter(Reporter):
    """A plain line for each epoch, and in between one every 30 seconds."""

    def __init__(self, console: Console, interval: float = 30.0) -> None:
        """Print to `console`, at least every `interval` seconds while steps are taken."""
        self._console = console
        self._interval = interval
        self._epochs = self._steps = 0
        self._step_seconds = 0.0
        self._looks: deque[tuple[float, int]] = deque()
        self._last = time.monotonic()

    def start(self, epochs: int, steps: int, done: int, seconds: float, where: str) -> None:
        """Remember the totals; say how long it will take."""
        self._epochs, self._steps = epochs, steps
        self._step_seconds = seconds / max(steps - done, 1)
        self._looks.clear()
        self._say(_forecast(epochs, steps, done, seconds, where))

    def step(self, epoch: int, step: int, loss: float, lr: float, rate: float) -> None:
        """Print a line if the last one is long ago."""
        now = time.monotonic()
        self._looks.append((now, step))  # none at the start: the first steps set libraries up
        while len(self._looks) > 2 and now - self._looks[1][0] > _RECENT:
            self._looks.popleft()
        if now - self._last >= self._interval:
            then, before = self._looks[0]
            each = (now - then) / (step - before) if step > before else self._step_seconds
            left = each * (self._steps - step)
            self._say(
                f"epoch {epoch + 1}/{self._epochs}  step {step}/{self._steps}  loss {loss:.5g}  "
                f"lr {lr:.3g}  {rate:,.0f} samples/s  {duration(left)} left"
            )

    def epoch(self, row: Mapping[str, int | float]) -> None:
        """Print the epoch's line."""
        self._say(_epoch_line(row, self._epochs) + self._nodes)

    def close(self) -> None:
        """Nothing is open."""

    def _say(self, text: str) -> None:
        """Print one unwrapped, unstyled line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._last = time.monotonic()


@final
class BarReporter(Reporter):
    """A bar with epoch, steps, loss, rate, samples a second and the time left."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._epochs = 0
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
            TextColumn("loss {task.fields[loss]:.5g}  lr {task.fields[lr]:.3g}"),
            TextColumn("{task.fields[rate]:,.0f} samples/s"),
            TimeRemainingColumn(),
            console=console,
            expand=True,
        )

    def start(self, epochs: int, steps: int, done: int, seconds: float, where: str) -> None:
        """Say how long it will take; show the bar, in the place of an earlier run's."""
        self._epochs = epochs
        words = _forecast(epochs, steps, done, seconds, where)
        self._bar.console.print(words, markup=False, highlight=False)
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._task = self._bar.add_task(
            "", total=steps, completed=done, epoch=f"1/{epochs}", loss=nan, lr=nan, rate=0.0
        )
        self._bar.start()

    def step(self, epoch: int, step: int, loss: float, lr: float, rate: float) -> None:
        """Move the bar."""
        label = f"{epoch + 1}/{self._epochs}"
        self._bar.update(self._task, completed=step, epoch=label, loss=loss, lr=lr, rate=rate)

    def epoch(self, row: Mapping[str, int | float]) -> None:
        """Print the epoch's line above the bar."""
        line = _epoch_line(row, self._epochs) + self._nodes
        self._bar.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


def reporter_for(console: Console) -> Reporter:
    """Return a bar for a terminal, lines for a file or a pipe."""
    return BarReporter(console) if console.is_terminal else LineReporter(console)


def duration(seconds: float) -> str:
    """Return a time in words, in the two units that count: "40 s", "12 min", "3 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 59.5:
        return f"{max(round(seconds), 1)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _forecast(epochs: int, steps: int, done: int, seconds: float, where: str) -> str:
    """Say what lies ahead."""
    resumed = f"resuming after step {done} of {steps}: " if done else ""
    return (
        f"{resumed}{steps - done:,} steps to the end of {epochs} epochs on {where}, "
        f"about {duration(seconds)}"
    )


def _epoch_line(row: Mapping[str, int | float], epochs: int) -> str:
    """Return the metrics of an epoch in words."""
    measured = f"validation loss {row['val_loss']:.5g}  {words_of(dict(row))}"
    if "train_loss" not in row:
        return f"before the first step  {measured}"
    return (
        f"epoch {row['epoch']:.0f}/{epochs}  train loss {row['train_loss']:.5g}  "
        f"{measured}  lr {row['lr']:.3g}"
    )
