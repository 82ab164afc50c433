"""The joint sets of the field, by name. Orders as their publishers index them (0-based)."""

from __future__ import annotations

from poselift.errors import PoseliftError
from poselift.skeletons.skeleton import Skeleton


def _build(
    name: str, tree: list[tuple[str, str | None]], aliases: dict[str, str] | None = None
) -> Skeleton:
    """Make a skeleton from (joint, parent name) rows in index order."""
    joints = tuple(joint for joint, _ in tree)
    parents = tuple(-1 if parent is None else joints.index(parent) for _, parent in tree)
    return Skeleton(name, joints, parents, aliases or {})


# Human3.6M's joint 9 is a face point (VideoPose3D calls it nose, MMPose neck_base).
_H36M_ALIASES = {"neck": "nose", "head": "head_top"}

H36M_17 = _build(
    "h36m_17",
    [
        ("pelvis", None),
        ("right_hip", "pelvis"),
        ("right_knee", "right_hip"),
        ("right_ankle", "right_knee"),
        ("left_hip", "pelvis"),
        ("left_knee", "left_hip"),
        ("left_ankle", "left_knee"),
        ("spine", "pelvis"),
        ("thorax", "spine"),
        ("neck", "thorax"),
        ("head", "neck"),
        ("left_shoulder", "thorax"),
        ("left_elbow", "left_shoulder"),
        ("left_wrist", "left_elbow"),
        ("right_shoulder", "thorax"),
        ("right_elbow", "right_shoulder"),
        ("right_wrist", "right_elbow"),
    ],
    _H36M_ALIASES,
)

H36M_16 = _build(
    "h36m_16",
    [
        (joint, {"head": "thorax"}.get(joint, None if p < 0 else H36M_17.joints[p]))
        for joint, p in zip(H36M_17.joints, H36M_17.parents, strict=True)
        if joint != "neck"
    ],
    {"head": "head_top"},
)

# PoseGraphNet's 16 joints. The tree starts at the spine, as its official graph does, so poses of
# this joint set are relative to the spine wherever poselift makes them root-relative. What the
# official networks predict is relative to the pelvis, which is not among the joints.
H36M_16_NO_PELVIS = _build(
    "h36m_16_no_pelvis",
    [
        (joint, None if joint == "spine" else {"pelvis": "spine"}.get(parent, parent))
        for joint, parent in (
            (H36M_17.joints[child], H36M_17.joints[p]) for p, child in H36M_17.edges
        )
    ],
    _H36M_ALIASES,
)

H36M_32 = _build(
    "h36m_32",
    [
        ("pelvis", None),
        ("right_hip", "pelvis"),
        ("right_knee", "right_hip"),
        ("right_ankle", "right_knee"),
        ("right_toe_base", "right_ankle"),
        ("right_toe_end", "right_toe_base"),
        ("left_hip", "pelvis"),
        ("left_knee", "left_hip"),
        ("left_ankle", "left_knee"),
        ("left_toe_base", "left_ankle"),
        ("left_toe_end", "left_toe_base"),
        ("spine_base", "pelvis"),
        ("spine", "spine_base"),
        ("thorax", "spine"),
        ("neck", "thorax"),
        ("head", "neck"),
        ("left_collar", "spine"),
        ("left_shoulder", "left_collar"),
        ("left_elbow", "left_shoulder"),
        ("left_wrist", "left_elbow"),
        ("left_thumb", "left_wrist"),
        ("left_thumb_end", "left_thumb"),
        ("left_hand", "left_wrist"),
        ("left_hand_end", "left_hand"),
        ("right_collar", "spine"),
        ("right_shoulder", "right_collar"),
        ("right_elbow", "right_shoulder"),
        ("right_wrist", "right_elbow"),
        ("right_thumb", "right_wrist"),
        ("right_thumb_end", "right_thumb"),
        ("right_hand", "right_wrist"),
        ("right_hand_end", "right_hand"),
    ],
    _H36M_ALIASES,
)

_COCO_TREE: list[tuple[str, str | None]] = [
    ("nose", None),
    ("left_eye", "nose"),
    ("right_eye", "nose"),
    ("left_ear", "left_eye"),
    ("right_ear", "right_eye"),
    ("left_shoulder", "nose"),
    ("right_shoulder", "nose"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
    ("left_hip", "left_shoulder"),
    ("right_hip", "right_shoulder"),
    ("left_knee", "left_hip"),
    ("right_knee", "right_hip"),
    ("left_ankle", "left_knee"),
    ("right_ankle", "right_knee"),
]

COCO_17 = _build("coco_17", _COCO_TREE)

COCO_23 = _build(
    "coco_23",
    [
        *_COCO_TREE,
        *(
            (f"{side}_{part}", f"{side}_ankle")
            for side in ("left", "right")
            for part in ("big_toe", "small_toe", "heel")
        ),
    ],
)

OPENPOSE_18 = _build(
    "openpose_18",
    [
        ("nose", "neck"),
        ("neck", None),
        ("right_shoulder", "neck"),
        ("right_elbow", "right_shoulder"),
        ("right_wrist", "right_elbow"),
        ("left_shoulder", "neck"),
        ("left_elbow", "left_shoulder"),
        ("left_wrist", "left_elbow"),
        ("right_hip", "neck"),
        ("right_knee", "right_hip"),
        ("right_ankle", "right_knee"),
        ("left_hip", "neck"),
        ("left_knee", "left_hip"),
        ("left_ankle", "left_knee"),
        ("right_eye", "nose"),
        ("left_eye", "nose"),
        ("right_ear", "right_eye"),
        ("left_ear", "left_eye"),
    ],
    {"neck": "thorax"},
)

BODY_25 = _build(
    "body_25",
    [
        ("nose", "neck"),
        ("neck", "mid_hip"),
        ("right_shoulder", "neck"),
        ("right_elbow", "right_shoulder"),
        ("right_wrist", "right_elbow"),
        ("left_shoulder", "neck"),
        ("left_elbow", "left_shoulder"),
        ("left_wrist", "left_elbow"),
        ("mid_hip", None),
        ("right_hip", "mid_hip"),
        ("right_knee", "right_hip"),
        ("right_ankle", "right_knee"),
        ("left_hip", "mid_hip"),
        ("left_knee", "left_hip"),
        ("left_ankle", "left_knee"),
        ("right_eye", "nose"),
        ("left_eye", "nose"),
        ("right_ear", "right_eye"),
        ("left_ear", "left_eye"),
        ("left_big_toe", "left_ankle"),
        ("left_small_toe", "left_ankle"),
        ("left_heel", "left_ankle"),
        ("right_big_toe", "right_ankle"),
        ("right_small_toe", "right_ankle"),
        ("right_heel", "right_ankle"),
    ],
    {"neck": "thorax", "mid_hip": "pelvis"},
)

_FEET: list[tuple[str, str | None]] = [
    (f"{side}_{part}", f"{side}_ankle")
    for side in ("left", "right")
    for part in ("big_toe", "small_toe", "heel")
]

BODY_25B = _build(
    "body_25b",
    [
        ("nose", "neck"),
        *_COCO_TREE[1:5],
        ("left_shoulder", "neck"),
        ("right_shoulder", "neck"),
        *_COCO_TREE[7:],
        ("neck", None),
        ("head", "neck"),
        *_FEET,
    ],
    # the upper neck, 6 cm above the middle of the shoulders; head is the top of the head
    {"neck": "upper_neck", "head": "head_top"},
)

HALPE_26 = _build(
    "halpe_26",
    [
        ("nose", "neck"),
        *_COCO_TREE[1:5],
        ("left_shoulder", "neck"),
        ("right_shoulder", "neck"),
        *_COCO_TREE[7:11],
        ("left_hip", "hip"),
        ("right_hip", "hip"),
        *_COCO_TREE[13:],
        ("head", "neck"),
        ("neck", "hip"),
        ("hip", None),
        ("left_big_toe", "left_ankle"),
        ("right_big_toe", "right_ankle"),
        ("left_small_toe", "left_ankle"),
        ("right_small_toe", "right_ankle"),
        ("left_heel", "left_ankle"),
        ("right_heel", "right_ankle"),
    ],
    {"neck": "thorax", "hip": "pelvis", "head": "head_top"},
)

MEDIAPIPE_33 = _build(
    "mediapipe_33",
    [
        ("nose", None),
        ("left_eye_inner", "nose"),
        ("left_eye", "left_eye_inner"),
        ("left_eye_outer", "left_eye"),
        ("right_eye_inner", "nose"),
        ("right_eye", "right_eye_inner"),
        ("right_eye_outer", "right_eye"),
        ("left_ear", "left_eye_outer"),
        ("right_ear", "right_eye_outer"),
        ("left_mouth", "nose"),
        ("right_mouth", "nose"),
        ("left_shoulder", "nose"),
        ("right_shoulder", "nose"),
        ("left_elbow", "left_shoulder"),
        ("right_elbow", "right_shoulder"),
        ("left_wrist", "left_elbow"),
        ("right_wrist", "right_elbow"),
        ("left_pinky", "left_wrist"),
        ("right_pinky", "right_wrist"),
        ("left_index", "left_wrist"),
        ("right_index", "right_wrist"),
        ("left_thumb", "left_wrist"),
        ("right_thumb", "right_wrist"),
        ("left_hip", "left_shoulder"),
        ("right_hip", "right_shoulder"),
        ("left_knee", "left_hip"),
        ("right_knee", "right_hip"),
        ("left_ankle", "left_knee"),
        ("right_ankle", "right_knee"),
        ("left_heel", "left_ankle"),
        ("right_heel", "right_ankle"),
        ("left_foot_index", "left_ankle"),
        ("right_foot_index", "right_ankle"),
    ],
    {"left_foot_index": "left_big_toe", "right_foot_index": "right_big_toe"},
)

MPI_INF_3DHP_17 = _build(
    "mpi_inf_3dhp_17",
    [
        ("head_top", "head"),
        ("neck", "spine"),
        ("right_shoulder", "neck"),
        ("right_elbow", "right_shoulder"),
        ("right_wrist", "right_elbow"),
        ("left_shoulder", "neck"),
        ("left_elbow", "left_shoulder"),
        ("left_wrist", "left_elbow"),
        ("right_hip", "pelvis"),
        ("right_knee", "right_hip"),
        ("right_ankle", "right_knee"),
        ("left_hip", "pelvis"),
        ("left_knee", "left_hip"),
        ("left_ankle", "left_knee"),
        ("pelvis", None),
        ("spine", "pelvis"),
        ("head", "neck"),
    ],
    {"neck": "thorax", "head": "nose"},
)

_CATALOG = {
    skeleton.name: skeleton
    for skeleton in (
        H36M_17,
        H36M_16,
        H36M_16_NO_PELVIS,
        H36M_32,
        COCO_17,
        COCO_23,
        OPENPOSE_18,
        BODY_25,
        BODY_25B,
        HALPE_26,
        MEDIAPIPE_33,
        MPI_INF_3DHP_17,
    )
}


def skeleton_names() -> tuple[str, ...]:
    """Names of all joint sets known here."""
    return tuple(_CATALOG)


def get_skeleton(name: str) -> Skeleton:
    """Return a joint set by name; `PoseliftError` lists the names if there is none."""
    try:
        return _CATALOG[name]
    except KeyError:
        raise PoseliftError(
            f"unknown skeleton {name!r}, expected one of {', '.join(_CATALOG)}"
        ) from None
