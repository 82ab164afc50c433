"""Panel figures: well-formed SVG that shows what it is given, and refuses in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.viewer import View, draw_svg
from viewer_samples import pair, without

SVG = "{http://www.w3.org/2000/svg}"
LEFT, RIGHT, MIDDLE = "#e0700a", "#1a73d9", "#47525f"


def cells(text: str) -> list[ET.Element]:
    return ET.fromstring(text).findall(f"{SVG}svg")


def dots(cell: ET.Element, colour: str) -> np.ndarray:
    found = [c for c in cell.iter(f"{SVG}circle") if c.get("fill") == colour]
    return np.array([[float(c.get("cx")), float(c.get("cy"))] for c in found]).reshape(-1, 2)


def test_a_column_a_frame_and_a_row_a_view():
    flat, solid = pair(np.arange(30))
    views = [View("a", 0.0, 0.0), View("b", 90.0, 10.0), View("c", 0.0, 90.0)]
    drawn = cells(draw_svg(flat, solid, [0, 7, 29], views=views))
    assert len(drawn) == 3 * (1 + len(views))
    for cell in drawn:
        assert [len(dots(cell, colour)) for colour in (LEFT, RIGHT, MIDDLE)] == [6, 6, 5]


def test_every_point_is_inside_its_cell():
    flat, solid = pair(np.arange(30))
    for cell in cells(draw_svg(flat, solid, [0, 7, 29])):
        points = np.concatenate([dots(cell, colour) for colour in (LEFT, RIGHT, MIDDLE)])
        assert (points > 0).all()
        assert (points < [float(cell.get("width")), float(cell.get("height"))]).all()


def test_the_camera_view_looks_like_the_image():
    """With no pitch, x right and y down on paper are x right and y down of the camera."""
    _, solid = pair(np.arange(1))
    flat = replace(
        solid, positions=solid.positions[..., :2] * 1000, units="px", axes="image: x right, y down"
    )
    image, camera = cells(draw_svg(flat, solid, [0], views=[View("camera", 0.0, 0.0)]))
    for colour in (LEFT, RIGHT):
        a, b = dots(image, colour), dots(camera, colour)
        a, b = a - a[0], b - b[0]
        scale = np.sum(a * b) / np.sum(a * a)
        assert scale > 0
        np.testing.assert_allclose(b, scale * a, atol=0.3)


def test_from_above_and_from_the_right():
    """Seen from above, forward points up on paper; from the camera's right, to the right."""
    _, solid = pair(np.arange(1))
    flat = pair(np.arange(1))[0]
    z = solid.positions[0, list(solid.skeleton.left), 2]
    _, top, side = cells(
        draw_svg(flat, solid, [0], views=[View("t", 0.0, 90.0), View("s", -90.0, 0.0)])
    )
    # dots are drawn in joint order, as skeleton.left is
    assert np.corrcoef(dots(top, LEFT)[:, 1], -z)[0, 1] > 0.999
    assert np.corrcoef(dots(side, LEFT)[:, 0], z)[0, 1] > 0.999


def test_missing_joints_are_not_drawn():
    flat, solid = (
        without(sequence, ["left_wrist", "head"], slice(0, 1)) for sequence in pair(np.arange(2))
    )
    gone, whole = cells(draw_svg(flat, solid, [0, 1]))[:2]
    assert len(dots(gone, LEFT)) == len(dots(whole, LEFT)) - 1
    assert len(dots(gone, MIDDLE)) == len(dots(whole, MIDDLE)) - 1
    lost = without(solid, list(solid.skeleton.joints), slice(0, 1))
    assert len(dots(cells(draw_svg(flat, lost, [0]))[1], RIGHT)) == 0


def test_titles_are_escaped_and_units_stated():
    flat, solid = pair(np.arange(2))
    text = draw_svg(flat, solid, [1], title="a < b & </svg>", views=[View("<side>", -90.0, 0.0)])
    words = " ".join(ET.fromstring(text).itertext())
    assert "a < b & </svg>" in words
    assert "<side>" in words
    assert "metres, root-relative, camera axes (x right, y down, z forward)" in words
    assert "frame 1, 0.03 s" in words


def test_refusals():
    flat, solid = pair(np.array([0, 1, 5]), person_id=2)
    with pytest.raises(PoseliftError, match="person 2 has no 2D pose in frame 3"):
        draw_svg(flat, solid, [0, 3])
    with pytest.raises(PoseliftError, match="got 3D and 2D"):
        draw_svg(solid, flat, [0])
    with pytest.raises(PoseliftError, match="at least one frame and one view"):
        draw_svg(flat, solid, [])
