"""BVH and GLB: joint rotations that put every joint back where constant bones have it."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motion_samples import LENGTHS
from poselift.errors import PoseliftError
from poselift.geometry import about_axis, from_quaternion, to_euler, to_quaternion
from poselift.geometry.rotation import from_rotation_vector
from poselift.io import load, save
from poselift.io.axes import AXES, turned
from poselift.io.motionfile import rig
from poselift.io.posture import Posture, posture
from poselift.mocap import read_bvh
from poselift.motion.angles import angles
from poselift.motion.tpose import rest_place
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import COCO_17, H36M_17, get_skeleton, skeleton_names
from writer_samples import META, UPSIDE, ask, other_python, person, results, without

HERE = Path(__file__).parent

#: What of a rig of CMU's motions is left, and where it is at rest.
PLACES = {
    "Hips": "pelvis",
    "LeftUpLeg": "left_hip",
    "LeftLeg": "left_knee",
    "LeftFoot": "left_ankle",
    "LeftToeBase": "left_big_toe",
    "RightUpLeg": "right_hip",
    "RightLeg": "right_knee",
    "RightFoot": "right_ankle",
    "RightToeBase": "right_big_toe",
    "Spine": "spine",
    "Neck": "thorax",
    "Head": "head",
    "LeftShoulder": "left_collar",
    "LeftArm": "left_shoulder",
    "LeftForeArm": "left_elbow",
    "LeftHand": "left_wrist",
    "RightShoulder": "right_collar",
    "RightArm": "right_shoulder",
    "RightForeArm": "right_elbow",
    "RightHand": "right_wrist",
}


def expected(moved: Posture) -> np.ndarray:
    """(T, J, 3) metres, y up: the joints that a file should have."""
    return moved.rig.to_positions(moved.rotations, moved.root)


def rotations(count: int) -> np.ndarray:
    """Turns of all angles, half turns among them."""
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(count, 3))
    angles = rng.uniform(0, np.pi, count)
    angles[::7], axes[::5, 0] = np.pi, 0.0
    return from_rotation_vector(
        angles[:, None] * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    )


def test_quaternions_there_and_back() -> None:
    turns = rotations(500)
    found = to_quaternion(turns.reshape(5, 100, 3, 3))
    assert (found[..., 0] >= 0).all()
    np.testing.assert_allclose(from_quaternion(found).reshape(-1, 3, 3), turns, atol=1e-12)


@pytest.mark.parametrize("order", ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])
def test_euler_angles_there_and_back(order: str) -> None:
    quarter = [about_axis(order[1], np.array(sign * np.pi / 2)) for sign in (1, -1)]
    turns = np.concatenate([rotations(500), about_axis(order[0], np.array(0.3)) @ quarter])
    angles = to_euler(turns, order)
    assert (np.abs(angles[:, 1]) <= np.pi / 2).all()
    a, b, c = (about_axis(axis, angles[:, i]) for i, axis in enumerate(order))
    np.testing.assert_allclose(a @ b @ c, turns, atol=1e-7)


def test_constant_bones_are_kept_and_the_path_is_where_it_was() -> None:
    one = person(world=True).poses_3d
    moved = posture(one)
    np.testing.assert_allclose(expected(moved), one.placed, atol=1e-5)
    np.testing.assert_allclose(moved.rig.lengths, LENGTHS, atol=1e-6)
    assert moved.notes == ()


def test_bones_that_tremble_get_the_lengths_of_the_clip() -> None:
    one = person().poses_3d
    rng = np.random.default_rng(1)
    shaken = one.positions + rng.normal(0, 0.01, one.positions.shape).astype(np.float32)
    points = expected(posture(replace(one, positions=shaken - shaken[:, :1])))
    for parent, child in H36M_17.edges:
        length = np.linalg.norm(points[:, child] - points[:, parent], axis=1)
        np.testing.assert_allclose(length, length[0], atol=1e-9)
    placed = (one.placed * UPSIDE)[:, 0]
    moves = points[:, 0] - placed
    np.testing.assert_allclose(moves, np.tile(moves[0], (40, 1)), atol=1e-6)


def test_feet_stand_on_the_floor_at_rest_and_in_the_clip() -> None:
    moved = posture(person().poses_3d)
    places = moved.rig.rest + moved.rest
    ankles = [H36M_17.index(f"{side}_ankle") for side in ("left", "right")]
    np.testing.assert_allclose(places[ankles, 1], 0.08, atol=0.001)
    assert places[H36M_17.index("head"), 1] > 1.3
    assert places[H36M_17.index("left_wrist"), 0] > 0.6  # a person who faces +z
    points = expected(moved)
    assert abs(np.percentile(points[..., 1].min(axis=1), 1) - places[ankles[0], 1]) < 1e-6
    assert "raised by" in moved.notes[0]


def test_without_a_path_the_hips_stay_at_their_height_at_rest() -> None:
    moved = posture(person(root=False).poses_3d)
    np.testing.assert_allclose(moved.root, np.tile(moved.rest, (40, 1)), atol=1e-7)
    assert "the path is not known" in moved.notes[0]


def test_gaps_are_filled_between_the_frames_around_and_said() -> None:
    one = without(person(np.r_[0:10, 14:30]), "left_wrist", slice(20, 23))
    moved = posture(one.poses_3d)
    assert np.isfinite(moved.rotations).all()
    assert len(moved.rotations) == 30
    whole, there = posture(person(30).poses_3d), np.r_[0:10, 14:24, 27:30]
    # 12 frames later than the gap nothing is left of it
    np.testing.assert_allclose(expected(moved)[there], expected(whole)[there], atol=0.02)
    assert any("interpolated, or held" in note for note in moved.notes)
    assert any("is not in 4 of 30 frames" in note for note in moved.notes)


def test_joints_that_are_never_there_are_left_out() -> None:
    one = person(5).poses_3d
    positions = one.positions.copy()
    positions[:, H36M_17.index("left_elbow")] = np.nan
    moved = posture(replace(one, positions=positions))
    assert "left_elbow" not in moved.rig.skeleton.joints
    assert "left_wrist" in moved.rig.skeleton.joints
    assert any(
        "left out, in no frame or not of a plain body: left_elbow" in note for note in moved.notes
    )
    positions[:, 0] = np.nan
    with pytest.raises(PoseliftError, match="the joint pelvis, on which all others hang"):
        posture(replace(one, positions=positions))


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("fps", [30.0, 29.97, 120.0])
def test_bvh_comes_back_from_our_reader_and_from_bvhio(
    tmp_path: Path, axes: str, fps: float
) -> None:
    bvhio = pytest.importorskip("bvhio")
    one = person(12, fps=fps, world=True).poses_3d
    save(results(person(12, fps=fps, world=True)), tmp_path / "a.bvh", axes=axes)
    placed = turned(one.placed, "y-up", axes)
    ours = read_bvh(tmp_path / "a.bvh")
    assert ours.frame_time == 1 / fps
    for translation in ("add", "replace"):  # no reader has to choose
        points = ours.world(translation=translation)[0]
        found = points[:, [ours.index(joint) for joint in H36M_17.joints]]
        np.testing.assert_allclose(found, placed, atol=1e-5, err_msg=translation)
    theirs = bvhio.readAsHierarchy(str(tmp_path / "a.bvh"))
    joints = {joint.Name: joint for joint, _, _ in theirs.layout()}
    for frame in (0, 5, 11):
        theirs.loadPose(frame)
        found = np.array([list(joints[name].PositionWorld) for name in H36M_17.joints])
        np.testing.assert_allclose(found, placed[frame], atol=1e-4)


def test_a_player_never_turns_the_long_way(tmp_path: Path) -> None:
    """Angles and quaternions do not jump between frames, through half turns neither."""
    one = person(60, world=True)
    spin = about_axis("y", np.linspace(0, 6 * np.pi, 60))
    points = np.einsum("tij,tkj->tki", spin, one.poses_3d.positions).astype(np.float32)
    one = Person(one.poses_2d, replace(one.poses_3d, positions=points))
    save(results(one), tmp_path / "a.bvh")
    assert np.abs(np.diff(read_bvh(tmp_path / "a.bvh").values[:, 6:9], axis=0)).max() < 60
    save(results(one), tmp_path / "a.glb")
    content, binary = parts(tmp_path / "a.glb")
    for channel in content["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            turns = output(content, binary, channel)
            assert ((turns[1:] * turns[:-1]).sum(axis=1) > 0).all()


def parts(path: Path) -> tuple[dict, bytes]:
    """The JSON and the binary chunk of a GLB."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    (size,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def output(content: dict, binary: bytes, channel: dict) -> np.ndarray:
    """The values of a channel of the animation."""
    sampler = content["animations"][0]["samplers"][channel["sampler"]]
    accessor = content["accessors"][sampler["output"]]
    view = content["bufferViews"][accessor["bufferView"]]
    width = {"VEC3": 3, "VEC4": 4}[accessor["type"]]
    flat = np.frombuffer(binary, "<f4", accessor["count"] * width, view["byteOffset"])
    return flat.reshape(-1, width)


def test_glb_is_whole_and_says_how_it_was_made(tmp_path: Path) -> None:
    gltf = pytest.importorskip("pygltflib")
    two = results(person(20), person(np.arange(5, 25), person_id=3))
    save(two, tmp_path / "a.glb")
    found = gltf.GLTF2().load(str(tmp_path / "a.glb"))
    assert [skin.name for skin in found.skins] == ["person_00", "person_03"]
    names = [node.name for node in found.nodes]
    for skin in found.skins:
        assert {names[joint] for joint in skin.joints} >= set(H36M_17.joints)
    content, binary = parts(tmp_path / "a.glb")
    extras = content["asset"]["extras"]
    assert extras["weights_sha256"] == META["weights_sha256"]
    assert extras["files"][0]["axes"]["name"] == "y-up"
    assert (extras["fps"], extras["start_s"]) == (30.0, 0.0)
    times = {
        tuple(content["accessors"][one["input"]][end][0] for end in ("min", "max"))
        for one in content["animations"][0]["samplers"]
    }
    assert {tuple(np.round(one, 5)) for one in times} == {(0.0, 0.63333), (0.16667, 0.8)}
    for accessor in content["accessors"]:
        view = content["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
    for mesh in content["meshes"]:
        primitive = mesh["primitives"][0]
        limits = content["accessors"][primitive["attributes"]["POSITION"]]
        low, high = np.array(limits["min"]), np.array(limits["max"])
        assert 0 <= low[1] < 0.03  # the soles
        assert 1.3 < high[1] < 1.8
        assert high[0] - low[0] > 1.5  # the arms
    with pytest.raises(PoseliftError, match="glb files are y-up by their standard, got"):
        save(two, tmp_path / "b.glb", axes="z-up")


def test_a_mesh_faces_outwards(tmp_path: Path) -> None:
    from poselift.io.mannequin import mannequin

    moved = posture(person(3).poses_3d)
    body = mannequin(moved.rig, moved.rest)
    a, b, c = (body.points[body.corners[:, k]] for k in range(3))
    assert np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6 > 0.03  # volume, m3
    np.testing.assert_allclose(np.linalg.norm(body.normals, axis=1), 1, atol=1e-9)
    # each part closes: as often one way along an edge as the other
    edges = np.concatenate([body.corners[:, [i, (i + 1) % 3]] for i in range(3)])
    forward = {tuple(edge) for edge in edges.tolist()}
    assert len(forward) == len(edges)
    assert all((end, start) in forward for start, end in forward)


CMU = [
    "Hips",
    "LHipJoint",
    "LeftUpLeg",
    "LeftLeg",
    "LeftFoot",
    "LeftToeBase",
    "RHipJoint",
    "RightUpLeg",
    "RightLeg",
    "RightFoot",
    "RightToeBase",
    "LowerBack",
    "Spine",
    "Spine1",
    "Neck",
    "Neck1",
    "Head",
    "LeftShoulder",
    "LeftArm",
    "LeftForeArm",
    "LeftHand",
    "RightShoulder",
    "RightArm",
    "RightForeArm",
    "RightHand",
]


@pytest.mark.parametrize("prefix", ["", "mixamorig:", "CC_Base_"])
def test_motion_of_other_rigs_becomes_a_body(tmp_path: Path, prefix: str) -> None:
    """Joints that a plain body has are kept by their names, all others are left out and named."""
    parents = [-1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14, 15]
    parents += [13, 17, 18, 19, 13, 21, 22, 23]
    skeleton = rig([prefix + name for name in CMU], parents)
    places = np.stack([rest_place(PLACES.get(name, "spine")) for name in CMU])
    points = np.tile(places - places[0], (3, 1, 1))
    solid = PoseSequence.from_2d(points[..., :2], skeleton, fps=30.0).as_3d(
        (points * UPSIDE).astype(np.float32), "made up"
    )
    moved = posture(solid)
    assert [name.removeprefix(prefix) for name in moved.rig.skeleton.joints] == list(PLACES)
    assert "LHipJoint" in moved.notes[0]
    np.testing.assert_allclose(
        moved.rotations, np.broadcast_to(np.eye(3), moved.rotations.shape), atol=1e-6
    )
    save(results(Person.only_3d(solid)), tmp_path / "a.glb")
    assert_comes_back(Person.only_3d(solid), tmp_path / "a.bvh")


def assert_comes_back(one: Person, path: Path) -> PoseSequence:
    """Its BVH holds its joints and bones, where constant bones have them, and no others."""
    save(results(one), path)
    moved, back = posture(one.poses_3d), load(path)
    assert isinstance(back, Results)
    found, kept = back.people[0].poses_3d, moved.rig.skeleton
    bones = {(kept.joints[a], kept.joints[b]) for a, b in kept.edges}
    shown = found.visible.any(axis=0)
    joints = [name for name, there in zip(found.skeleton.joints, shown, strict=True) if there]
    assert sorted(joints) == sorted(kept.joints)
    if shown.all():
        assert {
            (found.skeleton.joints[a], found.skeleton.joints[b]) for a, b in found.skeleton.edges
        } == bones
    order = [found.skeleton.joints.index(name) for name in kept.joints]
    np.testing.assert_allclose(found.placed[:, order], expected(moved), atol=1e-5)
    return found


@pytest.mark.parametrize("name", skeleton_names())
def test_bvh_of_every_joint_set_comes_back(tmp_path: Path, name: str) -> None:
    """Also without joints that were never seen: no bone to the floor, no bone more or less."""
    skeleton = get_skeleton(name)
    rng = np.random.default_rng(3)
    places = []
    for landmark in skeleton.landmarks:
        try:
            places.append(rest_place(landmark))
        except PoseliftError:
            places.append(np.full(3, np.nan))
    points = np.stack(places) + rng.normal(0, 0.02, (5, len(skeleton), 3))
    points -= points[:, skeleton.root, None]
    lost = "left_ear" if "left_ear" in skeleton.joints else "head"
    for gone in (False, True):
        if gone and lost in skeleton.joints:
            points[:, skeleton.joints.index(lost)] = np.nan
        solid = PoseSequence.from_2d(points[..., :2], skeleton, fps=30000 / 1001).as_3d(
            (points * UPSIDE).astype(np.float32), "made up"
        )
        found = assert_comes_back(Person.only_3d(solid), tmp_path / "a.bvh")
        assert found.skeleton == skeleton
        assert found.fps == pytest.approx(30000 / 1001, rel=1e-9)


def test_what_is_no_body_is_refused(tmp_path: Path) -> None:
    skeleton = rig(["Hips", "Tail", "Tip"], [-1, 0, 1])
    points = np.random.default_rng(0).normal(size=(3, 3, 3)).astype(np.float32)
    solid = PoseSequence.from_2d(points[..., :2], skeleton, fps=30.0).as_3d(points, "made up")
    for suffix in (".bvh", ".glb"):
        with pytest.raises(PoseliftError, match="joint rotations need a body, which the joints H"):
            save(results(Person.only_3d(solid)), tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


def test_other_joint_sets_become_bodies_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.3, (4, 17, 3)).astype(np.float32)
    one = Person.only_3d(
        PoseSequence.from_2d(points[..., :2], COCO_17, fps=30.0).as_3d(points, "made up")
    )
    for suffix in (".bvh", ".glb"):
        save(results(one), tmp_path / f"a{suffix}")
    assert "left_eye" in read_bvh(tmp_path / "a.bvh").names


def blender(path: Path, rate: float | None = None) -> dict:
    """What Blender finds in a file."""
    rest = () if rate is None else (rate,)
    return json.loads(ask(other_python("bpy"), HERE / "blender_read.py", path, *rest))


@pytest.mark.parametrize("suffix", [".bvh", ".glb"])
def test_blender_shows_every_joint_where_it_was(tmp_path: Path, suffix: str) -> None:
    """Within 1 mm of the pose of constant bones, at the right rate and over the right frames."""
    shaken = person(np.r_[0:40, 43:300], fps=25.0)
    rng = np.random.default_rng(2)
    noisy = shaken.poses_3d.positions + rng.normal(0, 0.01, (297, 17, 3)).astype(np.float32)
    noisy -= noisy[:, :1]
    shaken = Person(shaken.poses_2d, replace(shaken.poses_3d, positions=noisy))
    save(results(shaken), tmp_path / f"a{suffix}")
    found = blender(tmp_path / f"a{suffix}", None if suffix == ".bvh" else 25.0)
    wanted = expected(posture(shaken.poses_3d))
    places = {key.rpartition("/")[2]: np.array(rows) for key, rows in found["places"].items()}
    for index, joint in enumerate(H36M_17.joints):
        np.testing.assert_allclose(places[joint], wanted[:, index], atol=1e-3)
    assert found["fps"] == pytest.approx(25.0, rel=1e-6)
    ((low, high),) = found["action_ranges"]
    assert round(high - low, 3) == 299
    rest = {key.rpartition("/")[2]: place for key, place in found["rest"].items()}
    assert rest["left_wrist"][0] > 0.6
    assert rest["left_ankle"][1] == pytest.approx(0.08, abs=0.005)
    if suffix == ".bvh":
        assert found["scene_range"] in ([1, 300], [1, 301])  # Blender 4.5 counts one too many
    else:
        body = next(one for name, one in found["meshes"].items() if name.startswith("person"))
        assert body["skinned"]


@pytest.mark.parametrize("fps", [29.97, 50.0])
def test_opensim_reads_the_markers(tmp_path: Path, fps: float) -> None:
    one = without(person(np.r_[90:100, 103:110], fps=fps), "right_knee", slice(2, 4))
    save(results(one), tmp_path / "a.trc")
    found = json.loads(ask(other_python("opensim"), HERE / "opensim_read.py", tmp_path / "a.trc"))
    assert (found["markers"], found["units"]) == (list(H36M_17.joints), "m")
    assert found["rate"] == fps
    np.testing.assert_allclose(found["times"], np.arange(90, 110) / fps, atol=1e-8)
    points = np.array(found["points"])
    np.testing.assert_allclose(points[np.r_[0:10, 13:20]], one.poses_3d.placed * UPSIDE, atol=1e-6)
    assert np.isnan(points[10:13]).all()


def test_a_late_start_is_told_beside_a_bvh(tmp_path: Path) -> None:
    two = results(person(12), person(np.arange(6, 12), person_id=1))
    save(two, tmp_path / "a.bvh")
    files = json.loads((tmp_path / "a.poselift.json").read_bytes())["files"]
    late = [[note for note in file["notes"] if "begins" in note] for file in files]
    assert late == [[], ["person 1: begins 0.200 s into the source"]]


def test_opensim_reads_the_angles(tmp_path: Path) -> None:
    one = without(person(12), "right_knee", slice(0, 4))  # of a camera: no lean
    save(results(one), tmp_path / "a.mot")
    found = json.loads(ask(other_python("opensim"), HERE / "opensim_read.py", tmp_path / "a.mot"))
    wanted = angles(one.poses_3d)
    kept = [name for name in wanted.names if name not in ("trunk_lean", "trunk_tilt")]
    assert found["columns"] == kept
    assert found["degrees"] == "yes"
    assert found["stored"] == 12
    np.testing.assert_allclose(found["times"], np.arange(12) / 30, atol=1e-6)
    values, known = np.array(found["values"]), np.stack([wanted[name] for name in kept], axis=1)
    there = np.isfinite(known)
    np.testing.assert_allclose(values[there], known[there], atol=1e-3)
    knee = kept.index("right_knee_flexion")
    assert values[:4, knee] == pytest.approx(known[4, knee], abs=1e-3)  # held
    assert json.loads((tmp_path / "a.poselift.json").read_bytes())["model"] == "gln"
