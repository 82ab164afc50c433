"""The options that say which model runs and how."""

from __future__ import annotations

from typing import Annotated

import typer

#: `poselift.modelfiles.find.DEFAULT_MODEL`, which a help page need not import NumPy for.
DEFAULT_MODEL = "lcn"

Model = Annotated[
    str,
    typer.Option(
        help="A shipped model (lcn, gln-small, gln, posegraphnet), a run folder or an .onnx file."
    ),
]
Focal = Annotated[
    float | None,
    typer.Option("--focal", help="Focal length in pixels; default: the longer picture side."),
]
Threads = Annotated[
    int | None,
    typer.Option(help="CPU threads, at most one a core; default: one for each free core."),
]
Flip = Annotated[
    bool,
    typer.Option("--flip/--no-flip", help="Lift the mirrored pose too: more accurate, slower."),
]
Precision = Annotated[
    str,
    typer.Option(
        help="auto, fp32, int8 (about twice as fast), or bf16 (openvino). auto: int8 where it is "
        "exact to 0.5 mm here, else fp32."
    ),
]
Backend = Annotated[str, typer.Option(help="What runs the network: onnxruntime or openvino.")]

Seed = Annotated[
    int,
    typer.Option("--seed", min=0, max=2**63 - 1, help="Decides everything that is random."),
]
