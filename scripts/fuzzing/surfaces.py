"""Everything that reads a byte, with valid inputs of each: the formats by their registry."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from fuzzing.children import Surface
from poselift.io.registry import Format, ReadOptions, WriteOptions, readable
from poselift.lifting import Lifter
from poselift.mocap import read_amc, read_asf, read_bvh, read_trc
from poselift.modelfiles import parse_card
from poselift.pickles.arrayfile import read_npz
from poselift.pickles.torchfile import read_torch
from poselift.pickles.unpickle import read_pickle
from poselift.poses import Detections, PoseSequence
from poselift.skeletons import COCO_17

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # small valid files are made there

from fuzzing.samples import SAMPLES
from io_samples import pair, sequence
from tiny_model import CARD, tiny_onnx

ASF = """:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name lfemur
     direction 0.3 -0.9 0
     length 7.2
     axis 0 0 20 XYZ
     dof rx ry rz
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
:hierarchy
  begin
    root lfemur
  end
"""
AMC = ":FULLY-SPECIFIED\n:DEGREES\n" + "".join(
    f"{n}\nroot 1 2 3 4 5 6\nlfemur {n} 2 3\n" for n in range(1, 6)
)
BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0.0 0.0 0.0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0.0 10.0 0.0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0.0 5.0 0.0
    }
  }
}
MOTION
Frames: 4
Frame Time: 0.0333333
""" + "".join(f"{n} 90 0 1 2 3 4 5 6\n" for n in range(4))
TRC = (
    "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
    "60\t60\t5\t2\tm\t60\t1\t5\nFrame#\tTime\tRHip\t\t\tLHip\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n\n"
) + "".join(f"{n + 1}\t{n / 60:.4f}\t0.1\t1.0\t{n}\t0.2\t1.1\t0.3\n" for n in range(5))


def surfaces(folder: Path) -> dict[str, Surface]:
    """Return all readers by name; their valid inputs are written below `folder`."""
    found = [_of_format(entry, folder / entry.name) for entry in readable()]
    found += _motion(folder / "motion")
    found += _models(folder / "models")
    return {one.name: one for one in found}


def _of_format(entry: Format, folder: Path) -> Surface:
    """Make the surface of a registered format: what it writes itself, and given samples.

    Raises `LookupError` for a format that does neither: a new reader needs a sample.
    """
    folder.mkdir(parents=True)
    paths: list[Path] = []
    results, people = (pair(count=6, person_id=4),), (sequence(6),)
    for suffix in entry.suffixes:
        options = WriteOptions(suffix, entry.axes)
        for name, write, what in (("3d", entry.write, results), ("2d", entry.write_2d, people)):
            if write is not None:
                path = folder / f"{name}{suffix}"
                with path.open("wb") as stream:
                    write(_as_results(what) if name == "3d" else what, stream, options)  # type: ignore[arg-type]
                if entry.matches is None or entry.matches(path):
                    paths.append(path)
    if entry.name in SAMPLES:
        paths += SAMPLES[entry.name](folder)
    if not paths:
        raise LookupError(
            f"format {entry.name}: no valid input, add one to scripts/fuzzing/samples.py"
        )
    share = 0.05 if entry.name == "c3d" else 1.0
    return Surface(entry.name, paths, partial(_read, entry), share)


def _as_results(people: Iterable[tuple[PoseSequence, PoseSequence]]) -> object:
    from poselift.poses import Person, Results

    return Results(tuple(Person(*one) for one in people), {"model": "tiny"})


def _read(entry: Format, path: Path) -> object:
    """Recognise and read a file as `load` does, with the least that a user would say."""
    assert entry.read is not None
    if entry.matches is not None:
        entry.matches(path)
    skeleton = COCO_17 if entry.name == "numpy" else None
    found = entry.read(path, ReadOptions(skeleton, (1920, 1080), 30.0))
    if isinstance(found, Detections):
        from poselift.tracking import people_of

        return people_of(found)
    return found


def _motion(folder: Path) -> list[Surface]:
    """Readers of motion capture."""
    folder.mkdir()
    samples = {"a.asf": ASF, "a.amc": AMC, "a.bvh": BVH, "a.trc": TRC}
    for name, text in samples.items():
        (folder / name).write_text(text)
    skeleton = read_asf(folder / "a.asf")
    readers: dict[str, Callable[[Path], object]] = {
        "a.asf": read_asf, "a.amc": partial(read_amc, skeleton=skeleton),
        "a.bvh": read_bvh, "a.trc": read_trc,
    }  # fmt: skip
    return [
        Surface(f"mocap{Path(name).suffix}", [folder / name], read)
        for name, read in readers.items()
    ]


def _models(folder: Path) -> list[Surface]:
    """Readers of model files, cards and pickles."""
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(tiny_onnx())
    (folder / "card.json").write_text(json.dumps(CARD))
    value = {
        "a": np.arange(6.0),
        "b": [1, "x", (2.5, None)],
        "c": {"d": np.ones((2, 3), np.float32)},
    }
    for protocol in (2, 4):
        (folder / f"p{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
    holder = np.empty((), dtype=object)
    holder[()] = value
    np.savez_compressed(folder / "p.npz", positions_2d=holder, plain=np.arange(5))
    found = [
        Surface("model.onnx", [folder / "tiny.onnx"], lambda path: Lifter(path, threads=1)),
        Surface("card", [folder / "card.json"], lambda path: parse_card(_text(path), str(path))),
        Surface("pickle", [folder / "p2.pkl", folder / "p4.pkl"], read_pickle),
        Surface(
            "object.npz",
            [folder / "p.npz"],
            lambda path: read_npz(path, ["positions_2d", "plain"]),
        ),
    ]
    with suppress(ModuleNotFoundError):  # the research half is not installed
        found += _torch(folder)
    return found


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


def _torch(folder: Path) -> list[Surface]:
    """Readers of the research half: torch files, run folders, checkpoints to resume from."""
    import torch

    from poselift.models import build, describe, load_model, save_model
    from poselift.models.martinez import MartinezConfig

    torch.set_num_threads(1)
    torch.save({"state": {"w": torch.ones(2, 3)}, "epoch": 3}, folder / "a.pth")
    model = build("martinez", {**MartinezConfig().__dict__, "width": 8, "blocks": 1})
    run = folder / "run"
    run.mkdir()
    architecture, config = describe(model)
    card = {**CARD, "architecture": architecture, "config": config}
    save_model(run, model, card)
    return [
        Surface("torch", [folder / "a.pth"], read_torch),
        Surface("run", [run], load_model),
    ]
