"""Videos, pictures and cameras as streams of upright pictures with true time stamps.

| source | what is read |
| --- | --- |
| `gym.mp4` | any video that FFmpeg reads; or a single picture |
| a folder | its pictures in the order of their names, numbers as numbers (img2 before img10) |
| `camera:0` | a camera by number, live |
| `camera:gym.mp4` | a video at its own pace, as if it were a camera: for trials and tests |
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, final

from poselift.detection.picture import Picture, cuttable
from poselift.detection.upright import is_mirrored, pixel_shape, upright
from poselift.errors import PATH, PoseliftError, expect, how_to_install
from poselift.files import VIDEOS

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

#: What marks a live source.
CAMERA = "camera:"

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

#: Taken for the step from frame to frame where a file says neither rate nor time stamps.
_STEP = 1 / 30

#: A larger side than this is no picture of people (8K has 7,680).
_MAX_SIDE = 16384

#: Nor is one of more pixels (8K has 33 million, a photograph 50): a small file claims any.
_MAX_PIXELS = 1 << 26


def is_video(source: str | os.PathLike[str]) -> bool:
    """Tell whether a source is a camera, a video, a picture or a folder of pictures.

    By its name alone, but for folders, and for files of no suffix that start as videos do. A folder
    of pictures may hold one JSON file besides; several are one for each frame, and keypoints.
    """
    text, path = os.fspath(source), Path(source)
    if text.startswith(CAMERA) or path.suffix.lower() in (*VIDEOS, *PICTURES):
        return True
    if path.is_dir():
        pictures, beside = _contents(path)
        return pictures > 0 and (not beside or len(beside) == 1 < pictures)
    if path.suffix == "" and path.is_file():
        with path.open("rb") as stream:
            return begins_as_video(stream.read(12))
    return False


def _contents(folder: Path) -> tuple[int, list[str]]:
    """Return how many pictures are in a folder, and its JSON files but for what we write beside."""
    names = [name.lower() for name in os.listdir(folder) if not name.startswith(".")]
    beside = [n for n in names if n.endswith(".json") and not n.endswith(".poselift.json")]
    return sum(name.endswith(PICTURES) for name in names), beside


def begins_as_video(head: bytes) -> bool:
    """Tell by its first 12 bytes whether something is MP4, MOV, MKV, WebM or AVI."""
    return head[4:8] == b"ftyp" or head[:4] in (b"\x1a\x45\xdf\xa3", b"RIFF")


@final
class Video:
    """An open source; iterate over it once for its pictures, and close it (or use `with`).

    name   the source as it was given.
    size   (width, height) in pixels, upright.
    fps    frames a second by the container, exact (30000/1001 stays), or None if it does not say.
    count  number of frames to come by the container, or None if it does not say.
    live   whether it goes on by itself, so that pictures not taken in time are gone.
    lost   frames so far that could not be decoded.
    notes  what was done to its pictures, for the history of poses.

    Raises `PoseliftError` in one sentence for whatever cannot be read.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        trim: tuple[float, float] | None = None,
        pictures_fps: float | None = None,
    ) -> None:
        """Open a source.

        trim          the part to read, seconds from its start.
        pictures_fps  frames a second of a folder of pictures, which tells none; None: 30.
        """
        expect(source, PATH, "the path of a video, or of a picture or a folder of pictures")
        self.name = os.fspath(source)
        self.live = self.name.startswith(CAMERA)
        self.lost = 0
        self.notes: tuple[str, ...] = ()
        self._step, self._mirrored = 1 / (pictures_fps or 1 / _STEP), False
        part: Any = (0.0, float("inf")) if trim is None else trim
        pair = isinstance(part, tuple | list) and len(part) == 2
        pair = pair and all(isinstance(one, int | float) for one in part)
        if not (pair and 0 <= part[0] < part[1]):
            raise PoseliftError(f"expected trim as (start, end) in seconds, got {trim!r}")
        self._trim: tuple[float, float] = (part[0], part[1])
        self._files: list[Path] = []
        rest = self.name.removeprefix(CAMERA)
        path = Path(rest)
        if self.live and trim:
            raise PoseliftError(f"{self.name}: a camera cannot be trimmed, leave --trim out")
        if self.live and re.fullmatch(r"\d+", rest):
            self._container = _open_camera(self.name, int(rest))
        elif path.is_dir():
            self._files = sorted(
                (one for one in path.iterdir() if one.suffix.lower() in PICTURES), key=_natural
            )
            if not self._files:
                raise PoseliftError(f"{self.name}: holds no pictures ({' '.join(PICTURES)})")
            if _contents(path)[1]:
                self.notes = (f"warning: {self.name}: its pictures are looked at, not its .json",)
            self._container = _open(str(self._files[0]))
        else:
            if not path.is_file():
                raise PoseliftError(f"{self.name}: no such file")
            self._container = _open(rest, self.name)
        self._stream = _video_stream(self._container, self.name)
        self._iterated = False
        self._describe()

    def _describe(self) -> None:
        """Find out size, rate and number of frames."""
        import av
        from av.video.reformatter import VideoReformatter

        stream = self._stream
        stream.thread_type = "AUTO"
        # decoding goes on in one thread while pictures are cut in another: each has its own
        self._scaler, self._converter = VideoReformatter(), VideoReformatter()
        self._still = bool(self._files) or Path(self.name).suffix.lower() in PICTURES
        rate = None if self._still else stream.average_rate or stream.guessed_rate
        self.fps = float(rate) if rate else None
        self._shape = 1.0 if self._still else pixel_shape(stream)
        self._frames = self._decoded()
        try:
            self._first: Picture | None = next(self._frames)
        except StopIteration:
            why = f" ({_MAX_PIXELS >> 20} million pixels at most)"
            if self._trim != (0.0, float("inf")):
                why = " within the part that --trim asks for"
            raise PoseliftError(f"{self.name}: no frame of it can be read{why}") from None
        except av.error.FFmpegError as error:
            raise PoseliftError(f"{self.name}: cannot be read ({error.strerror})") from None
        self.size = self._first.size
        if min(self.size) < 16 or max(self.size) > _MAX_SIDE:
            width, height = self.size
            raise PoseliftError(
                f"{self.name}: expected pictures from 16 to {_MAX_SIDE} pixels wide and high, "
                f"got {width}x{height}"
            )
        if self._shape != 1:
            self.notes += (
                f"warning: pixels {self._shape:.4g} times as wide as high: pictures of "
                f"{stream.width}x{stream.height} are taken as players show them, "
                f"{self.size[0]}x{self.size[1]}",
            )
        self.count = None if self.live else self._expected()

    def _seconds(self) -> float | None:
        """Return how long the source is by the container, or None if it does not say."""
        container = self._container
        if not container.duration:
            return None
        # Matroska's duration counts from 0, whenever the first picture comes
        late = container.start_time or 0 if "matroska" in container.format.name else 0
        return (container.duration - late) / 1e6

    def _expected(self) -> int | None:
        """Return how many frames the container promises within the trimmed part."""
        start, end = self._trim
        if self._files:
            times = [number * self._step for number in range(len(self._files))]
            return sum(start - 1e-6 <= at < end - 1e-6 for at in times)
        total, seconds = self._stream.frames or None, self._seconds()
        if total is None and seconds and self.fps:
            total = round(seconds * self.fps)
        if total is None or self.fps is None:
            return total
        return max(
            0, min(total, round(end * self.fps) if end < 1e9 else total) - self._index(start)
        )

    def _index(self, seconds: float) -> int:
        """Return the frame at a time, for constant rates."""
        return round(seconds * (self.fps or 1 / _STEP))

    def __iter__(self) -> Iterator[Picture]:
        """Yield the pictures, once."""
        if self._iterated:
            raise PoseliftError(f"{self.name}: is read as a stream, open it again")
        self._iterated = True
        assert self._first is not None
        start, started = self._first.time, time.monotonic()
        self._first.taken = time.time() if self.live else 0.0
        yield self._first
        self._first = None
        for picture in self._frames:
            if picture.size != self.size:
                which = f" ({self._files[picture.index].name})" if self._files else ""
                width, height = picture.size
                raise PoseliftError(
                    f"{self.name}, frame {picture.index}{which}: expected "
                    f"{self.size[0]}x{self.size[1]} pixels as before, got {width}x{height}"
                )
            if self.live and not self._camera:
                time.sleep(max(0.0, started + picture.time - start - time.monotonic()))
            picture.taken = time.time() if self.live else 0.0
            yield picture

    def _decoded(self) -> Iterator[Picture]:
        """Decode the trimmed part. A frame that cannot be decoded is left out and counted."""
        start, end = self._trim
        constant = self.fps is not None and self._is_constant()
        frames = self._of_pictures() if self._files else self._of_stream(start if constant else 0.0)
        step = 1 / self.fps if self.fps else self._step
        index, last, lost = -1, -step, 0
        for frame, seconds in frames:
            if seconds is None or seconds <= last:
                seconds = last + step
            if index < 0 and constant and start > 0:  # after a jump into the file
                index = self._index(seconds)
            else:
                index += 1 + self.lost - lost
            lost = self.lost
            last = seconds
            if seconds >= end - 1e-6:
                return
            if seconds >= start - 1e-6:
                frame, turn = upright(frame, self._shape, self._mirrored, self._converter)
                frame = cuttable(frame, self._converter)
                yield Picture(frame, index, seconds, turn, self._scaler)

    def _is_constant(self) -> bool:
        """Tell whether frames come at one rate, so that a time says which frame it is."""
        stream = self._stream
        average, base = stream.average_rate, stream.base_rate
        if self.live or not average or not base:
            return False
        return abs(float(average / base) - 1) < 1e-3

    def _of_stream(self, start: float) -> Iterator[tuple[VideoFrame, float | None]]:
        """Yield frames from a little before `start` on, with their times."""
        import av

        container, stream = self._container, self._stream
        started = start == 0  # after a jump the first pictures may lack what came before them
        zero: float | None = None
        first = True
        if stream.time_base and not self._camera:
            zero = float((stream.start_time or 0) * stream.time_base)
        if start > 0 and stream.time_base:
            container.seek(int(start / stream.time_base) + (stream.start_time or 0), stream=stream)
        pending: set[int] = set()  # time stamps of packets whose frames have not come out
        for packet in self._packets(container, stream):
            if packet.pts is not None:
                pending.add(packet.pts)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue  # its frame is missed when a later one comes
            for frame in frames:
                if frame.pts is not None:
                    missed = {pts for pts in pending if pts < frame.pts}
                    pending -= {*missed, frame.pts}
                    self.lost += len(missed) if started else 0
                started = True
                if frame.is_corrupt:
                    self.lost += 1
                    continue
                if zero is None:
                    zero = frame.time or 0.0
                if first:
                    file = self.name.removeprefix(CAMERA) if self._still else None
                    first, self._mirrored = False, is_mirrored(frame, file)
                yield frame, None if frame.time is None else frame.time - zero
        self.lost += len(pending)

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
        """Yield the packets; a file that was cut off ends early, a camera that ends is an error."""
        import av

        packets = container.demux(stream)
        while True:
            try:
                yield next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError as error:
                if self._camera:
                    raise PoseliftError(
                        f"{self.name}: the camera went away ({error.strerror})"
                    ) from None
                return

    def _of_pictures(self) -> Iterator[tuple[VideoFrame, float | None]]:
        """Yield the pictures of a folder; one that cannot be read is left out and counted."""
        import av

        for number, path in enumerate(self._files):
            try:
                with _open(str(path)) as container:
                    frame = next(container.decode(video=0))
                self._mirrored = is_mirrored(frame, path)
            except (PoseliftError, StopIteration, av.error.FFmpegError, OSError, ValueError):
                self.lost += 1
                continue
            yield frame, number * self._step

    @property
    def _camera(self) -> bool:
        """Whether this is a real camera."""
        return self.live and self.name[len(CAMERA) :].isdigit()

    def close(self) -> None:
        """Let go of the file or camera."""
        self._container.close()

    def __enter__(self) -> Video:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def parse_trim(text: str | None) -> tuple[float, float] | None:
    """Read START-END in seconds or minutes:seconds (`2.5-10`, `1:05-1:20`, `5-`, `-10`)."""
    if text is None:
        return None
    number = r"(?:(\d+):)?(\d+(?:\.\d+)?)"
    match = re.fullmatch(rf"(?:{number})?-(?:{number})?", text.strip())
    if match and any(match.groups()):
        start, end = (
            None if seconds is None else 60 * float(minutes or 0) + float(seconds)
            for minutes, seconds in (match.group(1, 2), match.group(3, 4))
        )
        if end is None or end > (start or 0.0):
            return start or 0.0, float("inf") if end is None else end
    raise PoseliftError(
        f"expected --trim as START-END in seconds or minutes:seconds (2.5-10, 1:05-), got {text!r}"
    )


def _import_av() -> Any:
    """Import PyAV, or say how to get it."""
    try:
        import av
    except ImportError:
        raise PoseliftError(
            f"videos need PyAV, install it with: {how_to_install('video')}"
        ) from None
    av.logging.set_level(None)  # what is wrong with a file is said once, by us
    return av


def _open(path: str, name: str | None = None) -> InputContainer:
    """Open a file."""
    av = _import_av()
    try:
        most = {"max_pixels": str(_MAX_PIXELS)}
        container: InputContainer = av.open(path, options=most, metadata_errors="replace")
        for one in container.streams.video:
            if one.codec_context is not None:
                one.codec_context.options = most
    except av.error.FFmpegError as error:
        raise PoseliftError(
            f"{name or path}: is no video or picture that can be read, or was cut off "
            f"({error.strerror})"
        ) from None
    return container


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the stream of pictures, not one that is a cover of a music file."""
    streams = [one for one in container.streams.video if one.codec_context is not None]
    if not streams:
        kinds = ", ".join(sorted({one.type for one in container.streams})) or "nothing"
        raise PoseliftError(f"{name}: holds no video, only {kinds}")
    return streams[0]


def _open_camera(name: str, number: int) -> InputContainer:
    """Open a camera of this machine by its number."""
    av = _import_av()
    place: dict[str, Callable[[], tuple[str, str]]] = {
        "linux": lambda: (f"/dev/video{number}", "v4l2"),
        "darwin": lambda: (f"{number}:none", "avfoundation"),
        "win32": lambda: (_windows_camera(number), "dshow"),
    }
    try:
        path, kind = place[sys.platform]()
        options = {"framerate": "30"} if kind == "avfoundation" else {}
        container: InputContainer = av.open(path, format=kind, options=options)
    except (KeyError, IndexError, ImportError):
        raise PoseliftError(f"{name}: there is no such camera on this machine") from None
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PoseliftError(
            f"{name}: there is no such camera, or it is in use ({reason})"
        ) from None
    return container


def _windows_camera(number: int) -> str:
    """Return the name that DirectShow knows a camera by."""
    from av.device import enumerate_input_devices

    cameras = [
        one.name for one in enumerate_input_devices("dshow") if "video" in str(one.media_types)
    ]
    return f"video={cameras[number]}"


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort numbers in names as numbers."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
