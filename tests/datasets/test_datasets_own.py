"""One's own recordings: files found, 3D seen by cameras, 2D matched, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from own_samples import (
    LAB14,
    TOML,
    cameras,
    make_folder,
    seen,
    swaying,
    to_files,
    write_trc,
)
from poselift.datasets import LiftingData, Part, get_data_set
from poselift.datasets.own import check_folder, draft
from poselift.datasets.registry import silently
from poselift.errors import PoseliftError
from poselift.io import save, write_keypoints
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import COCO_17, H36M_17, get_skeleton

ARRAYS = """
skeleton = "h36m_17"
poses = "{subject}.npz"
units = "mm"
axes = "camera"
image_size = [1000, 800]

[splits]
train = ["anna"]
test = ["ben"]
"""


def read(folder: Path, split: str = "train", variant: str = "ground_truth") -> LiftingData:
    found = get_data_set(str(folder))
    return found.read(folder, Part(split, variant, skeleton=found.skeleton))


def problems(folder: Path) -> tuple[str, ...]:
    return check_folder(folder, silently).problems


def lines(folder: Path) -> str:
    return "\n".join(check_folder(folder, silently).lines)


def test_3d_is_what_each_camera_sees(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab")
    world = swaying(12)
    data = read(folder)
    assert (data.name, data.skeleton) == ("lab train, ground truth", H36M_17)
    assert data.camera.tolist() == [0] * 12 + [1] * 12
    assert data.frame.tolist() == [*range(12), *range(12)]
    assert set(data.action) == {"walk"}
    for number, (name, lens) in enumerate(cameras(folder).items()):
        own = data[data.camera == number]
        points = lens.to_camera(world)
        np.testing.assert_allclose(own.keypoints, seen(folder, name, world), atol=1e-3)
        np.testing.assert_allclose(own.poses + own.root[:, None], points, atol=1e-6)
        assert not own.poses[:, 0].any()
        np.testing.assert_allclose(own.intrinsics[0], [*lens.focal, *lens.center], rtol=1e-6)
        assert own.image_size[0].tolist() == [1000, 800]
    assert problems(folder) == ()
    assert "for poselift train, poselift eval, poselift reproduce" in lines(folder)


def test_millimetres_other_orders_and_every_third_frame(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab", TOML.replace("axes", "every = 3\naxes"))
    names = tuple(reversed(H36M_17.joints))
    points = 1000 * to_files(swaying(12))[:, ::-1]
    write_trc(folder / "anna_walk.trc", points, names, unit="mm")
    data = read(folder)
    assert data.frame.tolist() == [0, 3, 6, 9] * 2
    np.testing.assert_allclose(
        data.keypoints[:4], seen(folder, "cam_01", swaying(12)[::3]), atol=1e-2
    )


def test_frames_that_nobody_can_use_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab")
    world = swaying(12)
    world[2, 5] = np.nan  # a lost marker
    world[4, :, 1] -= 30  # behind the first camera
    world[6, :, 2] += 30  # above the picture
    write_trc(folder / "anna_walk.trc", to_files(world))
    assert 2 not in read(folder).frame
    first = read(folder)[slice(0, 9)]
    assert first.frame.tolist() == [0, 1, 3, 5, 7, 8, 9, 10, 11]
    for words in (
        "1 left out, a joint is missing in 3D",
        "1 left out, the person is not before the camera",
        "left out, the person is not in the picture",
    ):
        assert words in lines(folder)


def test_detections_of_the_right_person_by_time(tmp_path: Path) -> None:
    """Two people in other order in every frame, at half the rate, in COCO's joints."""
    toml = TOML.replace("axes", 'keypoints = "{subject}_{action}_{camera}.json"\naxes')
    folder = make_folder(tmp_path / "lab", toml)
    shown = np.full((12, 17, 2), np.nan)
    pixels = seen(folder, "cam_01", swaying(12))
    for place, joint in enumerate(COCO_17.joints):
        if joint in H36M_17.joints:
            shown[:, place] = pixels[:, H36M_17.index(joint)]
    shown[:, 0] = pixels[:, 9]
    shown[:, 1] = shown[:, 2] = pixels[:, 10]
    for name, rate, step in (("anna", 25.0, 2), ("ben", 50.0, 1), ("carl", 50.0, 1)):
        people = [
            PoseSequence.from_2d(
                (shown[::step] + shift).astype(np.float32),
                COCO_17,
                image_size=(1000, 800),
                fps=rate,
                person_id=number,
            )
            for number, shift in enumerate((250.0, 0.0))
        ]
        write_keypoints(folder / f"{name}_walk_cam01.json", people)
    data = read(folder, "train", "detected")
    # of the 3D, twice as fast, those frames that a picture is of: others would be a pose before it
    assert data.frame.tolist() == list(range(0, 12, 2))
    limbs = [joint for joint, name in enumerate(H36M_17.joints) if name in COCO_17.joints]
    np.testing.assert_allclose(data.keypoints[:, limbs], pixels[::2][:, limbs], atol=1e-3)
    assert "6 left out, between two frames of the 2D" in lines(folder)
    assert tuple(get_data_set(str(folder)).kinds) == ("detected", "ground_truth")
    assert "by time (50 and 25 frames a second)" in lines(folder)


def test_arrays_in_camera_space(tmp_path: Path) -> None:
    """2D and 3D of one file, relative to the root: the focal length is a guess that is said."""
    folder = tmp_path / "arrays"
    folder.mkdir()
    (folder / "dataset.toml").write_text(ARRAYS)
    rng = np.random.default_rng(0)
    poses = np.einsum("ij,tkj->tki", [[1, 0, 0], [0, 0, -1], [0, 1, 0]], swaying(6))
    poses -= poses[:, :1]
    pixels = rng.uniform(100, 700, (6, 17, 2))
    pixels[1, 3] = np.nan
    for name in ("anna", "ben"):
        np.savez(
            folder / f"{name}.npz", poses=1000 * poses, keypoints=pixels, frame=np.arange(6) * 2
        )
    data = read(folder, "train", "detected")
    np.testing.assert_allclose(data.poses, poses, atol=1e-6)
    np.testing.assert_allclose(data.keypoints, pixels, rtol=1e-6)
    assert np.isnan(data.root).all()
    assert data.focal[0] == 1000
    assert data.frame.tolist() == [0, 2, 4, 6, 8, 10]
    assert "the focal length is not known and taken as 1000 px" in lines(folder)
    assert "for poselift eval; for all of it val would be needed" in lines(folder)
    np.savez(folder / "ben.npz", poses=1000 * poses, keypoints=pixels[:4])
    assert (
        "expected 2D of 6 frames and 17 joints as the 3D has, got 4 and 17" in problems(folder)[0]
    )


def test_arrays_say_their_joints_rate_and_frames(tmp_path: Path) -> None:
    """Joints in another order and without the pelvis, which is made of the hips, in 2D as in 3D."""
    folder = make_folder(tmp_path / "lab", ARRAYS.split("test =")[0])
    poses = cameras(folder)["cam_01"].to_camera(swaying(4))
    order, path = list(range(16, 0, -1)), folder / "anna.npz"
    arrays = {"poses": 1000 * poses[:, order], "keypoints": 100 + 200 * poses[:, order, :2]}
    names = [H36M_17.joints[joint] for joint in order]
    np.savez(path, **arrays, joint_names=names, fps=[50])
    data, hips = read(folder, variant="detected"), poses[:, [1, 4]].mean(axis=1)
    np.testing.assert_allclose(data.poses[:, 1:], poses[:, 1:] - hips[:, None], atol=1e-6)
    np.testing.assert_allclose(data.keypoints[:, 3], 100 + 200 * poses[:, 3, :2], rtol=1e-6)
    np.testing.assert_allclose(data.keypoints[:, 0], 100 + 200 * hips[:, :2], rtol=1e-6)
    for more, sentence in (
        ({"fps": "fast"}, "array 'fps': expected a number above 0, got ['fast']"),
        ({"fps": 0.0}, "array 'fps': expected a number above 0, got [0.0]"),
        ({"joint_names": "abc"}, "expected 1 joints (joint_names), got 16"),
        ({"frame": [0, 1, 1, 2]}, "array 'frame': expected frame numbers that rise"),
        ({"frame": [0.0, 1, 2, 3]}, "expected 4 whole frame numbers, got (4,) of float64"),
    ):
        np.savez(path, **{**arrays, "joint_names": names, **more})
        assert sentence in problems(folder)[0]


def test_2d_in_other_units_than_pixels_is_refused(tmp_path: Path) -> None:
    """The 3D is relative to the pelvis: nothing but the 2D itself can tell."""
    folder = make_folder(tmp_path / "lab", ARRAYS.split("test =")[0])
    poses = swaying(4)[..., [0, 2, 1]]
    relative, shares = 1000 * (poses - poses[:, :1]), 0.5 + 0.2 * poses[..., :2]
    for scale, sentence in (
        (1, "multiply normalised coordinates by the image size"),
        (3000, "expected joints in a picture of 1000x800 pixels, but most lie outside"),
    ):
        np.savez(folder / "anna.npz", poses=relative, keypoints=scale * shares)
        (words,) = problems(folder)
        assert words.startswith(f"{folder / 'anna.npz'}, 2D: expected ")
        assert sentence in words


def test_own_joints_by_names_and_parents(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab", LAB14)
    data = read(folder)
    assert data.skeleton.name == "lab14"
    assert data.skeleton.joints[1:4] == ("right_hip", "right_knee", "right_ankle")
    assert get_data_set(str(folder)).skeleton.startswith("lab14: pelvis, right_hip < pelvis, ")
    assert get_skeleton(get_data_set(str(folder)).skeleton) == data.skeleton
    lens = cameras(folder)["cam_01"]
    points = lens.to_camera(swaying(12))
    top = points[:, [H36M_17.index("head"), H36M_17.index("thorax")]].mean(axis=1)
    np.testing.assert_allclose(data.poses[:12, 7], top - points[:, 0], atol=1e-6)
    with pytest.raises(PoseliftError, match=r"cannot be had in the joints of h36m_17 \(lab14 has"):
        get_data_set(str(folder)).read(folder, Part("train"))


def test_one_person_alone_is_split_by_frames(tmp_path: Path) -> None:
    parts = 'train = ["anna@0-50"]\nval = ["anna@50-75"]\ntest = ["anna@75-100"]\noverlap = true\n'
    folder = make_folder(tmp_path / "lab", TOML.split("train =")[0] + parts)
    frames = [set(read(folder, split).frame.tolist()) for split in ("train", "val", "test")]
    assert frames == [set(range(6)), {6, 7, 8}, {9, 10, 11}]
    assert read(folder).name == "lab train, ground truth, people of other splits"


def test_bvh_of_cmu_by_virtual_cameras(tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "cmu"
    toml = TOML.replace(".trc", ".bvh.gz").replace('calibration = "calibration.toml"\n', "")
    toml = toml.replace('axes = ["z", "x", "y"]', 'cameras = "virtual"\nunits = "cm"\nevery = 40')
    make_folder(folder, toml.replace('["anna"]', '["002"]').split("val =")[0])
    shutil.copy(shared / "data/cmu/bvh/002/002_01.bvh.gz", folder)
    data = read(folder)
    assert len(data) == 4 * len(set(data.frame.tolist()))
    inside = (data.keypoints >= 0) & (data.keypoints <= data.image_size[:, None])
    assert inside.all()
    thigh = np.linalg.norm(data.poses[:, 2] - data.poses[:, 1], axis=1)
    assert 0.35 < thigh.min() < thigh.max() < 0.5
    assert (data.poses[:, 10, 1] < -0.4).all()  # heads are up
    (folder / "dataset.toml").write_text(
        (folder / "dataset.toml").read_text().replace("units", "#")
    )
    (words,) = problems(folder)
    assert "its format names no unit, say it in" in words
    assert "the body at rest would be" in words


def test_balancing_clip_with_its_detections(tmp_path: Path, shared: Path) -> None:
    """The real files as they are: TRC with y up, cameras with z up, OpenPose's 25B."""
    source = shared / "data" / "pose2sim"
    folder = tmp_path / "clip"
    folder.mkdir()
    shutil.copy(source / "calibration" / "Calib_qualisys.toml", folder)
    shutil.copy(source / "balancing" / "balancing.trc", folder / "anna_balancing.trc")
    for name in ("cam01", "cam03"):
        (folder / f"anna_{name}").symlink_to(source / "balancing" / f"{name}_json")
    toml = TOML.replace("calibration.toml", "Calib_qualisys.toml").split("train =")[0]
    more = 'keypoints = "{subject}_{camera}"\nkeypoints_skeleton = "body_25b"\naxes'
    toml = (
        toml.replace("axes", more)
        + 'train = ["anna@0-80"]\nval = ["anna@80-100"]\noverlap = true\n'
    )
    (folder / "dataset.toml").write_text(toml)
    checked = check_folder(folder, silently)
    assert checked.problems == ()
    (found,) = (
        line for line in checked.lines if "anna_balancing.trc: 100 frames" in line and "80" in line
    )
    assert "cam01 80 poses, 2D body_25b by frame, 12." in found
    data = read(folder, "train", "detected")
    assert (len(data), data.image_size[0].tolist()) == (160, [1088, 1920])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("axes =", "axis =", "unknown key 'axis', did you mean axes?"),
        ("val =", "valid =", r"unknown key 'valid' under \[splits\], did you mean val?"),
        ("skeleton =", "rate = 50 #", "has no skeleton, expected for example skeleton ="),
        ("[splits]", "[joints]", "has no splits, expected for example train ="),
        ('train = ["anna"]\nval = ["ben"]\ntest = ["carl"]', "", r"no subject under \[splits\]"),
        ('["ben"]', '["anna"]', "'anna' of train is also in val, and what a network was"),
        ('["anna"]', '["carl@0-50"]', "'carl@0-50' of train is also in test"),
        ('["ben"]', '["carl/run"]', "'carl/run' of val is also in test"),
        (
            '["anna"]\nval = ["ben"]',
            '["anna@0-50"]\nval = ["anna@50-90"]',
            "subject 'anna' is in train and in val: .* overlap = true",
        ),
        ('["ben"]', '["ben@50-20"]', r"expected subjects under \[splits\], as .* got 'ben@50-20'"),
        ('["ben"]', "3", r"expected splits.val as a list in \[ \], got a whole number"),
        ("axes", "cameras = []\naxes", "expected a camera under cameras; leave it out for all"),
        ("axes", "focal = 900\naxes", "calibration and focal do not go together"),
        ("axes", "keypoints_rate = 30\naxes", "keypoints_rate is about keypoints, of which"),
        ("[splits]", "[joints]\nneck = []\n[splits]", "expected a marker, or several, for neck"),
        ("h36m_17", "h36m_18", "skeleton: unknown skeleton 'h36m_18', did you mean h36m_17"),
        ("axes", 'units = "feet"\naxes', "expected units as one of m, cm, mm, in, .* got 'feet'"),
        ("axes", "rate = -1\naxes", "expected rate above 0, got -1"),
        ('["z", "x", "y"]', '["z", "x"]', 'expected axes = "camera", or three of x, y, z'),
        ('["z", "x", "y"]', '["z", "x", "z"]', "or three of x, y, z"),
        ('axes = ["z", "x", "y"]', "", "says nothing of axes, expected which axes of the 3D files"),
        ('calibration = "calibration.toml"', "", "says nothing of the cameras, expected cal"),
        ("axes", 'cameras = "virtual"\naxes', 'cameras = "virtual" and calibration do not go'),
        ("axes", 'cameras = "all"\naxes', "expected cameras as a list of names, or"),
        ("{subject}_{action}.trc", "{person}.trc", r"poses: unknown \{person\} in"),
        ("{subject}_{action}.trc", "{subjct}.trc", r"did you mean \{subject\}?"),
        ("{subject}_{action}.trc", "{action}.trc", r"expected \{subject\} in the names of files"),
        ("{subject}_{action}.trc", "../{subject}.trc", "poses: expected a file below the folder"),
        ("axes", 'name = "a/b"\naxes', "expected name as up to 60 letters"),
        ("[splits]", '[joints]\nnose = "Nose"\n\n[splits]', "joints: 'nose' is no joint of"),
        ("[splits]", "[splits", "is no TOML"),
        ("axes", "fps = 50\naxes", "unknown key 'fps', did you mean rate?"),
        ("val =", "dev =", r"unknown key 'dev' under \[splits\], did you mean val?"),
        ("[splits]", "", r"unknown key 'train', it belongs under \[splits\]"),
        ("[splits]", "[splits]\nevery = 2", r"'every' under \[splits\], it belongs to the lines"),
        ("axes", 'every = "2"\naxes', "expected every as a whole number, got text in quotes"),
        ("axes", 'units = "millimeters"\naxes', "got 'millimeters', did you mean mm?"),
        ("h36m_17", "mars", "skeleton: unknown skeleton 'mars', expected one of"),
        ("h36m_17", "H36M-17", "unknown skeleton 'H36M-17', did you mean h36m_17?"),
        ("calibration.toml", "", "calibration: expected a file below the folder, got ''"),
        ("axes", 'keypoints = ""\naxes', "keypoints: expected a file below the folder, got ''"),
        ("calibration.toml", "{camera}.toml", "calibration: expected one file with all cameras"),
        ('"{subject}_{action}', '"./{subject}_{action}', "folders apart by one /, what differs in"),
        ("{action}.trc", "*.trc", "folders apart by one /, what differs in braces"),
        ("{action}.trc", "{action.trc", "folders apart by one /, what differs in braces"),
        ("{subject}_{action}.trc", r"{subject}\\{action}.trc", "folders apart by one /"),
        ("axes", 'cameras = ["cam01", "CAM_01"]\naxes', "'cam01' and 'CAM_01' are one camera"),
        (
            "[splits]",
            '[joints]\nRHip = "a"\nright_hip = "b"\n[splits]',
            "joints: 'RHip' and 'right_hip' are one joint",
        ),
    ],
)  # fmt: skip
def test_descriptions_that_are_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in TOML
    folder = make_folder(tmp_path / "lab", TOML.replace(old, new, 1), count=2)
    with pytest.raises(PoseliftError, match=sentence) as refused:
        read(folder)
    assert str(refused.value).startswith(str(folder / "dataset.toml"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"LWrist", "RS', '"LHand", "RS', "lab14: has left_hand but no right_hand"),
        ('"top", "RShoulder", "RElbow"]', '"tip", "RShoulder", "RElbow"]', "'tip' is not among"),
        ('["", "pelvis", "RHip"', '["pelvis", "RHip"', "expected a parent for each of 14 joints"),
        ('parents = [""', 'parents = ["RKnee"', "expected exactly one root"),
        ('"RAnkle", "LHip"', '"RKnee", "LHip"', "joint name 'right_knee' occurs twice"),
        ('"lab14"', '"lab 14"', "expected names of letters, digits"),
        ('"lab14"', '"coco_17"', "is the name of a known joint set, take another"),
    ],
)  # fmt: skip
def test_joint_sets_that_are_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in LAB14
    folder = make_folder(tmp_path / "lab", LAB14.replace(old, new, 1), count=2)
    with pytest.raises(PoseliftError, match=sentence):
        read(folder)


def test_files_that_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab", count=4)

    def refusal(toml: str = TOML) -> str:
        (folder / "dataset.toml").write_text(toml)
        return " ".join(problems(folder))

    assert (
        "'dora' of split test has no file that is named {subject}_{action}.trc, only of anna, ben,"
        in refusal(TOML.replace("carl", "dora"))
    )
    with pytest.raises(
        PoseliftError, match=r"named \{subject\}/\{action\}\.trc, there is for example an"
    ):
        refusal(TOML.replace("{subject}_", "{subject}/"))
    assert (
        "'carl/run' of split test has no file that is named {subject}_{action}.trc, only of carl/wa"
        in refusal(TOML.replace('"carl"', '"carl/run"'))
    )
    assert "anna_walk.trc: says its unit itself, leave units out of" in refusal(
        TOML.replace("axes", 'units = "mm"\naxes')
    )
    assert "its pictures are of (1000, 800), and" in refusal(
        TOML.replace("axes", "image_size = [640, 480]\naxes")
    )
    assert "no camera 'cam9', expected one of cam_01, cam_02" in refusal(
        TOML.replace("axes", 'cameras = ["cam9"]\naxes')
    )
    assert "no 2D file that is named anna_walk_{camera}.json" in refusal(
        TOML.replace("axes", 'keypoints = "{subject}_{action}_{camera}.json"\naxes')
    )
    wrong = refusal(TOML.replace("axes", 'calibration_units = "mm"\naxes'))
    assert (
        "anna_walk.trc: no frame can be used (cam_01 0 poses, 4 left out, the person is not before"
        in wrong
    )
    assert "before the camera): are axes, and calibration_units, right?" in wrong
    lying = TOML.replace('["z", "x", "y"]', '["y", "x", "-z"]')
    (folder / "dataset.toml").write_text(lying)
    assert "lies or stands upside down in most pictures of cam_02: are the axes right?" in lines(
        folder
    )
    (folder / "dataset.toml").write_text(TOML.replace('["z", "x", "y"]', '["x", "z", "y"]'))
    assert "warning: these axes mirror the 3D, its left becomes right: that is" in lines(folder)
    assert "is of 50 frames a second, and" in refusal(TOML.replace("axes", "rate = 60\naxes"))
    write_trc(folder / "anna_walk.trc", 1000 * to_files(swaying(4)))
    assert (
        "the longest bone of this body is 399 m, expected 0.1 to 1.2: are the units right?"
        in refusal()
    )
    few = to_files(swaying(4))
    write_trc(folder / "anna_walk.trc", few[:, :8], H36M_17.joints[:8])
    assert (
        "nothing in it is thorax or neck or head or left_shoulder of h36m_17; name the marker in"
        in refusal()
    )
    few[:, 3] = np.nan
    write_trc(folder / "anna_walk.trc", few)
    assert "right_ankle is missing in every frame" in refusal()
    named = TOML.replace("[splits]", '[joints]\nneck = "C7"\n\n[splits]')
    assert "has no 'C7', of which" in refusal(named)
    (folder / "dataset.toml").write_text(TOML.split("val =")[0])
    with pytest.raises(PoseliftError, match="has no split 'val', only train"):
        read(folder, "val")


def crouching(count: int = 24) -> np.ndarray:
    """(count, 17, 3) as `swaying`, knees bent: the person looks to -y, where its nose is."""
    world = swaying(count)
    world[:, [2, 5], 1] -= 0.25
    world[:, [2, 5], 2] -= 0.05
    return world


def test_left_and_right_that_are_exchanged_are_found(tmp_path: Path) -> None:
    """By names, by mirroring axes, and by 2D alone, where knees say nothing."""
    folder = make_folder(tmp_path / "lab", TOML.split("val =")[0])
    path, flipped = folder / "anna_walk.trc", H36M_17.flip_order
    write_trc(path, to_files(crouching()))
    assert problems(folder) == ()
    write_trc(path, to_files(crouching())[:, flipped])
    (words,) = problems(folder)
    assert "anna_walk.trc: 100 % of its bent knees point backwards: left and right are" in words
    write_trc(path, to_files(crouching()))
    mirrored = TOML.split("val =")[0].replace('["z", "x", "y"]', '["-z", "x", "y"]')
    (folder / "dataset.toml").write_text(mirrored)
    assert "of its bent knees point backwards" in problems(folder)[0]
    write_trc(path, to_files(swaying(24)))
    toml = TOML.replace("axes", 'keypoints = "{subject}_{action}_{camera}.npy"\naxes')
    (folder / "dataset.toml").write_text(toml.split("val =")[0])
    pixels = seen(folder, "cam_01", swaying(24))
    np.save(folder / "anna_walk_cam01.npy", pixels)
    assert problems(folder) == ()
    np.save(folder / "anna_walk_cam01.npy", pixels[:, flipped])
    (words,) = problems(folder)
    assert words.endswith(
        "fits once left and right are exchanged: one of both calls the sides by the other's names"
    )


def test_which_marker_is_which_joint_is_said(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab", TOML.split("val =")[0])
    names = tuple("root" if joint == "pelvis" else joint for joint in H36M_17.joints)
    write_trc(folder / "anna_walk.trc", to_files(swaying(12)), names)
    assert "3D, derived: pelvis = root (1 file)" in lines(folder)


def test_2d_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    toml = TOML.replace("axes", 'keypoints = "{subject}_{action}_{camera}.npy"\naxes').split(
        "val ="
    )[0]
    folder = make_folder(tmp_path / "lab", toml, count=40)
    pixels = seen(folder, "cam_01", swaying(40))
    for bad, sentence in (
        (
            pixels[:20],
            "has 20 frames, the 3D 40 at 50 frames a second: they do not cover the same time",
        ),
        (pixels[:, :16], "expected 17 joints (h36m_17), got 16"),
        (pixels + 3000, "nobody in it is where the 3D is, in any frame"),
        (pixels + 80, "lies 113 px from the projected 3D"),
    ):
        np.save(folder / "anna_walk_cam01.npy", bad)
        assert sentence in " ".join(problems(folder))
    np.save(folder / "anna_walk_cam01.npy", pixels)
    assert problems(folder) == ()
    (folder / "dataset.toml").write_text(toml.replace('["z", "x", "y"]', '["x", "y", "z"]'))
    (words,) = problems(folder)
    assert "with axes = ['z', 'x', 'y'] in" in words
    assert words.endswith("it would be 0 px away")


def test_cameras_by_name_and_pictures_of_their_size(tmp_path: Path) -> None:
    named = 'cameras = ["CAM02"]\nkeypoints = "{subject}_{action}_{camera}.json"\naxes'
    folder = make_folder(tmp_path / "lab", TOML.replace("axes", named).split("val =")[0], count=6)
    pixels = seen(folder, "cam_02", swaying(6)).astype(np.float32)

    def write(size: tuple[int, int]) -> None:
        people = [PoseSequence.from_2d(pixels, H36M_17, image_size=size, fps=50.0)]
        write_keypoints(folder / "anna_walk_cam-02.json", people)

    write((1000, 800))
    assert problems(folder) == ()
    np.testing.assert_allclose(read(folder, "train", "detected").keypoints, pixels, atol=1e-3)
    write((1920, 1080))
    assert "is of pictures of 1920x1080 pixels, the camera of 1000x800" in problems(folder)[0]


def test_results_of_ours_in_camera_space(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    flat = PoseSequence.from_2d(
        np.full((4, 17, 2), 100, np.float32), H36M_17, image_size=(1000, 800)
    )
    relative = (swaying(4) - swaying(4)[:, :1]).astype(np.float32)
    solid = flat.as_3d(relative, "made")
    save(Results((Person(flat, solid),)), folder / "anna.npz")
    (folder / "dataset.toml").write_text(
        ARRAYS.split("test =")[0].replace('units = "mm"', "focal = 900")
    )
    assert "it cannot be projected, give keypoints" in problems(folder)[0]
    toml = ARRAYS.split("test =")[0].replace('units = "mm"', 'cameras = "virtual"')
    toml = toml.replace('axes = "camera"\nimage_size = [1000, 800]', "")
    (folder / "dataset.toml").write_text(toml)
    assert 'its 3D is in camera space: write axes = "camera" in' in problems(folder)[0]


def test_a_draft_is_a_description(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab")
    (folder / "dataset.toml").unlink()
    with pytest.raises(PoseliftError, match="which says what its files are"):
        check_folder(folder, silently)
    (folder / "dataset.toml").write_text(
        draft(folder).replace('["x", "y", "z"]', '["z", "x", "y"]')
    )
    assert problems(folder) == ()
    assert tuple(get_data_set(str(folder)).splits) == ("train", "val", "test")
    # compressed files, a folder a person, one person alone, nothing at all
    bvh = tmp_path / "bvh"
    (bvh / "002").mkdir(parents=True)
    assert "# there is no 3D file here that ends in one of .trc, .c3d" in draft(bvh)
    (bvh / "002" / "002_01.bvh.gz").touch()
    assert 'poses = "{subject}/{subject}_{action}.bvh.gz"' in draft(bvh)
    assert 'train = ["002@0-70"]\nval = ["002@70-85"]\ntest = ["002@85-100"]\noverlap = true' in (
        draft(bvh)
    )


def test_a_folder_is_given_in_one_way(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab")
    assert get_data_set("own", folder).name == get_data_set(str(folder)).name == "lab"
    for data, root, sentence in (
        (str(folder), "x", "is the folder of its files: leave out --root x"),
        ("own", None, "--data own needs --root"),
        (str(tmp_path / "none"), None, "no such folder"),
        ("mars", None, "or a folder with a dataset.toml, got 'mars'"),
    ):
        with pytest.raises(PoseliftError, match=sentence):
            get_data_set(data, root)
