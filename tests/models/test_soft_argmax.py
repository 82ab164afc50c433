"""From heat maps to a lifter's input: laws, and equal to the NumPy path."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from poselift.detection import heatmaps as in_numpy
from poselift.geometry import NORMALISATIONS
from poselift.geometry import normalise as normalise_in_numpy
from poselift.models.end_to_end.network import mirrored_crop
from poselift.models.end_to_end.screen import apply, normalise, to_picture
from poselift.models.hrnet import flip_heatmaps, peak_scores, soft_argmax
from poselift.skeletons import H36M_17
from poselift.training.picture_loss import peaks

SIZE, CELLS = (96, 64), (24, 16)
ORDER = H36M_17.flip_order.tolist()


def points(count: int = 5, seed: int = 0) -> torch.Tensor:
    """Keypoints well within a crop of `SIZE`, float64."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.uniform([12, 12], [52, 84], (count, 17, 2)))


def crops(count: int, seed: int = 1) -> torch.Tensor:
    """Affines that scale, turn and shift."""
    rng = np.random.default_rng(seed)
    crop = np.zeros((count, 3, 3))
    crop[:, :2, :2] = rng.uniform(0.2, 0.5, (count, 1, 1)) * np.eye(2)
    crop[:, :2, :2] += rng.uniform(-0.05, 0.05, (count, 2, 2))
    crop[:, :2, 2], crop[:, 2, 2] = rng.uniform(-80, 0, (count, 2)), 1
    return torch.from_numpy(crop)


@pytest.mark.parametrize(("temperature", "most"), [(0.02, 1.4), (0.05, 0.6), (0.07, 0.35)])
def test_the_middle_of_a_gaussian_is_found(temperature: float, most: float) -> None:
    """Within pixels of a crop whose cells are four of them wide."""
    truth = points()
    found = soft_argmax(peaks(truth, SIZE, CELLS), temperature, SIZE)
    assert (found - truth).abs().max() < most


def test_a_low_temperature_is_the_argmax_and_a_high_one_the_middle() -> None:
    order = torch.stack([torch.randperm(24 * 16) for _ in range(34)])
    maps = (order / 384).double().view(2, 17, *CELLS)
    sharp = soft_argmax(maps, 1e-5, SIZE)
    flat = maps.flatten(-2).argmax(-1)
    cell = torch.stack([flat % CELLS[1], flat // CELLS[1]], dim=-1)
    torch.testing.assert_close(sharp, (cell.double() + 0.5) * 4)
    middle = soft_argmax(maps, 1e6, SIZE)
    torch.testing.assert_close(middle, torch.tensor([32.0, 48.0]).expand(2, 17, 2).double())


def test_keypoints_keep_their_digits_under_autocast() -> None:
    maps = peaks(points().float(), SIZE, CELLS)
    with torch.autocast("cpu", torch.bfloat16):
        found = soft_argmax(maps, 0.05, SIZE)
    torch.testing.assert_close(found, soft_argmax(maps, 0.05, SIZE), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", NORMALISATIONS)
@pytest.mark.parametrize("known", [True, False])
def test_the_whole_way_is_that_of_numpy(method: str, known: bool) -> None:
    """Maps -> crop -> picture -> the lifter's input -> back to the camera, to 1e-5."""
    maps = peaks(points().float(), SIZE, CELLS) + 0.05 * torch.rand(5, 17, *CELLS)
    crop, size = crops(5).float(), torch.tensor([[1280.0, 720.0]] * 4 + [[480.0, 640.0]])
    focal = torch.full((5,), 1100.0 if known else 0.0)
    found = soft_argmax(maps, 0.05, SIZE)
    pixels = to_picture(found, crop)
    ours = normalise(pixels, method, size, focal, H36M_17.root)
    theirs = in_numpy.soft_argmax(maps.numpy(), 0.05, SIZE)
    np.testing.assert_allclose(found, theirs, atol=1e-5 * 64)
    pixels_there = in_numpy.to_picture(theirs, crop.numpy())
    np.testing.assert_allclose(pixels, pixels_there, rtol=1e-5, atol=1e-5 * 1280)
    pose = normalise_in_numpy(
        pixels_there, method, size.numpy(), focal.numpy() if known else None, H36M_17.root
    )
    np.testing.assert_allclose(ours.inputs, pose.inputs, atol=1e-5)
    outputs = torch.randn(5, 17, 3)
    back = outputs if ours.rotation is None else apply(ours.rotation.transpose(1, 2), outputs)
    np.testing.assert_allclose(back, pose.to_camera(outputs.numpy()), atol=1e-5)
    scores = peak_scores(maps)
    np.testing.assert_allclose(scores, in_numpy.peak_scores(maps.numpy()))
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("method", NORMALISATIONS)
def test_gradients_are_those_of_finite_differences(method: str) -> None:
    """In float64, from the maps to what a lifter is given and its turn back."""
    crop, size = crops(2), torch.tensor([[1280.0, 720.0], [480.0, 640.0]]).double()
    focal = torch.tensor([1100.0, 0.0]).double()

    def way(maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pixels = to_picture(soft_argmax(maps, 0.2, (32, 32)), crop)
        pose = normalise(pixels, method, size, focal, 0)
        return (pose.inputs,) if pose.rotation is None else (pose.inputs, pose.rotation)

    maps = torch.rand(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(way, (maps,), eps=1e-6, atol=1e-6)


def test_mirrored_maps_are_maps_of_the_mirrored_crop() -> None:
    truth = points()
    mirrored = truth[:, ORDER] * torch.tensor([-1, 1]) + torch.tensor([64, 0])
    maps = flip_heatmaps(peaks(mirrored, SIZE, CELLS), ORDER)
    torch.testing.assert_close(maps, peaks(truth, SIZE, CELLS))
    again = in_numpy.flip_heatmaps(peaks(mirrored, SIZE, CELLS).numpy(), ORDER)
    np.testing.assert_array_equal(maps, again)


def test_the_mirrored_crop_is_where_the_mirrored_picture_has_it() -> None:
    found, crop = points(), crops(5)
    size = torch.tensor([[1280.0, 720.0]] * 5).double()
    pixels = to_picture(found, crop)
    turned = found * torch.tensor([-1, 1]) + torch.tensor([64, 0])
    there = to_picture(turned, mirrored_crop(crop, size, 64))
    torch.testing.assert_close(there, pixels * torch.tensor([-1, 1]) + torch.tensor([1280, 0]))
    ones = torch.ones(5, 17, 1).double()
    back = apply(crop, torch.cat([pixels, ones], dim=-1))[..., :2]
    torch.testing.assert_close(back, found)
