"""A page that shows persons live: served to browsers on this machine alone."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.skeletons import Skeleton
from poselift.viewer.clip import body
from poselift.viewer.page import fill

#: Seconds after which a browser that hears nothing is told that somebody is there.
_PATIENCE = 2.0
#: Seconds after which who has not asked for anything is no longer listened to.
_SILENCE = 10.0
#: How far bodies reach in metres: nobody knows yet, so as far as most do.
_SCENE = {
    "room": False,
    "axes": {"x": [1, 0, 0], "y": [0, -1, 0], "z": [0, 0, -1]},
    "up": 1.8,
    "side": 0.7,
}


class LivePerson(NamedTuple):
    """A person in one frame.

    person_id  number of the person, from 0.
    poses_2d   (J, 2) pixels, x right, y down; a missing joint is NaN.
    poses_3d   (J, 3) metres, camera axes, relative to the pelvis; NaN is missing.
    """

    person_id: int
    poses_2d: np.ndarray
    poses_3d: np.ndarray


class LivePage:
    """A page in the browser that draws each frame as soon as it is shown.

    It is served on 127.0.0.1 alone, under an address that cannot be guessed. A browser that is
    slower than the camera misses frames; none is kept for it.

        with LivePage("camera 0", coco, h36m, (1280, 720)) as page:
            webbrowser.open(page.address)
            page.show([LivePerson(0, keypoints, lifted)], taken=time.time())
    """

    def __init__(
        self,
        title: str,
        joints_2d: Skeleton,
        joints_3d: Skeleton,
        image_size: tuple[int, int],
        *,
        port: int = 0,
    ) -> None:
        """Serve the page; `port` 0 takes a free one. Raises `PoseliftError` if it is not free."""
        clip = {
            "flat": body(joints_2d),
            "solid": body(joints_3d),
            "image_size": list(image_size),
            "scene": _SCENE,
        }
        self._page = fill("live", title, clip, allowed="connect-src 'self'")
        self._token = secrets.token_urlsafe(16)
        self._changed = threading.Condition()
        self._count, self._event, self._closed, self._watching = 0, b"", False, 0
        try:
            self._server = _Server(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise PoseliftError(
                f"port {port}: cannot be served on ({error.strerror}), choose another"
            ) from None
        self._server.daemon_threads = True
        self._hosts = {f"{name}:{self._server.server_port}" for name in ("127.0.0.1", "localhost")}
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the page."""
        return f"http://127.0.0.1:{self._server.server_port}/{self._token}/"

    @property
    def watching(self) -> int:
        """How many browsers look at it: where none does, pictures need not be encoded."""
        return self._watching

    def show(
        self,
        people: Sequence[LivePerson],
        *,
        taken: float | None = None,
        fps: float | None = None,
        picture: bytes | None = None,
        told: str = "",
    ) -> None:
        """Show a frame now.

        people   who is in it.
        taken    when it was taken, as `time.time()`: the page says how late it is.
        fps      frames a second that are worked off, to be told.
        picture  the frame as JPEG, of the size given at the start or another of that shape.
        told     what is to be said besides.
        """
        frame: dict[str, Any] = {
            "taken": time.time() if taken is None else taken,
            "fps": fps,
            "told": told,
            "people": [
                {
                    "id": one.person_id,
                    "flat": _points(one.poses_2d, 1),
                    "solid": _points(_on_floor(one.poses_3d), 3),
                }
                for one in people
            ],
        }
        if picture is not None:
            data = base64.b64encode(picture).decode("ascii")
            frame["picture"] = f"data:image/jpeg;base64,{data}"
        self._tell(b"data: " + json.dumps(frame, allow_nan=False).encode() + b"\n\n")

    def close(self) -> None:
        """Tell the browsers that it is over, and serve no more."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> LivePage:
        """Return the page, which is served already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the page."""
        self.close()

    def _tell(self, event: bytes) -> None:
        """Let every browser have an event, in place of one that it has not taken yet."""
        with self._changed:
            self._count, self._event = self._count + 1, event
            self._changed.notify_all()

    def _follow(self, request: BaseHTTPRequestHandler) -> None:
        """Send events to one browser until it goes away or the page is closed."""
        seen = 0
        with self._changed:
            self._watching += 1
        try:
            while True:
                with self._changed:
                    if self._count == seen and not self._closed:
                        self._changed.wait(_PATIENCE)
                    event = self._event if self._count != seen else b": still here\n\n"
                    seen, closed = self._count, self._closed
                request.wfile.write(b"event: end\ndata: \n\n" if closed else event)
                if closed:
                    return
        except OSError:
            return  # the browser has gone
        finally:
            with self._changed:
                self._watching -= 1


class _Server(ThreadingHTTPServer):
    """A server that does not ask the resolver what this machine is called."""

    def server_bind(self) -> None:
        """Take the address, which is all the name that is needed."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away in the middle."""


def _handler(page: LivePage) -> type[BaseHTTPRequestHandler]:
    """A request handler that knows its page."""

    class Handler(BaseHTTPRequestHandler):
        """Answers with the page or its events; any other address does not exist."""

        timeout = _SILENCE  # or whoever connects and says nothing holds a thread for ever
        server_version, sys_version = "poselift", ""  # which Python this is, is nobody's business

        def do_GET(self) -> None:
            # a page elsewhere that points its own name at this machine asks with that name
            if self.headers.get("Host") not in page._hosts:
                return self.send_error(403)
            home = f"/{page._token}/"
            if self.path not in (home, f"{home}events"):
                return self.send_error(404)
            events = self.path != home
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if events else "text/html")
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
            self.end_headers()
            if events:
                return page._follow(self)
            self.wfile.write(page._page)
            return None

        def log_message(self, *_: Any) -> None:
            """Say nothing: the terminal belongs to the command."""

    return Handler


def _points(points: Float[np.ndarray, "J D"], digits: int) -> list[list[float] | None] | None:
    """Points as lists, None for what is missing; None for all if there is nothing."""
    seen = ~np.isnan(points).any(axis=1)
    if not seen.any():
        return None if points.shape[1] == 3 else [None] * len(points)
    rounded = np.round(points.astype(np.float64), digits).tolist()
    return [point if there else None for point, there in zip(rounded, seen, strict=True)]


def _on_floor(pose: Float[np.ndarray, "J 3"]) -> Float[np.ndarray, "J 3"]:
    """Turn a pose into the scene's axes and stand its lowest joint on the floor."""
    upright = pose * [1.0, -1.0, -1.0]
    if np.isnan(upright).all():
        return upright
    return upright - [0.0, np.nanmin(upright[:, 1]), 0.0]
