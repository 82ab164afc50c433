"""What a user gets wrong in Python is said in words, without the type checker that tests have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "walk.json"

#: A call, and what is said of it.
WRONG = {
    "lifter.lift(points, image_size=SIZE, skeleton='h36m_17', focal='1000')": (
        "expected focal as a number of pixels, got '1000'"
    ),
    "lifter.lift_people(clip)": "expected several persons to lift; of one pass a list: [sequence]",
    "lifter(points)": "expected a PoseSequence to lift, got ndarray",
    "Lifter('posegraphnet', threads='2')": "expected threads as a whole number, got '2'",
    "Lifter('posegraphnet', threads=True)": "expected threads as a whole number, got True",
    "Lifter(None)": "expected 'gln' or ",
    "Lifter(b'gln')": "an .onnx file as model, got bytes",
    "load_poses(points)": "expected the path of a file to read, got ndarray (Lifter.lift takes arr",
    "load_poses(EXAMPLE, fps='30')": "expected fps as a number above 0, got '30'",
    "load_poses(EXAMPLE, image_size='5x5')": "expected image_size as (width, height) in pixels",
    "io.save(clip, 'a.npz')": "a.npz: expected persons to write; of one pass a list: [poses]",
    "io.save([clip], 'a.bvh')": "cannot write '.bvh' of 2D keypoints (`poselift lift` makes 3D",
    "refine(clip, Options())": "expected Results to refine, as Lifter.lift_people gives, got Pose",
    "evaluate('gln', 'cmu17', '.')": "expected a Lifter, or several by name, got str",
    "clip.to_skeleton('coco')": "unknown skeleton 'coco', expected one of",
    "clip.to_skeleton(None)": "expected a joint set by name, got NoneType",
    "lifter.stream(None, image_size=SIZE, skeleton='h36m_17')": "expected chunks of keypoints to",
    "lifter.stream([points], image_size=SIZE, skeleton=17)": "expected a joint set by name, got",
    "lifter.live(image_size=SIZE, skeleton='h36m_17', smooth=True)(points[0], time='x')": (
        "expected time=..., the frame's time in seconds, since it is smoothed, got 'x'"
    ),
    "lifter.lift_people([points])": "expected a list of PoseSequence to lift, got ndarray",
    "lifter.lift_people([clip[:4]]).save(5)": "expected the path of a file to write, got int",
    "io.save([points], 'a.npz')": "expected Results to write, or a list of PoseSequence, got ndarr",
    "io.write_npz(None, 'a.npz')": "expected Results to write, got NoneType",
    "io.write_keypoints('a.json', clip)": "expected a list of PoseSequence to write, got PoseSeq",
    "io.write_keypoints(5, [clip])": "expected the path of a file to write, or an open file, g",
    "io.write_keypoints(sys.stdout, [clip])": "expected a file that is open for bytes (mode 'wb')",
    "io.save_all(clip)": "expected a list of pairs (what, path) to write, got PoseSequence",
    "io.save_all([[clip]])": "expected a pair (what, path) for each file to write, got list",
    "io.save_all([([clip], 5)])": "expected the path of a file to write, got int",
    "io.save_all([(clip, 'a.npz')])": "a.npz: expected persons to write; of one pass a list",
    "people_of(clip)": "expected Detections, as a reader or a detector gives them, got Pose",
    "io.find_format(5)": "expected the path of a file or folder to read, got int",
    "io.find_format('none.json')": "none.json: there is no such file or folder",
    "io.find_format(EXAMPLE, 5)": "expected the name of a format, got int",
    "io.read_results(5)": "expected the path of a file to read, got int",
    "io.from_rtmlib(None)": "expected rtmlib's results as a list, one a frame, got NoneType",
    "io.from_rtmlib([(points, None), 5])": (
        "rtmlib, frame 1: expected a pair of keypoints and scores, got int"
    ),
    "io.from_rtmlib([(points[0], None)])": "rtmlib, frame 0: expected persons x joints x 2, got",
    "io.from_rtmlib([(points, None)], fps='x')": "rtmlib: expected fps above 0, got 'x'",
    "io.from_rtmlib([(points, None)], image_size=5)": "rtmlib: expected a positive image size, g",
    "io.from_mediapipe([None], SIZE)": "mediapipe, frame 0: expected a pose result with pose_lan",
    "io.from_ultralytics('abc')": "ultralytics, frame 0: expected Results of a pose model, got str",
    "io.from_supervision([1])": "supervision, frame 0: expected KeyPoints, got int",
    "io.from_mmpose([{}])": "mmpose, frame 0: expected a PoseDataSample, or what MMPoseInference",
    "lift_video(None)": "expected the path of a video, or of a picture or a folder of pictures,",
    "lift_video('a.mp4', detector=5)": "expected a detector (movenet, multipose, rtmlib, an .onn",
    "open_camera(3.5)": "expected a camera by number, or the path of a video, got float",
    "refine(Results(()), 5)": "expected motion.Options, got int",
    "Options(smooth='savgol')": "expected smooth as a Smoothing, got str",
    "Options(height='tall')": "expected the person's height in metres (1.78), between 0.4 and 2.8",
    "Results((clip,))": "expected a person as a pair of 2D and 3D poses, got PoseSequence",
    "PoseSequence.from_2d(None, 'h36m_17')": "expected keypoints of shape (frames, joints, 2), g",
    "PoseSequence.from_2d('abc', 'h36m_17')": "expected keypoints as an array of numbers, got 'a",
    "PoseSequence.from_2d(points, 'h36m_17', image_size='ab')": "expected a positive image size,",
    "evaluate({'a': 5}, 'cmu17', '.')": "expected a Lifter, or several by name, got int",
    "evaluate(lifter, None)": "expected a data set by name, or a folder, got NoneType",
}

CODE = """
import json, sys
from poselift import (
    Lifter, PoseliftError, PoseSequence, io, lift_video, load_poses, open_camera
)
from poselift.poses import Results
from poselift.motion import Options, refine
from poselift.scoring import evaluate
from poselift.tracking import people_of

EXAMPLE, SIZE = sys.argv[1], (1920, 1080)
clip = load_poses(EXAMPLE)
points, lifter = clip.positions, Lifter("gln", threads=1)
said = {}
for call in json.loads(sys.argv[2]):
    try:
        said[call] = repr(eval(call))
    except PoseliftError as error:
        said[call] = str(error)
print(json.dumps(said))
"""


def test_wrong_types_are_refused_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, EXAMPLE, json.dumps(list(WRONG))],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for call, said in json.loads(done.stdout).items():
        assert WRONG[call] in said, call
    assert list(tmp_path.iterdir()) == []
