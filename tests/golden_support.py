"""Reading golden files and comparing with them, at the tolerances of their README."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch


class Golden:
    """One golden file; arrays by name, groups by prefix."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            self.arrays = {key: file[key] for key in file.files}

    def __getitem__(self, key: str) -> np.ndarray:
        return self.arrays[key]

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        start = prefix + "/"
        return {
            key.removeprefix(start): value
            for key, value in self.arrays.items()
            if key.startswith(start)
        }


def assert_close(found: object, expected: np.ndarray, tolerance: float) -> None:
    """|found - expected| <= tolerance x max|expected|."""
    if isinstance(found, torch.Tensor):
        found = found.detach().numpy()
    found = np.asarray(found)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def assert_group_close(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float
) -> None:
    """The same keys, and differences small against the largest value of the whole group."""
    assert found.keys() == expected.keys()
    largest = max(float(value.abs().max()) for value in expected.values())
    for key, value in expected.items():
        assert found[key].shape == value.shape, key
        assert float((found[key] - value).abs().max()) <= tolerance * largest, key
