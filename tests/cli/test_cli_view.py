"""`poselift view`: a page of whatever can be read, opened or written."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import numpy as np
import pytest

from poselift.io import save
from viewer_samples import pair, results


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that a browser was asked to open."""
    addresses: list[str] = []

    def remember(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", remember)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return addresses


def test_results_are_opened_in_the_browser(run, opened, tmp_path):
    save(results(pair(np.arange(4)), pair(np.arange(4), person_id=7)), tmp_path / "jump.npz")
    status, out, err = run("view", tmp_path / "jump.npz")
    assert (status, err) == (0, "")
    (address,) = opened
    page = Path(address.removeprefix("file://"))
    assert out == f"opened {page}\n"
    assert "<title>jump</title>" in page.read_text()
    assert "3D skeleton" in page.read_text()


def test_the_page_can_be_written_with_a_video_beside_keypoints_of_one_person(run, opened, tmp_path):
    people = [pair(np.arange(4), person_id=k).poses_2d for k in (0, 7)]
    save(people, tmp_path / "jump.json")
    (tmp_path / "jump.mp4").write_bytes(b"OggS a film")
    page = tmp_path / "out" / "seven.html"
    asked = ("view", tmp_path / "jump.json", "-o", page, "--person", "7")
    status, out, err = run(*asked, "--video", tmp_path / "jump.mp4")
    assert (status, err, opened) == (0, "", [])
    assert out == f"wrote {page}\n"
    text = page.read_text()
    assert '"Person 7"' in text
    assert '"Person 0"' not in text
    assert "T2dnUyBhIGZpbG0=" in text  # "OggS a film"
    assert run(*asked, "--quiet")[1] == ""


def test_a_page_that_needs_the_video_beside_it_says_so(run, opened, tmp_path, monkeypatch):
    save(results(pair(np.arange(4))), tmp_path / "jump.npz")
    video, page = tmp_path / "jump.mp4", tmp_path / "jump.html"
    video.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(16))
    given = ("view", tmp_path / "jump.npz", "--video", video, "-o", page)
    assert run(*given)[2] == ""
    monkeypatch.setattr("poselift.viewer.film.EMBED_LIMIT", 5)
    err = run(*given)[2]
    assert err == (
        f"poselift: warning: {page}: plays {video}, which is too large to be in it: pass on both, "
        "as they lie\n"
    )


def test_without_a_browser_it_says_where_the_page_is(run, opened, tmp_path, monkeypatch):
    save(results(pair(np.arange(4))), tmp_path / "jump.npz")
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    status, out, _ = run("view", tmp_path / "jump.npz", "--quiet")
    assert status == 0
    assert out.startswith("wrote ")
    assert Path(out.split()[1]).is_file()


def test_refusals(run, opened, tmp_path):
    save(results(pair(np.arange(4))), tmp_path / "jump.npz")
    source = tmp_path / "jump.npz"
    (tmp_path / "gym.mp4").write_bytes(b"")
    status, _, err = run("view", tmp_path / "gym.mp4")
    assert status == 2
    assert "gym.mp4: is a video, lift it first" in err
    for arguments, words in (
        (["-o", tmp_path / "x.npz"], "cannot write '.npz', expected one of .html"),
        (["--person", "9"], "no person '9'"),
        (["--video", tmp_path / "no.mp4"], "no.mp4: there is no such video"),
        (["--video", source], "expected a video that browsers play: MP4, WebM or Ogg"),
    ):
        status, out, err = run("view", source, *arguments)
        assert (status, out) == (2, "")
        assert words in err
    assert opened == []
