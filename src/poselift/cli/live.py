"""`poselift lift camera:0`: a skeleton in a window of the browser, frames/s in the terminal."""

from __future__ import annotations

import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

if TYPE_CHECKING:
    from poselift.cli.videos import VideoOptions
    from poselift.lifting import Lifter
    from poselift.lifting.video import Camera, LiveFrame
    from poselift.poses import PoseSequence
    from poselift.viewer import LivePage

#: The picture goes to the browser this high at most.
PICTURE_HEIGHT = 480

#: Joints of a lower score are not drawn on the picture.
UNSURE = 0.15


def watch_camera(
    source: Path, options: VideoOptions, lifter: Lifter, *, keep: bool, quiet: bool
) -> tuple[tuple[PoseSequence, ...], dict[str, object]]:
    """Show a live source until it ends or Ctrl-C.

    Returns, if they are to be kept, the persons in 2D, and what results tell of the source. Raises
    `PoseliftError` if there is no such camera, if it goes away, and, if persons are to be kept,
    when nobody was seen.
    """
    from poselift.detection import open_detector, parse_trim
    from poselift.errors import PoseliftError
    from poselift.lifting.video import open_camera
    from poselift.tracking import people_of
    from poselift.viewer import LivePage

    trim = parse_trim(options.trim)
    for flag, given in (("--trim", trim), ("--fps", options.fps), ("--size", options.image_size)):
        if given is not None:
            raise PoseliftError(f"{source}: is live, leave {flag} out")
    detector = open_detector(options.detector, skeleton=options.skeleton)
    with open_camera(str(source), model=lifter, detector=detector, every=options.every) as camera:
        interrupted, frames, said = False, 0, 0.0
        with LivePage(str(source), camera.skeleton, camera.joints, camera.video.size) as page:
            typer.echo(f"live at {page.address} (Ctrl-C ends it)")
            webbrowser.open(page.address)
            try:
                for frame in camera:
                    show_live(page, camera, frame)
                    frames += 1
                    if not quiet and sys.stderr.isatty() and time.monotonic() - said > 0.5:
                        said = time.monotonic()
                        line = f"{camera.rate:5.1f} frames/s, {len(frame.people)} persons"
                        print(f"\r{line}, {camera.dropped} dropped   ", end="", file=sys.stderr)
            except KeyboardInterrupt:
                interrupted = True
        if said:
            print(file=sys.stderr)
        if not quiet:
            typer.echo(f"{frames} frames shown, {camera.dropped} dropped")
        if not keep:
            return (), {}
        seen = camera.recording(interrupted=interrupted)
    return people_of(seen.detections), {"video": str(source)}


def show_live(page: LivePage, camera: Camera, frame: LiveFrame) -> None:
    """Show a frame of a camera on a page, with its picture if somebody looks."""
    from poselift.viewer import LivePerson

    picture = frame.picture.jpeg(PICTURE_HEIGHT) if page.watching else None
    people = [
        LivePerson(one.number, np.where(one.scores[:, None] > 0, one.keypoints, np.nan), one.pose)
        for one in frame.people
    ]
    page.show(people, taken=frame.picture.taken, fps=camera.rate, picture=picture)
