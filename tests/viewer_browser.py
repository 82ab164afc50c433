"""An open page in headless Chromium, and short words for what a user does to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

selenium = pytest.importorskip("selenium", reason="selenium is not installed (extra: dev)")

from selenium.webdriver import ActionChains, Chrome  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

# Time stands still unless a test moves it: run(seconds) plays frames of 10 ms.
FAKE_CLOCK = """
(() => {
  let now = 1000, waiting = [];
  performance.now = () => now;
  window.requestAnimationFrame = (draw) => waiting.push(draw);
  window.run = (seconds) => {
    for (let i = 0; i < Math.round(seconds * 100); i++) {
      now += 10;
      const due = waiting;
      waiting = [];
      due.forEach((draw) => draw(now));
    }
  };
})();
"""
# Pixels are read from a copy: Chromium warns of read-backs from a canvas it draws on quickly.
PIXELS = """
const canvas = document.getElementById(arguments[0]), wanted = arguments[1];
const {width, height} = canvas;
const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
copy.drawImage(canvas, 0, 0);
const data = copy.getImageData(0, 0, width, height).data;
let [x, y, count] = [0, 0, 0];
for (let i = 0; i < data.length; i += 4) {
  if (data[i + 3] < 255 || wanted.some((v, k) => Math.abs(v - data[i + k]) > 2)) continue;
  x += (i / 4) % width;
  y += Math.floor(i / 4 / width);
  count++;
}
return [count, x / count, y / count];
"""
LEFT, RIGHT, MIDDLE = (224, 112, 10), (26, 115, 217), (71, 82, 95)
DARK_LEFT = (255, 160, 74)
PEOPLE = ((24, 125, 81), (142, 68, 173), (194, 24, 91))


class Page:
    """An open page, and short words for what a user does to it."""

    def __init__(self, driver: Chrome, path: Path) -> None:
        self.driver, self.path = driver, path
        self.js: Callable[..., object] = driver.execute_script

    def open(self, page: bytes, at: int | None) -> None:
        """Write a page and go to it, stopped at a frame or playing."""
        self.path.write_bytes(page)
        self.driver.get("about:blank")
        self.driver.get(self.path.as_uri() + ("" if at is None else f"#frame={at}"))

    def find(self, name: str):
        return self.driver.find_element(By.ID, name)

    def picture(self, name: str) -> str:
        """Pixels of a canvas after it has drawn what was asked for."""
        self.driver.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        )
        return self.js("return document.getElementById(arguments[0]).toDataURL()", name)

    def pictures(self) -> tuple[str, str]:
        return self.picture("solid"), self.picture("flat")

    def count(self, name: str, colour: tuple[int, int, int]) -> int:
        """Pixels of a colour on a canvas."""
        self.picture(name)
        return self.js(PIXELS, name, colour)[0]

    def centre(self, name: str, colour: tuple[int, int, int]) -> tuple[float, float]:
        """Mean place of the pixels of a colour."""
        self.picture(name)
        return tuple(self.js(PIXELS, name, colour)[1:])

    @property
    def frame(self) -> int:
        return self.js("return poselift.frame")

    @property
    def playing(self) -> bool:
        return self.js("return poselift.playing")

    def wait(self, true: Callable[[], bool]) -> None:
        WebDriverWait(self.driver, 60, poll_frequency=0.05).until(lambda _: true())

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def drag(self, dx: int, dy: int) -> None:
        hand = ActionChains(self.driver, duration=20)
        hand.move_to_element(self.find("solid")).click_and_hold()
        hand.move_by_offset(dx, dy).release().perform()
