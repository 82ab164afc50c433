"""The page in headless Chromium: it draws, plays in true time, obeys, and never calls out."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from viewer_browser import DARK_LEFT, FAKE_CLOCK, LEFT, MIDDLE, RIGHT
from viewer_samples import pair, results, without

selenium = pytest.importorskip("selenium", reason="selenium is not installed (extra: dev)")

from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402


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


@pytest.mark.parametrize(
    ("width", "height"), [(360, 800), (414, 800), (844, 390), (800, 800), (2200, 800)]
)
def test_it_fits_any_width_at_any_pixel_density(show, command, width, height):
    command(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=3,
        mobile=width < 500,
    )
    page = show(results(pair(np.arange(5)), pair(np.arange(5), person_id=1, place=1.0)), at=1)
    page.picture("solid")
    assert page.js("return document.documentElement.scrollWidth") <= width
    too_wide = """return [...document.querySelectorAll("button, select, canvas, h1, output")]
      .filter((e) => e.getBoundingClientRect().right > innerWidth - 4).length"""
    assert page.js(too_wide) == 0
    cut_off = """return [...document.querySelectorAll(".panel button")].filter((e) =>
      e.getBoundingClientRect().right > e.closest(".panel").getBoundingClientRect().right).length"""
    assert page.js(cut_off) == 0
    play = "return document.getElementById('play').getBoundingClientRect().bottom"
    assert page.js(play) <= height  # also on a phone on its side nobody scrolls to pause
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
