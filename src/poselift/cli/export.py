"""`poselift export`: trained weights as one ONNX file."""

from __future__ import annotations

from pathlib import Path

import typer


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

    The file is proven equal to the torch model before it is written.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.errors import PoseliftError
    from poselift.modelfiles.card import FILE_PRECISIONS
    from poselift.modelfiles.find import RUN_MODEL, RUN_WEIGHTS, file_name

    if precision not in FILE_PRECISIONS:
        known = ", ".join(FILE_PRECISIONS)
        raise PoseliftError(f"--precision: expected one of {known}, got {precision!r}")
    if fp16 and precision != "fp32":
        raise PoseliftError("--fp16 is for fp32 files: int8 weights are smaller already")
    folder = Path(model)
    if not (folder / RUN_WEIGHTS).is_file():
        raise PoseliftError(f"{folder}: not a run folder (it holds no {RUN_WEIGHTS})")
    name = file_name(Path(RUN_MODEL).stem, precision)
    target = folder / name if output is None else output
    check_outputs([target], {".onnx": "ONNX model"}, source=None)

    from poselift.export import export_run

    card = export_run(folder, target, fp16=fp16, precision=precision)
    megabytes = target.stat().st_size / 1e6
    proof = "equal to the torch model" + (" on integers" if precision == "int8" else "")
    typer.echo(f"wrote {target}: {card['name']}, {megabytes:.1f} MB, {proof}")
