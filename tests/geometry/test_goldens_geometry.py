"""Cameras and skeleton tables against the official codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from golden_support import Golden, assert_close
from poselift.geometry import H36M_S1_CAMERAS, Camera, denormalise, normalise
from poselift.models.posegraphnet import neighbour_groups, normalise_official
from poselift.skeletons import H36M_16, H36M_17, Skeleton

DTYPES = {"": np.float32, "_f64": np.float64}


@pytest.fixture
def golden(shared: Path) -> Golden:
    return Golden(shared / "golden" / "cameras_h36m_s1.npz")


def screen_camera(golden: Golden, index: int) -> Camera:
    """A camera whose pixels are normalised screen units, from the file's float32 numbers."""

    def numbers(key: str) -> tuple[float, ...]:
        return tuple(float(value) for value in golden[key][index])

    return Camera(
        size=(2, 2),
        focal=numbers("focal_length"),  # type: ignore[arg-type]
        center=numbers("center"),  # type: ignore[arg-type]
        radial=numbers("radial_distortion"),  # type: ignore[arg-type]
        tangential=numbers("tangential_distortion"),  # type: ignore[arg-type]
        orientation=numbers("orientation"),  # type: ignore[arg-type]
        translation=numbers("translation"),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("index", range(4))
def test_world_to_camera_to_screen(index: int, suffix: str, golden: Golden) -> None:
    camera = screen_camera(golden, index)
    tolerance = 1e-12 if suffix else 1e-5
    world = golden["world"].astype(DTYPES[suffix])
    points = camera.to_camera(world)
    assert points.dtype == DTYPES[suffix]
    assert_close(points, golden[f"camera{suffix}"][index], tolerance)
    assert_close(camera.to_world(points), golden[f"camera_to_world{suffix}"][index], tolerance)
    screen = camera.project(points)
    assert_close(screen, golden[f"projected{suffix}"][index], tolerance)
    linear = camera.project(points, distort=False)
    assert_close(linear, golden[f"projected_linear{suffix}"][index], tolerance)


@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("index", range(4))
def test_points_far_off_the_axis(index: int, suffix: str, golden: Golden) -> None:
    camera = screen_camera(golden, index)
    tolerance = 1e-12 if suffix else 1e-5
    points = golden["off_axis_camera_points"].astype(DTYPES[suffix])
    screen = camera.project(points)
    assert_close(screen, golden[f"off_axis_projected{suffix}"][index], tolerance)
    linear = camera.project(points, distort=False)
    assert_close(linear, golden[f"off_axis_projected_linear{suffix}"][index], tolerance)


@pytest.mark.parametrize("index", range(4))
def test_published_cameras(index: int, golden: Golden) -> None:
    camera = H36M_S1_CAMERAS[int(golden["camera_id"][index])]
    assert camera.size == tuple(golden["resolution"][index])
    assert_close(camera.focal, golden["focal_length_pixels"][index], 1e-15)
    assert_close(camera.center, golden["center_pixels"][index], 1e-15)
    for field in ("orientation", "translation"):
        assert np.array_equal(np.float32(getattr(camera, field)), golden[field][index])
    distortion = np.float32([*camera.radial, *camera.tangential])
    assert_close(distortion, golden["intrinsic"][index, 4:], 1e-7)
    pixels = camera.project(camera.to_camera(golden["world"].astype(np.float64)))
    # the file's intrinsics are rounded to float32, ours are not
    assert_close(pixels, golden["image_coordinates_f64"][index], 1e-7)


@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("index", range(4))
def test_screen_normalisation(index: int, suffix: str, golden: Golden) -> None:
    size = tuple(float(value) for value in golden["resolution"][index])
    screen = golden[f"normalized_screen{suffix}"][index]
    pixels = golden[f"image_coordinates{suffix}"][index]
    tolerance = 1e-6  # network inputs are float32
    pose = normalise(pixels, "screen", size)
    assert_close(pose.inputs, screen, tolerance)
    assert_close(denormalise(pose, screen, size), pixels, 1e-12 if suffix else 1e-6)


@pytest.mark.parametrize(
    ("skeleton", "number"), [(H36M_17, "17"), (H36M_16, "16")], ids=["17", "16"]
)
def test_skeleton_tables(skeleton: Skeleton, number: str, shared: Path) -> None:
    golden = Golden(shared / "golden" / "skeletons_h36m.npz")
    assert np.array_equal(skeleton.parents, golden[f"parents{number}"])
    assert set(skeleton.left) == set(golden[f"joints_left{number}"])
    assert set(skeleton.right) == set(golden[f"joints_right{number}"])
    pairs = dict(zip(golden[f"joints_left{number}"], golden[f"joints_right{number}"], strict=True))
    assert dict(zip(skeleton.left, skeleton.right, strict=True)) == pairs
    linked = skeleton.adjacency + np.eye(len(skeleton))
    expected = linked / linked.sum(axis=1, keepdims=True)
    assert_close(expected, golden[f"adjacency{number}"], 1e-6)


def test_neighbour_groups(shared: Path) -> None:
    golden = Golden(shared / "golden" / "posegraphnet_adjacency.npz")
    assert {(p, c) for p, c in H36M_17.edges} == {(a, b) for a, b in golden["edges17"]}
    assert np.array_equal(H36M_17.depth, golden["dist_center17"])
    groups = neighbour_groups(H36M_17)
    assert np.array_equal(groups, golden["adj17_raw"])
    normalised = normalise_official(torch.from_numpy(groups).double())
    assert_close(normalised, golden["adj17_network_normalised"], 1e-12)


def test_neighbour_groups_without_the_hip(shared: Path) -> None:
    golden = Golden(shared / "golden" / "posegraphnet_adjacency.npz")
    links = golden["adj16_raw"].sum(axis=0) - np.eye(16)
    depth = golden["dist_center16"]
    parents = [
        next((j for j in np.flatnonzero(links[i]) if depth[j] < depth[i]), -1) for i in range(16)
    ]
    joints = tuple(f"joint_{i}" for i in range(16))
    hipless = Skeleton("hipless", joints, tuple(int(parent) for parent in parents))
    groups = neighbour_groups(hipless)
    assert np.array_equal(groups, golden["adj16_raw"])
    normalised = normalise_official(torch.from_numpy(groups).double())
    assert_close(normalised, golden["adj16_network_normalised"], 1e-12)
