"""Working ahead in a thread: what the next stage will need is made while it is still busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar, final

Item = TypeVar("Item")


@final
class Ahead(Generic[Item]):
    """Runs an iterable in a thread of its own, at most `depth` items ahead of its reader.

    With `drop` the thread never waits: when the reader is late, the oldest item goes and is counted
    in `dropped`. What the iterable raises is raised in the reader. Close it, or use `with`.
    """

    def __init__(self, items: Iterable[Item], depth: int, *, drop: bool = False) -> None:
        """Start at once."""
        self.dropped = 0
        self._items, self._depth, self._drop = items, depth, drop
        self._ready: deque[Item] = deque()
        self._change = Condition()
        self._done = self._stop = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="poselift-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Fill the queue."""
        try:
            for item in self._items:
                with self._change:
                    while len(self._ready) >= self._depth and not self._stop:
                        if self._drop:
                            self._ready.popleft()
                            self.dropped += 1
                        else:
                            self._change.wait()
                    if self._stop:
                        return
                    self._ready.append(item)
                    self._change.notify_all()
                del item  # or the last picture lives as long as the next takes
        except BaseException as error:
            self._error = error
        finally:
            with self._change:
                self._done = True
                self._change.notify_all()

    def __iter__(self) -> Iterator[Item]:
        """Yield the items as they become ready."""
        while True:
            with self._change:
                while not self._ready and not self._done:
                    self._change.wait(0.2)  # with a limit, so that Ctrl-C gets through on Windows
                if not self._ready:
                    break
                item = self._ready.popleft()
                self._change.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop the thread and wait for it to end."""
        with self._change:
            self._stop = True
            self._ready.clear()
            self._change.notify_all()
        self._thread.join(timeout=5)

    def __enter__(self) -> Ahead[Item]:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.close()
