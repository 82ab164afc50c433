"""One optimisation step, and how a GPU replays it as a graph.

`TrainingStep` owns all that a step changes: weights, optimizer, running mean of the weights.
`CapturedStep` takes the same steps, launched as one CUDA graph. What varies from step to step lies
in tensors (learning rates, decay, attention temperature), so that one graph serves them all.

Axes: B sample in a batch, J joint.
"""

from __future__ import annotations

import copy
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from poselift.models.base import LiftingNetwork, Network
from poselift.training.config import TrainingConfig
from poselift.training.environment import choose_device
from poselift.training.losses import joint_loss, losses_of_poses
from poselift.training.picture_loss import picture_loss

#: Takes a step on a batch: inputs (B, J, 2) and targets (B, J, 3), windows (B, T, J, ...) of them,
#: or pictures and what belongs to them; returns the loss, on the device.
StepFunction = Callable[..., Tensor]

#: Fabric's names of the precisions.
_PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed"}

#: Learning rate of a layout's scores by the score function, of which `layout_lr` is a factor. It
#: does not follow the schedule: the search ends long before the training.
SCORE_RATE = 0.1

#: Steps before a capture or a clock: libraries set themselves up in them.
_WARM_UP = 3


def parameter_groups(
    model: Network, config: TrainingConfig, device: torch.device
) -> list[dict[str, Any]]:
    """Split off output layers and learnt layouts, of each part of a network (entry "part").

    `factor` multiplies the learning rate. Rates are tensors, which a captured step reads anew: in
    the precision that Adam's fused kernel wants on the device. Layouts that are compared have a
    `constant` rate in its place, as long as they are drawn, and no weight decay, which would only
    make the draws wilder.
    """
    kind = torch.float32 if device.type == "cuda" else torch.float64
    groups: list[dict[str, Any]] = []
    for name, part in model.parts().items():
        layer, summed = part.output_layer()
        scores = part.layout_scores()
        own = {id(parameter) for parameter in (*layer.parameters(), *scores)}
        factor = 1.0 if config.output_fan is None else min(1.0, config.output_fan / summed)
        for params, rate in (
            ([p for p in part.parameters() if id(p) not in own], 1.0),
            (list(layer.parameters()), factor),
            (scores, config.layout_lr),
        ):
            if params:
                lr = torch.tensor(config.lr * rate, dtype=kind, device=device)
                groups.append({"params": params, "lr": lr, "factor": rate, "part": name})
                groups[-1]["constant"] = None
        if part.compares_layouts():
            groups[-1] |= {"constant": SCORE_RATE * config.layout_lr, "weight_decay": 0.0}
    return groups


def loss_of(model: Network, config: TrainingConfig) -> Callable[..., Tensor]:
    """Return what is minimised: a function of the (wrapped) network and a batch."""
    if not isinstance(model, LiftingNetwork):
        return picture_loss(model, config)

    def lifting_loss(
        network: Callable[[Tensor], Tensor],
        inputs: Float[Tensor, "B *T J 2"],
        targets: Float[Tensor, "B *T J 3"],
    ) -> Tensor:
        return joint_loss(config.loss, network(inputs), targets)

    return lifting_loss


@final
class TrainingStep:
    """A step of Adam by a config: forward, loss, backward, clipping, update, running mean.

    model      the network, in training mode and on the device.
    optimizer  load its state before the first step, never after: a captured step has its tensors
               by their address.
    average    running mean of the weights, in eval mode; None if the config asks for none.
    device     where it all lies.
    """

    def __init__(self, model: Network, config: TrainingConfig, device: str = "auto") -> None:
        """Move `model` to `device` ("auto", "cpu" or "cuda"); `PoseliftError` if it is not here."""
        fabric = Fabric(
            accelerator=choose_device(device), devices=1, precision=_PRECISIONS[config.precision]
        )
        self._loss = loss_of(model, config)
        self._config, self._fabric, self.device = config, fabric, fabric.device
        optimizer = torch.optim.Adam(
            parameter_groups(model, config, self.device),
            weight_decay=config.weight_decay,
            fused=True,
            capturable=self.device.type == "cuda",
        )
        self._wrapped, self._fabric_optimizer = fabric.setup(model, optimizer)
        self._wrapped.train()
        self.model, self.optimizer = model, optimizer
        self.average = None if config.ema_decay is None else copy.deepcopy(model).eval()
        # what a step moves the running mean by: 1 - decay
        self._share = torch.zeros((), device=self.device)

    def prepare(self, *, lr: float, epoch: float, number: int) -> None:
        """Set what varies, before each step.

        lr      base learning rate.
        epoch   epochs done, with the fraction of the one under way.
        number  of this step, counted from 1 over the whole run.
        """
        self.model.start_step(epoch)
        for group in self.optimizer.param_groups:
            constant = group["constant"]
            if constant is None:
                group["lr"].fill_(lr * group["factor"] * self.model.rate(group["part"]))
            else:
                group["lr"].fill_(constant if self.model.draws_layouts() else 0.0)
        if self._config.ema_decay is not None:
            # the decay grows from 0.1, so that the mean forgets the start
            self._share.fill_(1 - min(self._config.ema_decay, number / (number + 9)))

    def __call__(self, *batch: Tensor) -> Float[Tensor, ""]:
        """Take a step; the loss is that of the weights before it, detached and on the device."""
        own: Tensor | None = None
        if self.model.draws_layouts():
            own = self._losses_of_poses(*batch)
            loss = own.mean()
        else:
            loss = self._loss(self._wrapped, *batch)
        self.optimizer.zero_grad(set_to_none=True)
        self._fabric.backward(loss)
        if self._config.grad_clip is not None:
            self._fabric.clip_gradients(
                self._wrapped,
                self._fabric_optimizer,
                max_norm=self._config.grad_clip,
                error_if_nonfinite=False,  # to look at it would make the host wait
            )
        if self.model.compares_layouts():
            self._compare_layouts(own, *batch)
        self.optimizer.step()
        if self.average is not None:
            self._update_average(self.average)
        return loss.detach()

    def _losses_of_poses(
        self, inputs: Float[Tensor, "B J 2"], targets: Float[Tensor, "B J 3"]
    ) -> Float[Tensor, " B"]:
        """Return the loss of each pose; their mean is the step's."""
        return losses_of_poses(self._config.loss, self._wrapped(inputs), targets)

    def _compare_layouts(self, own: Float[Tensor, " B"] | None, *batch: Tensor) -> None:
        """Give the scores their gradient: each pose's loss against the same by another layout.

        The forward pass that the network learns from is one of the two, so a step costs one more
        without gradient. After the clipping, which is the network's; zero once layouts are settled.
        """
        if own is None:
            for scores in self.model.layout_scores():
                scores.grad = torch.zeros_like(scores)
            return
        with torch.no_grad(), self.model.next_layouts():
            other = self._losses_of_poses(*batch)
        self.model.credit_layouts(own.detach(), other)

    @torch.no_grad()
    def _update_average(self, average: nn.Module) -> None:
        """Move the running mean.

        Batch statistics are averaged too, as they belong to the weights; other buffers are copied,
        and so are the scores of layouts that are compared: a layout is no mean of others.
        """
        compared = self.model.layout_scores() if self.model.compares_layouts() else []
        copied = {id(scores) for scores in compared}
        for kept, weight in zip(average.parameters(), self.model.parameters(), strict=True):
            if id(weight) in copied:
                kept.copy_(weight)
            else:
                kept.lerp_(weight, self._share)
        for (name, mean), value in zip(average.named_buffers(), self.model.buffers(), strict=True):
            if name.rpartition(".")[2] in ("running_mean", "running_var"):
                mean.lerp_(value, self._share)
            else:
                mean.copy_(value)


def step_seconds(
    model: Network, config: TrainingConfig, device: str, *batch: np.ndarray | Tensor
) -> float:
    """Time a step on `batch`, inputs and targets, by a copy of the network: nothing changes.

    The median of a few: the first ones set libraries up, and other programs hold single ones up.
    """
    with torch.random.fork_rng():
        step = TrainingStep(copy.deepcopy(model), config, device)
        step.prepare(lr=0.0, epoch=0.0, number=1)
        tensors = [torch.as_tensor(array).to(step.device) for array in batch]
        taken: list[float] = []
        while len(taken) < _WARM_UP + 5 and sum(taken[_WARM_UP:]) < 1.0:
            started = time.monotonic()
            float(step(*tensors))
            taken.append(time.monotonic() - started)
    return float(np.median(taken[_WARM_UP:]))


class Recorder(ABC):
    """Turns a function without arguments into one that repeats it on the same tensors."""

    @abstractmethod
    def warm(self, function: Callable[[], Tensor]) -> Tensor:
        """Run `function` in the way that must come before a recording; return its result."""

    @abstractmethod
    def record(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Return a function that does what `function` would, without running it here.

        Its result may be overwritten by the next call. Raises `RuntimeError` if `function` cannot
        be recorded; nothing has been changed then.
        """


@final
class CudaRecorder(Recorder):
    """Records a CUDA graph, which starts hundreds of kernels in one launch."""

    def __init__(self, device: torch.device) -> None:
        """Make the stream on which graphs are warmed up for and recorded."""
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def warm(self, function: Callable[[], Tensor]) -> Tensor:
        """Run on the recording stream, between what comes before and after on the current one."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = function()
        current.wait_stream(self._stream)
        return result.clone()  # memory of the stream that goes on

    def record(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Capture `function`; the default random generator takes part without being registered."""
        generator = torch.cuda.default_generators[self._device.index or 0]
        before = generator.clone_state()
        graph = torch.cuda.CUDAGraph()
        try:
            # the outer context brings the current stream back if the capture ends in an error
            with (
                torch.cuda.stream(torch.cuda.current_stream(self._device)),
                torch.cuda.graph(graph, stream=self._stream),
            ):
                result = function()
        except RuntimeError:
            generator.graphsafe_set_state(before)  # the old state still waits for its graph
            raise

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


@final
class CapturedStep:
    """A `TrainingStep` that is recorded once and then replayed.

    The first calls are plain steps. A new recording is made when a Python-level switch of the step
    changes, as when AutoGrids' noise ends. If the device cannot record the step, it is taken
    plainly from then on, and one warning gives the reason.
    """

    def __init__(self, step: TrainingStep, recorder: Recorder) -> None:
        """Record nothing yet: checkpoints are still loaded into the step."""
        self._step, self._recorder = step, recorder
        self._inputs, self._targets = torch.empty(0), torch.empty(0)
        self._warm, self._possible = 0, True
        self._switches: tuple[bool, ...] = ()
        self._replay: Callable[[], Tensor] | None = None

    def __call__(
        self, inputs: Float[Tensor, "B *T J 2"], targets: Float[Tensor, "B *T J 3"]
    ) -> Float[Tensor, ""]:
        """Take a step; as `TrainingStep` does."""
        if not self._possible:
            return self._step(inputs, targets)
        if self._inputs.shape != inputs.shape:  # a graph knows one size of batch
            self._inputs, self._targets = torch.empty_like(inputs), torch.empty_like(targets)
            self._replay = None
        self._inputs.copy_(inputs)
        self._targets.copy_(targets)
        if self._warm < _WARM_UP:
            self._warm += 1
            return self._recorder.warm(self._once)
        if self._replay is None or self._switches != self._step.model.switches():
            self._replay = self._record()
        return self._step(inputs, targets) if self._replay is None else self._replay().clone()

    def _once(self) -> Tensor:
        """Take a plain step on the batch in the fixed buffers."""
        return self._step(self._inputs, self._targets)

    def _record(self) -> Callable[[], Tensor] | None:
        """Record the step as its switches stand, or give up with a warning."""
        self._replay = None  # frees the older graph's memory
        # gradients are allocated anew, inside the graph's own memory
        self._step.optimizer.zero_grad(set_to_none=True)
        self._switches = self._step.model.switches()
        try:
            return self._recorder.record(self._once)
        except RuntimeError as error:
            self._possible = False
            self._step.optimizer.zero_grad(set_to_none=True)
            reason = str(error).partition("\n")[0]
            warnings.warn(f"training without a CUDA graph, slower: {reason}", stacklevel=2)
            return None


def fastest(step: TrainingStep) -> StepFunction:
    """Return the quickest way to take the step on its device: a CUDA graph, or the step itself."""
    if step.device.type == "cuda" and isinstance(step.model, LiftingNetwork):
        return CapturedStep(step, CudaRecorder(step.device))
    return step
