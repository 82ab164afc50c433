"""One process at a shard: whoever has its lock.

In a folder that is a lock of the file system, which ends with its holder. Object stores have none;
there it is a lease: an object `SHARD.0` that only one process can create (a put on the condition
that there is none), and that its holder writes anew every few seconds. A lease that has not changed
for `EXPIRED` seconds by the clock of who waits belongs to nobody; it is taken over by creating
`SHARD.1`, which again only one can do. No clocks are compared. A holder that was only asleep
finishes what it does, and writes the same bytes as the other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import msgspec

from poselift import files
from poselift.bulk.outcomes import Unwritable
from poselift.bulk.stores import Folder, Store
from poselift.errors import PoseliftError

#: Seconds after which a lease is renewed, and after which one that is not renewed is nobody's.
RENEWED, EXPIRED = 15.0, 60.0


class Hold(NamedTuple):
    """Whether the lock is ours; if not, `holder` tells this holding from a later one."""

    ours: bool
    holder: str = ""


@contextmanager
def holding(store: Store, name: str, owner: str, expired: str = "") -> Iterator[Hold]:
    """Try to hold the lock `name` while the block runs; yields whether that is so.

    owner    the driver: what it held itself when a worker died is its own at once.
    expired  the `holder` that is known to be gone, if any.

    Raises `Unwritable`.
    """
    if isinstance(store, Folder) and files.LOCKS:
        with ExitStack() as stack:
            try:
                ours = stack.enter_context(files.locked(store.path / name))
            except PoseliftError as error:
                raise Unwritable(str(error)) from error
            yield Hold(ours)
        return
    hold = _taken(store, name, owner, expired)
    if not hold.ours:
        yield hold
        return
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, hold.holder, owner, ended), daemon=True)
    renewing.start()
    try:
        yield hold
    finally:
        ended.set()
        renewing.join()
        for lease in _leases(store, name):  # what counts is the last, so ours goes last
            if _number(lease) <= _number(hold.holder):
                store.remove(lease)


def _taken(store: Store, name: str, owner: str, expired: str) -> Hold:
    """Create the next lease if nobody has the last one; `holder` is the name of ours then."""
    leases = _leases(store, name)
    number = 0
    if leases:
        said = store.read(leases[-1]) or b"{}"
        holder = f"{leases[-1]} {said.decode(errors='replace')}"
        if _owner_in(said) != owner and holder != expired:
            return Hold(False, holder)
        number = _number(leases[-1]) + 1
    lease = f"{name}.{number}"
    return Hold(store.create(lease, _content(owner, 0)), lease)


def _owner_in(said: bytes) -> str:
    """Return who a lease says has it; nobody if it is damaged."""
    try:
        return str(msgspec.json.decode(said, type=dict[str, Any]).get("owner"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _leases(store: Store, name: str) -> list[str]:
    """Return the leases of a lock, the one that counts last."""
    folder = name.rpartition("/")[0]
    found = [one for one in store.names(folder) if one.rpartition(".")[0] == name]
    return sorted(found, key=_number)


def _number(lease: str) -> int:
    return int(lease.rpartition(".")[2])


def _content(owner: str, beat: int) -> bytes:
    return msgspec.json.encode({"owner": owner, "beat": beat})


def _renew(store: Store, lease: str, owner: str, ended: threading.Event) -> None:
    """Write the lease anew until the end; a beat that fails is left out."""
    beat = 0
    while not ended.wait(RENEWED):
        beat += 1
        try:
            store.write(lease, _content(owner, beat))
        except PoseliftError:
            continue
