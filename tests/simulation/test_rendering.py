"""Rendered people: the rasteriser by hand, bodies around their joints, what hides a joint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from poselift.geometry import H36M_S1_CAMERAS, Camera
from poselift.simulation import rendering
from poselift.simulation.rendering import effects, picture
from poselift.simulation.rendering.body import body_mesh
from poselift.simulation.rendering.looks import HAIR, draw_look
from poselift.simulation.rendering.raster import rasterise
from poselift.simulation.rendering.scenes import draw_scene
from poselift.simulation.rendering.tubes import PARTS
from poselift.simulation.synthetic import random_motion
from poselift.skeletons import H36M_17

FLOOR = 0.02
#: 4 m in front of the world's origin, 1.2 m up, looking along -z at it.
CAMERA = Camera(
    size=(400, 400),
    focal=(600.0, 600.0),
    center=(200.0, 200.0),
    orientation=(0.0, 1.0, 0.0, 0.0),
    translation=(0.0, 1.0, 4.0),
)
WHOLE = np.diag([0.4, 0.4, 1.0])  # 400 pixels to 160
SIZE = 160


def standing(turn: float = 0.0) -> NDArray[np.float64]:
    """A person on the spot, facing the camera, or turned about the vertical by degrees."""
    joints = random_motion(3, 1, energy=0.0)[0].astype(np.float64)
    joints[:, [0, 2]] -= joints[0, [0, 2]]
    left = joints[4] - joints[1]
    angle = np.arctan2(left[2], left[0]) + np.deg2rad(turn)  # left becomes +x
    cosine, sine = np.cos(angle), np.sin(angle)
    return joints @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


def pixels_of(joints: NDArray[np.float64]) -> NDArray[np.float64]:
    return CAMERA.project(CAMERA.to_camera(joints)) * 0.4


def test_a_square_covers_the_pixels_whose_centres_lie_in_it() -> None:
    corners = np.array([[(1.2, 2.6), (1.2, 5.4), (6.4, 5.4), (6.4, 2.6)]])
    faces = np.array([(0, 1, 2), (0, 2, 3)])  # anticlockwise, y down
    found = rasterise(corners, np.full((1, 4), 2.0), faces, (8, 7))
    seen = np.isfinite(found.depth[0])
    expected = np.zeros((7, 8), bool)
    expected[3:5, 1:6] = True
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_allclose(found.depth[0][expected], 2.0, rtol=1e-6)
    column, row = found.pixel % 8 + 0.5, found.pixel // 8 + 0.5
    places = found.blend(np.float32(corners[0])[faces[found.face]])
    np.testing.assert_allclose(places, np.stack([column, row], axis=1), atol=1e-5)
    behind = rasterise(corners, np.full((1, 4), 2.0), faces[:, ::-1], (8, 7))
    assert len(behind.pixel) == 0


def test_the_nearer_face_is_seen_and_perspective_is_undone() -> None:
    square = np.array([(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0)])
    corners = np.concatenate([square, square])[None]
    depth = np.array([[1.0, 1.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0]])
    faces = np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)])
    found = rasterise(corners, depth, faces, (10, 10))
    share = (np.arange(10) + 0.5) / 10
    slanted = 1 / ((1 - share) / 1.0 + share / 3.0)  # 1 / z is linear in the picture
    np.testing.assert_allclose(found.depth[0, 4], np.minimum(slanted, 2.0), rtol=1e-5)
    own = found.face.reshape(10, 10)[4]
    np.testing.assert_array_equal(own < 2, slanted < 2)
    z = found.blend(depth[0][faces[found.face]][..., None])[:, 0].reshape(10, 10)
    np.testing.assert_allclose(z, found.depth[0], rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_a_body_is_closed_and_its_normals_point_outwards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    look = replace(draw_look(rng), hair=HAIR[seed % 5], skirt=0.8 * (seed % 2))
    mesh = body_mesh(standing()[None], look, FLOOR)
    edges = np.concatenate([mesh.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    there, back = {tuple(one) for one in edges}, {(b, a) for a, b in edges}
    assert there == back  # each edge belongs to two faces that agree on the outside
    assert len(there) == len(edges)
    corners = mesh.points[0][mesh.faces].astype(np.float64)
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert 0.04 < volume < 0.2  # cubic metres; positive: faces look outwards
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    agree = (crossed * mesh.normals[0][mesh.faces].mean(axis=1)).sum(axis=1) > 0
    assert agree.mean() > 0.9  # at the rims of tubes they are of two minds


def test_a_body_lies_around_its_joints_and_stands_on_the_floor() -> None:
    joints = standing()
    mesh = body_mesh(joints[None], draw_look(np.random.default_rng(1)), FLOOR)
    far = np.linalg.norm(mesh.points[0][:, None] - joints, axis=2)
    assert far.min(axis=0).max() < 0.2  # a surface near each joint
    assert far.min(axis=1).max() < 0.3  # a joint near all of the surface
    low = mesh.points[0, mesh.part == PARTS.index("foot"), 1].min()
    assert abs(low - FLOOR) < 0.05


def test_it_follows_its_joints_wherever_they_go() -> None:
    joints, look = standing(), draw_look(np.random.default_rng(2))
    shift = np.array([3.0, 0.0, -7.0])
    here = body_mesh(joints[None], look, FLOOR).points
    there = body_mesh((joints + shift)[None], look, FLOOR).points
    np.testing.assert_allclose(there, here + shift, atol=1e-5)
    other = body_mesh(H36M_17.flip(joints)[None], look, FLOOR).points[0]
    for axis in range(3):  # a look has no left or right
        bounds = np.array([here[0, :, axis].min(), here[0, :, axis].max()])
        flipped = -bounds[::-1] if axis == 0 else bounds
        np.testing.assert_allclose([other[:, axis].min(), other[:, axis].max()], flipped, atol=0.02)


def shown(joints: NDArray[np.float64], occlusion: float = 0.0, seed: int = 4) -> rendering.Picture:
    rng = np.random.default_rng(seed)
    still = np.zeros((17, 3))
    return rendering.render(rng, joints, still, CAMERA, WHOLE, SIZE, FLOOR, occlusion)


def test_joints_are_seen_where_the_body_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixels that differ when the person is gone are the person's: its joints lie in them."""
    joints = standing()
    with_person = shown(joints)
    empty = np.zeros((0, 3), dtype=np.int64)

    def nobody(*arguments: object) -> object:
        return replace(body_mesh(*arguments), faces=empty)  # type: ignore[arg-type]

    monkeypatch.setattr(picture, "body_mesh", nobody)
    monkeypatch.setattr(picture, "take", lambda rng, light, *_: (255 * light).astype(np.uint8))
    without = shown(joints)
    monkeypatch.setattr(picture, "body_mesh", body_mesh)
    changed = (shown(joints).image != without.image).any(axis=2)
    column, row = pixels_of(joints).astype(int).T
    assert changed[row, column].all()
    assert 0.05 < changed.mean() < 0.5
    assert with_person.visible.all()


def test_the_far_side_is_hidden_and_so_is_what_stands_behind_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for turn in (90, -90):
        joints = standing(turn)
        right_is_far = joints[1, 2] < joints[4, 2]
        near, far = (H36M_17.left, H36M_17.right)[:: 1 if right_is_far else -1]
        visible = shown(joints).visible
        assert visible[list(near)].all()
        hips_and_shoulders = [k for k in far if H36M_17.joints[k].endswith(("hip", "shoulder"))]
        assert len(hips_and_shoulders) == 2
        assert not visible[hips_and_shoulders].any()

    def with_board(*arguments: object) -> object:
        """A board, 0.6 m in front of the person, as high as its knees."""
        scene = draw_scene(*arguments)  # type: ignore[arg-type]
        points = np.array([(-1.0, 0.6, 0.6), (-1, 0, 0.6), (1, 0, 0.6), (1, 0.6, 0.6)])
        return replace(
            scene,
            points=points,
            normals=np.tile((0.0, 0.0, 1.0), (4, 1)),
            place=np.zeros((4, 4)),
            part=np.full(4, 100),
            faces=np.array([(0, 1, 2), (0, 2, 3)]),
            materials=(scene.ground,),
        )

    monkeypatch.setattr(picture, "draw_scene", with_board)
    visible = shown(standing()).visible
    low = standing()[:, 1] < 0.4
    np.testing.assert_array_equal(visible, ~low)


def test_joints_outside_the_picture_are_not_visible() -> None:
    joints = standing() + np.array([1.3, 0, 0])
    visible = shown(joints).visible
    inside = (pixels_of(joints) < SIZE).all(axis=1)
    assert not visible[~inside].any()
    assert visible[inside].any()


def test_what_moves_fast_is_blurred() -> None:
    """Across a fast arm the picture is smoother than across one at rest."""
    joints = standing()
    sharp, fast = np.zeros((17, 3)), np.zeros((17, 3))
    fast[:, 0] = 6.0  # m/s to the side
    found = []
    for velocity in (sharp, fast):
        edges = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            made = rendering.render(rng, joints, velocity, CAMERA, WHOLE, SIZE, FLOOR, 0.0)
            left = made.image[:, :, 1].astype(float)
            edges.append(np.abs(np.diff(left, axis=1))[30:120, 60:100].max(axis=1).mean())
        found.append(np.mean(edges))
    assert found[1] < 0.9 * found[0]


def test_the_seed_decides_everything() -> None:
    joints = standing()
    assert shown(joints).image.tobytes() == shown(joints).image.tobytes()
    assert shown(joints, seed=5).image.tobytes() != shown(joints).image.tobytes()


def test_lens_distortion_moves_the_body_with_its_joints() -> None:
    camera = replace(H36M_S1_CAMERAS[54138969], orientation=CAMERA.orientation)
    camera = replace(camera, translation=(0.9, 1.0, 3.0))
    joints = standing()
    crop = np.diag([0.3, 0.3, 1.0])
    rng = np.random.default_rng(0)
    made = rendering.render(rng, joints, joints * 0, camera, crop, 300, FLOOR, 0.0)
    seen = camera.to_camera(joints)
    assert np.abs(camera.project(seen) - camera.project(seen, distort=False)).max() > 3
    assert made.visible.all()


def test_jpeg_keeps_what_it_can_and_loses_the_more_the_less_it_may_keep() -> None:
    rng = np.random.default_rng(0)
    smooth = np.linspace(30, 220, 50 * 61 * 3).reshape(50, 61, 3).astype(np.float32)
    image = np.clip(smooth + rng.normal(0, 10, smooth.shape), 0, 255).astype(np.float32)
    lost = [
        float(np.abs(effects._through_jpeg(image, quality) - image).mean())
        for quality in (100, 90, 50, 20, 5)
    ]
    assert lost[0] < 1
    assert lost == sorted(lost)
    flat = np.full((16, 16, 3), 90, np.float32)
    np.testing.assert_allclose(effects._through_jpeg(flat, 50), 90, atol=1.5)
