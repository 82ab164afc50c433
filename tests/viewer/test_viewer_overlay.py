"""The overlay: frames, times and size of the video, with people drawn where they are."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from poselift.detection import Video
from poselift.errors import PoseliftError
from poselift.io import save
from poselift.poses import Results
from poselift.viewer.overlay import write_overlay
from video_samples import write_video
from viewer_samples import pair, results

pytest.importorskip("PIL")


@pytest.fixture(scope="module")
def lifted() -> Results:
    """Two people in pictures of 1920 x 1080; their frames are those of the video below."""
    frames = np.arange(12)
    return results(pair(frames), pair(frames, person_id=1, place=0.3))


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory, lifted: Results) -> Path:
    """A grey video of twice as many frames as anybody has poses."""
    frames = 2 * (1 + max(int(one.poses_3d.frames[-1]) for one in lifted.people))
    picture = np.full((1080, 1920, 3), 128, np.uint8)
    path = tmp_path_factory.mktemp("overlay") / "grey.mp4"
    return write_video(path, [picture] * min(frames, 40), Fraction(30000, 1001))


def pictures(data: bytes) -> tuple[list[np.ndarray], list[float]]:
    """All frames of a video, and their times."""
    with av.open(io.BytesIO(data)) as container:
        frames = list(container.decode(video=0))
        assert container.streams.video[0].codec_context.name in ("libdav1d", "av1", "libaom-av1")
    return [one.to_ndarray(format="rgb24") for one in frames], [one.time for one in frames]


def shortened(lifted: Results, frames: int) -> Results:
    people = [
        type(one)(
            one.poses_2d[one.poses_2d.frames < frames], one.poses_3d[one.poses_3d.frames < frames]
        )
        for one in lifted.people
    ]
    return replace(lifted, people=tuple(people))


def test_people_are_drawn_on_the_picture_and_beside_it(lifted: Results, grey: Path) -> None:
    short, done = shortened(lifted, 4), []
    stream = io.BytesIO()
    with Video(grey) as video:
        write_overlay(short, video, stream, scale=0.25, progress=done.append)
    shown, times = pictures(stream.getvalue())
    last = max(int(one.poses_3d.frames[-1]) for one in short.people)
    assert len(shown) == len(done) == last + 1
    np.testing.assert_allclose(times, np.arange(last + 1) * 1001 / 30000, atol=1e-4)
    assert shown[0].shape == (270, 480 + 270, 3)
    flat = short.people[0].poses_2d
    seen = flat.visible[0]
    x, y = (flat.positions[0, seen] / 4).round().astype(int).T
    inside = (x >= 0) & (x < 480) & (y >= 0) & (y < 270)
    on_joints = shown[0][y[inside], x[inside]].astype(int)
    assert abs(on_joints - 128).max(axis=1).mean() > 40  # drawn upon
    assert abs(shown[0][:8, :8].astype(int) - 128).max() < 12  # the rest is the video
    beside = shown[0][:, 480:].astype(int)
    assert (beside.max(axis=2) > 150).sum() > 100
    assert abs(beside[:4, :4] - (24, 30, 39)).max() < 12


def test_saving_results_as_mp4_needs_their_video(
    lifted: Results, grey: Path, tmp_path: Path
) -> None:
    short = shortened(lifted, 2)
    with pytest.raises(PoseliftError, match=r"a\.mp4: an overlay is drawn on the video that was"):
        save(short, tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []
    save(short, tmp_path / "a.mp4", video=grey, scale=0.1)
    assert pictures((tmp_path / "a.mp4").read_bytes())[0][0].shape == (108, 192 + 108, 3)


def test_what_cannot_be_drawn_is_refused(lifted: Results, grey: Path) -> None:
    with Video(grey) as video, pytest.raises(PoseliftError, match="choose another --overlay-scale"):
        write_overlay(lifted, video, io.BytesIO(), scale=0.01)
    nobody = replace(lifted, people=())
    with Video(grey) as video, pytest.raises(PoseliftError, match="nobody has a 3D pose to draw"):
        write_overlay(nobody, video, io.BytesIO())
