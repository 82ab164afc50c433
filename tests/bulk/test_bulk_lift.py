"""The one function that all engines run, and the manifest it goes by."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulk_samples import left_over, notes, outputs, write_model, write_shards
from poselift import bulk, detection
from poselift.bulk import Work, lift_shard
from poselift.bulk.lift import Job
from poselift.bulk.manifest import Manifest
from poselift.bulk.outcomes import Failure, Report, Unfit
from poselift.bulk.shards import Shard, plan
from poselift.bulk.stores import open_store
from poselift.errors import PoseliftError
from poselift.io import load
from poselift.motion import Options, Smoothing
from video_samples import Scripted, colours, write_video

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work.of(str(write_model(tmp_path)))


def job(place: Path, work: Work) -> tuple[Job, list[Shard]]:
    """All shards of `place/in`, to be lifted into `place/out`."""
    source, target = open_store(str(place / "in")), open_store(str(place / "out"))
    shards, _ = plan(source, target)
    return Job(source, open_store(target.place(work.name)), work, "me"), shards


def test_a_shard_is_what_lift_writes(run: Run, work: Work, tmp_path: Path) -> None:
    """The same bytes, facts and history and all, as the command has with one thread."""
    write_shards(tmp_path / "in", 2)
    ours, shards = job(tmp_path, work)
    for shard in shards:
        found = ours.attempt(shard)
        assert isinstance(found, Report)
        expected = Report(shard.name, lifted=1, frames=40, poses=80, persons=2)
        assert replace(found, seconds=0.0) == expected
    for name, content in outputs(tmp_path / "out").items():
        once = tmp_path / "once.parquet"
        options = ("--model", tmp_path / "tiny.onnx", "--threads", "1", "--quiet")
        assert run("lift", tmp_path / "in" / name, "-o", once, *options) == (0, "", "")
        assert once.read_bytes() == content
    assert left_over(tmp_path / "out") == []


def test_it_is_done_once_until_the_input_changes(work: Work, tmp_path: Path) -> None:
    write_shards(tmp_path / "in", 1)
    ours, (shard,) = job(tmp_path, work)
    assert ours.attempt(shard).lifted == 1
    first, (note,) = outputs(tmp_path / "out"), notes(tmp_path / "out", "done").values()
    again = ours.attempt(shard)
    assert (again.lifted, again.skipped, again.frames) == (0, 1, 40)
    assert notes(tmp_path / "out", "done") == {"s000.parquet": note}
    path = next((tmp_path / "out").rglob("s000.parquet"))
    path.unlink()
    assert ours.attempt(shard).lifted == 1
    assert outputs(tmp_path / "out") == first
    write_shards(tmp_path / "in", 1, frames=41)
    assert ours.attempt(shard).lifted == 1
    assert outputs(tmp_path / "out") != first
    place = path.parent / "_bulk" / "done" / "s000.parquet.json"
    place.write_text("no JSON")
    assert ours.attempt(shard).lifted == 1


def test_each_model_and_option_has_its_own_folder(work: Work, tmp_path: Path) -> None:
    write_shards(tmp_path / "in", 1)
    others = [
        work,
        replace(work, model=replace(work.model, sha256="0" * 64)),
        replace(work, flip=False),
        replace(work, motion=Options(Smoothing.parse("butterworth:5"))),
        replace(work, motion=Options(height=1.8)),
        replace(work, fps=25.0),
        replace(work, image_size=(900, 900)),
        replace(work, detector="multipose"),
        replace(work, every=3),
        replace(work, software="0.0.1"),
    ]
    assert len({one.name for one in others}) == len(others)
    assert replace(work).name == work.name
    assert work.name.startswith("tiny-fp32-")
    summaries = [
        bulk.lift_all(tmp_path / "in", tmp_path / "out", one, workers=1)
        for one in (work, replace(work, flip=False))
    ]
    assert [one.lifted for one in summaries] == [1, 1]
    found = {
        one.name: load(one / "s000.parquet").meta["flip"] for one in (tmp_path / "out").iterdir()
    }
    assert found == {work.name: True, replace(work, flip=False).name: False}


def test_another_version_or_machine_is_no_fault_of_the_shard(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shards(tmp_path / "in", 1)
    ours, (shard,) = job(tmp_path, replace(work, software="0.0.1", flip=False))
    outcome = ours.attempt(shard)
    assert isinstance(outcome, Failure)
    assert outcome.fault == "machine"
    assert "the driver 0.0.1; all need the same version" in outcome.sentence
    monkeypatch.setattr("poselift.bulk.work._OPENED", {})
    ours, _ = job(tmp_path, replace(work, precision="int8"))
    with pytest.raises(Unfit, match="holds fp32 weights"):
        lift_shard(shard, ours.source, ours.target, ours.work, "me")


def test_one_of_two_has_a_shard(work: Work, tmp_path: Path, monkeypatch: Any) -> None:
    """The other is told so, does nothing, and finds it done afterwards."""
    write_shards(tmp_path / "in", 1)
    ours, (shard,) = job(tmp_path, work)
    begun, go, lift = threading.Event(), threading.Event(), Work.lift

    def slowly(*arguments: Any) -> Any:
        begun.set()
        assert go.wait(20)
        return lift(*arguments)

    monkeypatch.setattr(Work, "lift", slowly)
    found: list[Any] = []
    other = threading.Thread(target=lambda: found.append(ours.attempt(shard)))
    other.start()
    assert begun.wait(20)
    assert ours.attempt(shard) == Report(shard.name, held=True)
    go.set()
    other.join(20)
    assert found[0].lifted == 1
    assert ours.attempt(shard).skipped == 1
    assert left_over(tmp_path / "out") == []


def test_videos_and_lists_of_them(
    run: Run, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `lift` has them; in a list one that fails leaves the others done."""
    from io_samples import walker

    truth = [walker(12, x=300)[[frame]].astype("float32") / 10 for frame in range(12)]
    monkeypatch.setattr(detection, "open_detector", lambda *_, **__: Scripted(truth))
    (tmp_path / "in").mkdir()
    clip = write_video(tmp_path / "in" / "a.mp4", colours(12))
    (tmp_path / "in" / "list.txt").write_text("a.mp4\ngone.mp4\n")
    ours, (video, listed) = job(tmp_path, work)
    report = ours.attempt(video)
    assert (report.lifted, report.frames, report.persons) == (1, 12, 1)
    once = tmp_path / "once.parquet"
    options = ("--model", tmp_path / "tiny.onnx", "--threads", "1", "--quiet")
    assert run("lift", clip, "-o", once, *options) == (0, "", "")
    assert outputs(tmp_path / "out") == {"a.mp4.parquet": once.read_bytes()}
    outcome = ours.attempt(listed)
    assert outcome == Failure(
        "list.txt",
        f"{tmp_path}/in/list.txt: 1 of 2 videos failed: {tmp_path}/in/gone.mp4: not found",
        "shard",
    )
    assert set(notes(tmp_path / "out", "done")) == {"a.mp4.parquet", "list/a.mp4.parquet"}
    (tmp_path / "in" / "gone.mp4").write_bytes(clip.read_bytes())
    report = ours.attempt(listed)
    assert (report.lifted, report.skipped, report.frames) == (1, 1, 24)


def test_doubts_are_kept(work: Work, tmp_path: Path) -> None:
    names = write_shards(tmp_path / "in", 1)
    path = tmp_path / "in" / names[0]
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    facts = table.schema.metadata[b"poselift"].replace(b'"fps":30.0', b'"fps":null')
    table = table.replace_schema_metadata({"poselift": facts}).drop_columns(["time_s"])
    pq.write_table(table, path)
    ours, (shard,) = job(tmp_path, work)
    report = ours.attempt(shard)
    doubt = f"{path}: the frame rate is not known, taking 30 fps (give --fps)"
    assert report.warnings == (doubt,)
    assert notes(tmp_path / "out", "done")[names[0]]["warnings"] == [doubt]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "does not fit into the memory"),
        (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by"),
        (PoseliftError("in/s000.parquet: said"), "said"),
    ],
)
def test_whatever_goes_wrong_is_one_sentence(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    write_shards(tmp_path / "in", 1)
    monkeypatch.chdir(tmp_path)
    source, target = open_store("in"), open_store("out")
    (shard,), _ = plan(source, target)

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Work, "lift", fail)
    outcome = Job(source, target, work, "me").attempt(shard)
    assert outcome == Failure("s000.parquet", f"in/s000.parquet: {sentence}", "shard")
    assert Manifest(target).done("s000.parquet") is None
