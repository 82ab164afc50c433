"""The live page's server: this machine alone, one address, the newest frame and no other."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Iterator

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.skeletons import H36M_17
from poselift.viewer import LivePage, LivePerson
from viewer_samples import pair


@pytest.fixture
def live() -> Iterator[LivePage]:
    with LivePage("a camera", H36M_17, H36M_17, (1920, 1080)) as page:
        yield page


def ask(page: LivePage, path: str = "", **headers: str) -> http.client.HTTPResponse:
    """What the server answers to a path below the page's address."""
    where = urllib.parse.urlsplit(page.address)
    wire = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    wire.request("GET", where.path + path, headers=headers)
    return wire.getresponse()


def frame(stream: http.client.HTTPResponse) -> dict:
    """The next frame of a stream of events."""
    while not (line := stream.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    return json.loads(line[6:])


def person(row: int = 0, **changes: np.ndarray) -> LivePerson:
    flat, solid = pair(np.arange(row, row + 1))
    return LivePerson(3, flat.positions[0], solid.positions[0])._replace(**changes)


def test_the_page_connects_to_itself_alone(live):
    answer = ask(live)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    text = answer.read().decode()
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "connect-src 'self'; " in text
    assert "<title>a camera</title>" in text
    assert "unsafe" not in text


def test_other_addresses_and_other_names_of_this_machine_are_refused(live):
    assert live.address.startswith("http://127.0.0.1:")
    assert ask(live, "x").status == 404
    assert ask(live, "../").status == 404
    assert ask(live, Host="evil.example").status == 403
    assert ask(live, "events", Host="evil.example").status == 403


def test_a_frame_in_numbers(live):
    hidden = person().poses_3d.copy()
    hidden[H36M_17.index("head")] = np.nan
    with ask(live, "events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        live.show([person(poses_3d=hidden)], taken=12.5, fps=30.0, picture=b"\xff\xd8jpeg")
        seen = frame(stream)
    assert (seen["taken"], seen["fps"]) == (12.5, 30.0)
    assert seen["picture"] == "data:image/jpeg;base64,/9hqcGVn"
    (one,) = seen["people"]
    assert one["id"] == 3
    np.testing.assert_allclose(one["flat"], person().poses_2d, atol=0.051)
    assert one["solid"][H36M_17.index("head")] is None
    points = np.array([p for p in one["solid"] if p])
    assert points[:, 1].min() == 0  # y is up and the lowest joint on the floor
    assert points[:, 1].max() > 1.2


def test_nobody_and_missing_people_can_be_shown(live):
    with ask(live, "events") as stream:
        live.show([])
        assert frame(stream)["people"] == []
        nothing = np.full((17, 3), np.nan)
        live.show([person(poses_3d=nothing, poses_2d=nothing[:, :2])])
        (one,) = frame(stream)["people"]
    assert one["solid"] is None
    assert one["flat"] == [None] * 17


def test_a_slow_browser_misses_frames_and_the_newest_comes(live):
    """What was shown before somebody looked is gone, but for the last."""
    for k in range(50):
        live.show([], taken=float(k))
    with ask(live, "events") as stream:
        assert frame(stream)["taken"] == 49


def test_the_end_is_told_and_the_port_is_free_again(live):
    port = urllib.parse.urlsplit(live.address).port
    with pytest.raises(PoseliftError, match=rf"port {port}: cannot be served on"):
        LivePage("b", H36M_17, H36M_17, (640, 480), port=port)
    with ask(live, "events") as stream:
        live.close()
        assert stream.read() == b"event: end\ndata: \n\n"
    live.close()  # twice does no harm
    with LivePage("b", H36M_17, H36M_17, (640, 480), port=port) as again:
        assert ask(again).status == 200
