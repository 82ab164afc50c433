"""The one place that imports the runtimes, so that nothing is reported home."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from types import ModuleType
from typing import Any


def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime with its telemetry off.

    Its wheels since 1.29 write a device id below ~/.cache and look up a host when a session is
    opened; only this variable, set before the import, stops both. A value that the user has set
    is kept.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return importlib.import_module("onnxruntime")


def load_openvino() -> ModuleType:
    """Import OpenVINO with its telemetry off; `ModuleNotFoundError` if it is not installed.

    The import itself makes an id below ~/intel and looks up an analytics host, without asking.
    Where its package `openvino_telemetry` is missing it takes a stub that does nothing.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get("openvino_telemetry")
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # looks missing
        try:
            importlib.import_module("openvino")
        finally:
            del sys.modules["openvino_telemetry"]
            if before is not None:
                sys.modules["openvino_telemetry"] = before
    return sys.modules["openvino"]


@cache
def openvino_core() -> Any:
    """Return the one OpenVINO core of this process; `ModuleNotFoundError` if it is not installed.

    Its CPU plugin gives the thread that loads it a stack for signals, and takes that away when the
    last core goes, from whichever thread that happens in. If it is another one, the first is left
    with a stack that is no more, and the next Ctrl-C or ended child kills the process. So a core,
    once made, stays.
    """
    return load_openvino().Core()
