"""Which way imports point (docs/architecture.md), held by reading every import there is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import poselift
from poselift.geometry import normalise

ROOT = Path(poselift.__file__).parent

#: A room sees the rooms of lower rows and itself, never its neighbours in the row.
FLOORS = (
    {"errors"},
    {"files", "shapes", "pickles", "skeletons"},
    {"geometry"},
    {"poses"},
    {"modelfiles", "evaluation"},
    {"motion", "tracking", "mocap"},
    {"io"},
    {"detection"},
    {"lifting"},
    {"viewer"},
    {"simulation"},
    {"datasets"},
    {"scoring"},
    {"models"},
    {"export"},
    {"training"},
    {"serving", "bulk"},
    {"benchmark"},
    {"reproduction"},
    {"cli"},
    {"__main__", "__init__"},
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}

#: The one import that points up: a container saves itself, `results.save("x.bvh")`. It stands
#: inside the method, so that holding data needs no formats.
UPWARDS = {("poses", "poselift.io.save")}

#: The research half may use the heavy libraries; nobody else may, and nobody else sees that half.
RESEARCH = {"models", "export", "training", "benchmark", "reproduction"}
HEAVY = {"torch", "lightning_fabric", "safetensors", "onnx", "onnxscript", "tensorboard"}


def imported(source: str) -> Iterator[str]:
    """Dotted names of all modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which room is meant"
            whole = node.module == "poselift"
            yield from (f"poselift.{one.name}" if whole else str(node.module) for one in node.names)


def refusals(room: str, source: str) -> list[str]:
    """What is wrong with the imports of a file in `room`, a line each."""
    found = []
    for name in sorted(set(imported(source))):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0] or "__init__"
        if top in HEAVY and room not in RESEARCH:
            found.append(f"{room} imports {name}, which is not always installed")
        if top != "poselift" or other == room or room in FLOORS[-1]:
            continue
        if FLOOR.get(other, len(FLOORS)) >= FLOOR[room] and (room, name) not in UPWARDS:
            found.append(f"{room} imports {name}, which is not below it")
        elif other in RESEARCH and room not in RESEARCH | {"cli"}:
            found.append(f"{room} imports {name} of the research half")
    return found


def sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def test_imports_point_one_way() -> None:
    found = []
    for path in sources():
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        found += [f"{path.name}: {line}" for line in refusals(room, path.read_text("utf-8"))]
    assert found == []
    assert len(sources()) > 80


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("skeletons", "from poselift.poses import PoseSequence"),  # upwards
        ("skeletons", "import poselift.files"),  # sideways
        ("tracking", "def f():\n    from poselift import motion"),  # sideways, later
        ("io", "from poselift import Lifter"),  # by way of the public surface
        ("viewer", "from poselift.datasets import LiftingData"),  # upwards
        ("bulk", "from poselift.training import train"),  # the other half
        ("training", "from poselift.cli.outputs import check_outputs"),  # upwards
        ("cli", "from poselift.unheard_of import anything"),  # a room nobody has planned
        ("training", "from poselift.benchmark.timing import interleaved"),  # upwards
        ("scoring", "from poselift.models import load_model"),  # upwards
        ("lifting", "import torch.nn as nn"),
        ("datasets", "from torch import Tensor"),
        ("cli", "if True:\n    import lightning_fabric"),
    ],
)
def test_forbidden_imports_are_refused(room: str, source: str) -> None:
    assert len(refusals(room, source)) == 1


def test_allowed_imports_are_not_refused() -> None:
    assert refusals("cli", "import poselift.training, poselift.lifting, rich") == []
    assert refusals("export", "import torch\nfrom poselift.lifting.session import open_model") == []
    assert refusals("io", "from poselift.io.rows import dump\nfrom poselift import poses") == []


def test_no_file_or_function_outgrows_a_reader() -> None:
    """Files under 450 lines, those of the command line up to 150, functions under 61."""
    for path in sources():
        text = path.read_text("utf-8")
        assert text.count("\n") < (151 if path.parent.name == "cli" else 450), path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 61, f"{path}: {node.name}"


def test_the_shape_checker_is_awake() -> None:
    """The run checks jaxtyping's shapes (see addopts in pyproject.toml)."""
    with pytest.raises(TypeCheckError, match="keypoints"):
        normalise(np.zeros((4, 17, 3), dtype=np.float32), "screen", (1920.0, 1080.0))


def test_one_file_imports_the_runtimes() -> None:
    """Their telemetry is off only if that is seen to before the first import."""
    for path in sources():
        tree = ast.parse(path.read_text("utf-8"))
        typing = [
            node
            for branch in ast.walk(tree)
            if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
            for node in ast.walk(branch)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and node not in typing:
                tops = {name.partition(".")[0] for name in imported(ast.unparse(node))}
                assert not tops & {"onnxruntime", "openvino"}, path
