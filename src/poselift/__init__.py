"""poselift: videos or 2D human keypoints in, 3D skeletons in metres out.

    from poselift import Lifter, load_poses
    clip = Lifter("gln")(load_poses("clip.json"))

Everything here is imported when it is first used, so `import poselift` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poselift.errors import PoseliftError
    from poselift.io import load_people, load_poses
    from poselift.lifting import Lifter
    from poselift.lifting.video import lift_video, open_camera
    from poselift.poses import PoseSequence
    from poselift.skeletons import Skeleton, get_skeleton, skeleton_names

    __version__: str

__all__ = [
    "Lifter",
    "PoseSequence",
    "PoseliftError",
    "Skeleton",
    "__version__",
    "get_skeleton",
    "lift_video",
    "load_people",
    "load_poses",
    "open_camera",
    "skeleton_names",
]

_HOMES = {
    "Lifter": "poselift.lifting",
    "PoseSequence": "poselift.poses",
    "PoseliftError": "poselift.errors",
    "Skeleton": "poselift.skeletons",
    "get_skeleton": "poselift.skeletons",
    "lift_video": "poselift.lifting.video",
    "load_people": "poselift.io",
    "load_poses": "poselift.io",
    "open_camera": "poselift.lifting.video",
    "skeleton_names": "poselift.skeletons",
}


def __getattr__(name: str) -> object:
    """Import a public name from its room (PEP 562), once."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("poselift")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'poselift' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return sorted({*globals(), *__all__})
