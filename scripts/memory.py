"""How much memory each reader takes: valid inputs grown to a size, and small ones made to swell.

    python scripts/memory.py                 # 4 MB and 200 MB of every format, 4 MB of bombs
    python scripts/memory.py grown --size 200 --reader openpose
    python scripts/memory.py bombs --reader "mediapipe*"

Each is read in a child of its own by the surfaces of `scripts/fuzz.py`, formats by `poselift
convert` from end to end, and what counts is the child's peak above the warm process: at most
150 MiB for 4 MB, and 1 GiB for 200 MB. Exit status 1 if one takes more, or ends in no sentence.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.children import Surface
from fuzzing.surfaces import surfaces

#: Most MiB above the idle process by the megabytes of an input.
LIMITS = {4: 150, 200: 1024}

#: Seconds that a reading may take: 10 for what is small.
PATIENCE = {4: 60, 200: 600}

#: Keys of JSON and columns of tables that number what is repeated.
_NUMBERS = ("id", "image_id", "frame", "frame_id", "frame_index")


def main() -> int:
    """Parse, measure, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("all", "grown", "bombs"), default="all")
    parser.add_argument("--size", type=int, action="append", choices=tuple(LIMITS))
    parser.add_argument("--reader", default="*", help="a name, * at its end")
    arguments = parser.parse_args()
    bad, worst = 0, dict.fromkeys(LIMITS, 0.0)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        known = surfaces(place / "valid")
        commands = {"command.convert", "command.lift", "command.view", "command.angles"}
        chosen = [s for n, s in known.items() if fnmatch(n, arguments.reader) and n not in commands]
        for surface in chosen:
            for title, size, path in _inputs(surface, arguments, place / "grown"):
                convert = known["command.convert"].read if _is_format(surface) else None
                fault, peak, seconds = _measure(convert or surface.read, path, PATIENCE[size])
                worst[size] = max(worst[size], peak)
                over = peak > LIMITS[size] or fault
                bad += bool(over)
                words = f"{surface.name:24} {title:44} {peak:6.0f} MiB {seconds:6.1f} s"
                if over or arguments.what != "bombs":
                    print(f"{words}  {'FAULT ' + fault if over else ''}", flush=True)
    for size, peak in worst.items():
        print(f"{size} MB: at most {peak:.0f} MiB above the idle process (limit {LIMITS[size]})")
    return 1 if bad else 0


def _is_format(surface: Surface) -> bool:
    from poselift.io.registry import readable

    return surface.name in {entry.name for entry in readable()}


def _inputs(
    surface: Surface, arguments: argparse.Namespace, place: Path
) -> Iterator[tuple[str, int, Path]]:
    """Yield what is measured, one after the other: its title, megabytes and path."""
    for number, sample in enumerate(surface.samples):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        title = f"{sample.name} {number}" if len(surface.samples) > 1 else sample.name
        if arguments.what != "bombs":
            for size in arguments.size or LIMITS:
                target = place / sample.name
                if grow(sample, target, size * 1_000_000):
                    yield f"{title}, grown to {size} MB", size, target
                shutil.rmtree(target, ignore_errors=True)
                target.unlink(missing_ok=True)
        if arguments.what != "grown" and sample.is_file():
            for words, data in bombs(sample, 4_000_000):
                target = place / sample.name
                target.write_bytes(data)
                yield f"{title}: {words}", 4, target


def _measure(
    read: Callable[[Path], object], path: Path, seconds: float
) -> tuple[str, float, float]:
    """Read in a child; return what went wrong, its peak above the start in MiB, and seconds."""
    read_end, write_end = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _work(read, path, write_end)
    os.close(write_end)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() - started > seconds:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.02)
    with os.fdopen(read_end) as stream:
        said = stream.read()
    took = time.monotonic() - started
    if not said:
        return ("hangs" if took > seconds else "died"), 0.0, took
    fault, peak = json.loads(said)
    return fault, peak, took


def _work(read: Callable[[Path], object], path: Path, write_end: int) -> None:
    """Be the child."""
    from poselift.errors import PoseliftError

    null = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(null, stream)
    fault, before = "", _status("VmRSS")
    try:
        read(path)
    except PoseliftError:
        pass
    except BaseException as error:  # all of it is told
        fault = f"{type(error).__name__}: {error}"[:200]
    os.write(write_end, json.dumps([fault, (_status("VmHWM") - before) / 1024]).encode())
    os._exit(0)


def _status(name: str) -> int:
    """Return a line of what the system says of this process, kB."""
    found = re.search(rf"{name}:\s*(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


# ---- grown inputs ----------------------------------------------------------------------------


def grow(sample: Path, target: Path, size: int) -> bool:
    """Write a valid input with more of the same, about `size` bytes; False if that has no sense."""
    if sample.is_dir():
        return _grow_folder(sample, target, size)
    data = sample.read_bytes()
    if data[:2] == b"PK" or data[:6] == b"\x93NUMPY":
        return _grow_arrays(sample, target, size)
    start = data.lstrip()[:1]
    if start in (b"{", b"["):
        return _grow_json(json.loads(data), target, size)
    if b"\x00" not in data and data.count(b"\n") > 3:
        return _grow_text(data.decode(), target, size)
    return False


def _grow_folder(sample: Path, target: Path, size: int) -> bool:
    """Repeat the files of a folder under the numbers that follow."""
    files = sorted(path for path in sample.iterdir() if path.is_file())
    if len({path.suffix for path in files}) != 1 or files[0].suffix not in (".json", ".txt"):
        return False
    target.mkdir()
    count = 20_000 if size > 10_000_000 else 400
    each = size // count
    for number in range(count):
        digits = re.search(r"\d+", files[0].name)
        padded = f"{number:0{len(digits[0])}d}" if digits else ""
        name = re.sub(r"\d+", padded, files[0].name, count=1)
        place = target / name
        if files[0].suffix == ".txt":
            line = files[0].read_bytes()
            place.write_bytes(line * max(1, each // len(line)))
        elif not _grow_json(json.loads(files[0].read_bytes()), place, each):
            place.write_bytes(files[0].read_bytes())
    return True


def _largest(content: Any) -> tuple[Any, Any]:
    """Return the container in a JSON value, and in it the key, of the longest list of entries."""
    best: tuple[int, Any, Any] = (0, None, None)
    todo: list[tuple[Any, Any, Any]] = [(None, None, content)]
    while todo:
        holder, key, value = todo.pop(0)
        entries = value.values() if isinstance(value, dict) else value
        if not isinstance(value, dict | list):
            continue
        whole = isinstance(value, list) and all(isinstance(one, dict | list) for one in value)
        text = len(json.dumps(value)) if whole and value else 0
        if text > 1.2 * best[0]:
            best = text, holder, key
        places = value.items() if isinstance(value, dict) else enumerate(value)
        todo += [(value, k, v) for k, v in places if isinstance(v, dict | list)]
        del entries
    return best[1], best[2]


def _grow_json(content: Any, target: Path, size: int) -> bool:
    """Repeat the entries of the longest list; those with a number get the next."""
    holder, key = _largest(content)
    whole = content if holder is None else holder[key]
    if not isinstance(whole, list) or not whole:
        return False
    entries = copy.deepcopy(whole)
    if holder is None:
        content = ["\x01"]
    else:
        holder[key] = ["\x01"]
    before, _, after = json.dumps(content).partition('"\\u0001"')
    with target.open("w") as stream:
        number, written = 0, stream.write(before)
        while written < size:
            one = entries[number % len(entries)]
            if isinstance(one, dict):
                one.update({k: number for k in _NUMBERS if type(one.get(k)) is int})
                one.update({k: f"{number}.jpg" for k in ("image_id",) if type(one.get(k)) is str})
            written += stream.write((", " if number else "") + json.dumps(one))
            number += 1
        stream.write(after)
    return True


def _grow_text(text: str, target: Path, size: int) -> bool:
    """Repeat the last frame of a table, its first number counting on."""
    lines = text.rstrip("\n").split("\n")
    if ":bonedata" in text:
        return False
    rows = 1
    if ":DEGREES" in text:  # a frame of AMC is its number and a line a bone
        rows = len(lines) - max(k for k, line in enumerate(lines) if line.strip().isdecimal())
    timed = lines[0].startswith("frame,time")
    if timed:  # a frame is a row, or a row for each joint
        rows = sum(line.split(",")[0] == lines[-1].split(",")[0] for line in lines)
    block, head = lines[-rows:], lines[:-rows]
    if timed:
        return _grow_timed(head, block, target, size)
    match = re.match(r"(\d+)(.*)", block[0], re.S)
    number = int(match[1]) if match else 0
    with target.open("w") as stream:
        stream.write("\n".join(head) + "\n")
        written, rest = 0, "\n".join([match[2] if match else block[0], *block[1:]])
        while written < size:
            written += stream.write(f"{number}{rest}\n" if match else rest + "\n")
            number += 1
    return True


def _grow_timed(head: list[str], block: list[str], target: Path, size: int) -> bool:
    """Repeat the rows of a frame, of which number and time count on."""
    number = int(block[0].split(",")[0])
    step = float(block[0].split(",")[1]) / number
    rests = [line.split(",", 2)[2] for line in block]
    with target.open("w") as stream:
        written = stream.write("\n".join(head) + "\n")
        while written < size:
            start = f"{number},{number * step:.7f}"
            written += stream.write("".join(f"{start},{rest}\n" for rest in rests))
            number += 1
    return True


def _grow_arrays(sample: Path, target: Path, size: int) -> bool:
    """Repeat the rows of plain arrays that have the most rows; frames count on."""
    if sample.suffix == ".npy":
        array = np.load(sample)
        np.save(target, np.concatenate([array] * max(1, size // array.nbytes)))
        return True
    try:
        with np.load(sample, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except ValueError:  # pickled objects
        return False
    rows = max((len(a) for a in arrays.values() if a.ndim), default=0)
    each = {n: a for n, a in arrays.items() if a.ndim and len(a) == rows and a.dtype.kind in "fiu"}
    times = size // max(1, sum(a.nbytes for a in each.values()))
    for name, array in each.items():
        arrays[name] = np.concatenate([array] * max(1, times))
    for name in ("frame", "time_s", "clip"):
        if name in each:
            arrays[name] = np.arange(len(arrays[name])).astype(each[name].dtype)
    if "person_id" in each:
        arrays["person_id"] = np.zeros_like(arrays["person_id"])
    with target.open("wb") as stream:
        np.savez(stream, **arrays)
    return True


# ---- bombs -----------------------------------------------------------------------------------

#: What a value of JSON is replaced by, again and again until the size is reached.
_FILL = ("[]", "{}", "0", '"a"', "null", '{"a":0}', "[0]", "[[]]", "1e5")


def bombs(sample: Path, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield small inputs that are made to swell: values of JSON and words of text, repeated."""
    data = sample.read_bytes()
    if data.lstrip()[:1] in (b"{", b"["):
        yield from _json_bombs(json.loads(data), size)
    elif b"\x00" not in data and b"\n" in data:
        yield from _text_bombs(data, size)
    elif sample.suffix in (".pkl",):
        yield "a list of lists", b"\x80\x02(" + b"]" * (size - 5) + b"l."
        yield "a list of dicts", b"\x80\x02(" + b"}" * (size - 5) + b"l."
        yield "a list of numbers", b"\x80\x02(" + b"K\x01" * (size // 2) + b"l."
        yield "lists in lists", b"\x80\x02" + b"]" * (size // 2) + b"a" * (size // 2) + b"."


def _json_bombs(content: Any, size: int) -> Iterator[tuple[str, bytes]]:
    """At each kind of place in the value, a list of many and an object of many."""
    seen: set[str] = set()
    todo: list[tuple[Any, Any, str]] = [({"": content}, "", "")]
    root = todo[0][0]
    while todo:
        holder, key, way = todo.pop(0)
        value, way = holder[key], f"{way}/{key if isinstance(key, str) else '*'}"
        way = re.sub(r"/\d+[^/]*", "/#", way)
        if isinstance(value, dict | list):
            places = value.items() if isinstance(value, dict) else enumerate(value)
            todo += [(value, k, way) for k, _ in places]
        if way in seen:
            continue
        seen.add(way)
        holder[key] = "\x01"
        text = json.dumps(root[""]).encode()
        holder[key] = value
        before, _, after = text.partition(b'"\\u0001"')
        for fill in _FILL:
            many = (fill.encode() + b",") * (size // (len(fill) + 1))
            yield f"{way} a list of {fill}", before + b"[" + many + fill.encode() + b"]" + after
        pairs = b",".join(b'"%d":0' % number for number in range(size // 12))
        yield f"{way} an object of many keys", before + b"{" + pairs + b"}" + after
        yield f"{way} a long text", before + b'"' + b"y" * size + b'"' + after


def _text_bombs(data: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Lines and words without end at the start, in the middle and at the end."""
    lines = data.split(b"\n")
    for words, piece in (
        ("empty lines", b"\n"), ("commas", b","), ("tabs", b"\t"), ("numbers", b"1 "),
        ("numbers, commas", b"1,"), ("numbers, tabs", b"1\t"), ("lines of a number", b"1\n"),
        ("a long word", b"y"), ("lines of a letter", b"a\n"), ("quotes", b'"'), ("braces", b"{\n"),
        ("YAML lists", b"- [1]\n"), ("YAML in one line", b"[1],"), ("TOML tables", b"[a.b]\n"),
    ):  # fmt: skip
        many = piece * (size // len(piece))
        for place in sorted({0, 1, len(lines) // 2, len(lines) - 1}):
            yield f"{words} at line {place + 1}", b"\n".join([*lines[:place], many, *lines[place:]])
        yield f"{words} alone", many


if __name__ == "__main__":
    sys.exit(main())
