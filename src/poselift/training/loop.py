"""The training loop: one for all networks, restartable after a kill at any moment.

Samples are permuted by (seed, epoch), so that a run is a function of its config and data.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.export import export_run
from poselift.modelfiles.find import RUN_MODEL
from poselift.models.checkpoint import fill, load_model, save_model
from poselift.models.registry import build, describe, find, frames_of
from poselift.poses import AXES_3D
from poselift.skeletons import get_skeleton
from poselift.training.augmentor import Augmentor
from poselift.training.batches import Samples, as_samples
from poselift.training.checkpoint import (
    Progress,
    Row,
    error_of,
    load_checkpoint,
    load_optimizer,
    load_random,
    load_weights,
    newest_folder,
    optimizer_tensors,
    random_tensors,
    replace_folder,
    save_checkpoint,
)
from poselift.training.config import TrainingConfig
from poselift.training.environment import choose_device, process_settings
from poselift.training.layouts import logged, moved, write_layouts
from poselift.training.losses import validate
from poselift.training.records import (
    check_folder,
    locked,
    log_epoch,
    tensorboard,
    write_config,
    write_metrics,
)
from poselift.training.report import Reporter, SilentReporter
from poselift.training.sameness import check_same, facts_of
from poselift.training.sources import TrainingData
from poselift.training.step import TrainingStep, fastest, step_seconds

#: Steps between two looks at the losses; on a GPU each look waits for the device.
_WINDOW = 16


@final
@dataclass(frozen=True)
class TrainingResult:
    """How a run ended."""

    folder: Path
    """Run folder, now with model.safetensors, model.json and model.onnx."""
    best: Row
    """Metrics of the epoch whose weights were kept, chosen on validation data; epoch 0 is that of
    the weights of `TrainingConfig.init`."""
    moved: tuple[int, int] | None
    """Nodes of a learnt layout that changed their joint over the training, and all there are."""
    was_finished: bool
    """The run had been finished before; nothing was trained."""


def train(
    config: TrainingConfig,
    data: TrainingData,
    folder: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    reporter: Reporter | None = None,
    export: bool = True,
) -> TrainingResult:
    """Train a network and leave the best weights by validation in `folder`, for `Lifter` to open.

    device    "auto", "cpu" or "cuda".
    resume    continue the run that `folder` holds; on one CPU thread the numbers are those of an
              uninterrupted run, bit for bit.
    reporter  told how it goes; None is silent.
    export    write model.onnx at the end, which `Lifter` needs.

    `folder` receives config.json, metrics.csv, checkpoints/, tensorboard/ (if TensorBoard is
    installed), and at the end model.safetensors, model.json and model.onnx. Raises `PoseliftError`
    if the folder holds something else or another process trains in it, if the data do not fit the
    config, or if the loss stops being finite (the last checkpoint then stays as it is).
    """
    check_folder(config, folder, resume=resume)
    with locked(folder), process_settings(config.seed, config.threads, choose_device(device)):
        run = _Run(config, data, folder, device, reporter or SilentReporter())
        result = run.complete()
        if export and not (result.was_finished and (folder / RUN_MODEL).is_file()):
            export_run(folder)
    return result


@final
class _Run:
    """A run in progress; made from the config and, if there is one, its last checkpoint."""

    def __init__(
        self,
        config: TrainingConfig,
        data: TrainingData,
        folder: Path,
        device: str,
        reporter: Reporter,
    ) -> None:
        self._config, self._data, self._folder, self._reporter = config, data, folder, reporter
        self._checkpoint = newest_folder(folder / "checkpoints", "last")
        self._model = build(config.architecture, dict(config.model))
        if config.init is not None and self._checkpoint is None:
            first, _ = load_model(config.init, architecture=config.architecture)
            fill(self._model, first.state_dict(), config.init)
        if config.detector is not None and self._checkpoint is None:
            found, _ = load_model(config.detector, architecture="hrnet")
            fill(self._model.parts()["detector"], found.state_dict(), config.detector)
        self._step = TrainingStep(self._model, config, device)
        self._take, self._device = fastest(self._step), self._step.device
        self._augmentor: Augmentor | None = None
        if config.poseaug:
            if data.views is None:
                raise PoseliftError(
                    "--poseaug needs data with cameras and root positions, got none"
                )
            joints = get_skeleton(data.skeleton)
            self._augmentor = Augmentor(config, data.views, joints, self._device)
        self._progress = Progress(data=facts_of(data))
        self._window: list[Tensor] = []
        self._lr = config.lr
        self._session_steps = 0
        self._started = self._saved = time.monotonic()
        if self._checkpoint is not None:
            self._restore(self._checkpoint)

    def complete(self) -> TrainingResult:
        """Train what is left and publish the best weights."""
        finished = self._progress.epoch >= self._config.epochs
        if not finished:
            self._train()
        best_folder = newest_folder(self._folder / "checkpoints", "best")
        best = self._progress.best
        if best_folder is None or best is None:
            raise PoseliftError(f"{self._folder}: holds no best checkpoint to publish")
        published = (self._folder / "model.json").is_file()
        if not (finished and published):
            load_weights(best_folder, self._kept())
            save_model(self._folder, self._kept(), self._card(best))
        return TrainingResult(self._folder, best, self._moved(), finished and published)

    def _train(self) -> None:
        """Run the epochs that are left."""
        progress, source = self._progress, self._data.source
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(source.epoch, progress.epoch)
            count, size = len(as_samples(upcoming.result())), self._config.batch_size
            if count < size:  # refused before anything is written
                raise PoseliftError(
                    f"--batch-size {size} is more than the {count} samples of an epoch"
                )
            write_config(self._config, self._folder)  # anew, for a resumed run may end elsewhere
            if self._checkpoint is None:
                progress.layouts = logged(self._model, 0)
                if self._config.init is not None:
                    self._measure_first()
                self._save()
            writer = tensorboard(self._folder, progress.step)
            try:
                self._announce(as_samples(upcoming.result()))
                if progress.first is not None and progress.step == 0:
                    self._reporter.epoch(progress.first)
                    if writer is not None:
                        log_epoch(writer, progress.first)
                while progress.epoch < self._config.epochs:
                    samples = as_samples(upcoming.result())
                    if progress.epoch + 1 < self._config.epochs:
                        # fresh samples of the next epoch are drawn while this one is learnt
                        upcoming = pool.submit(source.epoch, progress.epoch + 1)
                    self._epoch(samples)
                    self._save()  # no best checkpoint is newer than the last one
                    if writer is not None:
                        log_epoch(writer, progress.history[-1])
            finally:
                self._reporter.close()
                if writer is not None:
                    writer.close()

    def _announce(self, samples: Samples) -> None:
        """Start the report, with the time that it will take, and the clock.

        That is the time of a step on the first samples, or of making them where that is longer.
        """
        size, epochs = self._config.batch_size, self._config.epochs
        steps = len(samples) // size * epochs
        started = time.monotonic()
        batch = next(samples.batches(np.arange(size), size, self._device))
        waited = (time.monotonic() - started) / max(1, self._config.workers or 1)
        if self._augmentor is not None:  # as many samples again
            batch = tuple(torch.cat([tensor, tensor]) for tensor in batch)
        each = step_seconds(self._model, self._config, self._device.type, *batch)
        left = (steps - self._progress.step) * max(each, waited)
        threads = torch.get_num_threads()
        where = f"{threads} thread{'s' if threads > 1 else ''} of the CPU"
        if self._device.type != "cpu":
            where = torch.cuda.get_device_name(self._device)
        self._reporter.start(epochs, steps, self._progress.step, left, where)
        self._started = self._saved = time.monotonic()

    def _epoch(self, samples: Samples) -> None:
        """Take the steps that are left of an epoch, then validate.

        Samples that do not fill a last batch wait for another epoch's order.
        """
        size = self._config.batch_size
        shuffle = np.random.default_rng([self._config.seed, self._progress.epoch])
        order, steps = shuffle.permutation(len(samples)), len(samples) // size
        progress = self._progress
        if progress.step != progress.epoch * steps + progress.batch or progress.batch > steps:
            raise PoseliftError(
                f"{self._folder}: its checkpoint has {progress.step} steps in {progress.epoch} "
                f"epochs and {progress.batch} more, which does not fit {steps} steps an epoch"
            )
        if progress.batch:  # of a resumed run: the row of metrics has the last step's rate
            self._lr = self._rate(progress.epoch + (progress.batch - 1) / steps)
        self._model.train()
        for batch in samples.batches(order[progress.batch * size :], size, self._device):
            self._advance(batch, steps)
            due = time.monotonic() - self._saved >= self._config.checkpoint_seconds
            if due or len(self._window) == _WINDOW:
                self._look()
            if due:
                self._save()
        self._look()
        self._finish_epoch(steps)

    def _advance(self, batch: tuple[Tensor, ...], steps: int) -> None:
        """Take one step of the `steps` in an epoch."""
        progress = self._progress
        at = progress.epoch + progress.batch / steps
        self._lr = self._rate(at)
        self._step.prepare(lr=self._lr, epoch=at, number=progress.step + 1)
        if self._augmentor is not None:
            batch = self._augmentor.extend(self._model, *batch, epoch=at, number=progress.step + 1)
        self._window.append(self._take(*batch))
        progress.batch += 1
        progress.step += 1
        self._session_steps += 1

    def _rate(self, at: float) -> float:
        """Return the base learning rate after `at` epochs."""
        config, losses = self._config, self._progress.validation_losses
        return config.lr * config.schedule.factor(at, config.epochs, losses)

    def _look(self) -> None:
        """Fetch the losses since the last look, add them up, and stop at the first that is bad."""
        if not self._window:
            return
        values = torch.stack(self._window).tolist()
        first = self._progress.step - len(values) + 1
        self._window.clear()
        for offset, value in enumerate(values):
            if not math.isfinite(value):
                raise self._diverged(f"the loss is {value}", first + offset)
            self._progress.loss_sum += value  # one by one: the sum must not depend on the looks
        seconds = time.monotonic() - self._started
        rate = self._session_steps * self._config.batch_size / max(seconds, 1e-9)
        self._reporter.step(self._progress.epoch, self._progress.step, values[-1], self._lr, rate)

    def _diverged(self, what: str, step: int) -> PoseliftError:
        """Return the error that says where training went wrong and what is left."""
        return PoseliftError(
            f"training stopped: {what} at epoch {self._progress.epoch + 1}, step {step}; "
            f"the last good checkpoint is {self._checkpoint}; try a lower --lr"
        )

    def _measure_first(self) -> None:
        """Keep the weights of another training as the best so far: this one may be no better."""
        kept = self._kept()
        row: Row = {"epoch": 0, "step": 0, "samples": 0}
        row |= validate(kept, self._data.validation, self._config.loss, self._device)
        if not math.isfinite(error_of(row)):
            return  # any epoch is better
        self._progress.first = row
        self._keep(kept, row)
        write_metrics(self._folder, self._progress.rows)

    def _keep(self, kept: nn.Module, row: Row) -> None:
        """Write the best checkpoint."""
        replace_folder(
            self._folder / "checkpoints",
            "best",
            lambda folder: save_model(folder, kept, self._card(row)),
        )

    def _finish_epoch(self, steps: int) -> None:
        """Validate, record, and keep the weights if they are the best so far."""
        progress = self._progress
        kept = self._kept()
        metrics = validate(kept, self._data.validation, self._config.loss, self._device)
        if not math.isfinite(error_of(metrics)):
            raise self._diverged("the validation error is not finite", progress.step)
        row: Row = {
            "epoch": progress.epoch + 1,
            "step": progress.step,
            "samples": progress.step * self._config.batch_size,
            "lr": self._lr,
            "train_loss": progress.loss_sum / steps,
            **metrics,
        }
        best = progress.best
        progress.history.append(row)
        progress.epoch, progress.batch, progress.loss_sum = progress.epoch + 1, 0, 0.0
        if best is None or error_of(row) < error_of(best):
            self._keep(kept, row)
        write_metrics(self._folder, progress.rows)
        progress.layouts += logged(self._model, progress.epoch)
        if progress.layouts:
            write_layouts(self._folder, progress.layouts, describe(self._model)[1])
        if (found := self._moved()) is not None:
            self._reporter.layout(*found)
        self._reporter.epoch(row)

    def _moved(self) -> tuple[int, int] | None:
        """Return how many nodes of a learnt layout hold another joint than at first, and all."""
        layouts = self._progress.layouts
        return (moved(layouts), len(layouts[0]["nodes"])) if layouts else None

    def _kept(self) -> nn.Module:
        """Return the network that is validated and published."""
        return self._model if self._step.average is None else self._step.average

    def _save(self) -> None:
        """Write a checkpoint to resume from; refuse if the weights are not finite any more."""
        if not all(bool(torch.isfinite(value).all()) for value in self._model.parameters()):
            raise self._diverged("a weight is not finite", self._progress.step)
        now = time.monotonic()
        self._progress.seconds += now - self._saved
        tensors = {**optimizer_tensors(self._step.optimizer), **random_tensors(self._device)}
        if self._step.average is not None:
            for name, value in self._step.average.state_dict().items():
                tensors[f"average/{name}"] = value
        if self._augmentor is not None:
            tensors.update(self._augmentor.tensors())
        self._checkpoint = save_checkpoint(
            self._folder / "checkpoints",
            self._progress,
            self._model,
            self._card(self._progress.history[-1] if self._progress.history else {}),
            tensors,
        )
        self._saved = now

    def _restore(self, folder: Path) -> None:
        """Continue from a checkpoint; `PoseliftError` if it is not complete."""
        now = self._progress.data
        self._progress, tensors = load_checkpoint(folder, self._model)
        check_same(self._folder, self._progress.data, now)
        try:
            load_optimizer(self._step.optimizer, tensors, begun=self._progress.step > 0)
            if self._step.average is not None:
                prefix = "average/"
                own = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
                self._step.average.load_state_dict(own, strict=True)
            if self._augmentor is not None:
                self._augmentor.load(tensors)
            load_random(tensors, self._device)
        except (PoseliftError, KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise PoseliftError(f"{folder}: not a checkpoint to resume from ({reason})") from error

    def _card(self, metrics: Row) -> dict[str, Any]:
        """Return the model card: what the weights are, how they were made, how good they are."""
        config = self._config
        recipe = config.as_dict()
        frames = frames_of(config.architecture, config.model)
        kind = find(config.architecture).kind
        lifting = {
            "normalisation": config.normalisation,
            "target": config.target,
            **({"frames": frames} if frames > 1 else {}),
            "units": "m",
            "axes": AXES_3D,
        }
        del recipe["data"]["root"], recipe["data"]["more"]  # places here, not facts of the weights
        return {
            "name": self._folder.resolve().name,
            "architecture": config.architecture,
            "config": dict(config.model),
            "skeleton": self._data.skeleton,
            **({} if kind == "lifter" else {"kind": kind}),
            **({} if kind == "detector" else lifting),
            "data": self._data.description,
            "recipe": recipe,
            "samples_seen": int(metrics.get("samples", 0)),
            "seconds": round(self._progress.seconds, 1),
            "metrics": metrics,
            "software": f"poselift {version('poselift')}",
        }
