"""The joint sets of the field, by name. Orders as their publishers index them (0-based)."""

from __future__ import annotations

from poselift.errors import PoseliftError, expect, quoted
from poselift.skeletons.definition import definition, parse
from poselift.skeletons.skeleton import Skeleton


def _build(
    name: str, limbs: str, aliases: dict[str, str] | None = None, order: str = ""
) -> Skeleton:
    """Make a skeleton from its limbs, a line each, outwards; the first line begins at the root.

    order  the joints as they are indexed; left out if the limbs name them in that order.
    """
    chains = [line.split() for line in limbs.strip().splitlines()]
    parents = {chains[0][0]: ""}
    for chain in chains:
        parents |= dict(zip(chain[1:], chain, strict=False))
    joints = tuple(order.split() or parents)
    index = {"": -1} | {joint: place for place, joint in enumerate(joints)}
    return Skeleton(name, joints, tuple(index[parents[one]] for one in joints), aliases or {})


# Human3.6M's joint 9 is a face point (VideoPose3D calls it nose, MMPose neck_base).
_H36M_ALIASES = {"neck": "nose", "head": "head_top"}

H36M_17 = _build(
    "h36m_17",
    """
    pelvis right_hip right_knee right_ankle
    pelvis left_hip left_knee left_ankle
    pelvis spine thorax neck head
    thorax left_shoulder left_elbow left_wrist
    thorax right_shoulder right_elbow right_wrist
    """,
    _H36M_ALIASES,
)

H36M_16 = _build(
    "h36m_16",
    """
    pelvis right_hip right_knee right_ankle
    pelvis left_hip left_knee left_ankle
    pelvis spine thorax head
    thorax left_shoulder left_elbow left_wrist
    thorax right_shoulder right_elbow right_wrist
    """,
    {"head": "head_top"},
)

# PoseGraphNet's 16 joints. The tree starts at the spine, as its official graph does, so poses of
# this joint set are relative to the spine wherever poselift makes them root-relative. What the
# official networks predict is relative to the pelvis, which is not among the joints.
H36M_16_NO_PELVIS = _build(
    "h36m_16_no_pelvis",
    """
    spine right_hip right_knee right_ankle
    spine left_hip left_knee left_ankle
    spine thorax neck head
    thorax left_shoulder left_elbow left_wrist
    thorax right_shoulder right_elbow right_wrist
    """,
    _H36M_ALIASES,
    order=" ".join(H36M_17.joints[1:]),
)

H36M_32 = _build(
    "h36m_32",
    """
    pelvis right_hip right_knee right_ankle right_toe_base right_toe_end
    pelvis left_hip left_knee left_ankle left_toe_base left_toe_end
    pelvis spine_base spine thorax neck head
    spine left_collar left_shoulder left_elbow left_wrist left_thumb left_thumb_end
    left_wrist left_hand left_hand_end
    spine right_collar right_shoulder right_elbow right_wrist right_thumb right_thumb_end
    right_wrist right_hand right_hand_end
    """,
    _H36M_ALIASES,
)

_COCO_ORDER = """
    nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow
    left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle
"""
_COCO_LIMBS = """
    nose left_eye left_ear
    nose right_eye right_ear
    nose left_shoulder left_elbow left_wrist
    nose right_shoulder right_elbow right_wrist
    left_shoulder left_hip left_knee left_ankle
    right_shoulder right_hip right_knee right_ankle
"""
_FEET_ORDER = """
    left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel
"""
_FEET = """
    left_ankle left_big_toe
    left_ankle left_small_toe
    left_ankle left_heel
    right_ankle right_big_toe
    right_ankle right_small_toe
    right_ankle right_heel
"""

COCO_17 = _build("coco_17", _COCO_LIMBS, order=_COCO_ORDER)

COCO_23 = _build("coco_23", _COCO_LIMBS + _FEET, order=_COCO_ORDER + _FEET_ORDER)

OPENPOSE_18 = _build(
    "openpose_18",
    """
    neck nose right_eye right_ear
    nose left_eye left_ear
    neck right_shoulder right_elbow right_wrist
    neck left_shoulder left_elbow left_wrist
    neck right_hip right_knee right_ankle
    neck left_hip left_knee left_ankle
    """,
    {"neck": "thorax"},
    order="""
    nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist
    right_hip right_knee right_ankle left_hip left_knee left_ankle
    right_eye left_eye right_ear left_ear
    """,
)

BODY_25 = _build(
    "body_25",
    """
    mid_hip neck nose right_eye right_ear
    nose left_eye left_ear
    neck right_shoulder right_elbow right_wrist
    neck left_shoulder left_elbow left_wrist
    mid_hip right_hip right_knee right_ankle
    mid_hip left_hip left_knee left_ankle
    """
    + _FEET,
    {"neck": "thorax", "mid_hip": "pelvis"},
    order="""
    nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist
    mid_hip right_hip right_knee right_ankle left_hip left_knee left_ankle
    right_eye left_eye right_ear left_ear
    """
    + _FEET_ORDER,
)

BODY_25B = _build(
    "body_25b",
    """
    neck nose left_eye left_ear
    nose right_eye right_ear
    neck head
    neck left_shoulder left_elbow left_wrist
    neck right_shoulder right_elbow right_wrist
    left_shoulder left_hip left_knee left_ankle
    right_shoulder right_hip right_knee right_ankle
    """
    + _FEET,
    # the upper neck, 6 cm above the middle of the shoulders; head is the top of the head
    {"neck": "upper_neck", "head": "head_top"},
    order=f"{_COCO_ORDER} neck head {_FEET_ORDER}",
)

HALPE_26 = _build(
    "halpe_26",
    """
    hip neck nose left_eye left_ear
    nose right_eye right_ear
    neck head
    neck left_shoulder left_elbow left_wrist
    neck right_shoulder right_elbow right_wrist
    hip left_hip left_knee left_ankle
    hip right_hip right_knee right_ankle
    """
    + _FEET,
    {"neck": "thorax", "hip": "pelvis", "head": "head_top"},
    order=f"""
    {_COCO_ORDER} head neck hip
    left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel
    """,
)

MEDIAPIPE_33 = _build(
    "mediapipe_33",
    """
    nose left_eye_inner left_eye left_eye_outer left_ear
    nose right_eye_inner right_eye right_eye_outer right_ear
    nose left_mouth
    nose right_mouth
    nose left_shoulder left_elbow left_wrist left_pinky
    left_wrist left_index
    left_wrist left_thumb
    nose right_shoulder right_elbow right_wrist right_pinky
    right_wrist right_index
    right_wrist right_thumb
    left_shoulder left_hip left_knee left_ankle left_heel
    left_ankle left_foot_index
    right_shoulder right_hip right_knee right_ankle right_heel
    right_ankle right_foot_index
    """,
    {"left_foot_index": "left_big_toe", "right_foot_index": "right_big_toe"},
    order="""
    nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer
    left_ear right_ear left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow
    left_wrist right_wrist left_pinky right_pinky left_index right_index left_thumb right_thumb
    left_hip right_hip left_knee right_knee left_ankle right_ankle left_heel right_heel
    left_foot_index right_foot_index
    """,
)

MPI_INF_3DHP_17 = _build(
    "mpi_inf_3dhp_17",
    """
    pelvis spine neck head head_top
    neck right_shoulder right_elbow right_wrist
    neck left_shoulder left_elbow left_wrist
    pelvis right_hip right_knee right_ankle
    pelvis left_hip left_knee left_ankle
    """,
    {"neck": "thorax", "head": "nose"},
    order="""
    head_top neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist
    right_hip right_knee right_ankle left_hip left_knee left_ankle pelvis spine head
    """,
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
    """Return a joint set by name, or of a text that defines one (`skeletons.definition`).

    Raises `PoseliftError`, which lists the names, if it is neither.
    """
    expect(name, str, "a joint set by name")
    if name in _CATALOG:
        return _CATALOG[name]
    if ":" in name:
        return parse(name)
    raise PoseliftError(f"unknown skeleton {quoted(name)}, expected one of {', '.join(_CATALOG)}")


def skeleton_text(skeleton: Skeleton) -> str:
    """Return what `get_skeleton` makes this joint set of: its name, or its definition.

    The name alone, too, where names of a rig cannot stand in a definition.
    """
    if _CATALOG.get(skeleton.name) == skeleton:
        return skeleton.name
    text = definition(skeleton)
    try:
        return text if parse(text) == skeleton else skeleton.name
    except PoseliftError:
        return skeleton.name
