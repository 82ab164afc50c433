"""What may be lifted in bulk, and the sentence for what may not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulk_samples import write_model, write_shards
from poselift.bulk.shards import clips, plan
from poselift.bulk.stores import Folder, open_store
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_17

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_shards(tmp_path / "in", 2)
    return tmp_path / "in"


def refusal(run: Run, source: Path, target: Path) -> str:
    """What bulk says of an input, having written nothing."""
    status, out, err = run("bulk", source, target, "--model", write_model(source.parent))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert not target.exists()
    return err.removeprefix("poselift: error: ").rstrip()


def test_shards_are_found_in_order_and_others_passed_over(source: Path, tmp_path: Path) -> None:
    write_shards(source / "a" / "b", 1)
    for name in ("notes.md", "clip.MP4", "list.txt", "_SUCCESS", ".hidden.parquet", "_x/s.parquet"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"x")
    shards, others = plan(open_store(str(source)), open_store(str(tmp_path / "out")))
    assert [(one.name, one.kind) for one in shards] == [
        ("clip.MP4", "video"),
        ("list.txt", "list"),
        ("s000.parquet", "keypoints"),
        ("s001.parquet", "keypoints"),
        ("a/b/s000.parquet", "keypoints"),
    ]
    assert others == ["_SUCCESS", "notes.md"]


def test_nothing_to_do_is_said(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "in"
    assert (
        refusal(run, empty, tmp_path / "out") == f"{empty}: not found, expected a folder of shards"
    )
    empty.mkdir()
    assert "holds no shards, expected .parquet files of" in refusal(run, empty, tmp_path / "out")
    (empty / "x.json").write_text("{}")
    said = refusal(run, empty, tmp_path / "out")
    assert "holds no shards, only 1 other files (x.json, ...)" in said
    said = refusal(run, empty / "x.json", tmp_path / "out")
    assert said.endswith("x.json: is a file, expected a folder of shards")


def test_other_columns_are_refused(run: Run, source: Path, tmp_path: Path) -> None:
    table = pq.read_table(source / "s001.parquet")
    bad = source / "s001.parquet"
    pq.write_table(table.drop_columns(["keypoints"]), bad)
    said = refusal(run, source, tmp_path / "out")
    assert said == f"{bad}: expected a column keypoints, found frame, time_s, person_id, scores"
    at = table.schema.get_field_index("keypoints")
    loose = pa.array([[1.0]] * len(table), pa.list_(pa.float32()))
    pq.write_table(table.set_column(at, "keypoints", loose), bad)
    said = refusal(run, source, tmp_path / "out")
    assert "expected column keypoints as fixed_size_list<float> of 2 numbers for each" in said
    pq.write_table(table.replace_schema_metadata(None), bad)
    assert "without poselift's facts in its metadata" in refusal(run, source, tmp_path / "out")


def test_mixed_skeletons_are_refused(run: Run, source: Path, tmp_path: Path) -> None:
    write_shards(source, 1, skeleton=H36M_17, first=9)
    said = refusal(run, source, tmp_path / "out")
    assert said == (
        f"{source}: mixes skeletons, s000.parquet has 17 joints (nose, left_eye, right_eye, ...) "
        "and s009.parquet 17 joints (pelvis, right_hip, right_knee, ...); "
        "give each its own folder"
    )


@pytest.mark.parametrize("place", [".", "out", "a/../out/deeper"])
def test_an_output_in_the_input_is_refused(
    run: Run, source: Path, tmp_path: Path, place: str
) -> None:
    before = sorted(source.rglob("*"))
    status, _, err = run("bulk", source, source / place, "--model", write_model(tmp_path))
    assert (status, err.count("\n")) == (2, 1)
    assert "lies in the input" in err
    assert sorted(source.rglob("*")) == before


def test_lists_name_videos_by_path_or_url(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "list.txt").write_text(
        f"# videos\n\none.mp4\nsub/two.mp4\n../three.mp4\n/else/four.mp4\n{folder}/a/five.mp4\n"
        "s3://bucket/x/six.mp4\n"
    )
    source = open_store(str(folder))
    (shard,), _ = plan(source, open_store(str(tmp_path / "out")))
    found = {one.output: one.shown for one in clips(source, shard)}
    assert found == {
        "a/list/one.mp4.parquet": f"{folder}/a/one.mp4",
        "a/list/sub/two.mp4.parquet": f"{folder}/a/sub/two.mp4",
        "a/list/three.mp4.parquet": f"{folder}/three.mp4",
        "a/list/four.mp4.parquet": "/else/four.mp4",
        "a/list/five.mp4.parquet": f"{folder}/a/five.mp4",
        "a/list/six.mp4.parquet": "s3://bucket/x/six.mp4",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# nothing\n\n", "names no video, expected the path of one a line"),
        (b"\xff\xfe\x00", "is no text, expected the path of a video a line"),
        (b"a.mp4\n../x/a.mp4\n", "names two videos that would both become list/a.mp4.parquet"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    source = Folder("in", tmp_path)
    (shard,), _ = plan(source, open_store(str(tmp_path / "../out")))
    with pytest.raises(PoseliftError, match=f"^in/list.txt: {words}"):
        list(clips(source, shard))


def test_what_is_said_of_the_options(run: Run, source: Path, tmp_path: Path) -> None:
    for options, words in (
        (("--model", "nobody"), "model 'nobody' not found"),
        (("--smooth", "much"), "expected --smooth as one of"),
        (("--workers", "0"), "Invalid value for '--workers'"),
        (("--ray", "127.0.0.1:1"), "--ray 127.0.0.1:1: no Ray answers there (Connection refused)"),
        (("--precision", "bf16"), "expected --precision as one of auto, fp32, int8, got"),
    ):
        model = () if "--model" in options else ("--model", write_model(tmp_path))
        status, _, err = run("bulk", source, tmp_path / "out", *model, *options)
        assert status == 2
        assert words in " ".join(err.split())
    (tmp_path / "out").write_text("a file")
    status, _, err = run("bulk", source, tmp_path / "out", "--model", write_model(tmp_path))
    assert status == 2
    assert "cannot be written" in err
