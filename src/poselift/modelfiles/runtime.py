"""The one place that imports ONNX Runtime, so that nothing is reported home."""

from __future__ import annotations

import os
from types import ModuleType


def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime with its telemetry off.

    Its wheels since 1.29 write a device id below ~/.cache and look up a host when a session is
    opened; only this variable, set before the import, stops both. A value that the user has set
    is kept.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    module: ModuleType = onnxruntime
    return module
