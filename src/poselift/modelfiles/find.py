"""Finding model files: shipped by name, in a run folder, or an .onnx file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from poselift.errors import PoseliftError

#: The shipped model that is taken unless another is named: the best over the frozen validation
#: sets of `poselift eval --data robustness` (docs/log.md).
DEFAULT_MODEL = "lcn"

#: Name of the model file in a run folder, and of the torch weights that it was exported from.
RUN_MODEL, RUN_WEIGHTS = "model.onnx", "model.safetensors"

#: In the run folder of a system: the run folder of its lifter, which is what lifts keypoints.
LIFTER = "lifter"

#: What the names of files with 8-bit weights end in, before the suffix.
INT8 = ".int8"

# Protobuf, which ONNX files are written in, ends here.
_MAX_BYTES = 2**31 - 1


@dataclass(frozen=True)
class ModelFile:
    """The bytes of a model.

    source   the shipped name or the path, for messages.
    data     the file's content, an ONNX model.
    sha256   of `data`, hexadecimal.
    folder   the run folder it was found in, or None.
    """

    source: str
    data: bytes
    sha256: str
    folder: Path | None = None


def shipped_folder() -> Path:
    """Folder of the weights in this package."""
    return Path(str(files("poselift"))) / "weights"


def shipped_models() -> tuple[str, ...]:
    """Names of the models that this package ships."""
    names = [Path(name).stem for name in _shipped_hashes() if name.endswith(".onnx")]
    return tuple(sorted(name for name in names if not name.endswith(INT8)))


def find_model(model: str | os.PathLike[str], precision: str = "fp32") -> ModelFile:
    """Read a model: a shipped name, a run folder that holds model.onnx, or an .onnx file.

    With precision "int8" it is the file made for that, `<name>.int8.onnx` beside the other. Of the
    run folder of a system it is the lifter.

    A shipped name wins over a folder of that name; write `./gln` for the folder. Raises
    `PoseliftError` if nothing is found there, or if shipped weights are not what was shipped.
    """
    if isinstance(model, str) and model in shipped_models():
        path = shipped_folder() / file_name(model, precision)
        expected = _shipped_hashes().get(path.name)
        if expected is None:
            raise PoseliftError(f"{model}: is not shipped with {precision} weights")
        if not path.is_file():
            raise PoseliftError(f"{path}: the weights of {model!r} are missing, reinstall poselift")
        found = _read(path, model)
        if found.sha256 != expected:
            raise PoseliftError(
                f"{path}: the shipped weights are damaged (expected SHA-256 {expected[:12]}..., "
                f"got {found.sha256[:12]}...), reinstall poselift"
            )
        return found
    path = _existing(model)
    if path.is_dir():
        return _read_run(path, precision)
    if path.suffix.lower() != ".onnx":
        raise PoseliftError(f"{path}: not a model file, expected {_choices()}")
    if precision != "int8" or path.stem.endswith(INT8):
        return _read(path, str(path))
    beside = path.with_name(file_name(path.stem, precision))
    if not beside.is_file():
        raise PoseliftError(f"{path}: has no int8 weights beside it, expected {beside.name}")
    return _read(beside, str(beside))


def has_weights(model: str | os.PathLike[str], precision: str) -> bool:
    """Tell whether a model has a file for a precision; `PoseliftError` if there is no model."""
    if isinstance(model, str) and model in shipped_models():
        return file_name(model, precision) in _shipped_hashes()
    path = _existing(model)
    if path.is_dir():
        return (_lifter_of(path) / file_name(Path(RUN_MODEL).stem, precision)).is_file()
    if path.stem.endswith(INT8):
        return precision == "int8"
    return precision != "int8" or path.with_name(file_name(path.stem, precision)).is_file()


def _existing(model: str | os.PathLike[str]) -> Path:
    """Return the path that a model is at; `PoseliftError` if there is nothing."""
    if not isinstance(model, (str, os.PathLike)):
        raise PoseliftError(f"expected {_choices()} as model, got {type(model).__name__}")
    path = Path(model)
    if not path.exists():
        raise PoseliftError(f"model {os.fspath(model)!r} not found, expected {_choices()}")
    return path


def file_name(stem: str, precision: str) -> str:
    """Name of the file with the weights for a precision; bf16 is computed from fp32 weights."""
    return f"{stem}{INT8}.onnx" if precision == "int8" else f"{stem}.onnx"


def _choices() -> str:
    """List what a model argument can be."""
    names = " or ".join(f"{name!r}" for name in shipped_models())
    return f"{names}, a run folder, or an .onnx file" if names else "a run folder or an .onnx file"


def _shipped_hashes() -> dict[str, str]:
    """Return SHA-256 by file name, as `sha256sum` wrote them when the weights were made."""
    path = shipped_folder() / "SHA256SUMS"
    if not path.is_file():
        return {}
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    return {name.lstrip("*"): digest for digest, name in rows}


def weights_folder(folder: Path) -> Path:
    """Return where a run's weights are: in its folder, or in the best checkpoint of a stopped one.

    The folder itself if there is neither.
    """
    if (folder / RUN_WEIGHTS).is_file() or (folder / RUN_MODEL).is_file():
        return folder
    found = (folder / "checkpoints").glob("best-*")
    numbers = {int(path.name[5:]): path for path in found if path.name[5:].isdecimal()}
    return numbers[max(numbers)] if numbers else folder


def _read_run(folder: Path, precision: str) -> ModelFile:
    """Read the exported model of a training run, of a system its lifter's."""
    return _read_own(folder, _lifter_of(folder), precision)


def _lifter_of(folder: Path) -> Path:
    """Return where the weights of a run's lifter are: as `weights_folder`, or within a system."""
    own = weights_folder(folder)
    return own / LIFTER if (own / LIFTER / RUN_WEIGHTS).is_file() else own


def find_detector(source: str | os.PathLike[str]) -> ModelFile:
    """Read a detector: a run folder of one or of a system, or an .onnx file.

    Raises `PoseliftError` if there is none.
    """
    path = Path(source)
    if path.is_dir():
        return _read_own(path, weights_folder(path), "fp32")
    return _read(path, str(path))


def _read_own(folder: Path, own: Path, precision: str) -> ModelFile:
    """Read the exported model of a run `folder` from where its weights are, `own`."""
    path = own / file_name(Path(RUN_MODEL).stem, precision)
    if not path.is_file():
        command = export_command(own if own == folder / LIFTER else folder, precision)
        advice = "is it a run folder?"
        if own == folder / LIFTER:
            advice = f"make it with `{command}`"
        elif own != folder:
            advice = f"the run was stopped; `{command}` makes one of its best checkpoint"
        elif (folder / RUN_WEIGHTS).is_file():
            advice = f"make it with `{command}`"
        raise PoseliftError(f"{folder}: holds no {path.name}, {advice}")
    found = _read(path, str(path))
    return ModelFile(found.source, found.data, found.sha256, own)


def export_command(folder: Path, precision: str) -> str:
    """Return the command that makes a run folder's model file."""
    return f"poselift export {folder}" + (" --precision int8" if precision == "int8" else "")


def _read(path: Path, source: str) -> ModelFile:
    """Read and hash a file."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise PoseliftError(f"{path}: too large for an ONNX model (over 2 GB)")
        data = path.read_bytes()
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    return ModelFile(source, data, hashlib.sha256(data).hexdigest())
