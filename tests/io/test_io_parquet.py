"""Parquet: what is written comes back, others find it, and what is no such file is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.io import load, parquetfile, save
from poselift.poses import Detections, Person, Results
from poselift.skeletons import H36M_17
from writer_samples import META, UPSIDE, person, results, without

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def two(*, world: bool = False) -> Results:
    first = without(person(np.arange(3, 20), world=world), "left_wrist", slice(4, 6))
    marks = np.zeros((17, 17), np.float32)
    marks[4:6, 3] = 1
    tracks = {**first.poses_3d.tracks, "contacts": marks[:, :2], "filled": marks}
    first = Person(first.poses_2d, replace(first.poses_3d, tracks=tracks))
    return results(first, person(np.arange(0, 30, 2), person_id=7, world=world, root=False))


@pytest.mark.parametrize("world", [False, True])
@pytest.mark.parametrize("axes", [None, "camera", "y-up", "z-up"])
def test_results_come_back(
    tmp_path: Path, world: bool, axes: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquetfile, "GROUP", 7)  # several row groups
    written = two(world=world)
    save(written, tmp_path / "a.parquet", axes=axes)
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 5
    found = load(tmp_path / "a.parquet")
    assert isinstance(found, Results)
    upright = {"camera": False, None: world}.get(axes, True)
    signs = UPSIDE if upright != world else np.ones(3)
    for before, after in zip(written.people, found.people, strict=True):
        assert after.poses_2d == before.poses_2d
        solid = replace(
            before.poses_3d,
            positions=(before.poses_3d.positions * signs).astype(np.float32),
            axes=after.poses_3d.axes,
            tracks={
                name: values * signs if name == "root" else values
                for name, values in before.poses_3d.tracks.items()
            },
        )
        assert after.poses_3d == solid
        assert after.poses_3d.history[: len(solid.history)] == solid.history
    assert found.meta["model"] == "gln"


def test_keypoints_come_back(tmp_path: Path) -> None:
    flat = [one.poses_2d for one in two().people]
    save(flat, tmp_path / "a.parquet")
    found = load(tmp_path / "a.parquet")
    assert isinstance(found, Detections)
    assert (found.fps, found.image_size, found.skeleton) == (30.0, (1920, 1080), H36M_17)
    for one in flat:
        mine = found.person_ids == one.person_id
        np.testing.assert_array_equal(found.keypoints[mine], one.positions)
        np.testing.assert_array_equal(found.scores[mine], one.scores)
        np.testing.assert_array_equal(found.frames[mine], one.frames)


def test_others_find_types_units_and_facts(tmp_path: Path) -> None:
    save(two(), tmp_path / "a.parquet", axes="z-up")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.field("poses_3d").type == pa.list_(pa.float32(), 51)
    about = table.schema.field("poses_3d").metadata
    assert about == {b"unit": b"m", b"shape": b"17,3"}
    said = json.loads(table.schema.metadata[b"poselift"])
    assert said["axes"] == "world: x right, y forward, z up, root-relative"
    assert (said["units"], said["fps"]) == ("m", 30.0)
    assert said["joint_names"] == list(H36M_17.joints)
    assert said["weights_sha256"] == META["weights_sha256"]
    assert said["people"][0]["history_3d"] == ["made by a test", "lifted by hand"]
    group = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0)
    for column in map(group.column, range(group.num_columns)):
        assert column.compression == "ZSTD"
        if column.path_in_schema.endswith("element"):
            assert "BYTE_STREAM_SPLIT" in column.encodings


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.replace_schema_metadata({}), "without poselift's facts"),
        (lambda t: t.replace_schema_metadata({"poselift": "[1"}), "metadata are not JSON"),
        (lambda t: t.replace_schema_metadata({"poselift": b'{"\xb8'}), "metadata are not JSON"),
        (lambda t: t.replace_schema_metadata({"poselift": "[1]"}), "metadata: expected an object"),
        (lambda t: t.drop_columns(["poses_3d"]), "expected a column poses_3d or keypoints"),
        (lambda t: t.drop_columns(["scores"]), "expected an array 'scores'"),
        (
            lambda t: t.set_column(0, "frame", t["frame"].cast(pa.float64())),
            "expected column frame as int64, got double",
        ),
        (
            lambda t: t.set_column(3, "poses_2d", pa.array([[1.0]] * len(t))),
            "expected column poses_2d as fixed_size_list<float> of 2 numbers for each joint",
        ),
        (
            lambda t: t.set_column(0, "frame", pa.array([None] * len(t), pa.int64())),
            "column frame has empty entries",
        ),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, change: object, sentence: str) -> None:
    save(two(), tmp_path / "a.parquet")
    pq.write_table(change(pq.read_table(tmp_path / "a.parquet")), tmp_path / "b.parquet")
    with pytest.raises(PoseliftError, match=sentence):
        load(tmp_path / "b.parquet")


def test_damaged_and_bloated_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(two(), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(PoseliftError, match="is a damaged Parquet file"):
        load(tmp_path / "b.parquet")
    monkeypatch.setattr(parquetfile, "_MAX_BYTES", 1000)
    with pytest.raises(PoseliftError, match=r"GiB of poses in a file of \d+ bytes is more than"):
        load(tmp_path / "a.parquet")


def test_without_pyarrow_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(two(), tmp_path / "a.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(
        PoseliftError, match=r"writing .parquet needs pyarrow, install it with: pip install"
    ):
        save(two(), tmp_path / "b.parquet")
    with pytest.raises(
        PoseliftError, match=r"reading .parquet needs pyarrow, install it with: pip install"
    ):
        load(tmp_path / "a.parquet")
    assert not (tmp_path / "b.parquet").exists()
