"""The one function that all engines run: a shard in, a shard out."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import final

from poselift import io
from poselift.bulk.locks import holding
from poselift.bulk.manifest import Done, Manifest, lock_of
from poselift.bulk.outcomes import Failure, Outcome, Report, Unfit, Unwritable
from poselift.bulk.shards import Clip, Shard, clips
from poselift.bulk.stores import Store
from poselift.bulk.work import Work
from poselift.errors import PoseliftError


def lift_shard(
    shard: Shard, source: Store, target: Store, work: Work, owner: str, expired: str = ""
) -> Report:
    """Lift all clips of a shard that are not done; the same input gives the same bytes again.

    source, target  the store that the shard is in, and that of the outputs of this very `work`.
    owner           who asks, as in `holding`; `expired` too.

    Each output appears whole, then its note in the manifest. A clip of which the manifest knows the
    same input is passed over. Of a list, all videos are tried. Raises `PoseliftError` for what
    cannot be read or lifted, `Unwritable` for what cannot be written, `Unfit` if this machine
    cannot do it.
    """
    started = time.perf_counter()
    with holding(target, lock_of(shard.name), owner, expired) as hold:
        if not hold.ours:
            return Report(shard.name, held=True, holder=hold.holder)
        manifest, report = Manifest(target), Report(shard.name)
        count, failed = 0, list[str]()
        for clip in clips(source, shard):
            count += 1
            try:
                report = _add(report, *_lift_clip(clip, target, manifest, work, owner))
            except (Unwritable, Unfit):
                raise
            except PoseliftError as error:
                failed.append(str(error))
        if failed and shard.kind == "list":
            raise PoseliftError(
                f"{source.place(shard.name)}: {len(failed)} of {count} videos failed: "
                + "; ".join(failed[:3])
            )
        if failed:
            raise PoseliftError(failed[0])
        manifest.release(shard.name)
    return replace(report, seconds=time.perf_counter() - started)


def _lift_clip(
    clip: Clip, target: Store, manifest: Manifest, work: Work, owner: str
) -> tuple[Done, bool]:
    """Lift one clip unless it is done; return what is known of it, and whether it was lifted."""
    started = time.perf_counter()
    known, tag = manifest.done(clip.output), clip.tag or clip.store.tag(clip.name)
    if known is not None and tag and known.input_tag == tag:
        return known, False
    with clip.store.copy(clip.name) as path:
        digest = sha256(path)
        if known is not None and known.input_sha256 == digest:
            return known, False
        results, frames, warnings = work.lift(path, clip.shown)
    with target.writing(clip.output) as path:
        io.save(results, path)
        size, written = path.stat().st_size, sha256(path)
    done = Done(
        input=clip.shown,
        input_sha256=digest,
        output=clip.output,
        output_sha256=written,
        output_bytes=size,
        frames=frames,
        poses=sum(len(one.poses_3d) for one in results.people),
        persons=len(results),
        seconds=round(time.perf_counter() - started, 3),
        owner=owner,
        finished=now(),
        input_tag=tag,
        warnings=warnings,
    )
    manifest.add(done)
    return done, True


def _add(report: Report, done: Done, lifted: bool) -> Report:
    """Count a clip."""
    return replace(
        report,
        lifted=report.lifted + lifted,
        skipped=report.skipped + (not lifted),
        frames=report.frames + done.frames,
        poses=report.poses + done.poses,
        persons=report.persons + done.persons,
        warnings=(*report.warnings, *done.warnings),
    )


@final
@dataclass(frozen=True)
class Job:
    """Everything but the shard; travels to the workers once."""

    source: Store
    target: Store
    work: Work
    owner: str

    def attempt(self, shard: Shard, expired: str = "") -> Outcome:
        """Do as `lift_shard`, and return what is wrong instead of raising it."""
        where = self.source.place(shard.name)
        try:
            return lift_shard(shard, self.source, self.target, self.work, self.owner, expired)
        except Unwritable as error:
            return Failure(shard.name, str(error), "output")
        except Unfit as error:
            return Failure(shard.name, str(error), "machine")
        except PoseliftError as error:
            return Failure(shard.name, str(error), "shard")
        except MemoryError:
            return Failure(shard.name, f"{where}: does not fit into the memory", "shard")
        except Exception as error:  # a fault of ours must not end the others' work either
            first = (str(error) or "no words").splitlines()[0]
            sentence = PoseliftError(f"{where}: {type(error).__name__}: {first}")
            return Failure(shard.name, str(sentence), "shard")


def sha256(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal; `PoseliftError` if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    return digest.hexdigest()


def now() -> str:
    """Return the time in UTC as a manifest says it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
