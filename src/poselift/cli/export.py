"""`poselift export`: trained weights as one ONNX file."""

from __future__ import annotations

from pathlib import Path

import typer


def export(
    model: str = typer.Argument(help="Run folder of `poselift train`."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="File to write; default: model.onnx in the run folder."
    ),
    fp16: bool = typer.Option(
        False, "--fp16", help="Store weights as 16-bit floats (half the size, same computation)."
    ),
) -> None:
    """Write a trained model as ONNX.

    The file is proven equal to the torch model before it is written.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.errors import PoseliftError
    from poselift.lifting.session import EXPORTED_FROM, file_sha256
    from poselift.lifting.weights import RUN_MODEL, RUN_WEIGHTS

    folder = Path(model)
    if not (folder / RUN_WEIGHTS).is_file():
        raise PoseliftError(f"{folder}: not a run folder (it holds no {RUN_WEIGHTS})")
    target = folder / RUN_MODEL if output is None else output
    check_outputs([target], {".onnx": "ONNX model"}, source=None)

    from poselift.export import export_onnx
    from poselift.models.checkpoint import load_model

    network, card = load_model(folder)
    card = {**card, EXPORTED_FROM: file_sha256(folder / RUN_WEIGHTS)}
    export_onnx(network, card, target, fp16=fp16)
    megabytes = target.stat().st_size / 1e6
    typer.echo(f"wrote {target}: {card['name']}, {megabytes:.1f} MB, equal to the torch model")
