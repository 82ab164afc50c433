"""Panel figures as SVG text: chosen frames in 2D and in 3D from several sides, no plot library."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.poses import PoseSequence
from poselift.viewer.drawing import SQUARE, Colours, View, draw_bones, floor_lines

_COLOURS: Colours = ("#e0700a", "#1a73d9", "#47525f")
_INK, _MUTED, _CELL, _GRID = "#1b2430", "#5c6877", "#f4f5f7", "#d3d9e0"
#: Cell width and height, gap between cells, left margin for row names, top margin; SVG px.
_WIDTH, _HEIGHT, _GAP, _LEFT, _TOP = 190, 220, 10, 34, 60

#: As the camera looked, and from the side, slightly above.
DEFAULT_VIEWS = (View("3D, as the camera looks", 0.0, 8.0), View("3D, from the side", -70.0, 14.0))


def draw_svg(
    flat: PoseSequence,
    solid: PoseSequence,
    frames: Sequence[int],
    *,
    title: str = "",
    views: Sequence[View] = DEFAULT_VIEWS,
) -> str:
    """Draw one person: a column for each of `frames`, a row for 2D and one for each view of 3D.

    `flat` is in pixels, `solid` in metres (camera axes); both may have any skeleton. All columns
    share one scale in pixels and one in metres. Missing joints are not drawn. Raises
    `PoseliftError` if no frame is asked for, one is absent, or the dimensions are exchanged.
    """
    if (flat.dims, solid.dims) != (2, 3):
        raise PoseliftError(f"expected a 2D and a 3D sequence, got {flat.dims}D and {solid.dims}D")
    if not len(frames) or not len(views):
        raise PoseliftError("expected at least one frame and one view to draw")
    pixels = _rows(flat, frames)
    metres = _rows(solid, frames)
    rows = [_flat_row(flat, pixels)]
    rows += [_solid_row(solid, metres, view) for view in views]
    names = ["2D keypoints", *(view.name for view in views)]
    width = _LEFT + len(frames) * (_WIDTH + _GAP) + _GAP
    height = _TOP + len(rows) * (_HEIGHT + _GAP) + 52
    body = [_header(title, width), *_column_names(solid, frames)]
    for row, (name, cells) in enumerate(zip(names, rows, strict=True)):
        y = _TOP + row * (_HEIGHT + _GAP)
        body.append(
            f'<text transform="translate(20 {y + _HEIGHT / 2}) rotate(-90)" '
            f'class="name">{html.escape(name)}</text>'
        )
        for column, cell in enumerate(cells):
            x = _LEFT + column * (_WIDTH + _GAP)
            body.append(f'<svg x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}">{cell}</svg>')
    body.append(_caption(_span(pixels, _WIDTH / _HEIGHT), height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
        f"<title>{html.escape(title or '2D and 3D skeletons')}</title>{_STYLE}"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>{"".join(body)}</svg>\n'
    )


_STYLE = (
    "<style>text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    f"fill:{_MUTED}}}.name{{text-anchor:middle;font-weight:600;fill:{_INK}}}"
    f".title{{font-size:15px;font-weight:600;fill:{_INK}}}.axis{{font-size:10px}}</style>"
)


def _rows(sequence: PoseSequence, frames: Sequence[int]) -> Float[np.ndarray, "F J D"]:
    """Positions of the chosen frames; `PoseliftError` names one that is absent."""
    places = np.searchsorted(sequence.frames, frames)
    for frame, place in zip(frames, places, strict=True):
        if place == len(sequence) or sequence.frames[place] != frame:
            raise PoseliftError(
                f"person {sequence.person_id} has no {sequence.dims}D pose in frame {frame}"
            )
    return sequence.positions[places].astype(np.float64)


def _span(points: Float[np.ndarray, "F J 2"], ratio: float) -> float:
    """Width of a window of shape `ratio` (width / height) that holds each frame's points."""
    seen = [pose[~np.isnan(pose[:, 0])] for pose in points]
    sizes = [np.ptp(pose, axis=0) for pose in seen if len(pose)]
    width, height = np.max(sizes, axis=0) if sizes else (1.0, 1.0)
    return float(max(width * 1.2, height * 1.2 * ratio, 1e-6))


def _flat_row(flat: PoseSequence, points: Float[np.ndarray, "F J 2"]) -> list[str]:
    """One cell a frame: the person in a window of the image, y down."""
    scale = _WIDTH / _span(points, _WIDTH / _HEIGHT)
    cells = []
    for pose in points:
        seen = pose[~np.isnan(pose[:, 0])]
        middle = (seen.min(0) + seen.max(0)) / 2 if len(seen) else np.zeros(2)
        placed = (pose - middle) * scale + [_WIDTH / 2, _HEIGHT / 2]
        pen = _Pen()
        draw_bones(pen, flat.skeleton, placed, _COLOURS)
        marks = "".join(pen.marks)
        cells.append(_cell() + marks + _axes({"x": (1.0, 0.0), "y": (0.0, 1.0)}))
    return cells


def _solid_row(solid: PoseSequence, points: Float[np.ndarray, "F J 3"], view: View) -> list[str]:
    """One cell a frame: the person on a floor at the lowest joint, seen from `view`."""
    turn = view.turn
    poses = [_stand(pose) for pose in points]
    # one scale for every view: the tallest pose fills three quarters of the height
    tall = max(0.5, *(float(-pose[pose[:, 1] < 0, 1].min(initial=0.0)) for pose in poses))
    scale = 0.74 * _HEIGHT / tall
    arrows = {name: (float(turn[0, k]), float(turn[1, k])) for k, name in enumerate("xyz")}
    cells = []
    for pose in poses:
        turned = pose @ turn.T
        pen = _Pen()
        draw_bones(pen, solid.skeleton, _on_paper(turned, scale), _COLOURS, turned[:, 2])
        floor = _floor(_on_paper(floor_lines(view, 1.5 * SQUARE), scale))
        cells.append(_cell() + floor + "".join(pen.marks) + _axes(arrows))
    return cells


def _stand(pose: Float[np.ndarray, "J 3"]) -> Float[np.ndarray, "J 3"]:
    """Move a pose so that its lowest joint is at height 0 and its middle above the origin."""
    seen = pose[~np.isnan(pose[:, 0])]
    if not len(seen):
        return pose
    middle = (seen.min(axis=0) + seen.max(axis=0)) / 2
    return pose - [middle[0], seen[:, 1].max(), middle[2]]


def _on_paper(turned: Float[np.ndarray, "*batch _"], scale: float) -> Float[np.ndarray, "*batch 2"]:
    """SVG px in a cell of turned metres; the origin stands near the lower edge."""
    return turned[..., :2] * scale + [_WIDTH / 2, 0.84 * _HEIGHT]


def _floor(lines: Float[np.ndarray, "L 2 2"]) -> str:
    """The lines of a floor, given in SVG px."""
    marks = [f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" for (x1, y1), (x2, y2) in lines]
    return f'<path d="{"".join(marks)}" stroke="{_GRID}" fill="none"/>'


class _Pen:
    """Bones and joints as SVG, each bone with an edge against what is behind it."""

    def __init__(self) -> None:
        self.marks: list[str] = []

    def line(self, ends: Float[np.ndarray, "2 2"], colour: str) -> None:
        """Draw a bone."""
        (x1, y1), (x2, y2) = ends
        path = f'd="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke-linecap="round"'
        self.marks.append(f'<path {path} stroke="{_CELL}" stroke-width="7.5"/>')
        self.marks.append(f'<path {path} stroke="{colour}" stroke-width="4.5"/>')

    def dots(self, at: Float[np.ndarray, "K 2"], colours: list[str]) -> None:
        """Draw joints."""
        for (x, y), colour in zip(at, colours, strict=True):
            self.marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.1" fill="{colour}"/>')


def _cell() -> str:
    return f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{_CELL}"/>'


def _axes(arrows: dict[str, tuple[float, float]]) -> str:
    """Directions of the axes in the upper left corner of a cell."""
    marks = []
    for name, (right, down) in arrows.items():
        if np.hypot(right, down) < 0.45:
            continue  # points at the reader
        marks.append(
            f'<path d="M24 22L{24 + 13 * right:.1f} {22 + 13 * down:.1f}" stroke="{_MUTED}"/>'
            f'<text class="axis" text-anchor="middle" x="{24 + 20 * right:.1f}" '
            f'y="{25.5 + 20 * down:.1f}">{name}</text>'
        )
    return "".join(marks)


def _header(title: str, width: int) -> str:
    """Title, and the legend of the colours at the right."""
    marks = [f'<text class="title" x="{_LEFT}" y="24">{html.escape(title)}</text>']
    for place, (side, colour) in enumerate(zip(("left", "right", "middle"), _COLOURS, strict=True)):
        x = width - 230 + 74 * place
        marks.append(
            f'<path d="M{x} 20h16" stroke="{colour}" stroke-width="4.5" stroke-linecap="round"/>'
            f'<text x="{x + 24}" y="24">{side}</text>'
        )
    return "".join(marks)


def _column_names(sequence: PoseSequence, frames: Sequence[int]) -> list[str]:
    """Frame number and time above each column."""
    times = sequence.times[np.searchsorted(sequence.frames, frames)]
    marks = []
    for column, (frame, time) in enumerate(zip(frames, times, strict=True)):
        x = _LEFT + column * (_WIDTH + _GAP) + _WIDTH / 2
        text = f"frame {frame}" + (f", {time:.2f} s" if sequence.fps else "")
        marks.append(f'<text text-anchor="middle" x="{x}" y="52">{text}</text>')
    return marks


def _caption(window: float, height: int) -> str:
    """Units and axes in two lines."""
    first = f"2D: pixels, x right, y down; a panel shows {window:.0f} px around the person."
    second = (
        "3D: metres, root-relative, camera axes (x right, y down, z forward); "
        f"the floor under the lowest joint has squares of {SQUARE:g} m."
    )
    return (
        f'<text x="{_LEFT}" y="{height - 34}">{first}</text>'
        f'<text x="{_LEFT}" y="{height - 16}">{second}</text>'
    )
