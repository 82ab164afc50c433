"""Checkpoints to resume from: folders that appear whole or not at all, and nothing pickled.

A run keeps one folder of each kind, `checkpoints/last-<n>` and `checkpoints/best-<n>`. A new one
is written under another name, renamed when complete, and only then is the older one removed, so
whenever the process dies the folder with the highest number is complete.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, final

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.checkpoint import fill, save_model

Row = dict[str, int | float]


@final
@dataclass
class Progress:
    """How far a run has come; all that a checkpoint holds besides tensors."""

    epoch: int = 0
    """Finished epochs, which is also the index of the one under way."""
    batch: int = 0
    """Finished steps of the epoch under way."""
    step: int = 0
    """Finished steps of the whole run."""
    seconds: float = 0.0
    """Time spent training, over all sessions."""
    loss_sum: float = 0.0
    """Sum of the losses of this epoch's finished steps."""
    history: list[Row] = field(default_factory=list)
    """One row of metrics for each finished epoch."""

    @property
    def begun(self) -> int:
        """Epochs of which a step is done."""
        return self.epoch + (self.batch > 0)

    @property
    def validation_losses(self) -> list[float]:
        """Validation loss of each finished epoch."""
        return [row["val_loss"] for row in self.history]

    @property
    def best(self) -> Row | None:
        """The row with the lowest validation error, the earliest of equals."""
        return min(self.history, key=lambda row: row["val_mpjpe_mm"], default=None)


def replace_folder(parent: Path, prefix: str, fill: Callable[[Path], None]) -> Path:
    """Write a new `<prefix>-<n>` below `parent` with `fill`, then remove the older ones.

    Raises `PoseliftError` if the place cannot be written; the older folder then stays.
    """
    older = _numbered(parent, prefix)
    number = 1 + max(older, default=0)
    target, temporary = parent / f"{prefix}-{number}", parent / f".{prefix}-{number}.part"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        fill(temporary)
        for path in temporary.iterdir():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        temporary.rename(target)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise PoseliftError(f"{target}: the checkpoint cannot be written ({error})") from error
    for path in older.values():
        shutil.rmtree(path, ignore_errors=True)
    return target


def newest_folder(parent: Path, prefix: str) -> Path | None:
    """Return the complete `<prefix>-<n>` with the highest n, or None."""
    folders = _numbered(parent, prefix)
    return folders[max(folders)] if folders else None


def save_checkpoint(
    parent: Path,
    progress: Progress,
    model: nn.Module,
    card: dict[str, Any],
    tensors: dict[str, Tensor],
) -> Path:
    """Write `last-<n>`: the model with its card, `tensors` (optimizer, RNG, ...) and progress."""

    def fill(folder: Path) -> None:
        save_model(folder, model, card)
        save_file(tensors, folder / "training.safetensors")
        (folder / "training.json").write_bytes(
            orjson.dumps(asdict(progress), option=orjson.OPT_INDENT_2)
        )

    return replace_folder(parent, "last", fill)


def load_checkpoint(folder: Path, model: nn.Module) -> tuple[Progress, dict[str, Tensor]]:
    """Read what `save_checkpoint` wrote; the weights go into `model`, key by key.

    Raises `PoseliftError` naming the folder if a file is missing, damaged or of another network.
    """
    try:
        progress = read_progress(folder)
        tensors = load_file(folder / "training.safetensors")
    except (OSError, SafetensorError) as error:
        raise PoseliftError(f"{folder}: not a checkpoint to resume from ({error})") from error
    load_weights(folder, model)
    return progress, tensors


def read_progress(folder: Path) -> Progress:
    """Read how far a checkpoint is; `PoseliftError` if that is damaged, `OSError` if missing."""
    content = (folder / "training.json").read_bytes()
    try:
        values = orjson.loads(content)
        return Progress(**{item.name: values[item.name] for item in fields(Progress)})
    except (KeyError, TypeError, ValueError) as error:
        raise PoseliftError(f"{folder}: not a checkpoint to resume from ({error})") from error


def load_weights(folder: Path, model: nn.Module) -> None:
    """Load model.safetensors into `model`, key by key; `PoseliftError` if it does not fit."""
    path = folder / "model.safetensors"
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise PoseliftError(f"{path}: missing or damaged ({error})") from error
    fill(model, state, str(path))


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors, `optimizer/<parameter>/<entry>`."""
    return {
        f"optimizer/{index}/{name}": value.detach().clone()
        for index, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` returned."""
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        kind, _, rest = key.partition("/")
        if kind == "optimizer":
            index, _, name = rest.partition("/")
            entries.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": entries, "param_groups": groups})


def random_tensors(device: torch.device) -> dict[str, Tensor]:
    """Return the state of PyTorch's generators of the CPU and, if it is another, `device`."""
    states = {"random/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["random/cuda"] = torch.cuda.get_rng_state(device)
    return states


def load_random(tensors: dict[str, Tensor], device: torch.device) -> None:
    """Put back what `random_tensors` returned, as far as `device` has such a generator."""
    torch.set_rng_state(tensors["random/cpu"])
    if device.type == "cuda" and "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"], device)


def _numbered(parent: Path, prefix: str) -> dict[int, Path]:
    """Return the folders `<prefix>-<n>` below `parent` by n."""
    if not parent.is_dir():
        return {}
    found = ((re.fullmatch(rf"{prefix}-(\d+)", path.name), path) for path in parent.iterdir())
    return {int(match[1]): path for match, path in found if match}
