"""Videos on the command line: files appear, or one sentence and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poselift.detection
from io_samples import walker
from poselift.detection import Video
from poselift.io import read_detections, read_results
from tiny_model import tiny_onnx
from video_samples import Scripted, colours, write_video

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a video of two persons, whom only the detector knows."""
    (tmp_path / "tiny.onnx").write_bytes(tiny_onnx())
    write_video(tmp_path / "gym.mp4", colours(12, 640, 480), 25)
    one, other = walker(12, x=200, speed=2, scale=1.5), walker(12, x=500, speed=-1)
    truth = [np.stack(pair) for pair in zip(one, other, strict=True)]
    real = poselift.detection.open_detector

    def scripted(name: str, **options: Any) -> object:
        return Scripted(truth) if name == "movenet" else real(name, **options)

    monkeypatch.setattr(poselift.detection, "open_detector", scripted)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_video_becomes_skeletons(run: Run, folder: Path) -> None:
    status, out, err = run("lift", "gym.mp4", "-o", "a.npz", "-o", "a.html", "--model", "tiny.onnx")
    assert (status, err) == (0, "")
    assert out.startswith("wrote a.npz, a.html: 2 persons, 24 poses, ")
    results = read_results(folder / "a.npz")
    flat, solid = results.people[0]
    assert (flat.fps, flat.image_size, len(solid)) == (25, (640, 480), 12)
    assert flat.history[0] == "detected: gym.mp4 (scripted, coco_17)"
    np.testing.assert_allclose(flat.times, np.arange(12) / 25)


def test_detecting_once_and_lifting_afterwards_is_the_same(run: Run, folder: Path) -> None:
    status, out, err = run("detect", "gym.mp4", "-o", "gym.keypoints.npz")
    assert (status, err) == (0, "")
    assert out.startswith("wrote gym.keypoints.npz: 2 persons in 12 frames, ")
    assert read_detections(folder / "gym.keypoints.npz").skeleton.name == "coco_17"
    for source, target in (("gym.keypoints.npz", "a.npz"), ("gym.mp4", "b.npz")):
        assert run("lift", source, "-o", target, "--model", "tiny.onnx")[0] == 0
    one, other = (read_results(folder / name).people for name in ("a.npz", "b.npz"))
    assert [a.poses_3d for a in one] == [b.poses_3d for b in other]


@pytest.mark.parametrize(
    ("person", "ids"), [("all", [0, 1]), ("main", [0]), ("1", [1]), ("505,400", [1])]
)
def test_whom_to_take(run: Run, folder: Path, person: str, ids: list[int]) -> None:
    run("detect", "gym.mp4", "-o", "a.npz", "--person", person, "--trim", "0.1-0.3")
    found = read_detections(folder / "a.npz")
    assert sorted(set(found.person_ids.tolist())) == ids
    assert sorted(set(found.frames.tolist())) == [3, 4, 5, 6, 7]


def test_interrupting_writes_what_is_done(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Scripted):
        """Somebody presses Ctrl-C in frame 8."""

        def follow(self, picture: Any, boxes: np.ndarray) -> Any:
            if picture.index == 8:
                raise KeyboardInterrupt
            return super().follow(picture, boxes)

    detector = Interrupted([walker(1, x=200)] * 12)
    monkeypatch.setattr(poselift.detection, "open_detector", lambda *_, **__: detector)
    status, out, err = run("lift", "gym.mp4", "-o", "a.npz", "--model", "tiny.onnx")
    assert status == 0
    assert err == (
        "poselift: warning: gym.mp4: interrupted after 8 frames of 12; what is done is written\n"
    )
    assert "1 person, 8 poses" in out
    assert read_results(folder / "a.npz").people[0].poses_2d.frames.tolist() == list(range(8))


def test_interrupting_an_overlay_keeps_what_is_drawn_and_the_rest(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(range(12))

    def advance(count: int) -> None:
        """Somebody presses Ctrl-C after three frames."""
        if next(drawn) == 2:
            raise KeyboardInterrupt

    def counting(what: str, *_: object) -> Any:
        return nullcontext(advance if "overlay" in what else None)

    monkeypatch.setattr("poselift.cli.watching.counting", counting)
    outputs = ("-o", "a.npz", "-o", "a.mp4")
    status, _, err = run("lift", "gym.mp4", *outputs, "--model", "tiny.onnx")
    assert (status, err) == (
        0,
        "poselift: warning: gym.mp4: interrupted, the overlay ends after 3 frames of 12\n",
    )
    assert len(read_results(folder / "a.npz").people[0].poses_2d) == 12
    with Video(folder / "a.mp4") as video:
        assert video.count == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("lift", "gym.mp4", "-o", "a.npz", "--size", "64x48"), "has pictures of 640x480 pixels"),
        (("lift", "gym.mp4", "-o", "a.npz", "--format", "openpose"), "leave --format out"),
        (("lift", "gym.mp4", "-o", "a.npz", "--trim", "x"), "expected --trim as START-END"),
        (("lift", "gym.mp4", "-o", "a.npz", "--detector", "x"), "detector 'x' not found"),
        (("lift", "gym.mp4", "-o", "a.npz", "--detector", "tiny.onnx"), "is no detector but "),
        (("lift", "gym.mp4", "-o", "a.npz", "--person", "5,5"), "nobody is at pixel 5,5"),
        (("lift", "a.json", "-o", "a.npz", "--trim", "1-2"), "is no video, leave --trim out"),
        (("lift", "dark.mp4", "-o", "a.npz", "--detector", "multipose"), "nobody was found"),
        (("detect", "tiny.onnx", "-o", "a.npz"), "is no video, picture or folder of pictures"),
        (("detect", "none.json", "-o", "a.npz"), "there is no such file or folder"),
        (("detect", "camera:0", "-o", "a.npz"), "is live, `poselift lift camera:0` takes it"),
        (("detect", "none.mp4", "-o", "a.npz"), "none.mp4: no such file"),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(
    run: Run, folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (folder / "a.json").write_text("{}")
    write_video(folder / "dark.mp4", [np.zeros((48, 64, 3), np.uint8)] * 3)
    before = listing(folder)
    given = ("--model", "tiny.onnx") if arguments[0] == "lift" else ()
    status, out, err = run(*arguments, *given)
    assert (status, out) == (2, "")
    assert err.startswith("poselift: error: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert listing(folder) == before


def test_without_pyav_one_sentence_says_so(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    status, _, err = run("detect", "gym.mp4", "-o", "a.npz")
    assert status == 2
    assert 'videos need PyAV, install it with: pip install ".[video]"' in err
