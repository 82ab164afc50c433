"""What people hand in that holds no keypoints that are read, and the way out, by its suffix."""

from __future__ import annotations

from pathlib import Path

from poselift.files import VIDEOS

_SAYINGS = {
    ".aac .flac .m4a .mp3 .oga .ogg .opus .wav .wma": "holds sound and no picture, give the video",
    ".avif .cr2 .dng .heic .heif .jxl .nef": "is a kind of picture that is not read, save it as "
    ".jpg or .png",
    ".blend .dae .fbx .glb .gltf .usd .usda .usdc .usdz": "is a scene, which is not read, export "
    "its motion as .bvh (in Blender: File > Export > Motion Capture)",
    ".htm .html": "is a page to look at, give the .npz or .json of the same results",
    ".mot .sto": "holds no joints in space, give the .trc of the same motion",
    ".ods .xls .xlsx": "is a spreadsheet, save it as .csv",
    ".7z .gz .rar .tar .tgz .xz .zip": "is an archive, unpack it and give what is in it",
}


def why_unread(path: Path) -> str | None:
    """Say what a file or folder is that is in none of the formats; None where nothing is known."""
    if path.is_dir():
        if any(one.suffix.lower() in VIDEOS for one in path.iterdir()):
            return "is a folder with videos, give one of them, or the folder to `poselift bulk`"
        return None
    suffix = path.suffix.lower()
    return next((words for ends, words in _SAYINGS.items() if suffix in ends.split()), None)
