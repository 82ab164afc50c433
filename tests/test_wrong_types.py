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
}

CODE = """
import json, sys
from poselift import Lifter, PoseliftError, io, load_poses
from poselift.motion import Options, refine
from poselift.scoring import evaluate

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
