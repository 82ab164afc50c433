"""A model file, opened: ONNX Runtime on the CPU, and the card."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.lifting.backends import (
    BACKENDS,
    Network,
    OnnxRuntimeNetwork,
    OpenVinoNetwork,
    card_of,
    check_choice,
    start_session,
)
from poselift.modelfiles.card import INPUT, OUTPUT, ModelCard
from poselift.modelfiles.find import RUN_WEIGHTS, ModelFile, export_command

if TYPE_CHECKING:
    import onnxruntime

#: Entry of the card that an exporter sets to the SHA-256 of the torch weights it read.
EXPORTED_FROM = "exported_from_sha256"


@dataclass(frozen=True)
class LoadedModel:
    """A model that can be run, and what it says about itself."""

    card: ModelCard
    sha256: str
    network: Network
    backend: str
    precision: str
    threads: int

    def run(self, inputs: Float[np.ndarray, "B *T J 2"]) -> Float[np.ndarray, "B *T J 3"]:
        """Run normalised keypoints (float32, missing joints 0) through the network.

        Returns root-relative metres in the network's space.
        """
        return self.network.run(inputs)


def open_model(
    file: ModelFile,
    threads: int | None = None,
    *,
    backend: str = BACKENDS[0],
    precision: str = "fp32",
) -> LoadedModel:
    """Open a model with `threads` threads, as `threads_for` counts them.

    Raises `PoseliftError` if the file is no ONNX model, not one of poselift's or made for another
    precision, if it was exported from other weights than now lie beside it, and if `backend` does
    not have `precision` on this machine.
    """
    check_choice(backend, precision)
    count = threads_for(threads)
    card = card_of(file)
    session = start_session(file, count, only_look=backend != "onnxruntime")
    if (card.precision == "int8") != (precision == "int8"):
        raise PoseliftError(
            f"{file.source}: holds {card.precision} weights, expected those for {precision} "
            f"(--precision {card.precision} runs it)"
        )
    _check_ports(session, card, file.source)
    expected = card.content.get(EXPORTED_FROM)
    weights = None if file.folder is None or expected is None else file.folder / RUN_WEIGHTS
    if weights is not None and weights.is_file() and file_sha256(weights) != expected:
        raise PoseliftError(
            f"{file.source}: was exported from other weights than {weights}, "
            f"run `{export_command(weights.parent, card.precision)}` again"
        )
    network: Network = OnnxRuntimeNetwork(session)
    if backend == "openvino":
        network = OpenVinoNetwork(file, card, precision, count)
    return LoadedModel(card, file.sha256, network, backend, precision, count)


def _check_ports(session: onnxruntime.InferenceSession, card: ModelCard, source: str) -> None:
    """Refuse a model whose inputs or outputs do not fit its card."""
    try:
        found = [(p.name, p.shape) for p in (*session.get_inputs(), *session.get_outputs())]
    except UnicodeDecodeError:
        raise PoseliftError(f"{source}: an ONNX model whose names are not UTF-8 text") from None
    expected = [(name, list(shape)) for name, shape in card.ports.items()]
    got = [(name, shape[1:]) for name, shape in found]
    if got != expected or isinstance(found[0][1][0], int):
        ports = [f"({', '.join(map(str, ('batch', *shape)))})" for shape in card.ports.values()]
        raise PoseliftError(
            f"{source}: expected input {INPUT} {ports[0]} and output {OUTPUT} "
            f"{ports[1]} for {card.skeleton.name}, got "
            + " and ".join(f"{name} {tuple(shape)}" for name, shape in found)
        )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; `PoseliftError` if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None


def threads_for(wanted: int | None) -> int:
    """Return how many threads to run with: those wanted, but never more than there are cores.

    None is one for each physical core that other programs leave free, by the load of the last
    minute: a thread that waits for its core makes the others wait. Raises `PoseliftError` for
    fewer than one.
    """
    cores = physical_cores()
    if wanted is None:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        return max(1, min(cores, round(cores - load)))
    if type(wanted) is not int:
        raise PoseliftError(f"expected threads as a whole number, got {wanted!r}")
    if wanted < 1:
        raise PoseliftError(f"expected at least 1 thread, got {wanted}")
    return min(wanted, cores)


def physical_cores() -> int:
    """Physical cores this process may use; a second thread on one core does not help here.

    A container's quota counts, rounded up (cgroup v2).
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores: set[str] = set()
    quota = 1 << 16
    for cpu in sorted(os.sched_getaffinity(0)):
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(path.read_text(encoding="ascii").strip())
        except OSError:
            cores.add(str(cpu))
    with suppress(OSError, ValueError):  # no such file, or "max"
        most, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        quota = -(-int(most) // int(period))
    return max(1, min(len(cores), quota))
