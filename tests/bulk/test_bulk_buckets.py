"""Shards in an object store: the same outputs, a lease for a lock, a sentence where it is full."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("s3fs", reason="object stores need s3fs")
pytest.importorskip("moto", reason="a store of the S3 kind is moto's")

import fsspec

from bulk_samples import outputs, write_model, write_shards
from poselift.bulk import Work, lift_all, locks
from poselift.bulk.locks import holding
from poselift.bulk.shards import clips, plan
from poselift.bulk.stores import Bucket, open_store
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_17
from s3_server import Server

Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.filterwarnings("default")  # botocore's and moto's own


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def bucket(
    server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """URL of an empty bucket."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", server.url),
    ):
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    name = f"b{abs(hash(request.node.name))}"
    fsspec.filesystem("s3").mkdir(name)
    server.room = 1 << 40
    server.asked.clear()
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work.of(str(write_model(tmp_path)))


def upload(folder: Path, url: str) -> None:
    for path in folder.rglob("*"):
        fsspec.filesystem("s3").put_file(str(path), f"{url}/{path.name}")


def everything(url: str) -> dict[str, bytes]:
    """All objects below a URL, by what follows it."""
    fs = fsspec.filesystem("s3", use_listings_cache=False)
    root = url.removeprefix("s3://")
    return {one.removeprefix(f"{root}/"): fs.cat_file(one) for one in fs.find(root)}


def test_a_bucket_gives_what_a_folder_gives(
    server: Server, bucket: str, work: Work, tmp_path: Path
) -> None:
    """Up to the place that the history names; nothing is fetched again that is done."""
    write_shards(tmp_path / "in", 3)
    upload(tmp_path / "in", f"{bucket}/in")
    assert lift_all(f"{bucket}/in", f"{bucket}/out", work, workers=2).lifted == 3
    found = everything(f"{bucket}/out/{work.name}")
    assert sorted(found) == [
        *(f"_bulk/done/s00{one}.parquet.json" for one in range(3)),
        "_bulk/work.json",
        *(f"s00{one}.parquet" for one in range(3)),
    ]
    lift_all(tmp_path / "in", tmp_path / "out", work, workers=1)
    for name, content in outputs(tmp_path / "out").items():
        (tmp_path / "got.parquet").write_bytes(found[name])
        from poselift.io import load

        (tmp_path / "own.parquet").write_bytes(content)
        ours, theirs = load(tmp_path / "got.parquet"), load(tmp_path / "own.parquet")
        for one, other in zip(ours.people, theirs.people, strict=True):
            assert one.poses_3d.positions.tobytes() == other.poses_3d.positions.tobytes()
            assert one.poses_2d.history[0] == f"read: {bucket}/in/{name} (parquet, coco_17)"
    server.asked.clear()
    assert lift_all(f"{bucket}/in", f"{bucket}/out", work, workers=1).skipped == 3
    gets = [path for method, path in server.asked if method == "GET" and "/in/s" in path]
    assert len(gets) == 3 or all("in/s" in one for one in gets)  # their schemas alone
    assert everything(f"{bucket}/out/{work.name}") == found


def test_a_full_store_and_a_missing_one(
    server: Server, bucket: str, run: Run, tmp_path: Path
) -> None:
    """One sentence each, and what is done is whole; with space the same command goes on."""
    write_shards(tmp_path / "in", 2)
    upload(tmp_path / "in", f"{bucket}/in")
    given = ("bulk", f"{bucket}/in", f"{bucket}/out", "--model", write_model(tmp_path))
    server.room = 3000
    status, out, err = run(*given, "--workers", "1", "--quiet")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "s000.parquet: cannot be written (" in err
    assert "; 0 of 2 shards are done, the same command goes on" in err
    assert not any(one.endswith(".parquet") for one in everything(f"{bucket}/out"))
    server.room = 1 << 40
    assert run(*given, "--workers", "1", "--quiet") == (0, "", "")
    assert sum(one.endswith(".parquet") for one in everything(f"{bucket}/out")) == 2
    for place, words in (
        (f"{bucket}/nothing", "not found, expected a folder of shards"),
        ("s3://no-such-bucket-here/in", "cannot be listed (The specified bucket does not exist)"),
        ("nostore://x/in", "Protocol not known: nostore"),
    ):
        status, _, err = run("bulk", place, tmp_path / "out", *given[3:])
        assert (status, err.count("\n")) == (2, 1)
        assert f"{place}: {words}" in err


def test_inputs_are_refused_as_those_of_folders(bucket: str, work: Work, tmp_path: Path) -> None:
    write_shards(tmp_path / "in", 1)
    write_shards(tmp_path / "in", 1, skeleton=H36M_17, first=1)
    upload(tmp_path / "in", f"{bucket}/in")
    with pytest.raises(PoseliftError, match=f"^{bucket}/in: mixes skeletons, s000.parquet has 17"):
        lift_all(f"{bucket}/in", f"{bucket}/out", work)
    with pytest.raises(PoseliftError, match="lies in the input"):
        lift_all(f"{bucket}/in", f"{bucket}/in/out", work)


def test_a_lease_is_one_process_s(bucket: str) -> None:
    """Nobody else's while it is renewed, the same driver's at once, another's when it is dead."""
    store = Bucket(bucket)
    with holding(store, "locks/s", "me") as first:
        assert first.ours
        with holding(store, "locks/s", "you") as other:
            assert not other.ours
        with holding(store, "locks/s", "you", other.holder) as taken:  # I am said to be dead
            assert taken.ours
            with holding(store, "locks/s", "she") as third:
                assert (third.ours, third.holder != other.holder) == (False, True)
        assert store.names("locks") == []
    with holding(store, "locks/s", "you") as again:
        assert again.ours
        with holding(store, "locks/s", "you") as once_more:
            assert once_more.ours


def test_of_many_one_gets_the_lease(bucket: str) -> None:
    """And whoever has it renews it, so that it is never the same for long."""
    store, ours = Bucket(bucket), []
    gate, leave = threading.Barrier(6), threading.Event()

    def take(name: str) -> None:
        gate.wait(20)
        with holding(store, "locks/s", name) as hold:
            ours.append(hold.ours)
            if hold.ours:
                assert leave.wait(20)

    threads = [threading.Thread(target=take, args=(f"t{one}",)) for one in range(6)]
    for one in threads:
        one.start()
    while len(ours) < 6:
        threading.Event().wait(0.01)
    leave.set()
    for one in threads:
        one.join(20)
    assert sorted(ours) == [False] * 5 + [True]


def test_a_dead_driver_s_lease_is_waited_for_and_taken(
    bucket: str, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shards(tmp_path / "in", 1)
    store = Bucket(f"{bucket}/out/{work.name}")
    assert store.create("_bulk/locks/s000.parquet.0", b'{"owner":"dead","beat":4}')
    monkeypatch.setattr("poselift.bulk.driver.EXPIRED", 0.5)
    monkeypatch.setattr("poselift.bulk.driver._AGAIN", 0.2)
    assert lift_all(tmp_path / "in", f"{bucket}/out", work, workers=1).lifted == 1
    assert store.names("_bulk/locks") == []


def test_a_lease_is_renewed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "RENEWED", 0.05)
    store = Bucket(bucket)
    with holding(store, "locks/s", "me"), holding(store, "locks/s", "you") as first:
        for _ in range(200):
            with holding(store, "locks/s", "you") as later:
                assert not later.ours
                if later.holder != first.holder:
                    break
        assert later.holder != first.holder


def test_videos_of_a_list_come_from_anywhere(bucket: str, work: Work, tmp_path: Path) -> None:
    store = open_store(f"{bucket}/in")
    store.write("list.txt", f"a.mp4\n{bucket}/other/b.mp4\n".encode())
    (shard,), _ = plan(store, open_store(str(tmp_path)))
    found: list[Any] = list(clips(store, shard))
    assert [one.shown for one in found] == [f"{bucket}/in/a.mp4", f"{bucket}/other/b.mp4"]
    for one in found:
        with (
            pytest.raises(PoseliftError, match=f"^{one.shown}: not found"),
            one.store.copy(one.name),
        ):
            pass
