"""`poselift data render` and `poselift eval --data cmu17-rendered`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Run


@pytest.fixture(scope="module")
def root(shared: Path) -> Path:
    return shared / "data" / "cmu"


def test_pictures_are_stored_with_a_manifest(run: Run, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "people"
    options = ("--split", "test", "--count", 3, "--size", 64, "--seed", 2)
    status, said, _ = run("data", "render", "--root", root, "-o", out, *options)
    assert status == 0
    assert f"wrote {out / 'manifest.json'}: 3 pictures, " in said
    assert [one["file"] for one in json.loads((out / "manifest.json").read_text())["pictures"]] == [
        path.name for path in sorted(out.glob("*.png"))
    ]
    status, _, words = run("data", "render", "--root", root, "-o", out, *options)
    assert status == 2
    assert words == f"poselift: error: {out}: is there already and not an empty folder\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--size", 1000), "expected pictures of 64 to 512 pixels, got 1000"),
        (("--split", "all"), "unknown split 'all', expected one of train, val, test"),
        (("--split", "val", "--more", "x"), "cmu_more is for training only"),
        (("--root", "nowhere"), "nowhere: expected the CMU data folder, but it has no INDEX.csv"),
    ],
)
def test_bad_options_are_one_sentence(
    run: Run, root: Path, tmp_path: Path, options: tuple[object, ...], sentence: str
) -> None:
    status, _, words = run("data", "render", "--root", root, "-o", tmp_path / "x", *options)
    assert status == 2
    assert sentence in words
    assert words.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_eval_measures_on_it(run: Run, root: Path, tmp_path: Path) -> None:
    header, *lines = (root / "INDEX.csv").read_text().splitlines()
    kept = [line for line in lines if line.startswith("asfamc/16/16_21")]
    (tmp_path / "INDEX.csv").write_text("\n".join([header, *kept]))
    (tmp_path / "asfamc").symlink_to(root / "asfamc")
    for more, kind in (((), "ground truth"), (("--detections", "movenet"), "detected by movenet")):
        status, said, _ = run(
            *("eval", "--model", "gln", "--data", "cmu17-rendered", "--root", tmp_path),
            *("--split", "val", *more),
        )
        assert status == 0
        assert f"cmu17-rendered val, {kind}" in said
    status, _, words = run(
        *("eval", "--model", "gln", "--data", "cmu17-rendered", "--root", root),
        *("--detections", "hrnet"),
    )
    assert status == 2
    assert "detector 'hrnet' not found, expected movenet, multipose, rtmlib" in words
