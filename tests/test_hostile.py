"""Inputs that try to break the program (../shared/cases/hostile): a result or one sentence."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from poselift.datasets.cmu import load_cmu17
from poselift.errors import PoseliftError
from poselift.files import inside
from poselift.io import csvfile, csvread, load, read_detections, textable
from poselift.io.formats import deeplabcut
from poselift.io.registry import ReadOptions, writers
from poselift.mocap import bvh, read_bvh, read_trc
from poselift.motion.calibration import read_calibration
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import COCO_17, Skeleton, get_skeleton
from writer_samples import person

Run = Callable[..., tuple[int, str, str]]

# The system counts a child's peak from before it became another program; this line does not.
WATCHED = """
import re, sys
from pathlib import Path
from poselift.cli import main
try:
    main()
finally:
    peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
    sys.stderr.write(f"peak kB: {peak}")
"""

LIMIT_MIB = 150  # above the idle process, for inputs of up to 4 MB on disk


@pytest.fixture(scope="module")
def hostile(shared: Path) -> Path:
    return shared / "cases" / "hostile"


@pytest.fixture(scope="module")
def make(hostile: Path) -> ModuleType:
    """The script that writes the larger inputs, as a module."""
    spec = importlib.util.spec_from_file_location("hostile_make", hostile / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def poselift(*arguments: object) -> tuple[int, str, float]:
    """Run the command; return exit status, stderr and its peak memory in MiB."""
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    text, _, peak = done.stderr.rpartition("peak kB: ")
    return done.returncode, text, int(peak) / 1024


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Peak memory of the command on a tiny input."""
    folder = tmp_path_factory.mktemp("idle")
    np.savez(folder / "a.npz", keypoints=np.random.default_rng(0).uniform(0, 900, (5, 17, 2)))
    status, _, peak = poselift(
        "convert", folder / "a.npz", "-o", folder / "b.npz", "--skeleton", "coco_17"
    )
    assert status == 0
    return peak


def refused(text: str) -> bool:
    return (
        text.startswith("poselift: error: ") and text.count("\n") == 1 and text[:-1].isprintable()
    )


@pytest.mark.parametrize("count", [100, 1000, 3000])
def test_a_header_is_the_same_at_any_size(make: ModuleType, tmp_path: Path, count: int) -> None:
    clip = {
        "frames": [make.frame(t) for t in range(count)],
        "fps": 25.0,
        "image_size": [1920, 1080],
        "keypoint_names": make.H36M,
    }
    (tmp_path / "clip.json").write_text(json.dumps(clip))
    found = read_detections(tmp_path / "clip.json")
    assert (found.skeleton.name, found.fps, found.image_size) == ("h36m_17", 25.0, (1920, 1080))


@pytest.mark.parametrize("second", ["null", "[]", "[1]", "5"])
@pytest.mark.parametrize("count", [5, 1000])
def test_frames_twice(make: ModuleType, tmp_path: Path, second: str, count: int) -> None:
    frames = json.dumps([make.frame(t) for t in range(count)])
    (tmp_path / "a.json").write_text('{"frames": ' + frames + ', "frames": ' + second + "}")
    status, text, _ = poselift("convert", tmp_path / "a.json", "-o", tmp_path / "b.npz")
    assert status == 2
    assert refused(text)
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize(
    "key", ["fps", "image_size", "keypoint_names", "skeleton", "units", "version"]
)
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_values_nested_deep(make: ModuleType, tmp_path: Path, key: str, depth: int) -> None:
    frames = json.dumps([make.frame(t) for t in range(5)])
    (tmp_path / "a.json").write_text(f'{{"{key}": {make.nested(depth)}, "frames": {frames}}}')
    status, text, _ = poselift("convert", tmp_path / "a.json", "-o", tmp_path / "b.npz")
    assert status == 0 or (status == 2 and refused(text)), text


@pytest.mark.parametrize("name", ["keypoints", "unused"])
def test_arrays_that_inflate_to_gigabytes(
    make: ModuleType, tmp_path: Path, idle: float, name: str
) -> None:
    """Sizes are read from the header before anything is inflated; the rest is not read."""
    sizes = {
        "keypoints": {"keypoints": (4_000_000, 17, 2)},
        "unused": {"keypoints": (10, 17, 2), "other": (1 << 27,)},
    }
    path = tmp_path / "a.npz"
    make.zeros_npz(path, sizes[name])
    status, text, peak = poselift("convert", path, "-o", tmp_path / "b.npz", "--size", "1920x1080")
    assert status == 2, text
    assert refused(text)
    assert peak - idle < LIMIT_MIB


def test_a_folder_is_read_file_by_file(tmp_path: Path, idle: float) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for t in range(12):  # 3 MB each
        text = '{"people":[' + "[]," * 1_000_000 + "[]]}"
        (folder / f"v_{t:012d}_keypoints.json").write_text(text)
    status, text, peak = poselift(
        "convert", folder, "-o", tmp_path / "b.npz", "--skeleton", "coco_17"
    )
    assert status == 2, text
    assert refused(text)
    assert peak - idle < LIMIT_MIB


def test_names_of_arrays_reach_the_terminal_escaped(hostile: Path, tmp_path: Path) -> None:
    status, text, _ = poselift("convert", hostile / "esc.npz", "-o", tmp_path / "b.npz")
    assert status == 2
    assert refused(text)
    assert "\\x1b" in text


ODD_NAMES = {
    "no UTF-8": b"a\xff\xfe",
    "moves the cursor": b"a\x1b[2J\x1b]0;b\x07",
    "line break": b"a\nb\tc",
    "script": b"<img src=x onerror=alert(1)><script>alert(1)<",
    "formula": b"=cmd|' .C'!A0",
    "backwards": "a\u202egpj".encode(),
    "option": b"--help",
}


def harmless(text: str) -> bool:
    return all(c == "\n" or c.isprintable() for c in text)


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_names_of_files_do_nothing(kind: str, tmp_path: Path, run: Run) -> None:
    """Not on the terminal, in no file, on no page; and nothing is written elsewhere."""
    name = os.fsdecode(ODD_NAMES[kind])
    source, out = tmp_path / f"{name}.json", tmp_path / "out"
    shutil.copy(Path(__file__).parents[1] / "examples" / "walk.json", source)
    flat = [word for s in writers(flat=True) for word in ("-o", out / f"{name}{s}")]
    solid = [word for s in writers() if s != ".mp4" for word in ("-o", out / f"{name}.3d{s}")]
    for words in (
        ("convert", source, *flat),
        ("lift", source, "--root", *solid),
        ("view", source, "-o", out / f"{name}.view.html"),
        ("angles", out / f"{name}.3d.npz", "-o", out / f"{name}.a.html", "-o", out / f"{name}.mot"),
    ):
        status, told, said = run(*words)
        assert status == 0, said
        assert harmless(told), told
        assert harmless(said), said
    for page in out.glob("*.html"):
        text = page.read_text()
        assert "<img src=x" not in text
        assert "<script>alert" not in text
    for path in out.iterdir():
        if path.suffix == ".csv":
            cells = [one for row in csv.reader(io.StringIO(path.read_text())) for one in row]
            assert not any(one.startswith(("=", "+", "@")) for one in cells)
        beside = path.name.endswith(".poselift.json")
        if path.suffix in (".npz", ".json", ".trc", ".bvh", ".csv", ".parquet") and not beside:
            load(path)
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path, out}


def test_what_files_say_of_themselves_does_nothing(tmp_path: Path, run: Run) -> None:
    """A history that claims warnings, names of joints, facts: shown, escaped, never obeyed."""
    evil = "\x1b[2J</script><script>alert(1)</script>\r\n=cmd"
    results = Results((person(5),), {"model": evil, "source": evil, evil: [evil]})
    solid = replace(results.people[0].poses_3d, history=(f"warning: {evil}", evil))
    results = Results((Person(results.people[0].poses_2d, solid),), results.meta)
    results.save(tmp_path / "evil.npz")
    outputs = [word for s in writers() if s != ".mp4" for word in ("-o", tmp_path / f"o{s}")]
    status, told, said = run("convert", tmp_path / "evil.npz", *outputs)
    assert status == 0, said
    assert harmless(told)
    assert harmless(said)
    assert "\\x1b[2J" in said
    assert "<script>alert" not in (tmp_path / "o.html").read_text()
    assert b"\x1b" not in (tmp_path / "o.trc").read_bytes() + (tmp_path / "o.csv").read_bytes()


def test_joint_names_cannot_break_a_file() -> None:
    for name in ("a\nJOINT b", "a\tb", "a\x1b", "a\ud800", "y" * 1000):
        with pytest.raises(PoseliftError, match="is no name of a joint set or a joint"):
            Skeleton("x", ("root", name), (-1, 0))
    points = np.zeros((2, 2, 3), np.float32)
    odd = Skeleton("x", ("root", '=1+"1",2'), (-1, 0))
    solid = PoseSequence.from_2d(points[..., :2], odd).as_3d(points, "x")
    stream = io.BytesIO()
    csvfile.write_csv(Results((Person.only_3d(solid),), {}), stream, None, wide=False)
    rows = list(csv.reader(io.StringIO(stream.getvalue().decode())))
    assert {row[3] for row in rows[1:]} == {"root", '\'=1+"1",2'}
    assert {len(row) for row in rows} == {len(rows[0])}


def test_facts_that_are_nested_deep_are_refused(tmp_path: Path) -> None:
    deep: object = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(PoseliftError, match="goes 50 levels deep"):
        Results((), {"x": deep})


def test_names_in_a_data_set_lead_nowhere_else(tmp_path: Path) -> None:
    for name in ("../secret.bvh", "/etc/passwd", "a/../../b", "a\0b"):
        with pytest.raises(PoseliftError, match="which is no file inside of it"):
            inside(tmp_path, name)
    assert inside(tmp_path, "a/b.bvh") == tmp_path / "a" / "b.bvh"
    head = "path,format,subject,trial,frames,fps,description,first_frame,skip_spans,split\n"
    (tmp_path / "INDEX.csv").write_text(f"{head}../../etc/passwd,bvh,1,1,5,30,walk,0,,test\n")
    with pytest.raises(PoseliftError, match="which is no file inside of it"):
        load_cmu17(tmp_path, "test")


def test_calibrations_that_unfold(tmp_path: Path) -> None:
    laughs = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in pairwise("abcdefghij")
    )
    merged = "a: &a {x: 1}\n" + "".join(
        f"{b}: &{b} {{<<: [{', '.join(['*' + a] * 10)}]}}\n" for a, b in pairwise("abcdefghij")
    )
    for text in (
        laughs + "K: *j\n",
        merged,
        "K: &k [*k]\n",
        "x: !!python/object/apply:os.system [id]",
    ):
        (tmp_path / "a.yml").write_text(text)
        with pytest.raises(PoseliftError, match="this calibration cannot be read"):
            read_calibration(str(tmp_path / "a.yml"))
    (tmp_path / "a.toml").write_text("x = 1\n" * 300_000)
    with pytest.raises(PoseliftError, match="is larger than any calibration"):
        read_calibration(str(tmp_path / "a.toml"))
    for text in ("[" * 5000, '{"K": ' + "[" * 900 + "]" * 900 + "}", '{"K": [1e999]}', "5", '"x"'):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(PoseliftError):
            read_calibration(str(tmp_path / "a.json"))


def peak_of(read: Callable[[Path], object], path: Path) -> float:
    """Most memory that Python holds while a file is read, in sizes of that file."""
    tracemalloc.start()
    try:
        read(path)
        return tracemalloc.get_traced_memory()[1] / path.stat().st_size
    finally:
        tracemalloc.stop()


def test_a_long_table_takes_a_few_times_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all columns as float64, twice for a moment, it is three times."""
    monkeypatch.setattr(csvread, "_ROWS", 256)
    path = tmp_path / "a.csv"
    with path.open("wb") as stream:
        csvfile.write_csv(Results((person(500),), {}), stream, None, wide=False)
    assert peak_of(csvread.read_csv, path) < 2


def test_a_table_of_single_joints_is_no_bomb(tmp_path: Path) -> None:
    """A frame with one joint of 17 would take 17 times the memory of its row."""
    joints = get_skeleton("h36m_17").joints
    lines = [f"0,0,0,{joint},1,2,1" for joint in joints]
    lines += [f"{frame},{frame},0,pelvis,1,2,1" for frame in range(1, 100_000)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["frame,time_s,person,joint,x_px,y_px,score", *lines]))
    with pytest.raises(PoseliftError, match="a row for each of 17 joints, got 100016 rows of 10"):
        csvread.read_csv(path)


BVH = """HIERARCHY
ROOT a
{
OFFSET 0 0 0
CHANNELS 3 Xposition Yposition Zposition
%s}
MOTION
Frames: %d
Frame Time: 0.04
"""


def test_motion_takes_a_few_times_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and their words are never all in memory; rotations neither (`places`)."""
    joint = "JOINT {0}\n{{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n}}\n"
    path, count = tmp_path / "a.bvh", 4000
    body = "".join(joint.format(f"b{k}") for k in range(19))
    path.write_text(BVH % (body, count) + ("1.5 2.25 -3.125 " * 20 + "\n") * count)
    assert peak_of(read_bvh, path) < 5
    motion = read_bvh(path)
    monkeypatch.setattr(bvh, "_ROTATIONS", 1 << 12)
    assert peak_of(lambda _: motion.places(), path) < 5
    np.testing.assert_array_equal(motion.places(), motion.world()[0])


def test_tables_of_other_programs_take_a_few_times_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns are float32, and each goes to its joint without a copy of the whole."""
    monkeypatch.setattr(textable, "_CELLS", 1 << 12)
    columns = [(joint, axis) for joint in COCO_17.joints for axis in ("x", "y", "likelihood")]
    head = [
        ",".join(["scorer", *("a" for _ in columns)]),
        ",".join(["bodyparts", *(joint for joint, _ in columns)]),
        ",".join(["coords", *(axis for _, axis in columns)]),
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*head, *(f"{t}" + ",320.5,410.5,0.9" * 17 for t in range(2000))]))
    assert peak_of(lambda path: deeplabcut.read(path, ReadOptions()), path) < 4


def test_landmarks_one_a_frame_are_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "\n".join(f"{frame},0,0.5,0.5" for frame in range(40_000))
    path.write_text("frame,landmark,x,y\n" + rows)
    with pytest.raises(PoseliftError, match="33 joints, got 40000 rows of 40000 frames"):
        load(path, image_size=(640, 480))


def test_markers_take_a_few_times_their_size(tmp_path: Path) -> None:
    path, frames, names = tmp_path / "a.trc", 3000, [f"m{k}" for k in range(20)]
    head = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"30\t30\t{frames}\t20\tm",
        "Frame#\tTime\t" + "\t\t\t".join(names),
        "",
    ]
    rows = (f"{t}\t{t / 30:.4f}" + "\t1.25\t2.5\t3.125" * 20 for t in range(frames))
    path.write_text("\n".join([*head, *rows]) + "\n")
    assert peak_of(read_trc, path) < 6


def test_lines_of_single_numbers_are_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.bvh"
    path.write_text(BVH % ("", 5) + "1\n" * 200_000)

    def refuse(path: Path) -> None:
        with pytest.raises(PoseliftError, match=r"\(frame 0\): expected 3 values, got 1"):
            read_bvh(path)

    assert peak_of(refuse, path) < 10


def test_joints_without_channels_are_no_bomb(tmp_path: Path) -> None:
    bones = "".join(f"JOINT b{k}\n{{\nOFFSET 0 1 0\n}}\n" for k in range(1000))
    path = tmp_path / "a.bvh"
    path.write_text(BVH % (bones, 2000) + "1 2 3\n" * 2000)
    with pytest.raises(PoseliftError, match="got 3 values a frame for 1001 joints"):
        read_bvh(path)


def test_a_clip_of_a_minute_takes_little_memory(idle: float) -> None:
    """The measure itself: the idle process is what it is compared with."""
    assert 30 < idle < 300
