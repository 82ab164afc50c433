"""The commands themselves, from end to end: damaged inputs, every output, one sentence or a file.

What a reader lets through goes on to tracking, lifting, filters and writers; here all of that runs.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzzing.children import Surface
from poselift.cli import app, main
from poselift.io import load
from poselift.io.registry import all_formats, writers

#: Commands that read nothing of a user's but options.
WITHOUT_FILES = ("formats",)

#: Commands whose readers are all damaged elsewhere, and whose own work takes too long for that.
ELSEWHERE = {
    "bench": "model.onnx",
    "bulk": "shards, parquet",
    "data": "data.own",
    "export": "run, stopped",
    "import": "import",
    "reproduce": "result.json, weights.onnx",
    "train": "resume, init, branch, data sets",
}

#: What is tried together, chosen by the input's own bytes.
_LIFTS: tuple[tuple[str, ...], ...] = (
    (), ("--root",), ("--world", "--root"), ("--floor", "feet", "--root"), ("--bones", "symmetric"),
    ("--height", "1.8"), ("--smooth", "none"), ("--smooth", "median"), ("--smooth", "one-euro"),
    ("--smooth", "hampel"), ("--smooth", "savgol"), ("--person", "main"), ("--person", "0"),
    ("--no-flip",), ("--normalised", "--size", "1920x1080"), ("--fps", "25", "--size", "1920x1080"),
    ("--fov", "60", "--size", "1920x1080"),
)  # fmt: skip
_CONVERSIONS: tuple[tuple[str, ...], ...] = (
    (), ("--to", "h36m_17"), ("--to", "coco_17"), ("--axes", "z-up"), ("--axes", "camera"),
    ("--person", "main"), ("--person", "900,400"), ("--fps", "29.97"), ("--size", "640x480"),
)  # fmt: skip


def commands(surfaces: Sequence[Surface], folder: Path) -> list[Surface]:
    """Make surfaces of the commands from the valid inputs of the readers.

    Raises `LookupError` for a command that is neither tried here nor named above.
    """
    folder.mkdir()
    known = {one.name: one for one in surfaces}
    formats = [
        s
        for e in all_formats()
        if e.name in known and e.name != "c3d"
        for s in known[e.name].samples
    ]
    model = known["model.onnx"].samples[0]
    found = [
        _Command(
            "convert",
            formats,
            lambda p, o, n: ["convert", p, *_outputs(o, n, 2), *_pick(_CONVERSIONS, n)],
        ),
        _Command(
            "lift",
            formats,
            lambda p, o, n: [
                "lift",
                p,
                "--model",
                model,
                "--threads",
                1,
                *_outputs(o, n, 2),
                *_pick(_LIFTS, n),
            ],
        ),
        _Command("view", formats, lambda p, o, n: ["view", p, "-o", o / "a.html"]),
        _Command(
            "angles",
            formats,
            lambda p, o, n: [
                "angles",
                p,
                "-o",
                o / f"a{_pick(('.csv', '.mot', '.html', '.parquet'), n)}",
            ],
        ),
    ]
    walk = folder / "walk.json"
    shutil.copy(Path(__file__).parents[2] / "examples" / "walk.json", walk)
    lift = ["lift", walk, "--model", model, "--threads", 1, "--root", "--world"]
    found.append(
        _Command(
            "lift.calibration",
            known["calibration"].samples,
            lambda p, o, n: [*lift, "--calibration", p, "-o", o / "a.npz"],
        )
    )
    for name in ("video", "stills"):
        if name in known:
            samples = known[name].samples
            found.append(
                _Command(
                    f"detect.{name}",
                    samples,
                    lambda p, o, n: ["detect", p, "-o", o / "a.npz"],
                    0.01,
                )
            )
    if "run" in known:
        found += _measuring(known, model)
    tried = {one.name.split(".")[0] for one in found} | {*WITHOUT_FILES, *ELSEWHERE}
    names = {str(one.name) for one in app.registered_commands}
    if names - tried:
        raise LookupError(
            f"command {', '.join(names - tried)}: try it in scripts/fuzzing/commands.py"
        )
    return [Surface(f"command.{one.name}", one.samples, one, one.share) for one in found]


def _measuring(known: dict[str, Surface], model: Path) -> list[_Command]:
    """Commands that measure on data sets."""
    found = []
    for name, one in known.items():
        data = name.split(".")[1] if name.startswith("data.") else ""
        if data in ("cmu17", "h36m", "3dhp", "pose2sim"):
            words = ["eval", "--model", model, "--threads", 1, "--data", data, "--root"]
            found.append(_Command(f"eval.{name[5:]}", one.samples, _evaluating(words), 0.03))
    return found


def _evaluating(words: list[object]) -> Callable[[Path, Path, int], list[object]]:
    return lambda path, out, number: [
        *words,
        path,
        "--json",
        out / "a.json",
        "--csv",
        out / "a.csv",
    ]


def _outputs(out: Path, number: int, count: int) -> list[object]:
    """Name some outputs, every kind in turn; the slow ones now and then."""
    slow = {".mp4": 10**9, ".c3d": 20}
    every = [s for s, entry in sorted(writers().items()) if number % slow.get(s, 1) == 0]
    chosen = {every[(number // 7 + 5 * k) % len(every)] for k in range(count)}
    return [word for k, s in enumerate(sorted(chosen)) for word in ("-o", out / f"o{k}{s}")]


def _pick(choices: Sequence[tuple[str, ...]] | Sequence[str], number: int) -> tuple[str, ...] | str:
    return choices[(number // 31) % len(choices)]


@dataclass(frozen=True)
class _Command:
    """A command on an input: `words` are made of the input, a folder for outputs, and a number."""

    name: str
    samples: Sequence[Path]
    words: Callable[[Path, Path, int], list[object]]
    share: float = 0.08

    def __call__(self, path: Path) -> object:
        """Run it; `AssertionError` for anything but files that can be read, or one sentence."""
        number = zlib.crc32(b"".join(one.read_bytes() for one in _files(path)))
        with tempfile.TemporaryDirectory() as name:
            out = Path(name)
            status, told, said, warned = call([str(word) for word in self.words(path, out, number)])
            left = [one for one in out.rglob("*") if one.is_file()]
            lines = said.splitlines()
            _expect(not _odd(told) and not _odd(said), f"control characters: {told!r} {said!r}")
            _expect(not warned, f"Python warns: {warned}")
            _expect(not [one for one in left if one.name.endswith(".part")], f"left: {left}")
            if status == 2:
                _expect(bool(lines) and lines[-1].startswith("poselift: error: "), said)
                _expect(not left, f"refused, but wrote {left}")
                rest = lines[:-1]
            else:
                _expect(status == 0, f"exit status {status}: {said}")
                _expect(bool(left), "no output")
                rest = lines
            _expect(
                all(one.startswith(("poselift: warning: ", "not in the file")) for one in rest),
                said,
            )
            for one in left if status == 0 else ():
                _read_again(one)
        return status


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _odd(text: str) -> bool:
    return any(c != "\n" and not c.isprintable() for c in text)


def _expect(fine: bool, words: str) -> None:
    if not fine:
        raise AssertionError(words[:600])


_READ_BACK = tuple(
    suffix
    for entry in all_formats()
    if entry.read is not None and entry.write is not None and entry.name != "c3d"
    for suffix in entry.suffixes
)


def _read_again(path: Path) -> None:
    """Read what was written, where that is a format that is read."""
    _expect(path.stat().st_size > 0, f"{path.name} is empty")
    beside = path.name.endswith(".poselift.json")
    if path.name.startswith("o") and path.name.endswith(_READ_BACK) and not beside:
        load(path)


def call(words: Sequence[str]) -> tuple[int, str, str, list[str]]:
    """Run a command in this process; return exit status, stdout, stderr and Python's warnings."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    before = sys.argv, sys.stdout, sys.stderr, os.getcwd()
    sys.argv, sys.stdout, sys.stderr = ["poselift", *words], out, err
    status = -1
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            try:
                main()
            except SystemExit as stopped:
                status = stopped.code if isinstance(stopped.code, int) else 0
        out.flush()
        err.flush()
    finally:
        sys.argv, sys.stdout, sys.stderr = before[:3]
    told, said = (one.buffer.getvalue().decode() for one in (out, err))
    return status, told, said, [f"{one.category.__name__}: {one.message}" for one in warned]
