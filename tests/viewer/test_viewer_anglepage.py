"""The page of joint angles in a browser: on a phone, and in the dark."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.motion.angles import DEFINITIONS, Angles
from poselift.viewer.anglepage import render_angles


def angles() -> Angles:
    """A hundred frames of every angle, and a history with a word as long as a hash."""
    names = [
        name
        for one in DEFINITIONS
        for name in ([f"left_{one.name}", f"right_{one.name}"] if one.sided else [one.name])
    ]
    wave = 120 * np.sin(np.linspace(0, 9, 100))[:, None]
    degrees = (wave * np.linspace(1, -1, len(names))).astype(np.float32)
    steps = np.arange(100)
    return Angles(tuple(names), degrees, steps, steps / 50, 0, ("weights sha256 " + "a1" * 32,))


def test_it_fits_a_phone_and_is_seen_in_the_dark(driver, command, tmp_path: Path) -> None:
    (tmp_path / "angles.html").write_bytes(render_angles([angles()], "a clip"))
    command(
        "Emulation.setDeviceMetricsOverride",
        width=390,
        height=800,
        deviceScaleFactor=2,
        mobile=True,
    )
    driver.get((tmp_path / "angles.html").as_uri())
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    stroke = """return [...document.querySelectorAll("path")].map((one) =>
      getComputedStyle(one).stroke + getComputedStyle(one).fill)"""
    bright = set(driver.execute_script(stroke))
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    command("Emulation.setEmulatedMedia", features=dark)
    assert len(bright) == 3
    assert bright.isdisjoint(driver.execute_script(stroke))
