"""Motion capture files: BVH, ASF/AMC, exponential maps, TRC; joints of other skeletons by rule."""

from poselift.mocap.asfamc import AmcMotion, AsfSkeleton, read_amc, read_asf
from poselift.mocap.bvh import BvhMotion, read_bvh
from poselift.mocap.chain import Motion
from poselift.mocap.trc import MarkerTrack, read_trc

__all__ = [
    "AmcMotion",
    "AsfSkeleton",
    "BvhMotion",
    "MarkerTrack",
    "Motion",
    "read_amc",
    "read_asf",
    "read_bvh",
    "read_trc",
]
