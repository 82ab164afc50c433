"""A detector and a lifter as one network: gradients, stages, mirror images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from picture_samples import TINY_GLN, TINY_HRNET, Sticks
from poselift.errors import PoseliftError
from poselift.models import EndToEnd, build, config_from_dict
from poselift.models.end_to_end import STAGES, flip_test
from poselift.skeletons import H36M_17
from poselift.training.picture_loss import Pictures, as_floats, detector_loss
from poselift.training.pictures import PictureSamples


def system(**changes: Any) -> EndToEnd:
    torch.manual_seed(0)
    own = {"detector": TINY_HRNET, "settings": TINY_GLN, "normalisation": "person", **changes}
    network = build("end_to_end", own)
    assert isinstance(network, EndToEnd)
    with torch.no_grad():  # maps with peaks, as after some training
        network.detector.final_layer.weight.normal_(std=0.5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return network.eval()


def batch(count: int = 4) -> Pictures:
    samples = PictureSamples(Sticks(count), 0)
    return Pictures(*next(samples.batches(np.arange(count), count, torch.device("cpu"))))


def inputs(given: Pictures) -> tuple[torch.Tensor, ...]:
    return as_floats(given.image), given.crop, given.size, given.focal


@pytest.mark.parametrize("normalisation", ["gridconv", "person"])
def test_gradients_of_the_whole_chain_by_finite_differences(normalisation: str) -> None:
    """In float64, the error of the poses along random directions of each network's weights."""
    network = system(normalisation=normalisation).double()
    image, crop, size, focal = (one.double() for one in inputs(batch()))
    truth = batch().poses.double()

    def loss() -> torch.Tensor:
        return (network(image, crop, size, focal).poses - truth).square().mean()

    for part in network.parts().values():
        weights = [p for p in part.parameters() if p.requires_grad]
        along = [torch.randn_like(p) * p.abs().mean() for p in weights]
        gradients = torch.autograd.grad(loss(), weights)
        slope = sum(float((g * a).sum().detach()) for g, a in zip(gradients, along, strict=True))
        values, step = [], 1e-7
        for sign in (1, -2, 1):  # there, to the other side, back
            with torch.no_grad():
                for p, a in zip(weights, along, strict=True):
                    p.add_(a, alpha=sign * step)
            values.append(float(loss().detach()))
        found = (values[0] - values[1]) / (2 * step)
        assert slope != 0
        assert found == pytest.approx(slope, rel=1e-5)


def test_without_a_way_through_the_detector_learns_from_its_maps_alone() -> None:
    given = batch()
    for through in (True, False):
        network = system(through=through)
        poses = network(*inputs(given)).poses
        gradient = torch.autograd.grad(
            (poses - given.poses).square().mean(),
            network.detector.final_layer.weight,
            allow_unused=True,
        )[0]
        assert (gradient is not None and bool((gradient != 0).any())) == through


def test_stages() -> None:
    network = system(detector_epochs=2.0, lifter_epochs=1.0, detector_rate=0.25).train()
    seen = {}
    for epoch in (0.0, 1.99, 2.0, 2.5, 3.0, 9.0):
        network.start_step(epoch)
        seen[epoch] = (network.stage, network.rate("detector"), network.rate("lifter"))
        assert network.detector.training == (network.stage != "lifter")
        assert network.lifter.training == (network.stage != "detector")
        maps = network(*inputs(batch())).heatmaps
        assert maps.requires_grad == (network.stage != "lifter")
    assert list(seen.values()) == [
        *[("detector", 1, 0)] * 2,
        *[("lifter", 0, 1)] * 2,
        *[("both", 0.25, 1)] * 2,
    ]
    assert {stage for stage, *_ in seen.values()} == set(STAGES)
    frozen = system(detector_rate=0.0).train()
    frozen.start_step(5.0)
    assert not frozen.detector.training
    assert not frozen(*inputs(batch())).heatmaps.requires_grad


def test_with_the_mirror_image_a_mirrored_picture_gives_the_mirrored_pose() -> None:
    """The flip test of both networks makes the system symmetric, whatever its weights."""
    network, given = system(), batch()
    image, crop, size, focal = inputs(given)
    turned = crop.clone()
    turned[:, 0, 2] = image.shape[-1] - crop[:, 0, 0] * size[:, 0] - crop[:, 0, 2]
    with torch.no_grad():
        ours = flip_test(network, image, crop, size, focal)
        other = flip_test(network, image.flip(-1), turned, size, focal)
        plain = network(image, crop, size, focal)
    order, sign = H36M_17.flip_order.tolist(), torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(other.poses[:, order] * sign, ours.poses, atol=1e-4, rtol=1e-4)
    mirrored = other.keypoints[:, order] * sign[:2] + torch.tensor([640.0, 0.0])
    torch.testing.assert_close(mirrored, ours.keypoints, atol=1e-2, rtol=1e-4)
    assert not torch.allclose(plain.poses, ours.poses, atol=1e-3)


def test_joints_outside_the_crop_do_not_count() -> None:
    given, network = batch(), system()
    maps = network(*inputs(given)).heatmaps
    config = network.detector.config

    def of(change: Pictures) -> float:
        return float(detector_loss(maps, change, config, (1.0, 1.0)).detach())

    inside = given.inside.clone()
    inside[:, 3] = False
    moved = given.keypoints.clone()
    moved[:, 3] += 500
    without = of(given._replace(inside=inside))
    assert of(given._replace(inside=inside, keypoints=moved)) == pytest.approx(without)
    assert of(given._replace(keypoints=moved)) != pytest.approx(without)
    nobody = given._replace(inside=torch.zeros_like(inside))
    assert of(nobody) == 0


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"normalisation": "pixels"}, "normalisation: expected one of screen, gridconv, person"),
        ({"lifter": "hrnet"}, "lifter: expected a network that lifts, hrnet is a detector"),
        ({"detector": {"skeleton": "coco_17"}}, "finds the joints of coco_17, the lifter expects"),
        ({"detector": {"depth": 3}}, "hrnet: unknown setting 'depth'"),
        ({"detector": 3}, "end_to_end: expected an object for detector, got 3"),
        ({"detector_rate": -1}, "detector_rate: expected 0 or more, got -1"),
    ],
)
def test_settings_that_are_refused(config: dict[str, object], sentence: str) -> None:
    with pytest.raises(PoseliftError, match=sentence):
        config_from_dict("end_to_end", config)
