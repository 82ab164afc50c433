"""The weights of a run folder as an ONNX file beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poselift.errors import PoseliftError
from poselift.export.onnx_export import export_onnx
from poselift.export.pictures import export_pictures
from poselift.lifting.session import EXPORTED_FROM, file_sha256
from poselift.modelfiles.find import LIFTER, RUN_MODEL, RUN_WEIGHTS, file_name
from poselift.models.base import LiftingNetwork
from poselift.models.checkpoint import load_model, save_model
from poselift.models.end_to_end import EndToEnd


def export_run(
    folder: Path, target: Path | None = None, *, fp16: bool = False, precision: str = "fp32"
) -> dict[str, Any]:
    """Export the weights in `folder` to `target`, where `Lifter` finds them by default.

    A system is written whole, crop to 3D, and its lifter beside it in a run folder of its own.

    Returns their card. Raises `PoseliftError` as `load_model` and `export_onnx` do.
    """
    network, card = load_model(folder)
    card = {**card, EXPORTED_FROM: file_sha256(folder / RUN_WEIGHTS)}
    file = target or folder / file_name(Path(RUN_MODEL).stem, precision)
    if not isinstance(network, LiftingNetwork):
        if precision != "fp32":
            raise PoseliftError(f"--precision {precision} is for lifters, {card['name']} is none")
        if isinstance(network, EndToEnd) and file.resolve() == (folder / RUN_MODEL).resolve():
            _export_lifter(network, card, folder / LIFTER)
        return export_pictures(network, card, file, fp16=fp16)
    export_onnx(network, card, file, fp16=fp16, precision=precision)
    return card


def _export_lifter(system: EndToEnd, card: Mapping[str, Any], folder: Path) -> None:
    """Write the lifter of a system as a run folder of its own, which `Lifter` opens."""
    own = {name: value for name, value in card.items() if name not in ("kind", EXPORTED_FROM)}
    own |= {"name": f"{card['name']}-lifter"}
    save_model(folder, system.lifter, own)
    lifter, own = load_model(folder)
    own = {**own, EXPORTED_FROM: file_sha256(folder / RUN_WEIGHTS)}
    export_onnx(lifter, own, folder / RUN_MODEL)
