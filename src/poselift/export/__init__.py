"""A trained network as one ONNX file, proven equal before it is written."""

from poselift.export.onnx_export import export_onnx

__all__ = ["export_onnx"]
