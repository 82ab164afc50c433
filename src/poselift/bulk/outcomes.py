"""What comes of a shard: a report, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from poselift.errors import PoseliftError

#: Whose fault a failure is: the shard's, the place's that outputs go to, the machine's or the run's
#: own, or that of nothing but a node that went away.
Fault = Literal["shard", "output", "machine", "node"]


class Unwritable(PoseliftError):
    """An output, or a note about one, cannot be written: no fault of the shard."""


class Unfit(PoseliftError):
    """This machine cannot do the work as the others do."""


@final
@dataclass(frozen=True)
class Report:
    """A shard that is done, or that another process has.

    lifted    clips (files of keypoints, videos) that were lifted now.
    skipped   clips that had been lifted before, from the same input.
    frames    frames with somebody in them, `poses` persons in frames, `persons` persons.
    seconds   that it took.
    warnings  what was doubtful about the inputs.
    held      whether another process is at it; nothing was done then.
    holder    what tells one holding from another, for locks that have to be declared dead.
    """

    shard: str
    lifted: int = 0
    skipped: int = 0
    frames: int = 0
    poses: int = 0
    persons: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    held: bool = False
    holder: str = ""


@final
@dataclass(frozen=True)
class Failure:
    """A shard that came to nothing, and why in one sentence."""

    shard: str
    sentence: str
    fault: Fault


Outcome = Report | Failure
