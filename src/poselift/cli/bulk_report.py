"""How far a run of `poselift bulk` is, and what it did, in words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from poselift.cli.progress import telling
from poselift.cli.saying import say as say_line
from poselift.cli.saying import warn
from poselift.errors import escaped

if TYPE_CHECKING:
    from poselift.bulk import Summary

#: Sentences printed of failures, and of warnings.
_SHOWN = 10


@contextmanager
def shown(quiet: bool) -> Iterator[Callable[[Summary], None] | None]:
    """Show on stderr how far a run is; yields what takes that, or None if it is to be quiet."""
    if quiet:
        yield None
        return
    with telling("looking at the shards") as say:
        yield lambda summary: say(_how_far(summary))


def _how_far(summary: Summary) -> str:
    """Say how far a run is and when it will end."""
    left = summary.seconds_left
    parts = [
        f"{summary.shards - summary.left} of {summary.shards} shards",
        f"{summary.frames:,} frames",
        f"{summary.frames_now / max(summary.seconds, 1e-9):,.0f} frames/s",
        "time left unknown" if left is None else f"{_duration(left)} left",
    ]
    if summary.failures:
        parts.insert(1, f"{len(summary.failures)} failed")
    return ", ".join(parts)


def say(summary: Summary, quiet: bool) -> None:
    """Print what failed, what was doubtful, and what was done."""
    for kind, all_of_it in (
        ("warning", dict.fromkeys(summary.warnings)),
        ("failed", summary.failures.values()),
    ):
        lines = list(all_of_it)
        for line in lines[:_SHOWN]:
            print(f"poselift: {kind}: {escaped(line)}", file=sys.stderr)
        if len(lines) > _SHOWN:
            print(f"poselift: {kind}: and {len(lines) - _SHOWN} more", file=sys.stderr)
    if summary.passed_over and not quiet:
        first, *more = summary.passed_over
        others = f" and {len(more)} more, no shards" if more else ", no shard"
        warn(f"passed over {first}{others}")
    if summary.failures:
        print(f"poselift: failures are noted in {summary.quarantine}", file=sys.stderr)
    if not quiet:
        repeated = f" ({summary.repeated} attempts repeated)" if summary.repeated else ""
        pace = summary.frames_now / max(summary.seconds, 1e-9)
        say_line(
            f"wrote {summary.folder}: {summary.lifted} shards lifted, {summary.skipped} were done, "
            f"{len(summary.failures)} failures{repeated}; {summary.frames:,} frames, "
            f"{summary.poses:,} poses of {summary.persons:,} person{'s' * (summary.persons != 1)} "
            f"in {_duration(summary.seconds)} ({pace:,.0f} frames/s)"
        )


def _duration(seconds: float) -> str:
    """Say seconds in a unit that fits."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
