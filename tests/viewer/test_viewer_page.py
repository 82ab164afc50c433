"""The page as bytes: what is stored, to what precision, and that nothing can break out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.poses import PoseSequence, Results
from poselift.skeletons import BODY_25, H36M_17
from poselift.viewer import render_html
from viewer_samples import META, pair, results, without


def clip_of(page: bytes) -> dict:
    """Return the data block of a page."""
    found = re.search(rb'<script type="application/json" id="clip">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def array(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def positions(track: dict) -> np.ndarray:
    """Decode a track as the script does."""
    shape = (-1, len(track["sides"]), len(track["origin"]))
    values = array(track["values"], "<i2").reshape(shape).astype(float)
    values[values == -32768] = np.nan
    return values * track["step"] + track["origin"]


def test_positions_survive_to_a_millimetre_and_a_tenth_of_a_pixel():
    flat, solid = pair(np.arange(60))
    flat, solid = (
        without(sequence, ["left_wrist", "pelvis"], slice(10, 20)) for sequence in (flat, solid)
    )
    person = clip_of(render_html(results((flat, solid)), "x"))["people"][0]
    assert np.isnan(positions(person["solid"])[10:20, H36M_17.index("left_wrist")]).all()
    for track, sequence, step in ((person["solid"], solid, 1e-3), (person["flat"], flat, 0.1)):
        np.testing.assert_allclose(positions(track), sequence.positions, atol=0.501 * step)


def test_a_keypoint_far_outside_the_image_is_moved_to_the_limit_not_wrapped_around():
    flat, solid = pair(np.arange(3))
    wild = flat.positions.copy()
    wild[1, 0] = [1e9, -1e9]
    person = clip_of(render_html(results((replace(flat, positions=wild), solid)), "x"))["people"][0]
    x, y = positions(person["flat"])[1, 0]
    assert x > 1920 + 1000
    assert y < -1000
    np.testing.assert_allclose(positions(person["flat"])[0], flat.positions[0], atol=0.051)


@pytest.mark.parametrize("size", [(640, 480), (3840, 2160), (15360, 8640)])
def test_the_whole_image_can_be_stored(size):
    flat, solid = pair(np.arange(2), size=size)
    corners = flat.positions.copy()
    corners[0, 0], corners[1, 0] = (0, 0), size
    person = clip_of(render_html(results((replace(flat, positions=corners), solid)), "x"))["people"]
    stored = positions(person[0]["flat"])
    np.testing.assert_allclose(stored[:, 0], corners[:, 0], atol=max(0.051, size[0] / 40000))


def test_bones_and_sides_follow_each_skeleton():
    flat, solid = pair(np.arange(2))
    person = clip_of(render_html(results((flat, solid)), "x"))["people"][0]
    bones = {(p, c): side for p, c, side in person["solid"]["bones"]}
    assert tuple(bones) == solid.skeleton.edges
    name = solid.skeleton.index
    assert bones[name("left_elbow"), name("left_wrist")] == "left"
    assert bones[name("pelvis"), name("right_hip")] == "right"
    assert bones[name("pelvis"), name("spine")] == "middle"
    assert sorted(person["solid"]["feet"]) == [name("right_ankle"), name("left_ankle")]

    points = np.zeros((2, 25, 2), np.float32)
    detected = PoseSequence.from_2d(points, BODY_25, fps=30.0, image_size=(1920, 1080))
    person = clip_of(render_html(results((detected, solid)), "x"))["people"][0]
    assert len(person["flat"]["sides"]) == 25
    assert len(person["solid"]["sides"]) == 17


def test_time_stamps_are_exact_and_gaps_are_filled():
    seen = np.r_[5:10, 20:30]
    page = render_html(results(pair(seen, fps=29.97)), "x")
    clip = clip_of(page)
    frames, times = array(clip["frames"], "<f8"), array(clip["times"], "<f8")
    np.testing.assert_array_equal(frames, np.arange(5, 30))
    np.testing.assert_allclose(times, frames / 29.97, rtol=1e-12)
    assert clip["tail"] == pytest.approx(1 / 29.97)
    rows = array(clip["people"][0]["solid"]["rows"], "<i4")
    np.testing.assert_array_equal(frames[rows], seen)
    assert "29.97 frames/s" in clip["summary"]


def test_irregular_time_stamps_stay_irregular():
    times = np.array([0.0, 0.04, 0.11, 0.2])
    flat, solid = (
        replace(s, fps=None, times=times) for s in pair(np.array([0, 1, 2, 3]), fps=25.0)
    )
    clip = clip_of(render_html(results((flat, solid)), "x"))
    np.testing.assert_array_equal(array(clip["times"], "<f8"), times)
    assert clip["rate_known"] is True
    assert "irregular time stamps" in clip["summary"]


def test_an_unknown_rate_is_said_and_played_at_30():
    clip = clip_of(render_html(results(pair(np.arange(4), fps=None)), "x"))
    np.testing.assert_allclose(array(clip["times"], "<f8"), np.arange(4) / 30)
    assert clip["rate_known"] is False
    assert "frame rate unknown" in clip["summary"]


def test_frame_numbers_far_apart_do_not_fill_the_page():
    seen = np.array([0, 1, 2_000_000_000, 2_000_000_001])
    clip = clip_of(render_html(results(pair(seen)), "x"))
    frames = array(clip["frames"], "<f8")
    np.testing.assert_array_equal(frames, [0, 1, 2, 2_000_000_000, 2_000_000_001])
    rows = array(clip["people"][0]["solid"]["rows"], "<i4")
    np.testing.assert_array_equal(frames[rows], seen)


def test_several_people_share_one_clock_and_keep_their_numbers():
    people = (pair(np.arange(0, 20), person_id=4), pair(np.arange(10, 40), person_id=-1, place=1.0))
    clip = clip_of(render_html(results(*people), "x"))
    assert [person["name"] for person in clip["people"]] == ["Person 4", "Person #2"]
    assert clip["people"][0]["across"] < clip["people"][1]["across"]
    assert len(array(clip["frames"], "<f8")) == 40


def test_without_an_image_size_the_points_are_framed():
    flat, solid = pair(np.arange(5), size=None)
    clip = clip_of(render_html(results((flat, solid)), "x"))
    left, top, right, bottom = clip["frame_box"]
    x, y = flat.positions[..., 0], flat.positions[..., 1]
    assert left < x.min() < x.max() < right
    assert top < y.min() < y.max() < bottom
    assert clip["image_label"] == "image size unknown"


def test_nothing_seen_in_2d_at_all():
    flat, solid = pair(np.arange(3), size=None)
    nothing = replace(flat, positions=np.full_like(flat.positions, np.nan))
    clip = clip_of(render_html(results((nothing, solid)), "x"))
    assert clip["frame_box"] == [0, 0, 1, 1]
    assert clip["people"][0]["across"] == 0


EVIL = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \"'&{{clip}} \u2028"


def test_titles_and_names_cannot_break_out():
    evil = Results(people=(pair(np.arange(2)),), meta={**META, EVIL: EVIL})
    page = render_html(evil, EVIL).decode()
    plain = render_html(results(pair(np.arange(2))), "x").decode()
    for needle in ("<script", "</script", "<!--", "<img"):
        assert page.count(needle) == plain.count(needle)
    assert "<title>&lt;/script&gt;&lt;script&gt;alert(1)" in page
    assert page.count("&amp;{{clip}}") == 2  # title and heading
    assert [EVIL, EVIL] in clip_of(page.encode())["facts"]


def test_the_policy_allows_this_script_and_style_and_nothing_else():
    page = render_html(results(pair(np.arange(2))), "x").decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1]
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy[1]


def test_the_page_names_no_address():
    page = render_html(results(pair(np.arange(2))), "x").decode()
    assert not re.search(r"(https?:|src=|@import|url\(|sourceMappingURL|\beval\b|Function\()", page)
    assert re.findall(r'href="([^"]*)"', page) == ["data:,"]


def test_ten_thousand_frames_fit_in_three_megabytes():
    assert len(render_html(results(pair(np.arange(10_000), fps=29.97)), "x")) < 3_000_000


def test_what_is_known_of_the_result_is_on_the_page():
    facts = dict(clip_of(render_html(results(pair(np.arange(2))), "x"))["facts"])
    assert facts["weights sha256"] == META["weights_sha256"]
    assert facts["axes"] == "camera: x right, y down, z forward, root-relative"
    assert facts["steps"] == "lifted by a test"


def test_nobody_to_show_is_an_error():
    empty = tuple(sequence[:0] for sequence in pair(np.arange(2)))
    for nobody in (results(), results(empty)):
        with pytest.raises(PoseliftError, match="at least one frame with a person to show"):
            render_html(nobody, "x")


def test_the_viewer_is_light():
    code = (
        "import sys, poselift.viewer; "
        "print([m for m in ('torch', 'onnxruntime', 'matplotlib', 'selenium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
