"""What an exported detector, or a whole system, says about itself; names of their ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from poselift.errors import PoseliftError, quoted
from poselift.modelfiles.card import parse_content
from poselift.modelfiles.find import ModelFile
from poselift.modelfiles.onnxfile import card_text
from poselift.skeletons import Skeleton, get_skeleton

#: Inputs of a system's file: RGB from 0 to 255 (B, 3, H, W); affine from pixels of the picture to
#: those of the crop (B, 3, 3); (width, height) of the picture (B, 2); focal length in pixels, 0
#: where it is unknown (B). A detector's file has the first only.
IMAGE, CROP, SIZE, FOCAL = "image", "crop", "size", "focal"

#: Its outputs: metres, camera space, the root at 0 (B, J, 3); pixels of the picture (B, J, 2); heat
#: maps (B, J, H/4, W/4). A detector's file has the last only.
POSES, KEYPOINTS, HEATMAPS = "poses", "keypoints", "heatmaps"

#: Entry of the card that says how the file is used as a detector.
DETECTOR = "detector"

#: Networks that are detectors, or have one.
KINDS = ("detector", "system")

_SIDES = range(32, 4097)


@final
@dataclass(frozen=True)
class DetectorCard:
    """The facts that running a detector depends on.

    name         what it is called.
    skeleton     joints of its heat maps.
    size         height and width of its crops, pixels.
    temperature  by which keypoints are read off the maps (`detection/heatmaps.py`).
    """

    name: str
    skeleton: Skeleton
    size: tuple[int, int]
    temperature: float

    @classmethod
    def of(cls, file: ModelFile) -> DetectorCard:
        """Read the card in a file; `PoseliftError` if it has none, or it is a lifter's."""
        content = parse_content(card_text(file.data, file.source), file.source)
        if content.get("kind") not in KINDS:
            raise PoseliftError(
                f"{file.source}: is no detector but {quoted(content.get('architecture'))}, which "
                "lifts keypoints; expected a run of hrnet or of --end-to-end"
            )
        facts = content.get(DETECTOR)
        entry: Mapping[str, Any] = facts if isinstance(facts, Mapping) else {}
        size, temperature = entry.get("size"), entry.get("temperature")
        whole = isinstance(size, list) and len(size) == 2 and all(type(s) is int for s in size)
        fine = isinstance(temperature, int | float) and temperature > 0
        if not (whole and all(side in _SIDES for side in size or ()) and fine):
            raise PoseliftError(
                f"{file.source}: expected size and temperature under {DETECTOR!r} in the model "
                f"card, got {quoted(facts)}"
            )
        assert size is not None  # as `whole` and `fine` say, for the type checker
        assert temperature is not None
        skeleton = get_skeleton(str(content.get("skeleton")))
        return cls(str(content.get("name")), skeleton, (size[0], size[1]), float(temperature))
