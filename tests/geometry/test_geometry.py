"""Cameras, rotations, normalisations and alignment by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poselift.errors import PoseliftError
from poselift.geometry import (
    DEFAULT_FOCAL,
    H36M_S1_CAMERAS,
    NORMALISATIONS,
    Camera,
    Normaliser,
    about_axis,
    denormalise,
    from_quaternion,
    from_rotation_vector,
    normalise,
    procrustes,
    root_relative,
    turning_to_axis,
)

BATCHES = [(), (5,), (2, 3)]
DTYPES = [np.float32, np.float64]
RNG = np.random.default_rng(11)
CAMERAS = list(H36M_S1_CAMERAS.values())
VECTORS = arrays(np.float64, 3, elements=st.floats(-6, 6))
SIZE = (1280.0, 720.0)


def in_view(batch: tuple[int, ...]) -> np.ndarray:
    """Camera-space points in front of the camera, slopes below 0.4, metres."""
    depth = RNG.uniform(2.0, 8.0, size=(*batch, 1))
    return np.concatenate([RNG.uniform(-0.4, 0.4, size=(*batch, 2)) * depth, depth], axis=-1)


def tolerance(dtype: type) -> float:
    return 1e-4 if dtype == np.float32 else 1e-9


# rotations


@given(VECTORS)
@settings(deadline=None)
def test_rotations_are_orthogonal_and_turn_about_their_vector(vector: np.ndarray) -> None:
    matrix = from_rotation_vector(vector)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    np.testing.assert_allclose(matrix @ vector, vector, atol=1e-11)
    np.testing.assert_allclose(from_rotation_vector(-vector), matrix.T, atol=1e-12)
    angle = np.linalg.norm(vector)
    assert np.trace(matrix) == pytest.approx(1 + 2 * np.cos(angle), abs=1e-11)


@pytest.mark.parametrize("batch", BATCHES)
def test_rotation_batches(batch: tuple[int, ...]) -> None:
    vectors = RNG.normal(size=(*batch, 3))
    matrices = from_rotation_vector(vectors)
    assert matrices.shape == (*batch, 3, 3)
    for index in np.ndindex(batch):
        np.testing.assert_allclose(matrices[index], from_rotation_vector(vectors[index]))


@pytest.mark.parametrize("axis", "xyz")
def test_turns_about_an_axis_add_up_and_are_right_handed(axis: str) -> None:
    a, b = RNG.uniform(-3, 3, size=(2, 4))
    np.testing.assert_allclose(
        about_axis(axis, a) @ about_axis(axis, b), about_axis(axis, a + b), atol=1e-12
    )
    vector = np.zeros((4, 3))
    vector[:, "xyz".index(axis)] = a
    np.testing.assert_allclose(about_axis(axis, a), from_rotation_vector(vector), atol=1e-12)


def test_quarter_turns_known_by_hand() -> None:
    quarter = np.array(np.pi / 2)
    x, y, z = np.eye(3)
    np.testing.assert_allclose(about_axis("x", quarter) @ y, z, atol=1e-15)
    np.testing.assert_allclose(about_axis("y", quarter) @ z, x, atol=1e-15)
    np.testing.assert_allclose(about_axis("z", quarter) @ x, y, atol=1e-15)


@given(VECTORS)
@settings(deadline=None)
def test_quaternions_agree_with_rotation_vectors(vector: np.ndarray) -> None:
    angle = np.linalg.norm(vector)
    half = np.sinc(angle / (2 * np.pi)) / 2
    quaternion = np.concatenate([[np.cos(angle / 2)], half * vector])
    np.testing.assert_allclose(
        from_quaternion(quaternion), from_rotation_vector(vector), atol=1e-11
    )
    np.testing.assert_allclose(from_quaternion(-quaternion), from_quaternion(quaternion))


def test_quaternions_must_be_of_unit_length() -> None:
    with pytest.raises(PoseliftError, match="expected unit quaternions, got one of length 2"):
        from_quaternion(np.array([[1.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("batch", BATCHES)
def test_turning_to_the_axis(batch: tuple[int, ...]) -> None:
    rays = in_view(batch)
    matrix = turning_to_axis(rays)
    length = np.linalg.norm(rays, axis=-1)
    turned = (matrix @ rays[..., None])[..., 0]
    np.testing.assert_allclose(turned[..., :2], 0, atol=1e-12)
    np.testing.assert_allclose(turned[..., 2], length)
    np.testing.assert_allclose(
        matrix @ np.swapaxes(matrix, -1, -2), np.broadcast_to(np.eye(3), matrix.shape), atol=1e-12
    )
    # the shortest turn: about an axis at right angles to both, so that axis stays
    hinge = np.cross(rays, [0.0, 0.0, 1.0])
    np.testing.assert_allclose((matrix @ hinge[..., None])[..., 0], hinge, atol=1e-12)


# cameras


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("camera", CAMERAS, ids=lambda c: str(c.center[0])[:6])
def test_project_and_unproject(camera: Camera, batch: tuple[int, ...], dtype: type) -> None:
    points = in_view(batch).astype(dtype)
    pixels = camera.project(points, distort=False)
    assert pixels.dtype == dtype
    back = camera.unproject(pixels, np.asarray(points[..., 2]))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, points, atol=10 * tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("camera", CAMERAS, ids=lambda c: str(c.center[0])[:6])
def test_world_and_camera(camera: Camera, batch: tuple[int, ...], dtype: type) -> None:
    world = RNG.normal(size=(*batch, 3)).astype(dtype)
    points = camera.to_camera(world)
    assert points.dtype == dtype
    # published quaternions are of unit length to 1e-8
    np.testing.assert_allclose(camera.to_world(points), world, atol=max(1e-6, tolerance(dtype)))
    other = RNG.normal(size=(*batch, 3)).astype(dtype)
    np.testing.assert_allclose(
        np.linalg.norm(camera.to_camera(other) - points, axis=-1),
        np.linalg.norm(other - world, axis=-1),
        rtol=1e-5,
    )
    center = np.asarray(camera.translation, dtype)
    np.testing.assert_allclose(camera.to_camera(center), 0, atol=tolerance(dtype))


def test_camera_without_distortion_distorts_nothing() -> None:
    camera = Camera(size=(640, 480), focal=(500.0, 510.0), center=(320.0, 240.0))
    points = in_view((7,))
    assert np.array_equal(camera.project(points), camera.project(points, distort=False))
    axis = np.array([0.0, 0.0, 3.0])
    assert camera.project(axis).tolist() == [320.0, 240.0]
    right_and_down = camera.project(np.array([0.3, 0.6, 3.0]))
    np.testing.assert_allclose(right_and_down, [370.0, 342.0])


# normalisation


def people(count: int = 4, joints: int = 17) -> np.ndarray:
    """Pixel keypoints of people of various sizes, anywhere in the image."""
    centers = RNG.uniform(0.2, 0.8, size=(count, 1, 2)) * SIZE
    return centers + RNG.uniform(20, 120, size=(count, 1, 1)) * RNG.normal(size=(count, joints, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", NORMALISATIONS)
def test_normalise_and_denormalise(method: str, dtype: type) -> None:
    pixels = people().astype(dtype)
    pixels[1, 3] = np.nan
    for focal in (None, 900.0):
        pose = normalise(pixels, method, SIZE, focal)
        assert pose.inputs.dtype == np.float32
        assert np.array_equal(np.isnan(pose.inputs), np.isnan(pixels))
        back = denormalise(pose, pose.inputs, SIZE, focal)
        np.testing.assert_allclose(back, pixels, atol=2e-3)


@pytest.mark.parametrize("method", NORMALISATIONS)
def test_network_space_and_camera_space(method: str) -> None:
    pose = normalise(people(), method, SIZE)
    poses = RNG.normal(size=(4, 17, 3)).astype(np.float32)
    np.testing.assert_allclose(pose.to_camera(pose.to_network(poses)), poses, atol=1e-6)
    for way in (pose.to_camera, pose.to_network):
        turned = way(poses)
        assert turned.dtype == np.float32
        np.testing.assert_allclose(
            np.linalg.norm(turned, axis=-1), np.linalg.norm(poses, axis=-1), rtol=1e-5
        )


@pytest.mark.parametrize("method", NORMALISATIONS)
def test_rows_do_not_see_each_other(method: str) -> None:
    pixels = people()
    together = normalise(pixels, method, SIZE).inputs
    alone = np.concatenate([normalise(row[None], method, SIZE).inputs for row in pixels])
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_corners_of_the_image() -> None:
    corners = np.array([[[0.0, 0.0], [1280.0, 720.0], [640.0, 360.0]]])
    screen = normalise(corners, "screen", SIZE).inputs[0]
    np.testing.assert_allclose(screen, [[-1, -0.5625], [1, 0.5625], [0, 0]], rtol=1e-6)
    gridconv = normalise(corners, "gridconv", SIZE).inputs[0]
    np.testing.assert_allclose(gridconv, [[-1, -1], [1, 0.125], [0, -0.4375]], rtol=1e-6)
    upright = normalise(corners, "gridconv", (720.0, 1280.0)).center[0]
    assert upright.tolist() == [640.0, 640.0]


def rotated_view(pixels: np.ndarray, focal: float, turn: np.ndarray) -> np.ndarray:
    """What the camera sees of the same rays after turning on the spot."""
    slopes = (pixels - np.array(SIZE) / 2) / focal
    rays = np.concatenate([slopes, np.ones_like(slopes[..., :1])], axis=-1) @ turn.T
    return rays[..., :2] / rays[..., 2:] * focal + np.array(SIZE) / 2


def test_person_normalisation_does_not_see_where_in_the_picture_a_person_is() -> None:
    pixels = people(1)
    pose = normalise(pixels, "person", SIZE, 1100.0)
    # turned about the horizontal and vertical so that the pelvis looks down the axis
    centered = rotated_view(pixels, 1100.0, pose.rotation[0])
    np.testing.assert_allclose(centered[0, 0], np.array(SIZE) / 2, atol=1e-9)
    again = normalise(centered, "person", SIZE, 1100.0)
    np.testing.assert_allclose(again.inputs, pose.inputs, atol=1e-6)
    np.testing.assert_allclose(again.rotation[0], np.eye(3), atol=1e-12)


@given(st.floats(-0.25, 0.25), st.floats(-0.25, 0.25))
@settings(deadline=None, max_examples=30)
def test_person_normalisation_changes_by_a_roll_at_most(pan: float, tilt: float) -> None:
    pixels = np.array(SIZE) / 2 + np.random.default_rng(2).normal(0, 90, size=(1, 17, 2))
    turn = about_axis("x", np.array(tilt)) @ about_axis("y", np.array(pan))
    a = normalise(pixels, "person", SIZE, 1000.0)
    b = normalise(rotated_view(pixels, 1000.0, turn), "person", SIZE, 1000.0)
    fitted = procrustes(a.inputs.astype(np.float64), b.inputs.astype(np.float64))
    # pan and tilt about the camera's axes leave only a small roll about the line of sight
    np.testing.assert_allclose(fitted.aligned, b.inputs, atol=1e-5)
    np.testing.assert_allclose(fitted.scale, 1.0, atol=1e-5)
    roll = np.arctan2(fitted.rotation[0, 0, 1], fitted.rotation[0, 0, 0])
    assert abs(roll) < abs(pan * tilt) + 0.02


def test_person_normalisation_does_not_see_lens_or_size() -> None:
    pixels = people(3)
    pose = normalise(pixels, "person", SIZE, 1000.0)
    zoomed = (pixels - np.array(SIZE) / 2) * 1.7 + np.array(SIZE) / 2
    again = normalise(zoomed, "person", SIZE, 1700.0)
    np.testing.assert_allclose(again.inputs, pose.inputs, atol=1e-6)
    spread = np.sqrt((pose.inputs**2).sum(axis=-1).mean(axis=1))
    np.testing.assert_allclose(spread, 1.0, rtol=1e-5)
    default = normalise(pixels, "person", SIZE)
    assert np.array_equal(
        default.inputs, normalise(pixels, "person", SIZE, DEFAULT_FOCAL * 1280.0).inputs
    )


def test_person_normalisation_without_a_pelvis_takes_the_mean_joint() -> None:
    pixels = people(1)
    pixels[0, 0] = np.nan
    pose = normalise(pixels, "person", SIZE)
    centered = rotated_view(pixels, 1280.0, pose.rotation[0])
    offset = np.nanmean(centered[0], axis=0) - np.array(SIZE) / 2
    assert np.abs(offset).max() < 0.1 * np.nanstd(pixels[0])


@pytest.mark.parametrize("method", NORMALISATIONS)
def test_a_person_without_any_joint_stays_missing(method: str) -> None:
    pixels = people(2)
    pixels[1] = np.nan
    pose = normalise(pixels, method, SIZE)
    assert np.isfinite(pose.inputs[0]).all()
    assert np.isnan(pose.inputs[1]).all()
    assert np.isfinite(pose.to_camera(np.ones((2, 17, 3), np.float32))).all()


def test_sizes_and_focal_lengths_by_row() -> None:
    pixels = people(2)
    sizes = np.array([[1280.0, 720.0], [640.0, 480.0]])
    focals = np.array([1000.0, 700.0])
    for method in NORMALISATIONS:
        rows = [
            normalise(pixels[i : i + 1], method, tuple(sizes[i]), float(focals[i])).inputs
            for i in range(2)
        ]
        together = normalise(pixels, method, sizes, focals).inputs
        np.testing.assert_allclose(together, np.concatenate(rows), rtol=1e-6)


@pytest.mark.parametrize("method", NORMALISATIONS)
def test_a_normaliser_keeps_nothing_between_calls(method: str) -> None:
    normaliser, pixels = Normaliser(method, SIZE, 900.0), people(5)
    pixels[2, 0] = np.nan
    first = normaliser(pixels)
    kept = first.inputs.copy()
    for rows in (pixels[2:3], pixels[:0], pixels[1:4]):
        expected = normalise(rows, method, SIZE, 900.0).inputs
        np.testing.assert_array_equal(normaliser(rows).inputs, expected)
    np.testing.assert_array_equal(first.inputs, kept)


def test_unknown_normalisation() -> None:
    with pytest.raises(PoseliftError, match="unknown normalisation 'hip', expected one of screen"):
        normalise(people(), "hip", SIZE)


# alignment


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
def test_procrustes_undoes_a_similarity(batch: tuple[int, ...], dtype: type, dims: int) -> None:
    target = RNG.normal(size=(*batch, 9, dims))
    turn = np.linalg.qr(RNG.normal(size=(*batch, dims, dims)))[0]
    turn[..., 0] *= np.sign(np.linalg.det(turn))[..., None]
    factor = RNG.uniform(0.2, 5.0, size=(*batch, 1, 1))
    moved = factor * target @ turn + RNG.normal(size=(*batch, 1, dims))
    found = procrustes(moved.astype(dtype), target.astype(dtype))
    assert found.aligned.dtype == dtype
    np.testing.assert_allclose(found.aligned, target, atol=tolerance(dtype))
    np.testing.assert_allclose(found.scale, 1 / factor[..., 0, 0], rtol=1e-4)
    np.testing.assert_allclose(found.rotation, np.swapaxes(turn, -1, -2), atol=tolerance(dtype))
    applied = (
        found.scale[..., None, None] * (moved @ found.rotation) + found.translation[..., None, :]
    )
    np.testing.assert_allclose(applied, target, atol=10 * tolerance(dtype))
    np.testing.assert_allclose(found.residual, 0, atol=tolerance(dtype))


def test_procrustes_is_the_best_alignment_nearby() -> None:
    predicted, target = RNG.normal(size=(2, 5, 17, 3))
    found = procrustes(predicted, target)
    best = ((found.aligned - target) ** 2).sum(axis=(1, 2))
    spread = ((target - target.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(found.residual, best / spread, rtol=1e-9)
    for _ in range(20):
        nudge = from_rotation_vector(0.02 * RNG.normal(size=(5, 3)))
        scale = found.scale * (1 + 0.02 * RNG.normal(size=5))
        other = scale[:, None, None] * (predicted @ found.rotation @ nudge)
        other += target.mean(axis=1, keepdims=True) - other.mean(axis=1, keepdims=True)
        assert (((other - target) ** 2).sum(axis=(1, 2)) >= best - 1e-12).all()


def test_procrustes_reflects_only_when_told_to() -> None:
    target = RNG.normal(size=(4, 17, 3))
    mirrored = target * np.array([-1.0, 1.0, 1.0])
    assert (np.linalg.det(procrustes(mirrored, target).rotation) > 0).all()
    found = procrustes(mirrored, target, reflection=True)
    assert (np.linalg.det(found.rotation) < 0).all()
    np.testing.assert_allclose(found.aligned, target, atol=1e-12)


def test_procrustes_does_not_see_the_unit() -> None:
    predicted, target = RNG.normal(size=(2, 5, 17, 3))
    metres, millimetres = procrustes(predicted, target), procrustes(1e3 * predicted, 1e3 * target)
    np.testing.assert_allclose(1e3 * metres.aligned, millimetres.aligned, rtol=1e-9)
    np.testing.assert_allclose(metres.residual, millimetres.residual, rtol=1e-9)


@pytest.mark.parametrize("scale", [False, True])
def test_procrustes_of_a_single_point_is_a_shift(scale: bool) -> None:
    poses = RNG.normal(size=(4, 17, 3))
    points = np.ones((4, 17, 3))
    middle = np.broadcast_to(poses.mean(axis=1, keepdims=True), poses.shape)
    np.testing.assert_allclose(procrustes(points, poses, scale=scale).aligned, middle)
    backwards = procrustes(poses, points, scale=scale)
    assert np.isfinite(backwards.aligned).all()
    np.testing.assert_allclose(backwards.aligned.mean(axis=1), 1.0)
    assert (backwards.residual == 1).all()


@pytest.mark.parametrize("batch", BATCHES)
def test_root_relative(batch: tuple[int, ...]) -> None:
    poses = RNG.normal(size=(*batch, 17, 3))
    moved = root_relative(poses, 5)
    assert not moved[..., 5, :].any()
    np.testing.assert_allclose(root_relative(poses + 3.0, 5), moved, atol=1e-12)
    assert np.array_equal(root_relative(moved, 5), moved)
