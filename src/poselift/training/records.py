"""The files of a run folder besides weights: config.json, metrics.csv, tensorboard/."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from poselift.errors import PoseliftError, quoted
from poselift.files import write_bytes
from poselift.training.checkpoint import COLUMNS, MEASURES, newest_folder, read_progress
from poselift.training.config import TrainingConfig
from poselift.training.schedules import Trapezoid

try:
    import fcntl
except ImportError:  # Windows: two runs in one folder are not noticed
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_CONFIG = "config.json"

#: Held by the process that trains in a folder; it stays there, as another may be waiting for it.
_LOCK = ".lock"

#: What may differ when a run is resumed: it decides where and how fast, not what is learnt.
_FREE = (
    *("data.root", "data.more", "threads", "checkpoint_seconds", "init", "detector", "workers"),
)

#: How a layout is learnt.
_ESTIMATOR = "model.estimator"

#: What decides when a schedule without a fixed end begins to decay.
END = ("epochs", "schedule.decay")


def check_folder(config: TrainingConfig, folder: Path, *, resume: bool) -> None:
    """Refuse a folder that a run cannot start or, with `resume`, go on in; writes nothing.

    Raises `PoseliftError` if the folder is not empty and not resumed, holds nothing to resume, or
    was started with other settings.
    """
    if resume:
        _check_end(config, folder)
    elif folder.is_file() or (folder.is_dir() and any(map(_is_visible, folder.iterdir()))):
        raise PoseliftError(
            f"{folder}: exists and is not empty; continue that run with --resume or choose "
            "another --out"
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder alone; `PoseliftError` if another process trains in it."""
    if fcntl is None:
        yield
        return
    path = folder / _LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = path.open("ab")  # which leaves its time as it is
    except OSError as error:
        raise PoseliftError(f"{folder}: cannot be written ({error.strerror})") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PoseliftError(
                f"{folder}: another process trains in it; wait for it or choose another --out"
            ) from None
        try:
            yield
        finally:
            if [entry.name for entry in folder.iterdir()] == [_LOCK]:  # nothing came of it
                path.unlink()
                folder.rmdir()


def _is_visible(path: Path) -> bool:
    """Whether a file is more than a remnant of a write that was killed."""
    return not path.name.startswith(".")


def _check_end(config: TrainingConfig, folder: Path) -> None:
    """Refuse to resume with other settings; the end may move while the rate is constant."""
    if not isinstance(config.schedule, Trapezoid):
        compare_config(config, folder)
        return
    started = compare_config(config, folder, but=END)
    own, now = decay_begin(started), config.epochs - config.schedule.decay
    last = newest_folder(folder / "checkpoints", "last")
    begun = 0 if last is None else read_progress(last).begun
    if own != now and begun > min(own, now):
        raise PoseliftError(
            f"{folder}: {begun} epochs are begun, so a decay that was to begin after {own:g} "
            f"cannot begin after {now:g}; give its own --epochs, or branch off with --decay"
        )


def decay_begin(stored: Mapping[str, Any]) -> float:
    """Return after how many epochs a run's rate falls, by its flat config."""
    return float(stored["epochs"] - stored["schedule.decay"])


def write_config(config: TrainingConfig, folder: Path) -> None:
    """Write config.json."""
    write_bytes(folder / _CONFIG, orjson.dumps(config.as_dict(), option=orjson.OPT_INDENT_2))


def compare_config(
    config: TrainingConfig, folder: Path, *, but: Sequence[str] = ()
) -> dict[str, Any]:
    """Refuse to go on in a run's folder with other settings than its own; return those, flat.

    but  settings that may differ as well. A training that is longer or decays later is allowed
         where the schedule has no fixed end; whether it comes too late shows in the checkpoint.
    """
    path = folder / _CONFIG
    try:
        started = _flat(orjson.loads(path.read_bytes()))
    except OSError:
        raise PoseliftError(f"{folder}: nothing to resume here, no {_CONFIG} found") from None
    except (ValueError, AttributeError, RecursionError) as error:
        raise PoseliftError(f"{path}: not a run's config ({error})") from error
    for key in but:
        if type(started.get(key)) not in (int, float):
            found = quoted(started.get(key))
            raise PoseliftError(f"{path}: expected a number as {key}, got {found}")
    now = _flat(orjson.loads(orjson.dumps(config.as_dict())))
    if _ESTIMATOR in now:  # a run of before there was a choice
        started.setdefault(_ESTIMATOR, "straight_through")
    for key in sorted({*started, *now} - {*_FREE, *but}):
        if started.get(key) != now.get(key):
            own = started.get("init")
            lacks = f" (--init {own} among them)" if own and not config.init else ""
            raise PoseliftError(
                f"{folder}: was started with {key} {_short(started.get(key))}, "
                f"not {_short(now.get(key))}; "
                f"resume it with the same settings{lacks} or choose another --out"
            )
    return started


def _short(value: object) -> str:
    """Return a setting as a message says it."""
    return value if isinstance(value, str) else quoted(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one level of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def write_metrics(folder: Path, history: Sequence[Mapping[str, int | float]]) -> None:
    """Write metrics.csv: one row an epoch, from the history, so that no row can come twice."""
    text = io.StringIO()
    measures = [name for name in MEASURES if any(name in row for row in history)]
    writer = csv.DictWriter(text, [*COLUMNS, *measures], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_bytes(folder / "metrics.csv", text.getvalue().encode("ascii"))


def last_losses(folder: Path) -> tuple[float, float] | None:
    """Return the loss in training and in validation at the end of a run; None without a record."""
    try:
        with (folder / "metrics.csv").open(encoding="ascii", newline="") as file:
            *_, row = csv.DictReader(file)
        return float(row["train_loss"]), float(row["val_loss"])
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None


def tensorboard(folder: Path, step: int) -> SummaryWriter | None:
    """Return a TensorBoard writer that continues after `step`, or None if it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)


def log_epoch(writer: SummaryWriter, row: Mapping[str, int | float]) -> None:
    """Add an epoch's metrics to TensorBoard, at its step."""
    for name in ("lr", "train_loss", "val_loss", *MEASURES):
        if name in row:
            writer.add_scalar(name, row[name], int(row["step"]))
