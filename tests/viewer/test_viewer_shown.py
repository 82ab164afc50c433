"""What the page shows, in Chromium: many people, rooms, angles, videos, live frames."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from poselift.poses import Person
from poselift.viewer import LivePage, LivePerson, render_keypoints_html
from viewer_browser import LEFT, MIDDLE, PEOPLE, Page
from viewer_samples import pair, results, stroll

selenium = pytest.importorskip("selenium", reason="selenium is not installed (extra: dev)")

from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402


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
    # what is drawn once a frame of the video has appeared is the frame's own pose
    pairs = page.driver.execute_async_script("""
    const done = arguments[0], film = document.getElementById("film"), pairs = [];
    const look = (now, {mediaTime}) => {
      requestAnimationFrame(() => pairs.push([Math.round(10 * mediaTime), poselift.frame]));
      if (pairs.length < 6) film.requestVideoFrameCallback(look);
      else done(pairs);
    };
    film.requestVideoFrameCallback(look);
    """)
    assert len({frame for frame, _ in pairs}) >= 5
    assert all(filmed == drawn for filmed, drawn in pairs)
    page.find("play").click()
    page.wait(lambda: shows(page.frame))


def test_a_video_that_cannot_be_played_is_said(show, tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"\0\0\0\x18ftypmp42, but no film")
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


def test_live_frames_are_drawn_as_they_come(driver):
    """Two people in a picture; the browser says how late it is, and when it is over."""
    told = "return document.getElementById('told').textContent"
    people = [pair(np.arange(2), person_id=k, place=0.8 * k) for k in (0, 1)]
    joints = people[0].poses_2d.skeleton
    shot = (Path(__file__).parent / "grey.jpg").read_bytes()
    page = Page(driver, Path())
    with LivePage("camera:0 <b>", joints, joints, (1920, 1080)) as live:
        driver.get(live.address)
        assert driver.title == "camera:0 <b>"
        page.wait(lambda: live.watching == 1)
        shown = [
            LivePerson(one.poses_3d.person_id, one.poses_2d.positions[0], one.poses_3d.positions[0])
            for one in people
        ]
        live.show(shown, taken=time.time(), fps=24.6, told="3 dropped")
        page.wait(lambda: page.js("return poselift.drawn") == 1)
        for canvas in ("solid", "flat"):
            assert all(page.count(canvas, colour) > 30 for colour in PEOPLE[:2])
        assert page.js(told).startswith("2 people · 25 frames/s · drawn after ")
        assert page.js(told).endswith(" ms · 3 dropped")
        (late,) = page.js("return poselift.lags")
        assert 0 <= late < 60_000
        live.show([], picture=shot)
        page.wait(lambda: page.js("return document.getElementById('film').naturalWidth") == 64)
        assert page.count("solid", PEOPLE[0]) == 0
        live.close()
        page.wait(lambda: page.js("return poselift.ended"))
        assert page.js(told).endswith("ended")
    assert [line["message"] for line in driver.get_log("browser")] == []
