"""Videos, pictures and cameras as streams: times, rotation, trimming, and what is refused."""

from __future__ import annotations

import struct
import time
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from poselift.detection import Video, is_video, parse_trim
from poselift.detection.ahead import Ahead
from poselift.errors import PoseliftError
from video_samples import colours, turn_video, write_video

NTSC = Fraction(30000, 1001)


def test_times_are_true_and_rates_exact(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", colours(12), NTSC)
    with Video(path) as video:
        assert (video.size, video.fps, video.count) == ((64, 48), float(NTSC), 12)
        seen = [(one.index, one.time) for one in video]
    assert [index for index, _ in seen] == list(range(12))
    np.testing.assert_allclose([at for _, at in seen], np.arange(12) / float(NTSC), atol=1e-4)


def test_variable_rates_keep_their_time_stamps(tmp_path: Path) -> None:
    times = [0, 0.02, 0.1, 0.3, 0.31, 0.5]
    path = write_video(tmp_path / "a.mkv", colours(6), 50, times=times)
    with Video(path) as video:
        seen = [(one.index, one.time) for one in video]
    assert [index for index, _ in seen] == list(range(6))
    np.testing.assert_allclose([at for _, at in seen], times, atol=1.1e-3)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_pictures_come_upright(tmp_path: Path, degrees: int) -> None:
    picture = colours(1, 96, 64)[0]
    path = write_video(tmp_path / "a.mp4", [picture] * 2)
    if degrees:
        turn_video(path, degrees)
    upright = np.rot90(picture, -degrees // 90).astype(int)
    height, width = upright.shape[:2]
    with Video(path) as video:
        assert video.size == (width, height)
        shown = next(iter(video))
        whole = shown.whole(width, height)
        part = shown.crop((-8, 16, 24, 48), 32)
    assert abs(whole - upright).mean() < 6
    assert abs(part[:, 8:] - upright[16:48, :24]).mean() < 6
    assert part[:, :6].max() < 12  # outside the picture it is black


@pytest.mark.parametrize(("matrix", "seen"), [((-1, 1), (1, -1)), ((1, -1), (-1, 1))])
def test_a_mirrored_video_is_seen_as_it_is_meant(
    tmp_path: Path, matrix: tuple[int, int], seen: tuple[int, int]
) -> None:
    picture = colours(1, 96, 64)[0]
    path = turn_video(write_video(tmp_path / "a.mp4", [picture] * 2), matrix=matrix)
    meant = picture[:: seen[0], :: seen[1]].astype(int)
    with Video(path) as video:
        whole = next(iter(video)).whole(96, 64)
    assert abs(whole - meant).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("folder", [False, True])
def test_pictures_come_as_exif_says(tmp_path: Path, orientation: int, folder: bool) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / "a.jpg"
    Image.fromarray(colours(1, 96, 64)[0]).save(path, exif=exif, quality=95)
    meant = np.asarray(ImageOps.exif_transpose(Image.open(path))).astype(int)
    height, width = meant.shape[:2]
    with Video(tmp_path if folder else path) as video:
        assert video.size == (width, height)
        assert abs(next(iter(video)).whole(width, height) - meant).mean() < 6


def test_oblong_pixels_are_made_square_and_said(tmp_path: Path) -> None:
    def with_pixels(shape: Fraction) -> Path:
        return write_video(tmp_path / f"{shape.numerator}.mkv", colours(2), 25, pixels=shape)

    with Video(with_pixels(Fraction(4, 3))) as video:
        assert (video.size, next(iter(video)).size) == ((86, 48), (86, 48))
        assert video.notes == (
            "warning: pixels 1.333 times as wide as high: pictures of 64x48 are taken as "
            "players show them, 86x48",
        )
    with Video(with_pixels(Fraction(404, 405))) as video:  # what a scaling leaves
        assert (video.size, video.notes) == ((64, 48), ())


def test_a_video_that_begins_late_promises_no_more_than_it_has(tmp_path: Path) -> None:
    times = [100 + number / 25 for number in range(10)]
    with Video(write_video(tmp_path / "a.mkv", colours(10), 25, times=times)) as video:
        assert video.count in (9, 10, 11)  # durations are rounded
        np.testing.assert_allclose([one.time for one in video], np.arange(10) / 25, atol=1.1e-3)


def test_a_folder_is_trimmed_by_the_rate_that_is_given(tmp_path: Path) -> None:
    for number, picture in enumerate(colours(20)):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    with Video(tmp_path, trim=(0.1, 0.15), pictures_fps=100.0) as video:
        seen = [(one.index, round(one.time, 6)) for one in video]
        assert (seen, video.count) == ([(index, index / 100) for index in range(10, 15)], 5)


@pytest.mark.parametrize("form", ["rgb24", "gray16"])
def test_pictures_of_other_kinds_are_cut_out_alike(tmp_path: Path, form: str) -> None:
    grey = colours(1, 65, 49)[0][..., 0]
    deep = Image.fromarray(grey.astype(np.uint16) << 8)
    path = tmp_path / "a.png"
    (deep if form == "gray16" else Image.fromarray(grey).convert("RGB")).save(path)
    with Video(path) as video:
        assert (video.size, video.fps) == ((65, 49), None)
        part = next(iter(video)).crop((40, 10, 72, 42), 32)
    expected = np.zeros((32, 32))
    expected[:, :25] = grey[10:42, 40:]
    assert abs(part[..., 1].astype(int) - expected).mean() < 3


def test_scaling_averages_areas(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", colours(1, 128, 96))
    with Video(path) as video:
        small = next(iter(video)).whole(8, 6).astype(float)
    expected = colours(1, 128, 96)[0].reshape(6, 16, 8, 16, 3).mean(axis=(1, 3))
    assert abs(small - expected).max() < 8


def test_trimming_keeps_frame_numbers_and_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", colours(40), 20)
    with Video(path, trim=(0.5, 1.0)) as video:
        assert video.count == 10
        seen = [(one.index, one.time) for one in video]
    assert [index for index, _ in seen] == list(range(10, 20))
    np.testing.assert_allclose([at for _, at in seen], np.arange(10, 20) / 20)
    with pytest.raises(PoseliftError, match=r"can be read within the part that --trim asks for"):
        Video(path, trim=(30.0, 40.0))


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(colours(1)[0]).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 9000, 9000)  # its header: width and height
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(PoseliftError, match=r"a\.png: no frame of it can be read \(64 million"):
        Video(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5-10", (2.5, 10)),
        ("1:05-1:20", (65, 80)),
        ("5-", (5, float("inf"))),
        ("-10", (0, 10)),
        (None, None),
    ],
)
def test_trim_is_read(text: str | None, expected: tuple[float, float] | None) -> None:
    assert parse_trim(text) == expected


@pytest.mark.parametrize("text", ["", "-", "10-5", "3", "a-b", "1:2:3-"])
def test_trim_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PoseliftError, match="expected --trim as START-END"):
        parse_trim(text)


def test_a_folder_of_pictures_goes_by_its_numbers(tmp_path: Path) -> None:
    for number, picture in enumerate(colours(11)):
        Image.fromarray(picture).save(tmp_path / f"img{number}.png")
    (tmp_path / "img4.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("x")
    assert is_video(tmp_path)
    with Video(tmp_path) as video:
        assert (video.count, video.fps) == (11, None)
        light = [int(one.whole(64, 48)[0, 0, 0]) for one in video]
        assert video.lost == 1
    assert light == sorted(light)
    assert len(light) == 10


def test_one_json_among_pictures_is_passed_over_aloud(tmp_path: Path) -> None:
    for number, picture in enumerate(colours(3)):
        Image.fromarray(picture).save(tmp_path / f"img{number}.png")
    (tmp_path / "out.poselift.json").write_text("{}")  # what we write beside other files
    assert is_video(tmp_path)
    with Video(tmp_path) as video:
        assert video.notes == ()
    (tmp_path / "a.json").write_text("{}")
    assert is_video(tmp_path)
    with Video(tmp_path) as video:
        assert video.notes == (f"warning: {tmp_path}: its pictures are looked at, not its .json",)
    (tmp_path / "b.json").write_text("{}")
    assert not is_video(tmp_path)  # keypoints of some of the frames


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    for number, picture in enumerate(colours(3)):
        Image.fromarray(picture if number < 2 else picture[:32]).save(tmp_path / f"i{number}.png")
    with (
        Video(tmp_path) as video,
        pytest.raises(PoseliftError, match=r"frame 2 \(i2\.png\): expected 64x48 .* got 64x32"),
    ):
        list(video)


def test_what_is_a_video(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"\0\0\0\x20ftypisom")
    (tmp_path / "other").write_bytes(b"not a video")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "a.json").touch()
    (tmp_path / "frames" / "a.png").touch()
    answers = {
        "camera:0": True,
        "a.MP4": True,
        "a.json": False,
        tmp_path / "clip": True,
        tmp_path / "other": False,
        tmp_path / "frames": False,  # keypoints with their pictures
    }
    assert {source: is_video(source) for source in answers} == answers


def test_a_file_is_played_at_its_own_pace_as_a_camera(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", colours(7), 20)
    started = time.monotonic()
    with Video(f"camera:{path}") as video:
        assert (video.live, video.count) == (True, None)
        assert len(list(video)) == 7
    assert time.monotonic() - started > 0.29


def test_a_broken_frame_costs_that_frame(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (30, 64, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "a.avi", noise, codec="mjpeg", form="yuvj420p")
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 4] == b"\xff\xd8\xff\xfe"]
    data[starts[10] : starts[11] - 8] = bytes(starts[11] - 8 - starts[10])
    path.write_bytes(data)
    with Video(path) as video:
        frames = [one.index for one in video]
        assert video.lost == 1
    assert frames == [*range(10), *range(11, 30)]


def test_a_file_that_was_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (30, 64, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "a.mp4", noise, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Video(path) as video:
        assert video.count == 30
        assert 5 < len(list(video)) < 25


def test_a_rate_of_zero_is_no_obstacle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", colours(10))
    data = bytearray(path.read_bytes())
    at = data.index(b"strh") + 28
    data[at : at + 8] = (1).to_bytes(4, "little") + bytes(4)  # scale 1, rate 0
    at = data.index(b"avih") + 8
    data[at : at + 4] = bytes(4)  # microseconds a frame
    path.write_bytes(data)
    with Video(path) as video:
        times = [one.time for one in video]
    assert len(times) == 10
    assert (np.diff(times) > 0).all()


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", colours(5))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes().split(b"moov")[0])  # without its index
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 100)
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    dot = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(dot)
    (tmp_path / "empty").mkdir()
    messages = {
        cut: r"cut\.mp4: (is no video or picture that|no frame of it) can be read",
        text: r"text\.mp4: is no video or picture",
        sound: r"sound\.mp4: holds no video, only audio",
        dot: r"dot\.png: expected pictures from 16 to 16384 pixels wide and high, got 1x1",
        tmp_path / "none.mp4": r"none\.mp4: no such file",
        tmp_path / "empty": r"empty: holds no pictures",
        Path("camera:97"): "camera:97: there is no such camera",
    }
    for source, message in messages.items():
        with pytest.raises(PoseliftError, match=message) as caught:
            Video(source)
        assert "\n" not in str(caught.value)
    with pytest.raises(PoseliftError, match="a camera cannot be trimmed"):
        Video(f"camera:{whole}", trim=(0.0, 1.0))
    with Video(whole) as video:
        list(video)
        with pytest.raises(PoseliftError, match="is read as a stream, open it again"):
            list(video)


def test_a_camera_that_goes_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", colours(5))

    class Unplugged:
        """A container that fails after three packets."""

        def __init__(self) -> None:
            self.inner = av.open(str(path))
            self.streams, self.duration = self.inner.streams, None

        def demux(self, stream: av.VideoStream) -> object:
            for number, packet in enumerate(self.inner.demux(stream)):
                if number == 3:
                    raise av.error.OSError(19, "No such device")
                yield packet

        def close(self) -> None:
            self.inner.close()

    monkeypatch.setattr("poselift.detection.video._open_camera", lambda *_: Unplugged())
    with (
        Video("camera:0") as video,
        pytest.raises(PoseliftError, match=r"camera:0: the camera went away \(No such device\)"),
    ):
        list(video)


@pytest.mark.parametrize("form", ["yuv444p", "yuv422p10le"])
def test_decoding_and_cutting_share_no_scaler(tmp_path: Path, form: str) -> None:
    """They go on in two threads: with one scaler for both, GIFs and 10 bits crashed or hung."""
    path = write_video(tmp_path / "a.mkv", colours(40), 25, codec="ffv1", form=form)
    with Video(path) as video, Ahead(video, 8) as pictures:
        for picture in pictures:
            assert picture._scaler is not video._converter
            assert picture._frame.format.name == "yuv420p"  # so nothing is left to convert
            assert picture.crop((0, 0, 48, 48), 16).shape == (16, 16, 3)
