"""PoseAug: what its changes leave alone, critics that learn, and runs that resume bit for bit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_training_loop import Stopper, outcome
from torch import Tensor, nn

from poselift import Lifter
from poselift.datasets import cmu
from poselift.errors import PoseliftError
from poselift.geometry import H36M_S1_CAMERAS, Camera, from_rotation_vector, normalise
from poselift.models.registry import build
from poselift.simulation.bones import joint_to_bone, length_classes
from poselift.skeletons import H36M_16, H36M_17, Skeleton
from poselift.training import DataSpec, TrainingConfig, TrainingData, train
from poselift.training import augmentor as augmentor_module
from poselift.training.augmentor import Augmentor, inside, outside, project
from poselift.training.poseaug import (
    NEAREST,
    Augmented,
    Body,
    Generator,
    PoseCritic,
    rotation,
)
from poselift.training.sources import as_network_sees, views_of
from training_fixtures import seen, tiny_config

CPU = torch.device("cpu")
CAMERA = H36M_S1_CAMERAS[55011271]


def standing(count: int, skeleton: Skeleton = H36M_17, seed: int = 0) -> Tensor:
    """Points of somebody like a person, metres before the camera."""
    rng = np.random.default_rng(seed)
    height = -0.25 * (skeleton.depth - 2.0)  # what hangs on longer chains lies higher
    poses = rng.normal(scale=0.1, size=(count, len(skeleton), 3))
    poses[..., 1] += height
    poses -= poses[:, :1]
    return torch.from_numpy(poses + np.array([0.3, -0.2, 5.0])).float()


def augmented(
    skeleton: Skeleton = H36M_17, count: int = 32
) -> tuple[np.ndarray, Augmented, Generator]:
    torch.manual_seed(3)
    generator = Generator(Body(skeleton), len(skeleton))
    points = standing(count, skeleton)
    with torch.no_grad():
        return points.numpy(), generator(points), generator


def bone_lengths(poses: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    return np.linalg.norm(joint_to_bone(skeleton) @ poses, axis=-1, keepdims=True)


def unit_bones(poses: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    return joint_to_bone(skeleton) @ poses / bone_lengths(poses, skeleton)


@pytest.mark.parametrize("skeleton", [H36M_16, H36M_17], ids=lambda s: s.name)
def test_bending_keeps_lengths_the_hip_and_the_trunk(skeleton: Skeleton) -> None:
    points, made, _ = augmented(skeleton)
    bent = made.bent.numpy()
    np.testing.assert_allclose(
        bone_lengths(bent, skeleton), bone_lengths(points, skeleton), atol=1e-5
    )
    np.testing.assert_allclose(bent[:, 0], points[:, 0], atol=1e-6)
    before, after = unit_bones(points, skeleton), unit_bones(bent, skeleton)
    np.testing.assert_allclose(1 - (before * after).sum(axis=2), made.turns, atol=1e-4)
    turned = made.turns.mean(dim=0).numpy()
    names = [skeleton.joints[child] for _, child in skeleton.edges]
    still = {name for name, amount in zip(names, turned, strict=True) if amount < 1e-5}
    assert still == {"spine", "thorax"}


@pytest.mark.parametrize("skeleton", [H36M_16, H36M_17], ids=lambda s: s.name)
def test_lengths_change_alike_on_both_sides(skeleton: Skeleton) -> None:
    _, made, _ = augmented(skeleton)
    bent, resized = made.bent.numpy(), made.resized.numpy()
    factor = bone_lengths(resized, skeleton) / bone_lengths(bent, skeleton)
    classes = length_classes(skeleton)
    np.testing.assert_allclose(factor[..., 0], 1 + made.ratios[:, classes], atol=1e-4)
    assert made.ratios.abs().max() <= 0.2
    assert made.ratios.std(dim=0).min() == 0  # one class keeps its length:
    kept = int(made.ratios.std(dim=0).argmin())
    thorax = [child for _, child in skeleton.edges].index(skeleton.index("thorax"))
    assert kept == classes[thorax]
    np.testing.assert_allclose(resized[:, 0], bent[:, 0], atol=1e-6)
    np.testing.assert_allclose(unit_bones(resized, skeleton), unit_bones(bent, skeleton), atol=1e-4)


def test_another_view_is_a_rigid_motion_before_the_camera() -> None:
    _, made, _ = augmented()
    for one, other in zip(made.resized.numpy(), made.viewed.numpy(), strict=True):
        a, b = one - one[0], other - other[0]
        np.testing.assert_allclose(b @ b.T, a @ a.T, atol=1e-4)  # all angles and lengths
        # all triple products too: no mirror image
        assert np.linalg.det(b[[3, 6, 10]]) == pytest.approx(np.linalg.det(a[[3, 6, 10]]), abs=1e-4)
    assert made.viewed[..., 2].min() >= NEAREST
    moved = made.viewed[:, 0] - made.resized[:, 0]
    assert moved[:, 2].std() > 0.1


def test_somebody_at_the_lens_is_moved_away() -> None:
    pose = torch.randn(4, 17, 3)
    pose -= pose[:, :1].clone()
    root = torch.tensor([[[0.0, 0.0, 0.2]]]).expand(4, 1, 3)
    place = Generator.moved(root, pose, -torch.ones(4, 1, 3))
    assert (place[:, 0, 2] - torch.linalg.vector_norm(pose, dim=2).amax(dim=1)).min() >= NEAREST


def test_a_view_that_changes_nothing_leaves_the_root_where_it_was() -> None:
    points = standing(4)
    root, pose = points[:, :1], points - points[:, :1]
    place = Generator.moved(root, pose, torch.zeros(4, 1, 3))
    torch.testing.assert_close(place, root)


def test_reprojection_is_projection() -> None:
    _, made, _ = augmented()
    pixels = project(made.bent, torch.tensor([[*CAMERA.focal, *CAMERA.center]]).expand(32, 4))
    expected = CAMERA.project(made.bent.numpy(), distort=False)
    np.testing.assert_allclose(pixels.numpy(), expected, atol=1e-2)
    size = torch.tensor([1000.0, 1000.0]).expand(32, 2)
    whole = (expected >= 0).all(axis=(1, 2)) & (expected <= 1000).all(axis=(1, 2))
    np.testing.assert_array_equal(inside(pixels, size).numpy(), whole)
    assert not inside(pixels + 900, size).any()


def test_rotations_are_those_of_geometry() -> None:
    vectors = torch.randn(16, 3) * 2
    vectors[0] = 0.0
    vectors.requires_grad_()
    matrices = rotation(vectors)
    expected = from_rotation_vector(vectors.detach().numpy())
    np.testing.assert_allclose(matrices.detach().numpy(), expected, atol=1e-5)
    matrices.sum().backward()
    assert vectors.grad is not None
    assert torch.isfinite(vectors.grad).all()


def test_what_lies_within_the_range_costs_nothing() -> None:
    values = torch.tensor([1.0, 4.9, 5.1, -1.5])
    assert outside(values[:2], 3.0, 2.0) == 0
    assert outside(values, 3.0, 2.0) == pytest.approx((2.1**2 + 4.5**2) / 4)


@pytest.mark.parametrize("skeleton", [H36M_16, H36M_17], ids=lambda s: s.name)
def test_the_pose_critic_is_blind_to_turns_and_sizes(skeleton: Skeleton) -> None:
    critic, points = PoseCritic(Body(skeleton)), standing(4, skeleton)
    turned = 1.3 * points @ rotation(torch.randn(4, 3)) + 2.0
    scores = critic(points)
    assert scores.shape == (4, 5)
    torch.testing.assert_close(critic(turned), scores, atol=1e-3, rtol=1e-3)


class Frozen(nn.Module):
    """A lifter that gives the same pose for everything."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.new_zeros(*inputs.shape[:2], 3) + 0 * inputs.sum()


def config(**changes: object) -> TrainingConfig:
    values: dict[str, object] = {"poseaug": True, "normalisation": "gridconv", "epochs": 4}
    return tiny_config("martinez", **{**values, **changes})  # type: ignore[arg-type]


def people(count: int = 64) -> TrainingData:
    data = seen(count)
    made = as_network_sees(data, "gridconv")
    return TrainingData(made, made, "h36m_17", "random", views_of(data, "gridconv"))


def augmentor(**changes: object) -> Augmentor:
    data = people()
    assert data.views is not None
    torch.manual_seed(0)
    return Augmentor(config(**changes), data.views, H36M_17, CPU)


def test_critics_learn_to_tell_real_from_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentor_module, "_RATE", 1e-3)
    made = augmentor()
    points = standing(32)
    order = torch.from_numpy(np.random.default_rng(0).permutation(16) + 1)
    shuffled = torch.cat([points[:, :1], points[:, order]], dim=1)
    flat = [(sample[..., :2] / sample[..., 2:]).flatten(1) for sample in (points, shuffled)]
    for name, critic, real, wrong in (
        ("pose_critic", made.pose_critic, points, shuffled),
        ("picture_critic", made.picture_critic, *flat),
    ):
        for _ in range(20):
            made._judge(name, real, wrong, 0.0)
        with torch.no_grad():
            assert critic(real).mean() > critic(wrong).mean() + 0.3


def test_views_are_the_data() -> None:
    data, views = seen(), people(24).views
    assert views is not None
    points, intrinsics = (torch.tensor(array) for array in (views.points, views.intrinsics))
    pixels = project(points, intrinsics).numpy()
    np.testing.assert_allclose(pixels, data.keypoints, atol=1e-2)
    inputs = normalise(data.keypoints, "gridconv", data.image_size).inputs
    made = (pixels - views.center[:, None]) / views.scale[:, None, None]
    np.testing.assert_allclose(made, inputs, atol=1e-4)


def test_batches_grow_after_the_warm_up_by_poses_of_their_pictures() -> None:
    made, data = augmentor(), people()
    inputs, targets = (torch.from_numpy(a[:16]) for a in data.source.epoch(0))
    early = made.extend(Frozen(), inputs, targets, epoch=1.9, number=1)
    assert early[0] is inputs
    assert early[1] is targets
    many = made.extend(Frozen().train(), inputs, targets, epoch=2.0, number=2)
    torch.testing.assert_close(many[0][:16], inputs)
    torch.testing.assert_close(many[1][:16], targets)
    fresh, poses = many[0][16:], many[1][16:]
    assert fresh.shape == (16, 17, 2)
    assert not fresh.requires_grad
    assert not poses.requires_grad
    assert (poses[:, 0] == 0).all()
    assert (fresh >= -1).all()  # nobody has left the picture
    assert (fresh <= 1.01).all()
    # each is the picture of its pose, for some place of the root and one of the cameras
    rays = [_rays(fresh, camera) for camera in H36M_S1_CAMERAS.values()]
    misses = torch.stack([_miss(ray, poses) for ray in rays]).amin(dim=0)
    assert misses.max() < 1e-3


def _rays(inputs: Tensor, camera: Camera) -> Tensor:
    """Viewing slopes of inputs of the gridconv normalisation in pictures 1000 wide."""
    return (500 * inputs + 500 - torch.tensor(camera.center)) / torch.tensor(camera.focal)


def _miss(slopes: Tensor, poses: Tensor) -> Tensor:
    """Smallest slope error of poses over all places of the root: a linear problem a row."""
    count, joints = slopes.shape[:2]
    # x + X = s (z + Z): [1, 0, -s] . root = s Z - X
    left = torch.zeros(count, joints, 2, 3)
    left[..., 0, 0] = left[..., 1, 1] = 1.0
    left[..., 2] = -slopes
    right = slopes * poses[..., 2:] - poses[..., :2]
    root = torch.linalg.lstsq(left.flatten(1, 2), right.flatten(1, 2)[..., None]).solution
    points = poses + root.transpose(1, 2)
    return (points[..., :2] / points[..., 2:] - slopes).abs().amax(dim=(1, 2))


def test_the_lifter_is_asked_and_left_as_it_was() -> None:
    made, data = augmentor(), people()
    lifter = build("martinez", {"width": 8, "blocks": 1}).train()
    before = {name: value.clone() for name, value in lifter.state_dict().items()}
    inputs, targets = (torch.from_numpy(a[:16]) for a in data.source.epoch(0))
    weights = made.generator.angles.layers[-1].weight
    start = weights.detach().clone()
    made.extend(lifter, inputs, targets, epoch=2.0, number=2)
    assert lifter.training
    assert all(parameter.grad is None for parameter in lifter.parameters())
    assert all(torch.equal(before[name], value) for name, value in lifter.state_dict().items())
    assert not torch.equal(weights, start)


def test_left_to_the_range_alone_the_generator_bends_less(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_RATE", 2e-3), ("_FACTOR_3D", 0.0), ("_FACTOR_2D", 0.0)):
        monkeypatch.setattr(augmentor_module, name, value)
    made, data = augmentor(epochs=400), people()
    inputs, targets = (torch.from_numpy(a[:16]) for a in data.source.epoch(0))
    points = torch.tensor(data.views.points)  # type: ignore[union-attr]

    def excess() -> float:
        with torch.no_grad():
            return float(outside(made.generator(points).turns.mean(dim=1), 0.205, 0.165))

    before = excess()
    for number in range(1, 31):
        made.extend(Frozen(), inputs, targets, epoch=0.0, number=number)
    assert excess() < before / 2


def test_feedback_asks_for_harder_poses_but_not_too_hard() -> None:
    made, data = augmentor(), people()
    points = torch.tensor(data.views.points)  # type: ignore[union-attr]

    def feedback(bent: float, viewed: float, share: float) -> float:
        """Of a lifter that says "all joints at the root": the error grows with the pose."""
        root = points[:, :1]
        same = Augmented(
            root + bent * (points - root),
            points,
            root + viewed * (points - root),
            torch.zeros(64, 16),
            torch.zeros(64, 10),
        )
        return float(made._feedback(Frozen(), points, same, lambda seen: seen[..., :2], share))

    assert feedback(3.0, 10.0, 0.0) == 0  # within 1 to 5, and 2 to 32
    assert feedback(6.0, 10.0, 1.0) == 0  # the former has moved to 3 to 7
    assert feedback(6.0, 10.0, 0.0) == pytest.approx(0.1 * 3**2, rel=1e-3)
    assert feedback(1.0, 10.0, 0.5) == pytest.approx(0.1 * 3**2, rel=1e-3)
    assert feedback(3.0, 1.0, 0.0) == pytest.approx(0.01 * 16**2, rel=1e-3)


def test_resume_continues_bit_for_bit(tmp_path: Path) -> None:
    made = tiny_config("gln", poseaug=True, normalisation="gridconv", epochs=3)
    train(made, people(), tmp_path / "whole", device="cpu", export=False)
    stopped = replace(made, checkpoint_seconds=0.0)
    with pytest.raises(InterruptedError):
        train(stopped, people(), tmp_path / "cut", device="cpu", reporter=Stopper(9), export=False)
    train(made, people(), tmp_path / "cut", device="cpu", resume=True, export=False)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "whole")
    plain = replace(made, poseaug=False)
    train(plain, people(), tmp_path / "plain", device="cpu", export=False)
    assert outcome(tmp_path / "plain")[0] != outcome(tmp_path / "whole")[0]


def test_from_the_command_line(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cmu, "load_cmu17", lambda *_, **__: seen(32))
    options = ("--epochs", "3", "--batch-size", "16", "--threads", "1", "--device", "cpu")
    folder = tmp_path / "run"
    status, out, err = run(
        *("train", "martinez", "--root", "x", "--out", folder, *options, "--poseaug")
    )
    assert status == 0, err
    assert f"{folder}: finished" in out
    card = Lifter(folder).card.content
    assert card["recipe"]["poseaug"] is True
    assert card["normalisation"] == "gridconv"


def test_runs_without_cameras_are_refused(tmp_path: Path) -> None:
    data = replace(people(), views=None)
    with pytest.raises(PoseliftError, match="--poseaug needs data with cameras and root positions"):
        train(config(), data, tmp_path / "run", device="cpu", export=False)


def test_data_without_the_root_are_refused() -> None:
    data = seen()
    sentence = "some data: expected the root's position in camera space, frame 0 of none has none"
    with pytest.raises(PoseliftError, match=sentence):
        views_of(replace(data, root=np.full_like(data.root, np.nan)), "screen")


def test_other_skeletons_are_refused() -> None:
    from poselift.skeletons import COCO_17

    with pytest.raises(PoseliftError, match="skeleton coco_17 has no joint 'spine'"):
        Body(COCO_17)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 2}, "--poseaug warms up for 2 epochs: expected more of them, got --epochs 2"),
        (
            {
                "data": DataSpec("cmu17", Path("x"), "augmented"),
                "normalisation": "person",
            },
            "--poseaug goes with --variant ground_truth or detected, got 'augmented'",
        ),
        ({"target": "pixel_depth"}, "--poseaug goes with --target pose, got 'pixel_depth'"),
        (
            {"normalisation": "person"},
            "--poseaug goes with normalisation screen or gridconv, got 'person'",
        ),
    ],
)
def test_config_refuses(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        config(**changes)
