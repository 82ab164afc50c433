"""How far a command is, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from poselift.cli.tables import no_markup
from poselift.errors import escaped

#: Seconds between two lines, where no terminal shows a bar.
INTERVAL = 30.0


@contextmanager
def counting(
    what: str, total: int | None, unit: str, quiet: bool
) -> Iterator[Callable[[int], None] | None]:
    """Show how many of `total` are done, how many a second, and the time left.

    unit  of what is counted: "poses" or "frames".

    Yields what advances it, or None if it is to be quiet.
    """
    if quiet:
        yield None
        return
    done, started = 0, time.monotonic()
    if not sys.stderr.isatty():
        with telling(what) as say:

            def advance(count: int) -> None:
                nonlocal done
                done += count
                rate = done / max(time.monotonic() - started, 1e-9)
                line = f"{what}: {done:,} {unit}, {rate:,.0f} {unit}/s"
                if total:
                    left = timedelta(seconds=round(max(total - done, 0) / rate))
                    line = (
                        f"{what}: {done:,} of {total:,} {unit}, {rate:,.0f} {unit}/s, {left} left"
                    )
                say(line)

            yield advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    rate = TextColumn("{task.fields[rate]}")
    columns = (what, BarColumn(), MofNCompleteColumn(), rate, TimeLeft())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, rate="")

        def move(count: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, advance=count, rate=f"{speed:,.0f} {unit}/s" if speed else "")

        yield move


@contextmanager
def telling(first: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, `first` to begin with: in place on a terminal.

    Yields what shows other words. Elsewhere each is a line, if the last one is `INTERVAL` ago.
    """
    from rich.console import Console

    console, said = Console(stderr=True), time.monotonic()
    if console.is_terminal:
        with console.status(first) as status:
            yield lambda words: status.update(no_markup(words))
        return

    def say(words: str) -> None:
        nonlocal said
        if time.monotonic() - said >= INTERVAL:
            said = time.monotonic()
            print(escaped(words), file=sys.stderr, flush=True)

    yield say
