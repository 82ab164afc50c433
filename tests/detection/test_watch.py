"""Watching: when the whole picture is looked at, who is followed, and what comes out of a video."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from io_samples import walker
from poselift.detection import Video, Watcher, record
from poselift.detection.ahead import Ahead
from poselift.errors import PoseliftError
from poselift.tracking import people_of
from video_samples import Scripted, colours, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty frames at 20 a second; what is in them only the scripted detector knows."""
    path = tmp_path_factory.mktemp("watch") / "a.mp4"
    return write_video(path, colours(60), 20)


def two(gap: range = range(0)) -> list[np.ndarray]:
    """Two persons far apart; the second is hidden in some frames."""
    one, other = walker(60, x=200, speed=2), walker(60, x=900, speed=-1)
    return [np.stack([one[k]] if k in gap else [one[k], other[k]]) for k in range(60)]


def test_the_whole_picture_is_looked_at_now_and_then(clip: Path) -> None:
    detector = Scripted(two())
    with Video(clip) as video:
        found = record(video, detector)
    assert detector.looks == [0, 10, 20, 30, 40, 50]  # every half second
    people = people_of(found.detections)
    assert [len(one) for one in people] == [60, 60]
    assert people[0].fps == 20
    detector = Scripted(two())
    with Video(clip) as video:
        record(video, detector, every=25)
    assert detector.looks == [0, 25, 50]


def test_whoever_was_lost_is_looked_for_at_once_and_keeps_the_number(clip: Path) -> None:
    detector = Scripted(two(gap=range(13, 27)))
    with Video(clip) as video:
        watch = Watcher(detector)
        seen = [watch(picture) for picture in video]
    assert detector.looks[:5] == [0, 10, 13, 23, 33]
    assert [len(one.persons) for one in seen[:13]] == [2] * 13
    assert [one.persons.tolist() for one in seen[13:33]] == [[0]] * 20
    assert sorted(seen[34].persons.tolist()) == [0, 1]


def test_an_empty_picture_is_looked_at_ever_more_seldom(clip: Path) -> None:
    nobody = np.zeros((0, 17, 2), np.float32)
    detector = Scripted([nobody] * 60)
    with Video(clip) as video, pytest.raises(PoseliftError, match=r"a\.mp4: nobody was found$"):
        record(video, detector)
    assert detector.looks == [0, 1, 3, 7, 15, 25, 35, 45, 55]


def test_one_body_is_never_two_persons(clip: Path) -> None:
    class Twice(Scripted):
        """Finds everybody twice."""

        def find(self, picture: object) -> object:
            found = super().find(picture)  # type: ignore[arg-type]
            return type(found)(*(np.concatenate([part, part]) for part in found))

    detector = Twice([one[:1] for one in two()])
    with Video(clip) as video:
        found = record(video, detector).detections
    assert np.bincount(found.frames).tolist() == [1] * 60


def test_interrupting_keeps_what_is_done(clip: Path) -> None:
    def interrupt(count: int) -> None:
        seen.append(count)
        if len(seen) == 30:
            raise KeyboardInterrupt

    seen: list[int] = []
    with Video(clip) as video:
        found = record(video, Scripted(two()), progress=interrupt)
    assert found.interrupted
    assert found.frames.tolist() == list(range(30))
    assert len(found.detections) == 60
    assert found.detections.notes[-1] == "interrupted after frame 29"
    assert threading.active_count() < 10


def test_rates_and_times(clip: Path, tmp_path: Path) -> None:
    with Video(clip) as video:
        found = record(video, Scripted(two()), fps=240.0).detections
    assert (found.fps, found.times) == (240, None)
    assert "fps: 20 in the file, taken as 240" in found.notes
    with Video(clip) as video, pytest.raises(PoseliftError, match="expected fps above 0, got 0"):
        record(video, Scripted(two()), fps=0.0)
    times = [0.04 * k + 0.01 * (k % 2) for k in range(20)]
    path = write_video(tmp_path / "a.mkv", colours(20), 25, times=times)
    with Video(path) as video:
        found = record(video, Scripted(two())).detections
    assert found.fps is None
    assert found.times is not None
    np.testing.assert_allclose(np.unique(found.times), times, atol=1.1e-3)


def test_ahead_keeps_the_order_and_passes_errors_on() -> None:
    def numbers() -> Iterator[int]:
        yield from range(5)
        raise PoseliftError("the end")

    with Ahead(numbers(), 2) as ahead:
        reader = iter(ahead)
        assert [next(reader) for _ in range(5)] == list(range(5))
        with pytest.raises(PoseliftError, match="the end"):
            next(reader)


def test_ahead_never_holds_more_than_its_depth() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Ahead(numbers(), 3) as ahead:
        for number in ahead:
            assert len(made) <= number + 5  # the depth, the one in hand, the one being made
    assert len(made) == 100


def test_ahead_drops_the_oldest_when_the_reader_is_late() -> None:
    gate, late = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        yield 0
        gate.wait(5)
        yield from range(1, 10)
        late.set()

    with Ahead(numbers(), 1, drop=True) as ahead:
        reader = iter(ahead)
        assert next(reader) == 0
        gate.set()
        late.wait(5)
        assert list(reader) == [9]
        assert ahead.dropped == 8
