"""The page as a format of results and keypoints; `poselift.io.registry` knows it by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poselift.detection.video import PICTURES
from poselift.io.arrays import Sink
from poselift.io.registry import Format, WriteOptions
from poselift.motion.angles import known_angles
from poselift.poses import PoseSequence, Results
from poselift.viewer.page import render_html, render_keypoints_html


def write(results: Results, stream: Sink, options: WriteOptions) -> None:
    """Write a page that plays the results; `PoseliftError` if there is nothing to show."""
    measured = [known_angles(one.poses_3d) for one in results.people]
    film = _playable(options)
    page = render_html(results, options.title, angles=measured, video=film, folder=options.folder)
    stream.write(page)


def write_2d(people: Sequence[PoseSequence], stream: Sink, options: WriteOptions) -> None:
    """Write a page that plays keypoints; `PoseliftError` if there is nothing to show."""
    video = _playable(options)
    page = render_keypoints_html(people, options.title, video=video, folder=options.folder)
    stream.write(page)


def _playable(options: WriteOptions) -> Path | None:
    """Return what was filmed, unless it is pictures, which a page does not play."""
    film = options.video
    pictures = film is not None and (film.is_dir() or film.suffix.lower() in PICTURES)
    return None if pictures else film


FORMAT = Format(
    "html",
    "one self-contained page that plays in any browser, without a network",
    {".html": "page to look at"},
    holds="2D, 3D",
    write=write,
    write_2d=write_2d,
)
