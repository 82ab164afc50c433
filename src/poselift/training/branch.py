"""Decays that branch off a training: the same run up to a checkpoint, another end.

A training by a `Trapezoid` can go on for as long as there is time; at any point a copy of its last
checkpoint is taken to the end of a decay, in a folder of its own, while the training goes on.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from poselift.errors import PoseliftError
from poselift.training.checkpoint import newest_folder, read_progress, replace_folder
from poselift.training.config import TrainingConfig
from poselift.training.records import (
    END,
    check_folder,
    compare_config,
    decay_begin,
    write_config,
)
from poselift.training.schedules import Trapezoid

#: How often a checkpoint is looked for anew that the training replaces while it is copied.
_ATTEMPTS = 10


def branch_off(
    config: TrainingConfig, source: Path, folder: Path, decay: int, *, resume: bool = False
) -> TrainingConfig:
    """Start a decay in `folder` from the last checkpoint of the run in `source`.

    config  of that run; where it was to end does not matter.
    decay   epochs in which the rate falls to 0, from the next whole epoch on.
    resume  `folder` holds such a branch already, which is continued.

    Returns the branch's config: train it with `resume`. Raises `PoseliftError` if the settings
    are not those of the run, it has no checkpoint, is in its own decay, or `folder` is taken.
    """
    if not isinstance(config.schedule, Trapezoid):
        kind = type(config.schedule).__name__.lower()
        raise PoseliftError(
            f"--decay branches off a training by --recipe shipped, this one is {kind}"
        )
    if decay < 1:
        raise PoseliftError(f"--decay: expected at least 1 epoch, got {decay}")
    if resume:
        stored = compare_config(config, folder, but=END)
        return _ending(config, stored["epochs"], stored["schedule.decay"])
    check_folder(config, folder, resume=False)
    stored = compare_config(config, source, but=END)
    for _ in range(_ATTEMPTS):
        last = newest_folder(source / "checkpoints", "last")
        if last is None:
            raise PoseliftError(f"{source}: has no checkpoint to branch off")
        try:
            return _copy(config, source, last, folder, decay, stored)
        except FileNotFoundError:
            continue  # the training has replaced it
    raise PoseliftError(f"{source}: its checkpoints are replaced faster than they can be copied")


def _copy(
    config: TrainingConfig,
    source: Path,
    last: Path,
    folder: Path,
    decay: int,
    stored: dict[str, Any],
) -> TrainingConfig:
    """Copy the last and the best checkpoint; `FileNotFoundError` if they vanish meanwhile."""
    progress = read_progress(last)
    begin = decay_begin(stored)
    if progress.begun > begin:
        raise PoseliftError(
            f"{source}: is in its own decay, which began after {begin:g} epochs: "
            "there is no constant rate left to branch off"
        )
    best = newest_folder(source / "checkpoints", "best")
    checkpoints = folder / "checkpoints"
    try:
        for prefix, found in (("last", last), ("best", best)):
            if found is not None:
                files = {path.name: path.read_bytes() for path in sorted(found.iterdir())}
                replace_folder(checkpoints, prefix, partial(_fill, files))
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    branch = _ending(config, progress.begun + decay, float(decay))
    write_config(branch, folder)
    return branch


def _fill(files: dict[str, bytes], folder: Path) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _ending(config: TrainingConfig, epochs: int, decay: float) -> TrainingConfig:
    """Return the config with another end."""
    assert isinstance(config.schedule, Trapezoid)  # branch_off refuses others
    return replace(config, epochs=epochs, schedule=replace(config.schedule, decay=decay))
