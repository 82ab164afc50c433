"""Where tests find the shared reference data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of golden values and data sets beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("POSELIFT_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder} (set POSELIFT_SHARED)")
    return folder
