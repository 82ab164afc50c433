"""The weights of a run folder as an ONNX file beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselift.export.onnx_export import export_onnx
from poselift.lifting.session import EXPORTED_FROM, file_sha256
from poselift.modelfiles.find import RUN_MODEL, RUN_WEIGHTS, file_name
from poselift.models.checkpoint import load_model


def export_run(
    folder: Path, target: Path | None = None, *, fp16: bool = False, precision: str = "fp32"
) -> dict[str, Any]:
    """Export the weights in `folder` to `target`, where `Lifter` finds them by default.

    Returns their card. Raises `PoseliftError` as `load_model` and `export_onnx` do.
    """
    network, card = load_model(folder)
    card = {**card, EXPORTED_FROM: file_sha256(folder / RUN_WEIGHTS)}
    target = target or folder / file_name(Path(RUN_MODEL).stem, precision)
    export_onnx(network, card, target, fp16=fp16, precision=precision)
    return card
