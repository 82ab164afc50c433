"""Does the harness reach every function of the package that opens bytes? Nobody has to remember.

Functions that read are found in the source; which of them run is seen while every surface reads its
valid inputs. One that is reached by none, and is not named here with a reason, is a fault.
"""

from __future__ import annotations

import ast
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType

import poselift
from fuzzing.children import Surface
from poselift.errors import PoseliftError

PACKAGE = Path(poselift.__file__).parent

#: What a function that opens or decodes bytes calls: methods and functions by their last name.
_ALWAYS = frozenset(
    ("read_bytes", "read_text", "File", "ParquetFile", "ZipFile", "GzipFile", "recv")
)
#: The same where it stands behind one of these names: np.load, and not socket.load.
_LOADERS = frozenset(("np", "numpy", "torch", "yaml", "json", "pickle", "onnx", "safetensors"))
#: What opens something else: a browser, an engine of the benchmark.
_NO_FILES = frozenset(("webbrowser", "engine", "self"))

#: Functions that read nothing of a user's, or what no file can imitate: and what it is.
EXEMPT = {
    "bulk/stores.py:Bucket.schema": "of an object store, by what reads it of a file",
    "benchmark/machine.py:_chip": "what the system says of its processor",
    "cli/errors.py:ReportingGroup.invoke": "the device that forgets",
    "cli/pipes.py:deliver": "what this process has written",
    "detection/movenet.py:open_shipped": "files of the package, by their hash",
    "detection/video.py:_open_camera": "a camera",
    "errors.py:how_to_install": "what pip noted of the package",
    "files.py:_own_folder": "the lock of a folder of its own",
    "files.py:locked": "a lock of its own",
    "files.py:_remove_abandoned": "locks of own files",
    "files.py:_remove_abandoned_folders": "locks of own folders",
    "io/c3dfile.py:_content": "what this process has written",
    "modelfiles/find.py:_shipped_hashes": "a file of the package",
    "reproduction/figures/table.py:stacked": "pictures that this process has drawn",
    "training/checkpoint.py:replace_folder": "what this process has written",
    "viewer/bundle.py:resource": "a file of the package",
}


def readers_in(source: str) -> Iterator[str]:
    """Yield the qualified names of functions in Python source that open or decode bytes."""

    def visit(node: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            inner = (*names, child.name) if named else names  # type: ignore[attr-defined]
            if isinstance(child, ast.Call) and _opens(child):
                yield ".".join(names) or "<module>"
            yield from visit(child, inner)

    yield from dict.fromkeys(visit(ast.parse(source), ()))


def _opens(call: ast.Call) -> bool:
    """Tell whether a call opens something for reading, by what it is called."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    opens = name in _ALWAYS or (name == "open" and owner not in _NO_FILES)
    said = [one.value for one in call.args if isinstance(one, ast.Constant)]
    modes = [one for one in said if isinstance(one, str) and set(one) <= set("rwab+x")]
    return (opens and (not modes or "r" in modes[-1])) or (name == "load" and owner in _LOADERS)


def all_readers() -> set[str]:
    """Return `file.py:function` of all functions of the package that open bytes."""
    return {
        f"{path.relative_to(PACKAGE).as_posix()}:{name}"
        for path in PACKAGE.rglob("*.py")
        for name in readers_in(path.read_text(encoding="utf-8"))
    }


def reached(surfaces: Iterable[Surface]) -> tuple[set[str], list[str]]:
    """Read every valid input; return the functions that ran, and what is wrong with inputs.

    Commands may refuse an input that is none for them; readers may not.
    """
    faults: list[str] = []
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        seen.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        for one in surfaces:
            # commands are fed with the inputs of others: a few of them show all that they call
            for sample in one.samples[:: 10 if one.name.startswith("command.") else 1]:
                with tempfile.TemporaryDirectory() as name:
                    copied = Path(name) / sample.name
                    (shutil.copytree if sample.is_dir() else shutil.copy)(sample, copied)
                    try:
                        one.read(copied)
                    except PoseliftError as error:
                        faults.append(f"{one.name}: {sample.name} is no valid input ({error})")
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {name for code in seen if (name := _name_of(code))}, faults


def _name_of(code: CodeType) -> str:
    """Return `file.py:function` of a function of the package; nothing for others."""
    if not code.co_filename.startswith(str(PACKAGE)):
        return ""
    place = Path(code.co_filename).relative_to(PACKAGE).as_posix()
    name = code.co_qualname if sys.version_info >= (3, 11) else code.co_name
    return f"{place}:{name.replace('.<locals>', '')}"


def uncovered(surfaces: Iterable[Surface]) -> list[str]:
    """Return, in words, the functions that no surface reaches and the inputs that are not valid."""
    ran, faults = reached(surfaces)
    plain = {one.rpartition(":")[0] + ":" + one.rpartition(".")[2] for one in ran} | ran
    for name in sorted(all_readers() - EXEMPT.keys()):
        short = name.rpartition(":")[0] + ":" + name.rpartition(":")[2].rpartition(".")[2]
        if name not in plain and short not in plain:
            faults.append(f"{name} opens a file, and no surface of the fuzzer reaches it")
    faults += [f"{name} is exempt, but not there" for name in EXEMPT.keys() - all_readers()]
    return faults
