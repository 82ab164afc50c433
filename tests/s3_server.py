"""An object store of the S3 kind on this machine, which can be made full."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_FULL = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>QuotaExceeded</Code><Message>The bucket has no space left</Message></Error>"""


class Server:
    """Moto behind a door that refuses objects of over `room` bytes, and notes what is asked."""

    def __init__(self) -> None:
        self.room = 1 << 40
        self.asked: list[tuple[str, str]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, environ: dict[str, Any], begin: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append((method, path))
        if method == "PUT" and int(environ.get("CONTENT_LENGTH") or 0) > self.room:
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            begin("400 Bad Request", [("Content-Type", "application/xml")])
            return [_FULL]
        answer: Iterable[bytes] = self._moto(environ, begin)
        return answer

    def close(self) -> None:
        self._server.shutdown()
