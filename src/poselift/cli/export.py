"""`poselift export`: trained weights as one ONNX file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import typer

from poselift.cli.saying import say
from poselift.errors import quoted


def export(
    model: str = typer.Argument(help="Run folder of `poselift train`."),
    output: Path | None = typer.Option(
        None,
        "-o",
        "--output",
        help="File to write; default: model.onnx (or model.int8.onnx) in the run folder.",
    ),
    fp16: bool = typer.Option(
        False, "--fp16", help="Store weights as 16-bit floats (half the size, same computation)."
    ),
    precision: str = typer.Option(
        "fp32", "--precision", help="fp32, or int8: large products on 8-bit integers."
    ),
) -> None:
    """Write a trained model as ONNX.

    The file is proven equal to the torch model before it is written. Of a run that was stopped the
    best checkpoint counts.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.errors import PoseliftError
    from poselift.modelfiles import shipped_models
    from poselift.modelfiles.card import FILE_PRECISIONS
    from poselift.modelfiles.find import (
        RUN_MODEL,
        RUN_WEIGHTS,
        file_name,
        shipped_folder,
        weights_folder,
    )

    if precision not in FILE_PRECISIONS:
        known = ", ".join(FILE_PRECISIONS)
        raise PoseliftError(f"--precision: expected one of {known}, got {precision!r}")
    if fp16 and precision != "fp32":
        raise PoseliftError("--fp16 is for fp32 files: int8 weights are smaller already")
    folder = weights_folder(Path(model))
    if model in shipped_models() and not folder.is_dir():
        raise PoseliftError(
            f"{model}: is shipped as ONNX already: {shipped_folder() / file_name(model, precision)}"
        )
    if not folder.is_dir():
        raise PoseliftError(f"{model}: there is no such run folder")
    if not (folder / RUN_WEIGHTS).is_file():
        raise PoseliftError(f"{folder}: not a run folder (it holds no {RUN_WEIGHTS})")
    name = file_name(Path(RUN_MODEL).stem, precision)
    target = folder / name if output is None else output
    check_outputs([target], {".onnx": "ONNX model"}, source=None)
    say_if_stopped(model)

    from poselift.export import export_run

    card = export_run(folder, target, fp16=fp16, precision=precision)
    megabytes = target.stat().st_size / 1e6
    proof = "equal to the torch model" + (" on integers" if precision == "int8" else "")
    say(f"wrote {target}: {card['name']}, {megabytes:.1f} MB, {proof}")


def ready(model: str) -> str:
    """Let a run that was stopped be opened as a model: export its best checkpoint, and say so.

    Returns `model`. Does nothing for other models, nor without the packages that training needs.
    """
    from poselift.modelfiles.find import RUN_MODEL, weights_folder

    if say_if_stopped(model):
        folder = weights_folder(Path(model))
        if not (folder / RUN_MODEL).is_file() and find_spec("torch") is not None:
            from poselift.export import export_run

            export_run(folder)
    return model


def say_if_stopped(model: str) -> bool:
    """Say on stderr which checkpoint of a stopped run counts; tell whether it is one."""
    from poselift.modelfiles import parse_content, shipped_models
    from poselift.modelfiles.find import weights_folder

    folder = Path(model)
    own = weights_folder(folder)
    if own == folder or model in shipped_models():
        return False
    card = own / "model.json"
    metrics = parse_content(card.read_bytes(), str(card)).get("metrics", {})
    which = ""
    error = metrics.get("val_mpjpe_mm") if isinstance(metrics, dict) else None
    if isinstance(error, float):
        which = f": epoch {quoted(metrics.get('epoch'))}, validation MPJPE {error:.1f} mm"
    say(f"{model}: stopped before its end, its best checkpoint counts{which}", err=True)
    return True
