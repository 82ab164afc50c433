"""Is a TRC of many markers, and a BVH of many joints, read in linear time?

    python scripts/linear.py

Prints the processor's seconds for a quarter, a half and all of 30,000 markers and 20,000 joints
(all on one root, and each on the one before), read alone and by `load`. Exit status 1 if twice as
takes more than three times as long.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from poselift.errors import PoseliftError
from poselift.io import load
from poselift.mocap import read_bvh, read_trc

FRAMES = 4


def trc(count: int) -> str:
    """A TRC file of so many markers."""
    names = "\t\t\t".join(f"M{number}" for number in range(count))
    row = "\t".join(["1.25"] * 3 * count)
    return (
        "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        f"\tOrigNumFrames\n60\t60\t{FRAMES}\t{count}\tm\t60\t1\t{FRAMES}\n"
        f"Frame#\tTime\t{names}\t\t\n\t\t"
        + "\t".join(f"{axis}{number}" for number in range(count) for axis in "XYZ")
        + "\n\n"
        + "".join(f"{number + 1}\t{number / 60}\t{row}\n" for number in range(FRAMES))
    )


def bvh(count: int, *, chain: bool) -> str:
    """A BVH file of so many joints, which hang on one root or each on the one before."""
    channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    body = f"\nOFFSET 0 1 0\n{channels}\n"
    inner = (f"JOINT j{number}\n{{{body}" for number in range(count - 1))
    if chain:
        joints = "".join(inner) + "}\n" * (count - 1)
    else:
        joints = "".join(f"{one}}}\n" for one in inner)
    row = " ".join(["0.5"] * 6 * count)
    return (
        f"HIERARCHY\nROOT Hips\n{{{body}{joints}}}\nMOTION\nFrames: {FRAMES}\nFrame Time: 0.04\n"
        + f"{row}\n" * FRAMES
    )


def main() -> int:
    """Measure and report."""
    makers: dict[str, tuple[Callable[[int], str], int, str, Callable[[Path], object]]] = {
        "TRC": (trc, 30_000, "a.trc", read_trc),
        "BVH, all on one root": (lambda n: bvh(n, chain=False), 20_000, "a.bvh", _moved),
        "BVH, one chain": (lambda n: bvh(n, chain=True), 20_000, "a.bvh", _moved),
    }
    steep = False
    with tempfile.TemporaryDirectory() as folder:
        for title, (make, most, name, read) in makers.items():
            path, took = Path(folder) / name, list[tuple[float, float]]()
            for count in (most // 4, most // 2, most):
                path.write_text(make(count))
                took.append((_seconds(read, path), _seconds(_loaded, path)))
            for what, times in zip(("read", "load"), zip(*took, strict=True), strict=True):
                ratios = [after / before for before, after in pairwise(times)]
                steep |= max(ratios) > 3
                shown = ", ".join(f"{one:.2f}" for one in times)
                print(f"{title}, {most:,}: {what} {shown} s of the processor", flush=True)
    return 1 if steep else 0


def _moved(path: Path) -> object:
    return read_bvh(path).world()


def _loaded(path: Path) -> object:
    try:
        return load(path)
    except PoseliftError as error:
        return error


def _seconds(work: Callable[[Path], object], path: Path) -> float:
    started = time.process_time()
    work(path)
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
