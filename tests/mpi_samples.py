"""A small test set of MPI-INF-3DHP, laid out as the real one: MATLAB v7.3, axes in reverse."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

#: fx, fy, cx, cy in pixels.
CAMERA = (1500.0, 1497.0, 1020.0, 1030.0)
#: Frames of each file, and every which of them is valid.
FRAMES, STEP = 12, 3
#: How much smaller univ_annot3 is.
SCALE = 0.9


def arrays(number: int) -> dict[str, np.ndarray]:
    """What a file has: people 4 m away, NaN and activity 0 in the frames that are not valid."""
    rng = np.random.default_rng(number)
    points = rng.normal(scale=300.0, size=(FRAMES, 1, 17, 3)) + np.array([0.0, 0.0, 4000.0])
    pixels = points[..., :2] / points[..., 2:] * np.array(CAMERA[:2]) + np.array(CAMERA[2:])
    valid = (np.arange(FRAMES) % STEP == 1)[:, None]
    hidden = np.where(valid[:, :, None, None], 1.0, np.nan)
    codes = 1 + np.arange(FRAMES)[:, None] // STEP
    return {
        "valid_frame": valid.astype(np.uint8),
        "activity_annotation": np.where(valid, codes, 0).astype(np.float64),
        "annot2": pixels * hidden,
        "annot3": points * hidden,
        "univ_annot3": SCALE * points * hidden,
    }


def write_clip(path: Path, content: dict[str, np.ndarray]) -> None:
    """Write arrays as MATLAB does: behind 512 bytes of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in content.items():
            file[name] = array
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))


def write_test_set(folder: Path) -> Path:
    """Write TS1 to TS6; return the folder."""
    for number in range(1, 7):
        write_clip(folder / f"TS{number}" / "annot_data.mat", arrays(number))
    return folder
