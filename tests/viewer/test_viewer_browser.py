"""The page in headless Chromium: it draws, plays in true time, obeys, and never calls out."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.poses import Person, Results
from poselift.viewer import render_html, render_keypoints_html
from viewer_samples import pair, results, stroll, without

selenium = pytest.importorskip("selenium", reason="selenium is not installed (extra: dev)")

from selenium.webdriver import ActionChains, Chrome, ChromeOptions, Keys  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --window-size=1280,900"
)
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
PEOPLE = ((27, 138, 90), (142, 68, 173), (194, 24, 91))


def _find(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for the file; absent, it fails where a browser is promised, else skips."""
    browser = _find("chromium", "chromium-browser", "google-chrome")
    service = _find("chromedriver")
    if not (browser and service):
        reason = "chromium and chromedriver not found (apt-get install chromium chromium-driver)"
        promised = os.environ.get("POSELIFT_REQUIRE_BROWSER") == "1" or os.environ.get("CI")
        (pytest.fail if promised else pytest.skip)(reason)
    options = ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(service))
    chrome.set_page_load_timeout(120)
    chrome.set_script_timeout(120)
    chrome.get("about:blank")  # away from the browser's own start page, which loads things
    yield chrome
    chrome.quit()


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


@pytest.fixture
def show(driver: Chrome, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open results as a page; afterwards no console line and no request may be left."""
    address = (tmp_path / "page.html").as_uri()
    for log in ("browser", "performance"):
        driver.get_log(log)

    def open_page(
        shown: Results, *, title: str = "a clip", at: int | None = 0, **more: Any
    ) -> Page:
        page = Page(driver, tmp_path / "page.html")
        page.open(render_html(shown, title, **more), at)
        return page

    yield open_page
    fetched = driver.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert [name for name in fetched if not name.startswith("blob:")] == []
    assert [line["message"] for line in driver.get_log("browser")] == []
    events = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    inside = ("chrome:", "chrome-untrusted:", "blob:")  # a video in the page is such a blob
    asked = {url for url in asked if not url.startswith(inside)}
    assert asked <= {address, "data:,", "about:blank"}


@pytest.fixture
def command(driver: Chrome) -> Iterator[Callable[..., dict]]:
    """Send DevTools commands; emulation and clocks are taken back afterwards."""
    scripts = []

    def send(name: str, **arguments: object) -> dict:
        answer = driver.execute_cdp_cmd(name, arguments)
        if name == "Page.addScriptToEvaluateOnNewDocument":
            scripts.append(answer["identifier"])
        return answer

    yield send
    for identifier in scripts:
        send("Page.removeScriptToEvaluateOnNewDocument", identifier=identifier)
    send("Emulation.setEmulatedMedia", media="", features=[])
    send("Emulation.clearDeviceMetricsOverride")
    send("Emulation.setTouchEmulationEnabled", enabled=False)


def test_it_draws_both_skeletons_in_both_colours(show):
    page = show(results(pair(np.arange(30))), at=7)
    assert page.frame == 7
    assert not page.playing
    for canvas in ("solid", "flat"):
        for colour in (LEFT, RIGHT, MIDDLE):
            assert page.count(canvas, colour) > 30
    assert "Frame 8 of 30 · 0.23 s of 0.97 s" in page.find("readout").text
    assert "1 person · 30 frames · 30 frames/s" in page.find("summary").text


def test_it_plays_by_itself_and_pause_stops_it(show):
    page = show(results(pair(np.arange(60))), at=None)
    assert page.playing
    before, frame = page.pictures(), page.frame
    page.wait(lambda: page.frame != frame)
    after = page.pictures()
    assert after[0] != before[0]
    assert after[1] != before[1]
    page.find("play").click()
    assert not page.playing
    stopped, frame = page.pictures(), page.frame
    assert page.pictures() == stopped
    assert page.frame == frame
    page.find("play").click()
    page.wait(lambda: page.frame != frame)


@pytest.mark.parametrize(
    ("fps", "speed", "seconds", "expected"),
    [(30.0, "1", 1.0, 30), (29.97, "1", 10.0, 299), (60.0, "0.25", 2.0, 30), (25.0, "4", 2.0, 200)],
)
def test_time_is_true(show, command, fps, speed, seconds, expected):
    """After t seconds the frame is floor(t fps): 29.97 does not become 30."""
    command("Page.addScriptToEvaluateOnNewDocument", source=FAKE_CLOCK)
    page = show(results(pair(np.arange(400), fps=fps)))
    Select(page.find("speed")).select_by_value(speed)
    page.find("play").click()
    page.js("run(arguments[0])", seconds)
    assert page.frame == expected


def test_it_loops_and_follows_irregular_time_stamps(show, command):
    from dataclasses import replace

    command("Page.addScriptToEvaluateOnNewDocument", source=FAKE_CLOCK)
    times = np.array([0.0, 0.1, 0.5, 2.0, 2.1])
    person = tuple(replace(s, fps=None, times=times) for s in pair(np.arange(5), fps=25.0))
    page = show(results(person))
    page.find("play").click()
    seen = []
    for _ in range(26):
        page.js("run(0.1)")
        seen.append(page.frame)
    assert seen[:6] == [1, 1, 1, 1, 2, 2]
    assert seen[18:22] == [2, 3, 4, 4]
    assert 0 in seen[21:25]  # the last frame lasts as long as the median one, then it loops
    assert seen[25] in (0, 1)


def test_scrub_and_keys(show):
    page = show(results(pair(np.arange(100))))
    first = page.pictures()
    page.js(
        "const s = document.getElementById('scrub'); s.value = 42;"
        "s.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    assert page.frame == 42
    moved = page.pictures()
    assert moved[0] != first[0]
    assert moved[1] != first[1]
    page.press(Keys.ARROW_RIGHT)
    assert page.frame == 43
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert page.frame == 41
    page.press(Keys.END, Keys.ARROW_RIGHT)
    assert page.frame == 99
    page.press(Keys.HOME, Keys.ARROW_LEFT)
    assert page.frame == 0
    page.press(Keys.SPACE)
    assert page.playing
    page.press(Keys.SPACE)
    assert not page.playing
    page.find("scrub").send_keys(Keys.ARROW_RIGHT)  # focused: still one step, not two
    page.js("poselift.setFrame(10)")
    page.find("scrub").send_keys(Keys.ARROW_RIGHT)
    assert page.frame == 11
    page.find("play").send_keys(Keys.SPACE)  # focused: pressed once, not twice
    assert page.playing


def test_orbit_zoom_and_reset_change_the_3d_picture_only(show):
    page = show(results(pair(np.arange(10))), at=5)
    solid, flat = page.pictures()
    page.drag(120, 30)
    turned = page.pictures()
    assert turned[0] != solid
    assert turned[1] == flat
    ActionChains(page.driver).double_click(page.find("solid")).perform()
    assert page.pictures() == (solid, flat)
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    small = page.count("solid", LEFT)
    origin = ScrollOrigin.from_element(page.find("solid"))
    ActionChains(page.driver).scroll_from_origin(origin, 0, -240).perform()
    page.wait(lambda: page.count("solid", LEFT) > 1.1 * small)
    assert page.js("return scrollY") == 0
    page.press("0")  # the canvas is not focused: nothing
    page.driver.find_element(By.CSS_SELECTOR, "[data-view=reset]").click()
    assert page.pictures() == (solid, flat)


def test_the_3d_view_turns_from_the_keyboard(show):
    page = show(results(pair(np.arange(10))), at=5)
    solid, flat = page.pictures()
    page.js("document.getElementById('solid').focus({focusVisible: false})")
    shifted = ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT)
    shifted = shifted.key_up(Keys.SHIFT)
    for act in (shifted.perform, lambda: page.press("+"), lambda: page.press("-", "-")):
        before = page.picture("solid")
        act()
        assert page.picture("solid") != before
        assert page.frame == 5
    page.press("0")
    assert page.pictures() == (solid, flat)


def test_a_finger_turns_and_two_fingers_zoom(show, command):
    command("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    page = show(results(pair(np.arange(10))), at=5)
    box = page.find("solid").rect
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": x + a, "y": y + b, "id": i} for i, (a, b) in enumerate(fingers)]
        command("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    solid = page.picture("solid")
    small = page.count("solid", RIGHT)
    touch("touchStart", (-30, 0), (30, 0))
    touch("touchMove", (-60, 0), (60, 0))
    touch("touchEnd")
    assert page.count("solid", RIGHT) > 1.3 * small
    large = page.picture("solid")
    touch("touchStart", (0, 0))
    touch("touchMove", (80, 10))
    touch("touchEnd")
    assert page.picture("solid") not in (solid, large)


def test_one_person_is_upright_and_left_is_where_the_camera_saw_it(show):
    """From the camera's point of view the 3D picture is arranged like the image."""
    page = show(results(pair(np.arange(3))), at=0)
    page.driver.find_element(By.CSS_SELECTOR, "[data-view=camera]").click()
    for canvas in ("solid", "flat"):
        left, right, middle = (page.centre(canvas, c) for c in (LEFT, RIGHT, MIDDLE))
        assert left[0] < middle[0] < right[0]  # the walker faces the camera
        assert middle[1] < min(left[1], right[1])  # the trunk is above the limbs


def test_frames_without_the_person_draw_nothing(show):
    page = show(results(pair(np.r_[0:5, 15:20])), at=10)
    assert page.frame == 10
    for canvas in ("solid", "flat"):
        assert page.count(canvas, LEFT) == page.count(canvas, MIDDLE) == 0
    assert "nobody" in page.find("readout").text
    page.js("poselift.setFrame(15)")
    assert page.count("solid", LEFT) > 30
    assert "nobody" not in page.find("readout").text


def test_missing_joints_are_not_drawn(show):
    limbs = [f"left_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]
    person = tuple(without(s, limbs, slice(3, 4)) for s in pair(np.arange(6)))
    page = show(results(person), at=3)
    for canvas in ("solid", "flat"):
        assert page.count(canvas, LEFT) == 0
        assert page.count(canvas, RIGHT) > 30
    everything = tuple(without(s, list(s.skeleton.joints), slice(3, 4)) for s in person)
    page = show(results(everything), at=3)
    assert page.count("solid", RIGHT) == page.count("flat", RIGHT) == 0


def test_several_people_are_drawn_apart_and_can_be_chosen(show):
    first, second, third = (
        pair(np.arange(200), person_id=number, place=place)
        for number, place in ((0, 0.0), (3, 1.2), (7, -1.1))
    )
    absent = tuple(s[:10] for s in third)
    page = show(results(first, second, absent), at=5)
    green, purple, pink = PEOPLE[:3]
    for canvas in ("solid", "flat"):
        assert all(page.count(canvas, colour) > 30 for colour in PEOPLE[:3])
    assert "not known" in page.find("notes").text
    choice = Select(page.find("person"))
    assert [o.text for o in choice.options] == ["everyone", "Person 0", "Person 3", "Person 7"]
    size = page.count("solid", green)
    page.js("poselift.setFrame(150)")  # the third is long gone: the others have all the room
    assert page.count("solid", green) > 1.1 * size
    choice.select_by_visible_text("Person 3")
    assert page.count("solid", green) == page.count("solid", pink) == 0
    assert page.count("solid", purple) > 30
    choice.select_by_visible_text("Person 7")
    assert page.count("solid", pink) == 0
    assert "nobody" in page.find("readout").text


# What is written on the canvases, with the places of its ends and of its middle line.
SCRIBE = """
window.written = {};
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const half = this.measureText(text).width / 2;
  (window.written[this.canvas.id] ??= {})[text] = [x - half, x + half, y];
  write.call(this, text, x, y);
};
"""


@pytest.mark.parametrize(("count", "names"), [(5, "Person {}"), (50, "{}")])
def test_all_names_are_whole_and_apart(show, command, count, names):
    """Everyone's name is on both canvases, inside, and in 2D none lies on another."""
    command("Page.addScriptToEvaluateOnNewDocument", source=SCRIBE)
    places = np.linspace(-1.4, 1.4, count)
    crowd = [pair(np.arange(3), person_id=k, place=place) for k, place in enumerate(places)]
    page = show(results(*crowd))
    for canvas in ("solid", "flat"):
        page.picture(canvas)
        written = page.js("return written[arguments[0]]", canvas)
        width, height = page.js(
            "const c = document.getElementById(arguments[0]);"
            "return [c.clientWidth, c.clientHeight]",
            canvas,
        )
        pattern = names if canvas == "flat" or names.format(0) in written else "Person {}"
        spots = np.array([written[pattern.format(k)] for k in range(count)])
        assert spots[:, 0].min() >= 0
        assert spots[:, 1].max() <= width
        assert spots[:, 2].min() >= 8
        assert spots[:, 2].max() <= height - 8
        for one, left, right, y in zip(range(count), *spots.T, strict=True):
            beside = (spots[:, 1] <= left) | (spots[:, 0] >= right)
            above = abs(spots[:, 2] - y) >= 12
            assert np.delete(beside | above, one).all()


def test_the_person_fills_the_2d_panel_and_the_whole_image_can_be_seen(show):
    page = show(results(pair(np.arange(30))), at=3)
    reach = """
    const canvas = document.getElementById("flat"), {width, height} = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    const data = copy.getImageData(0, 0, width, height).data;
    let [high, low] = [height, 0];
    for (let i = 0; i < data.length; i += 4) {
      const there = [26, 115, 217].every((v, k) => Math.abs(v - data[i + k]) < 3);
      if (there) [high, low] = [Math.min(high, i / 4 / width), Math.max(low, i / 4 / width)];
    }
    return (low - high) / height;
    """  # from the right shoulder to the right foot
    page.picture("flat")
    assert page.js(reach) > 0.5
    page.driver.find_element(By.CSS_SELECTOR, "[data-window=image]").click()
    page.picture("flat")
    assert page.js(reach) < 0.4
    assert (
        page.find("flat-panel")
        .find_element(By.CSS_SELECTOR, "[data-window=image]")
        .get_attribute("aria-pressed")
        == "true"
    )


def test_in_a_room_people_walk_and_the_eye_can_follow(show):
    """A person who walks to the right is seen to, on the floor, until the eye goes along."""
    page = show(results(stroll(np.arange(90))), at=0)
    page.driver.find_element(By.CSS_SELECTOR, "[data-view=camera]").click()
    start = page.centre("solid", MIDDLE)
    page.js("poselift.setFrame(80)")
    end = page.centre("solid", MIDDLE)
    assert end[0] - start[0] > 150
    assert end[1] == pytest.approx(start[1], abs=25)  # as the hips go up and down
    assert page.find("follow").get_attribute("aria-pressed") == "false"
    page.find("follow").click()
    followed = page.centre("solid", MIDDLE)
    width = page.js("return document.getElementById('solid').width")
    assert followed[0] == pytest.approx(width / 2, abs=40)
    assert "in the room, on its floor" in page.find("notes").text


def test_contacts_steps_and_trails_are_drawn(show):
    """Orange on the floor: a disc under the standing foot, prints of its steps, trails of limbs."""
    frames = np.arange(60)
    none, all_of_it = np.zeros((60, 2)), np.tile([1.0, 0.0], (60, 1))
    amounts = []
    for contacts in (none, all_of_it):
        page = show(results(stroll(frames, contacts=contacts)), at=30)
        amounts.append(page.count("solid", LEFT))
    assert amounts[1] > amounts[0] + 20
    plain = page.picture("solid")
    page.find("trails").click()
    assert page.picture("solid") != plain


def test_without_2d_or_3d_the_rest_fills_the_page(show):
    page = show(results(Person.only_3d(stroll(np.arange(30)).poses_3d)), at=4)
    assert not page.find("flat-panel").is_displayed()
    assert page.count("solid", LEFT) > 30
    assert page.find("about").size["height"] > 400
    page.open(render_keypoints_html([pair(np.arange(5)).poses_2d], "2D"), at=3)
    assert not page.find("solid-panel").is_displayed()
    assert page.count("flat", LEFT) > 30
    assert page.find("flat-panel").size["width"] > 600


def test_angles_lie_under_the_3d_with_a_playhead(show):
    knee = np.linspace(10.0, 99.0, 90)
    gap = np.where(np.arange(90) < 60, knee, np.nan)
    angles = {"left_knee_flexion": knee, "right_knee_flexion": gap, "trunk_lean": -knee}
    page = show(results(stroll(np.arange(90))), angles=[angles], at=40)
    plots = page.driver.find_elements(By.CSS_SELECTOR, ".plot")
    assert [plot.find_element(By.TAG_NAME, "b").text for plot in plots] == [
        "Knee flexion",
        "Trunk lean",
    ]
    assert [v.text for v in plots[0].find_elements(By.CLASS_NAME, "value")] == [
        "left 50°",
        "right 50°",
    ]
    head = plots[0].find_element(By.CLASS_NAME, "playhead")
    before = head.rect["x"]
    page.js("poselift.setFrame(80)")
    page.picture("solid")
    assert [v.text for v in plots[0].find_elements(By.CLASS_NAME, "value")] == [
        "left 90°",
        "right –",
    ]
    assert head.rect["x"] > before + 50
    canvas = plots[1].find_element(By.TAG_NAME, "canvas")
    ActionChains(page.driver).move_to_element(canvas).click().perform()
    assert 37 <= page.frame <= 43  # the middle of the plot; to its left are labels
    page = show(results(pair(np.arange(3))))
    assert not page.find("angles-panel").is_displayed()


def test_the_video_goes_in_step(show):
    """Of twenty greys at ten a second, each brighter than the last, the present one is shown."""
    frames = np.arange(20)
    video = Path(__file__).with_name("twenty_greys.webm")
    page = show(results(pair(frames, fps=10.0)), video=video, at=3)
    grey = """
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    pen.drawImage(document.getElementById("film"), 0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data[0];
    """

    def shows(frame: int) -> bool:
        # luma 30 + 10 frame, of 16 to 235
        return abs(page.js(grey) - (30 + 10 * frame - 16) * 255 / 219) < 4

    for frame in (3, 14, 0, 19):
        page.js("poselift.setFrame(arguments[0])", frame)
        page.wait(lambda frame=frame: shows(frame))
    box = page.js("const r = film.getBoundingClientRect(); return [r.width, r.height]")
    assert box[0] / box[1] == pytest.approx(1920 / 1080, rel=0.01)
    page.js("poselift.setFrame(2)")
    page.find("play").click()
    page.wait(lambda: page.frame >= 10)
    page.find("play").click()
    page.wait(lambda: shows(page.frame))


def test_a_video_that_cannot_be_played_is_said(show, tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"no film")
    page = show(results(pair(np.arange(4))), video=tmp_path / "x.mp4")
    page.wait(lambda: "cannot be played" in page.find("image-size").text)
    assert not page.find("film").is_displayed()
    assert page.count("flat", LEFT) > 30


def test_the_address_leads_to_a_frame_and_a_person(show):
    page = show(results(*(pair(np.arange(20), person_id=k, place=0.9 * k) for k in (0, 3))), at=7)
    address = page.driver.current_url
    page.driver.get(address + "&person=3")
    page.wait(lambda: page.count("solid", PEOPLE[0]) == 0)
    assert page.frame == 7
    assert Select(page.find("person")).first_selected_option.text == "Person 3"
    page.press(Keys.ARROW_RIGHT)
    page.wait(lambda: page.driver.current_url.endswith("#frame=8&person=3"))


def test_help_and_facts_are_on_the_first_screen(show, command):
    command(
        "Emulation.setDeviceMetricsOverride",
        width=1400,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )
    page = show(results(pair(np.arange(5))))
    for words in ("help", "facts", "histories", "play"):
        box = page.js(
            "const r = document.getElementById(arguments[0]).getBoundingClientRect();"
            "return [r.top, r.bottom]",
            words,
        )
        assert 0 < box[0] < box[1] < 900
    assert page.js("return document.documentElement.scrollHeight") <= 900
    assert "drag turns" in page.find("help").text
    assert "camera: x right, y down" in page.find("facts").text
    assert "lifted by a test" in page.find("histories").text


def test_one_frame(show):
    page = show(results(pair(np.arange(1))), at=None)
    assert not page.playing
    assert not page.find("play").is_enabled()
    page.press(Keys.SPACE, Keys.ARROW_RIGHT)
    assert not page.playing
    assert page.frame == 0
    assert page.count("solid", LEFT) > 30
    assert page.find("readout").text == "1 of 1"
    assert "frame rate" not in page.find("notes").text


def test_ten_thousand_frames(show):
    page = show(results(pair(np.arange(10_000), fps=29.97)), at=9_998)
    assert page.frame == 9_998
    assert page.count("solid", LEFT) > 30
    late = page.picture("solid")
    page.press(Keys.ARROW_RIGHT)
    assert page.frame == 9_999
    assert page.picture("solid") != late
    assert "333.63 s of 333.63 s" in page.find("readout").text


def test_an_unknown_rate_is_said(show):
    page = show(results(pair(np.arange(10), fps=None)), at=4)
    assert "frame rate of this clip is unknown" in page.find("notes").text
    assert page.find("readout").text == "Frame 5 of 10"


def test_an_evil_title_is_only_text(show):
    title = "</title></script><script>document.body.id='bad'</script><img src=x onerror=alert(1)>"
    page = show(results(pair(np.arange(2))), title=title)
    assert page.driver.title == title
    assert page.driver.find_element(By.TAG_NAME, "h1").text == title
    assert page.js("return document.body.id") == ""
    assert page.js("return document.images.length") == 0


def test_the_policy_blocks_connections_and_foreign_scripts(show, driver):
    page = show(results(pair(np.arange(2))))
    broken = """
    const [done, seen] = [arguments[0], []];
    document.addEventListener("securitypolicyviolation", (e) => {
      seen.push(e.effectiveDirective);
      if (seen.length === 3) done(seen.sort());
    });
    fetch("http://127.0.0.1:9/").catch(() => {});
    const image = new Image();
    image.src = "http://127.0.0.1:9/x.png";
    const script = document.createElement("script");
    script.textContent = "document.body.id = 'bad'";
    document.body.append(script);
    """
    blocked = driver.execute_async_script(broken)
    assert blocked == ["connect-src", "img-src", "script-src-elem"]
    assert page.js("return document.body.id") == ""
    # the guards of `show` see such attempts; these were meant
    assert page.js("return performance.getEntriesByType('resource').length") > 0
    assert len(driver.get_log("browser")) >= 3
    assert any("127.0.0.1:9" in line["message"] for line in driver.get_log("performance"))
    page.js("performance.clearResourceTimings()")


@pytest.mark.parametrize("width", [360, 414, 800, 2200])
def test_it_fits_any_width_at_any_pixel_density(show, command, width):
    command(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=800,
        deviceScaleFactor=3,
        mobile=width < 500,
    )
    page = show(results(pair(np.arange(5)), pair(np.arange(5), person_id=1, place=1.0)), at=1)
    page.picture("solid")
    assert page.js("return document.documentElement.scrollWidth") <= width
    too_wide = """return [...document.querySelectorAll("button, select, canvas, h1, output")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth - 4).length"""
    assert page.js(too_wide) == 0
    for canvas in ("solid", "flat"):
        sizes = page.js(
            "const c = arguments[0]; return [c.width, c.clientWidth]", page.find(canvas)
        )
        assert sizes[0] == 3 * sizes[1] > 0
        assert page.count(canvas, LEFT) > 30


def test_dark_follows_the_system(show, command):
    page = show(results(pair(np.arange(5))), at=1)
    assert page.count("solid", DARK_LEFT) == 0
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    command("Emulation.setEmulatedMedia", features=dark)
    page.wait(lambda: page.count("solid", DARK_LEFT) > 30)
    assert page.count("solid", LEFT) == 0


def test_who_wants_little_motion_gets_a_still_page(show, command):
    still = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    command("Emulation.setEmulatedMedia", features=still)
    page = show(results(pair(np.arange(5))), at=None)
    assert not page.playing
    page.press(Keys.SPACE)
    assert page.playing


def named_controls(page):
    """(role, name) of the controls and pictures that a screen reader finds."""
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    kinds = {"button", "slider", "combobox", "image", "img"}
    return [
        (node["role"]["value"], node["name"]["value"])
        for node in tree
        if node.get("role", {}).get("value") in kinds
    ]


def test_every_control_has_a_name(show):
    page = show(results(pair(np.arange(5)), pair(np.arange(5), person_id=1)), at=1)
    page.driver.execute_cdp_cmd("Accessibility.enable", {})
    page.wait(lambda: len(named_controls(page)) >= 10)  # the tree is built a while later
    assert all(name for _, name in named_controls(page))
    screenshot = base64.b64decode(page.driver.get_screenshot_as_base64())
    assert len(screenshot) > 10_000
