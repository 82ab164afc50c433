"""Checkpoints to resume from: folders that appear whole or not at all, and nothing pickled.

A run keeps one folder of each kind, `checkpoints/last-<n>` and `checkpoints/best-<n>`. A new one
is written under another name, renamed when complete, and only then is the older one removed, so
whenever the process dies the folder with the highest number is complete.
"""

from __future__ import annotations

import hashlib
import math
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
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.modelfiles.find import RUN_WEIGHTS
from poselift.models.checkpoint import fill, read_weights, save_model
from poselift.training.layouts import check_layouts

Row = dict[str, int | float]

#: What a row of metrics holds.
COLUMNS = ("epoch", "step", "samples", "lr", "train_loss", "val_loss")

#: What one of weights that are not trained here yet holds of that.
FIRST = ("epoch", "step", "samples", "val_loss")

#: What else it may hold, in words and units: 3D error, and 2D error in pixels of the crop. The
#: first that is there decides which epoch is the best.
MEASURES = {"val_mpjpe_mm": "MPJPE {:.1f} mm", "val_2d_px": "2D error {:.2f} px"}

#: Files of a checkpoint beside weights and card, and the entry of the first that is the second's
#: SHA-256.
_PROGRESS, _TENSORS, _HASH = "training.json", "training.safetensors", "tensors_sha256"

#: More steps than any training takes.
_MOST_STEPS = 10**12


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
    first: Row | None = None
    """Of weights that had been trained before, what validation said of them: a row of epoch 0."""
    layouts: list[dict[str, Any]] = field(default_factory=list)
    """Of a learnt layout, at the start and after each epoch: `epoch`, `nodes` (the joint of each
    node) and `drawn` (some of the layouts that the scores give)."""
    data: dict[str, float] = field(default_factory=dict)
    """What tells the data apart that it is trained on (`sameness.facts_of`)."""

    @property
    def begun(self) -> int:
        """Epochs of which a step is done."""
        return self.epoch + (self.batch > 0)

    @property
    def validation_losses(self) -> list[float]:
        """Validation loss of each finished epoch."""
        return [row["val_loss"] for row in self.history]

    @property
    def rows(self) -> list[Row]:
        """All rows of metrics, that of the weights it began with first."""
        return [*([] if self.first is None else [self.first]), *self.history]

    @property
    def best(self) -> Row | None:
        """The row with the lowest validation error, the earliest of equals."""
        return min(self.rows, key=error_of, default=None)


def error_of(row: Row) -> float:
    """Return the validation error that decides."""
    return next(row[name] for name in MEASURES if name in row)


def words_of(row: Row) -> str:
    """Say the validation errors: "MPJPE 52.1 mm, 2D error 3.41 px"."""
    return ", ".join(words.format(row[name]) for name, words in MEASURES.items() if name in row)


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
        content = format_safetensors(tensors)
        (folder / _TENSORS).write_bytes(content)
        facts = {**asdict(progress), _HASH: hashlib.sha256(content).hexdigest()}
        (folder / _PROGRESS).write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))

    return replace_folder(parent, "last", fill)


def load_checkpoint(folder: Path, model: nn.Module) -> tuple[Progress, dict[str, Tensor]]:
    """Read what `save_checkpoint` wrote; the weights go into `model`, key by key.

    Raises `PoseliftError` naming the folder if a file is missing, damaged or of another network.
    """
    try:
        progress, content = read_progress(folder), (folder / _TENSORS).read_bytes()
        tensors = parse_safetensors(content)
        wanted = orjson.loads((folder / _PROGRESS).read_bytes()).get(_HASH)
    except (OSError, SafetensorError, ValueError) as error:
        raise PoseliftError(f"{folder}: not a checkpoint to resume from ({error})") from error
    if wanted not in (None, hashlib.sha256(content).hexdigest()):  # older ones do not say
        raise PoseliftError(
            f"{folder / _TENSORS}: damaged, or not what {_PROGRESS} was written with "
            "(their SHA-256 differ)"
        )
    load_weights(folder, model)
    return progress, tensors


def read_progress(folder: Path) -> Progress:
    """Read how far a checkpoint is; `PoseliftError` if that is damaged, `OSError` if missing."""
    content = (folder / _PROGRESS).read_bytes()
    try:
        older: dict[str, Any] = {"layouts": [], "first": None, "data": {}}  # what those have not
        values = {**older, **orjson.loads(content)}
        progress = Progress(**{item.name: values[item.name] for item in fields(Progress)})
        _check_progress(progress)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise PoseliftError(f"{folder}: not a checkpoint to resume from ({reason})") from error
    return progress


def _check_progress(progress: Progress) -> None:
    """Refuse numbers that no training can have; `ValueError` says which."""
    for name in ("epoch", "batch", "step"):
        value = getattr(progress, name)
        if type(value) is not int or not 0 <= value < _MOST_STEPS:
            raise ValueError(f"{name}: expected a whole number of 0 or more, got {value!r:.40}")
    for name in ("seconds", "loss_sum"):
        value = getattr(progress, name)
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            raise ValueError(f"{name}: expected a number of 0 or more, got {value!r:.40}")
    check_layouts(progress.layouts)
    known = progress.data.values() if isinstance(progress.data, dict) else [None]
    if not all(type(one) in (int, float) and math.isfinite(one) for one in known):
        raise ValueError("data: expected numbers by name")
    rows = progress.history
    if not isinstance(rows, list) or len(rows) != progress.epoch:
        raise ValueError(f"history: expected a row for each of {progress.epoch} epochs")
    if progress.first is not None and not _is_row(progress.first, FIRST):
        raise ValueError("first: is not the metrics of weights that it began with")
    for number, row in enumerate(rows, start=1):
        numbers = _is_row(row, COLUMNS)
        if not numbers or row["epoch"] != number or not 0 < row["step"] <= progress.step:
            raise ValueError(f"history: row {number} is not the metrics of epoch {number}")


def _is_row(row: Any, columns: tuple[str, ...]) -> bool:
    """Whether a row has numbers in these columns and a measure."""
    own = [name for name in MEASURES if isinstance(row, dict) and name in row]
    return bool(own) and all(
        type(row.get(name)) in (int, float) and math.isfinite(row[name])
        for name in (*columns, *own)
    )


def load_weights(folder: Path, model: nn.Module) -> None:
    """Load the weights of a folder into `model`; `PoseliftError` if they are not those it needs."""
    state, _ = read_weights(folder)
    fill(model, state, str(folder / RUN_WEIGHTS))


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors, `optimizer/<parameter>/<entry>`."""
    return {
        f"optimizer/{index}/{name}": value.detach().clone()
        for index, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
    }


def load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], *, begun: bool | None = None
) -> None:
    """Put back what `optimizer_tensors` returned.

    begun  steps have been taken, so that every weight has its entries; None: it has if any has.
           A group of weights that waits for its stage (entry "part") has all of them, or none.

    Raises `PoseliftError` if an entry is missing or does not fit its weight.
    """
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        kind, _, rest = key.partition("/")
        if kind == "optimizer":
            index, _, name = rest.partition("/")
            entries.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    weights = [(weight, group) for group in optimizer.param_groups for weight in group["params"]]
    waiting = [
        group
        for group, stored in zip(optimizer.param_groups, groups, strict=True)
        if group.get("part") and not any(place in entries for place in stored["params"])
    ]
    if bool(entries) if begun is None else begun:
        for place, (weight, group) in enumerate(weights):
            if any(group is one for one in waiting):
                continue
            shapes = {name: value.shape for name, value in entries.get(place, {}).items()}
            moments = dict.fromkeys(("exp_avg", "exp_avg_sq"), weight.shape)
            if shapes != {"step": torch.Size(), **moments}:
                raise PoseliftError(
                    f"incomplete: expected the optimizer's step and moments for weight {place} "
                    f"of shape {tuple(weight.shape)}, found {sorted(shapes) or 'nothing'}"
                )
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
