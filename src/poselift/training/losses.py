"""What is minimised, and what is measured on validation data."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.training.batches import Measured, to_device
from poselift.training.sources import FixedSource

_EVALUATION_BATCH = 4096


def joint_loss(
    name: str, predicted: Float[Tensor, "B *T J 3"], target: Float[Tensor, "B *T J 3"]
) -> Float[Tensor, ""]:
    """Return the loss called `name` in `TrainingConfig.loss`, in fp32 whatever the input."""
    difference = predicted.float() - target
    if name == "mse":
        return difference.square().mean()
    return torch.linalg.vector_norm(difference, dim=-1).mean()


def losses_of_poses(
    name: str, predicted: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"]
) -> Float[Tensor, " B"]:
    """Return the loss called `name` of each pose; `joint_loss` is their mean."""
    difference = predicted.float() - target
    if name == "mse":
        return difference.square().mean(dim=(1, 2))
    return torch.linalg.vector_norm(difference, dim=-1).mean(dim=1)


@torch.no_grad()
def validate(
    model: nn.Module, data: FixedSource | Measured, loss: str, device: torch.device
) -> dict[str, float]:
    """Return `val_loss` and `val_mpjpe_mm` of `model` in eval mode and fp32.

    MPJPE: root joint moved to 0 and counted, mean over joints and samples; of windows the frame
    in the middle counts. Other held-out samples are measured in their own way.
    """
    if not isinstance(data, FixedSource):
        return data.measure(model, device)
    was_training = model.training
    model.eval()
    loss_sum = error_sum = 0.0
    count = len(data.inputs)
    for start in range(0, count, _EVALUATION_BATCH):
        rows = slice(start, start + _EVALUATION_BATCH)
        taken = rows if data.windows is None else data.windows[rows]
        target = to_device(data.targets[taken], device)
        predicted = model(to_device(data.inputs[taken], device))
        loss_sum += float(joint_loss(loss, predicted, target)) * len(target)
        if data.windows is not None:
            middle = (target.shape[1] - 1) // 2
            predicted, target = predicted[:, middle], target[:, middle]
        if data.pixel_depth is not None:
            depth = data.pixel_depth[rows]
            predicted, target = (
                torch.from_numpy(depth.to_metres(one.cpu().numpy())).to(device)
                for one in (predicted, target)
            )
        relative = (predicted - predicted[:, :1]) - (target - target[:, :1])
        error_sum += float(torch.linalg.vector_norm(relative, dim=-1).mean()) * len(target)
    model.train(was_training)
    return {"val_loss": loss_sum / count, "val_mpjpe_mm": 1000 * error_sum / count}
