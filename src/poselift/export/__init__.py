"""A trained network as one ONNX file, proven equal before it is written."""

from poselift.export.onnx_export import export_onnx
from poselift.export.run import export_run

__all__ = ["export_onnx", "export_run"]
