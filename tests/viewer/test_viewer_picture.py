"""The script that draws the README's picture."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.viewer import draw_svg
from viewer_samples import pair


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "docs" / "make_picture.py"
    spec = importlib.util.spec_from_file_location("make_picture", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_makes_a_picture_of_twice_the_size(script, tmp_path):
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        reason = "chromium not found (apt-get install chromium)"
        promised = os.environ.get("POSELIFT_REQUIRE_BROWSER") == "1" or os.environ.get("CI")
        (pytest.fail if promised else pytest.skip)(reason)
    from PIL import Image

    flat, solid = pair(np.arange(30))
    frames = script.choose_frames(solid, 3, 5, 10)
    assert frames == [5, 15, 25]
    script.rasterise(draw_svg(flat, solid, frames, title="walking"), tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        assert image.size == (2 * 644, 2 * 802)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert {(224, 112, 10), (26, 115, 217), (71, 82, 95)} <= colours


def test_refusals(script, tmp_path, monkeypatch):
    flat, solid = pair(np.arange(30))
    with pytest.raises(PoseliftError, match="frame 40 is not in the clip"):
        script.choose_frames(solid, 3, 20, 20)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PoseliftError, match="Chromium was not found"):
        script.rasterise(draw_svg(flat, solid, [0]), tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
