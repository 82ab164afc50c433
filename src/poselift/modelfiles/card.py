"""What a set of weights says about itself: the JSON that every model file carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poselift.errors import PoseliftError, quoted
from poselift.geometry import NORMALISATIONS, TARGETS
from poselift.skeletons import Skeleton, get_skeleton

#: The ONNX metadata entry that holds the card.
METADATA_KEY = "poselift"

#: Entry of the card: the tensor that the output layer works on.
BEFORE_OUTPUT = "before_output_layer"

#: Entry of the card: precisions that are refused for this model, and why.
NOT_OFFERED = "not_offered"

#: Precisions that a model file can be made for.
FILE_PRECISIONS = ("fp32", "int8")

#: Names of the one input and the one output of every model file; shapes as `ModelCard.ports`.
INPUT, OUTPUT = "keypoints", "poses"


@dataclass(frozen=True)
class ModelCard:
    """The facts about a model that running it depends on.

    name           what the model is called, e.g. "gln".
    architecture   the network that `config` belongs to, e.g. "gln".
    config         arguments of that architecture.
    skeleton       joints that go in and come out.
    normalisation  name of the 2D normalisation that it was trained with.
    content        the whole card as it stands in the file, these facts included.
    precision      what the file's large products are computed in, "fp32" or "int8".
    target         what comes out: "pose" (metres), or "pixel_depth" (see `geometry.PixelDepth`).
    frames         T, how many frames the network looks at for one pose: the ports are (B, J, 2) and
                   (B, J, 3) for 1, (B, T, J, 2) and (B, T, J, 3) for more, of which the pose in
                   the middle, number (T - 1) // 2, is taken.
    """

    name: str
    architecture: str
    config: Mapping[str, Any]
    skeleton: Skeleton
    normalisation: str
    content: Mapping[str, Any]
    precision: str = "fp32"
    target: str = "pose"
    frames: int = 1

    @property
    def ports(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the input and the output of a model file, without the batch axis."""
        window = () if self.frames == 1 else (self.frames,)
        return {
            INPUT: (*window, len(self.skeleton), 2),
            OUTPUT: (*window, len(self.skeleton), 3),
        }


def _refuse_detectors(content: Mapping[str, Any], source: str) -> None:
    """Refuse the card of a network that finds keypoints, or takes pictures as a whole."""
    if content.get("kind") == "detector":
        raise PoseliftError(
            f"{source}: is a detector, which goes with --detector; expected a model that lifts"
        )
    if content.get("kind") == "system":
        raise PoseliftError(
            f"{source}: goes from pictures to poses; what lifts keypoints is the folder lifter in "
            "its run, which `poselift export RUN` makes"
        )


def read_card(content: Mapping[str, Any], source: str) -> ModelCard:
    """Check a card and return what it says; `source` names it in errors.

    Raises `PoseliftError` if an entry is missing or of another type, or names a skeleton or
    normalisation that is not known here, or units other than metres.
    """
    _refuse_detectors(content, source)
    kinds = {
        "name": str,
        "architecture": str,
        "config": Mapping,
        "skeleton": str,
        "normalisation": str,
        "units": str,
    }
    for key, kind in kinds.items():
        if not isinstance(content.get(key), kind):
            what = "an object" if kind is Mapping else "a string"
            raise PoseliftError(
                f"{source}: expected {what} under {key!r} in the model card, "
                f"got {quoted(content.get(key))}"
            )
    precision, target = content.get("precision", "fp32"), content.get("target", "pose")
    frames = content.get("frames", 1)
    whole = isinstance(frames, int) and not isinstance(frames, bool) and frames >= 1
    for words, value, known, fine in (
        (
            "names the normalisation",
            content["normalisation"],
            f"one of {', '.join(NORMALISATIONS)}",
            content["normalisation"] in NORMALISATIONS,
        ),
        (
            "gives the precision",
            precision,
            f"one of {', '.join(FILE_PRECISIONS)}",
            precision in FILE_PRECISIONS,
        ),
        ("gives the target", target, f"one of {', '.join(TARGETS)}", target in TARGETS),
        ("gives the frames", frames, "a number from 1 on", whole),
        ("gives units", content["units"], "'m'", content["units"] == "m"),
    ):
        if not fine:
            raise PoseliftError(
                f"{source}: the model card {words} {quoted(value)}, expected {known}"
            )
    try:
        skeleton = get_skeleton(content["skeleton"])
    except PoseliftError as error:
        raise PoseliftError(f"{source}: the model card names an {error}") from None
    return ModelCard(
        content["name"],
        content["architecture"],
        content["config"],
        skeleton,
        content["normalisation"],
        content,
        precision,
        target,
        frames,
    )


def parse_content(text: str | bytes, source: str) -> dict[str, Any]:
    """Read the JSON text of a card, unchecked; `PoseliftError` if it is not a JSON object."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise PoseliftError(f"{source}: the model card is not valid JSON ({error})") from None
    except RecursionError:
        raise PoseliftError(f"{source}: the model card is nested too deeply") from None
    if not isinstance(content, dict):
        raise PoseliftError(f"{source}: expected the model card to be a JSON object")
    return content


def parse_card(text: str | bytes, source: str) -> ModelCard:
    """Read a card from its JSON text; `PoseliftError` if it is not JSON or not a card."""
    return read_card(parse_content(text, source), source)
