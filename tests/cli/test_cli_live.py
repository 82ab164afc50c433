"""`poselift lift camera:...`: shown in a window, and kept where that is wanted."""

from __future__ import annotations

import http.client
import json
import urllib.parse
import webbrowser
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import poselift.detection
from io_samples import walker
from poselift.io import read_results
from tiny_model import tiny_onnx
from video_samples import Scripted, colours, write_video

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A folder with a video of one person, and what a browser there gets to see."""
    (tmp_path / "tiny.onnx").write_bytes(tiny_onnx())
    write_video(tmp_path / "gym.mp4", colours(20, 640, 960), 20)
    truth = [one[None] for one in walker(20, x=100, speed=4)]
    monkeypatch.setattr(poselift.detection, "open_detector", lambda *_, **__: Scripted(truth))
    monkeypatch.chdir(tmp_path)
    events: list[dict[str, Any]] = []

    def follow(address: str) -> bool:
        where = urllib.parse.urlsplit(address)
        wire = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        wire.request("GET", f"{where.path}events")
        stream = wire.getresponse()

        def read() -> None:
            while line := stream.readline():
                if line.startswith(b"data: {"):
                    events.append(json.loads(line[6:]))

        Thread(target=read, daemon=True).start()
        return True

    monkeypatch.setattr(webbrowser, "open", follow)
    return events


def test_a_camera_is_shown_and_needs_no_output(run: Run, seen: list[dict[str, Any]]) -> None:
    status, out, err = run("lift", "camera:gym.mp4", "--model", "tiny.onnx")
    assert (status, err) == (0, "")
    first, last = out.splitlines()
    assert first.startswith("live at http://127.0.0.1:")
    assert last.endswith(" dropped")
    shown = [one for one in seen if one["people"]]
    assert shown
    person = shown[-1]["people"][0]
    assert (person["id"], len(person["flat"]), len(person["solid"])) == (0, 17, 17)
    assert any(one.get("picture", "").startswith("data:image/jpeg;base64,") for one in shown)


def test_what_was_live_can_be_kept(run: Run, seen: list[dict[str, Any]], tmp_path: Path) -> None:
    status, out, err = run("lift", "camera:gym.mp4", "--model", "tiny.onnx", "-o", "a.npz")
    assert (status, err) == (0, "")
    assert "wrote a.npz: 1 person" in out
    person = read_results(tmp_path / "a.npz").people[0]
    assert person.poses_2d.image_size == (640, 960)
    assert np.isfinite(person.poses_3d.positions).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("camera:gym.mp4", "--trim", "1-2"), "is live, leave --trim out"),
        (("camera:gym.mp4", "--fps", "30"), "is live, leave --fps out"),
        (("camera:gym.mp4", "-o", "a.mp4"), "a.mp4: an overlay needs the video again"),
        (("gym.mp4", "-o", "a.npz", "--overlay-scale", "1"), "is for an .mp4 output, leave it out"),
        (("gym.mp4", "-o", "a.mp4", "--overlay-scale", "9"), "between 0 and 4, got 9"),
        (("camera:none.mp4",), "camera:none.mp4: no such file"),
    ],
)
def test_refusals_are_one_sentence(
    run: Run, seen: list[dict[str, Any]], arguments: tuple[str, ...], sentence: str
) -> None:
    status, out, err = run("lift", *arguments, "--model", "tiny.onnx")
    assert (status, out) == (2, "")
    assert err.startswith("poselift: error: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_an_overlay_of_keypoints_is_refused(run: Run, seen: list[Any], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    status, _, err = run("lift", "a.json", "-o", "a.mp4", "--model", "tiny.onnx")
    assert status == 2
    assert "a.mp4: an overlay is drawn on a video, and a.json is none" in err
