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
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import BODY_25, H36M_17
from poselift.viewer import render_html, render_keypoints_html
from viewer_samples import META, pair, results, without


def clip_of(page: bytes) -> dict:
    """Return the data block of a page."""
    found = re.search(rb'<script type="application/json" id="clip">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def array(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def positions(track: dict) -> np.ndarray:
    """Decode a track as the script does; 3D poses are y up, z to the viewer."""
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
    upright = solid.positions * [1, -1, -1]
    np.testing.assert_allclose(positions(person["solid"]), upright, atol=0.501e-3)
    np.testing.assert_allclose(positions(person["flat"]), flat.positions, atol=0.0501)


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
    assert person["solid"]["ankles"] == [name("left_ankle"), name("right_ankle")]

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
    rows = array(clip["people"][0]["rows"], "<i4")
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
    rows = array(clip["people"][0]["rows"], "<i4")
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
    assert clip["image_size"] is None


def test_without_any_2d_there_is_only_3d():
    _, solid = pair(np.arange(3), size=None)
    clip = clip_of(render_html(results(Person.only_3d(solid)), "x"))
    assert clip["frame_box"] is None
    assert clip["people"][0]["flat"] is None
    assert clip["people"][0]["across"] == 0
    assert ["Units", "metres"] in clip["facts"]


def test_without_3d_there_is_only_2d():
    flat, _ = pair(np.arange(3))
    clip = clip_of(render_keypoints_html([flat], "x"))
    assert clip["scene"] is None
    assert clip["people"][0]["solid"] is None
    np.testing.assert_allclose(
        positions(clip["people"][0]["flat"]), flat.positions, rtol=0, atol=0.0501
    )
    assert ["Units", "pixels"] in clip["facts"]
    with pytest.raises(PoseliftError, match="at least one frame with a person to show"):
        render_keypoints_html([flat[:0]], "x")


def test_angles_are_kept_to_a_tenth_of_a_degree_left_and_right_together():
    knee = np.array([0.0, 90.04, np.nan, -12.3])
    angles = {"left_knee_flexion": knee, "trunk_lean": 2 * knee, "right_knee_flexion": -knee}
    angles["neck_flexion"] = np.full(4, np.nan)  # never known: no plot
    page = render_html(results(pair(np.arange(4)), pair(np.arange(4))), "x", angles=[angles, None])
    first, second = clip_of(page)["people"]
    assert second["angles"] == []
    assert [plot["label"] for plot in first["angles"]] == ["Knee flexion", "Trunk lean"]
    curves = first["angles"][0]["curves"]
    for side, expected in (("left", knee), ("right", -knee)):
        values = array(curves[side], "<i2").astype(float)
        values[values == -32768] = np.nan
        np.testing.assert_allclose(0.1 * values, expected, atol=0.0501)
    assert list(first["angles"][1]["curves"]) == ["middle"]


def test_angles_that_do_not_fit_are_refused():
    one = results(pair(np.arange(4)))
    with pytest.raises(PoseliftError, match=r"trunk_lean: expected 4 values, one .* shape \(3,\)"):
        render_html(one, "x", angles=[{"trunk_lean": np.zeros(3)}])
    with pytest.raises(PoseliftError, match="angles of 1 people, got 2"):
        render_html(one, "x", angles=[None, None])


def policy_of(page: bytes) -> str:
    found = re.search(rb'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    return found[1].decode()


def test_a_video_is_put_into_the_page_or_linked_and_the_policy_allows_just_that(
    tmp_path, monkeypatch
):
    shown = results(pair(np.arange(2)))
    film = tmp_path / "films" / "gym #1.mp4"
    film.parent.mkdir()
    film.write_bytes(b"\0\0\0\x18ftypmp42, not really a film")
    assert "media-src" not in policy_of(render_html(shown, "x"))
    inside = render_html(shown, "x", video=film)
    assert "; media-src blob:; " in policy_of(inside)
    assert base64.b64encode(film.read_bytes()) in inside
    assert clip_of(inside)["video"] == {"type": "video/mp4", "link": ""}
    monkeypatch.setattr("poselift.viewer.film.EMBED_LIMIT", 5)
    beside = render_html(shown, "x", video=film)
    assert "; media-src 'self'; " in policy_of(beside)
    assert clip_of(beside)["video"]["link"] == "gym%20%231.mp4"
    below = render_html(shown, "x", video=film, folder=tmp_path)
    assert clip_of(below)["video"]["link"] == "films/gym%20%231.mp4"
    with pytest.raises(PoseliftError, match=r"gone.mp4: there is no such video"):
        render_html(shown, "x", video=tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x08wide", "video/mp4"),
        (b"\x1a\x45\xdf\xa3\x9f", "video/webm"),
        (b"OggS\0", "video/ogg"),
        (b"RIFF\0\0\0\0AVI ", None),
        (b"", None),
    ],
)
def test_a_video_that_browsers_do_not_play_is_left_out_and_said(tmp_path, start, kind):
    film = tmp_path / "gym.avi"
    film.write_bytes(start)
    page = render_html(results(pair(np.arange(2))), "x", video=film)
    clip = clip_of(page)
    assert (clip["video"] or {}).get("type") == kind
    said = "The video gym.avi is not shown: browsers play MP4, WebM or Ogg."
    assert (said in clip["notes"]) == (kind is None)
    assert ("media-src" in policy_of(page)) == (kind is not None)


EVIL = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \"'&{{clip}} \u2028"


def test_titles_and_names_cannot_break_out():
    evil = Results(people=(pair(np.arange(2)),), meta={**META, EVIL: EVIL})
    page = render_html(evil, EVIL).decode()
    plain = render_html(results(pair(np.arange(2))), "x").decode()
    for needle in ("<script", "</script", "<!--", "<img"):
        assert page.count(needle) == plain.count(needle)
    assert "<title>&lt;/script&gt;&lt;script&gt;alert(1)" in page
    assert page.count("&amp;{{clip}}") == 2  # title and heading
    assert [EVIL, EVIL] in clip_of(page.encode())["besides"]


def test_the_policy_allows_this_script_and_style_and_nothing_else():
    page = render_html(results(pair(np.arange(2))), "x").decode()
    policy = policy_of(page.encode())
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy


def test_the_page_names_no_address():
    page = render_html(results(pair(np.arange(2))), "x").decode()
    assert not re.search(r"(https?:|src=|@import|url\(|sourceMappingURL|\beval\b|Function\()", page)
    assert re.findall(r'href="([^"]*)"', page) == ["data:,"]


def test_ten_thousand_frames_fit_in_three_megabytes():
    assert len(render_html(results(pair(np.arange(10_000), fps=29.97)), "x")) < 3_000_000


def test_what_is_known_of_the_result_is_on_the_page():
    made = {**META, "precision": "fp32", "flip": True}
    clip = clip_of(render_html(Results((pair(np.arange(2)),), made), "x"))
    assert clip["facts"] == [
        ["Model", "gln"],
        ["Precision", "fp32"],
        ["Mirrored pose", "yes"],
        ["Units", "metres in 3D, pixels in 2D"],
        ["Axes", "camera: x right, y down, z forward, root-relative"],
        ["Root", "at the origin in every frame"],
    ]
    assert ["Weights sha256", META["weights_sha256"]] in clip["besides"]
    assert clip["histories"] == [{"who": "", "steps": ["lifted by a test"]}]


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
