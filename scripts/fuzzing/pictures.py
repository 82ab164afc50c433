"""Videos, pictures, detectors from files, and what browsers send to the live page."""

from __future__ import annotations

import socket
from fractions import Fraction
from pathlib import Path

import numpy as np

from fuzzing.children import Surface
from poselift.detection import Video, is_video, open_detector
from poselift.poses import Results
from poselift.skeletons import COCO_17, H36M_17
from poselift.viewer import LivePage, render_html
from tiny_model import pose_network
from video_samples import colours, write_video

#: Codecs of videos by the file's name.
_VIDEOS = {
    "a.mp4": "mpeg4", "h.mp4": "libx264", "a.avi": "mjpeg", "a.webm": "libvpx-vp9", "a.mkv": "ffv1",
    "a.gif": "gif", "a.mpg": "mpeg2video", "a.ts": "mpeg2video", "a.flv": "flv1",
}  # fmt: skip


def pictures(folder: Path, results: Results) -> list[Surface]:
    """Everything that is fed with pictures."""
    folder.mkdir()
    videos = [path for name, codec in _VIDEOS.items() if (path := _video(folder / name, codec))]
    stills = folder / "stills"
    stills.mkdir()
    for name in ("img1.jpg", "img2.png", "img10.bmp", "img11.webp", "img12.tif"):
        _picture(stills / name)
    bare = folder / "bare"  # known by how it starts, as it has no suffix
    bare.write_bytes(videos[0].read_bytes())
    singles = [path for path in sorted(stills.iterdir()) if path.stat().st_size]
    detectors = [pose_network(folder / f"{kind}.onnx", kind=kind) for kind in ("simcc", "heatmap")]
    with Video(videos[0]) as video:
        picture = next(iter(video))

    def find(path: Path) -> object:
        detector = open_detector(str(path))
        return detector.follow(picture, np.array([[4.0, 4.0, 40.0, 44.0]]))

    return [
        Surface("video", [*videos, bare, *singles], _watch, memory=300),
        Surface("stills", [stills], _watch, share=0.3, memory=300),
        Surface("detector.onnx", detectors, find, share=0.1),
        Surface("film", videos[:4], lambda path: render_html(results, "x", video=path), share=0.2),
        Surface("live page", _requests(folder), _Asked(), share=0.3),
    ]


def _video(path: Path, codec: str) -> Path | None:
    """Write a video of a kind, if this machine can."""
    try:
        form = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        return write_video(path, colours(5), Fraction(25), codec=codec, form=form)
    except Exception:  # PyAV's errors have no base of their own; encoders differ by build
        path.unlink(missing_ok=True)
        return None


def _picture(path: Path) -> None:
    from PIL import Image

    Image.fromarray(colours(1)[0]).save(path)


def _watch(path: Path) -> object:
    """Decode everything that there is, part of it scaled and cut out."""
    if not is_video(path):
        return None
    with Video(path) as video:
        return [(picture.whole(32, 24), picture.crop((0, 0, 16, 16), 32)) for picture in video]


def _requests(folder: Path) -> list[Path]:
    """What a browser asks, as bytes; `TOKEN` and `PORT` become the page's own."""
    paths = {
        "page": "/TOKEN/", "events": "/TOKEN/events", "other": "/", "up": "/TOKEN/../../etc/passwd",
    }  # fmt: skip
    found = []
    for name, path in paths.items():
        place = folder / f"{name}.http"
        place.write_text(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
            newline="",
        )
        found.append(place)
    return found


class _Asked:
    """A live page that is asked what a file says; made in the process that asks."""

    page: LivePage | None = None

    def __call__(self, path: Path) -> object:
        """Send a request, read a little of the answer, and see that the page is still there."""
        if self.page is None:
            _Asked.page = LivePage("camera", COCO_17, H36M_17, (640, 480))
        assert self.page is not None
        port, token = self.page.address.removesuffix("/").rpartition(":")[2].split("/")
        data = path.read_bytes().replace(b"TOKEN", token.encode()).replace(b"PORT", port.encode())
        answers = [_ask(int(port), one) for one in (data, _PLAIN.format(token, port).encode())]
        if not answers[1].startswith(b"HTTP/1.0 200"):
            raise AssertionError(f"the page does not answer any more: {answers[1][:80]!r}")
        if b"root:" in answers[0]:
            raise AssertionError("a file was sent")
        return answers[0]


_PLAIN = "GET /{}/ HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n"


def _ask(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.settimeout(0.3)
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        try:
            return line.recv(256)
        except (TimeoutError, ConnectionError):
            return b""
