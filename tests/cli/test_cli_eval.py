"""`poselift eval` on Human3.6M and MPI-INF-3DHP, and what it may be asked to measure."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from mpi_samples import write_test_set
from poselift.cli import app
from poselift.cli.tables import _as_rich
from poselift.datasets import cmu
from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.mpi_inf_3dhp import ACTIVITIES, load_mpi_inf_3dhp
from poselift.evaluation import H36M_ACTIONS, Table, mpjpe, official_joints, pck
from poselift.lifting import Lifter
from poselift.scoring.protocols import score_3dhp
from poselift.scoring.run import lift_data, side_by_side
from poselift.skeletons import H36M_17, get_skeleton
from tiny_model import tiny_onnx


def some_data(name: str, skeleton: str = "h36m_17") -> LiftingData:
    """Every action twelve frames long, in two clips."""
    rng, joints = np.random.default_rng(0), len(get_skeleton(skeleton))
    count = 12 * len(H36M_ACTIONS)
    poses = rng.normal(scale=0.3, size=(count, joints, 3)).astype(np.float32)
    poses -= poses[:, :1]
    number = np.arange(count, dtype=np.int64)
    zeros = np.zeros(count, np.int64)
    return LiftingData(
        keypoints=poses[..., :2] / (poses[..., 2:] + 5) * 1145 + 500,
        poses=poses,
        image_size=np.full((count, 2), 1000, np.float32),
        root=np.tile(np.array([0, 0, 5], np.float32), (count, 1)),
        intrinsics=np.tile(np.array([1145, 1145, 500, 500], np.float32), (count, 1)),
        subject=zeros,
        action=np.repeat(np.array(list(H36M_ACTIONS)), 12),
        camera=zeros,
        frame=number,
        clip=number // (count // 2),
        clips=("a", "b"),
        skeleton=get_skeleton(skeleton),
        name=name,
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Put small data in the place of Human3.6M; return what it is asked for."""
    calls: list[tuple[Any, ...]] = []

    def open_human36m(
        root: Path,
        split: str,
        detections: str,
        *,
        skeleton: str = "h36m_17",
        drop_drifting: bool = False,
        progress: Any = None,
    ) -> LiftingData:
        calls.append((str(root), split, detections, skeleton, drop_drifting))
        progress(1, 2)
        drift = ", without the 12 drifting sequences of S9" if drop_drifting else ""
        return some_data(f"human36m {split}, {detections}{drift}", skeleton)

    stand_in = ModuleType("human36m")
    stand_in.open_human36m = open_human36m  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "poselift.datasets.human36m_layouts", stand_in)
    return calls


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Untrained models by joint set."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for skeleton in ("h36m_17", "h36m_16", "h36m_32"):
        found[skeleton] = folder / f"{skeleton}.onnx"
        found[skeleton].write_bytes(tiny_onnx({"skeleton": skeleton, "normalisation": "screen"}))
    return found


@pytest.fixture(scope="module")
def test_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_test_set(tmp_path_factory.mktemp("3dhp"))


def poselift(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *(str(argument) for argument in arguments)])


def tables(folder: Path, *arguments: object) -> dict[str, dict[str, dict[str, float]]]:
    """Run the command; return its JSON file's tables; the CSV file must have all their numbers."""
    out = folder / "a.json", folder / "a.csv"
    result = poselift(*arguments, "--json", out[0], "--csv", out[1])
    assert result.exit_code == 0, result.output
    content = json.loads(out[0].read_text())["tables"]
    rows = list(csv.DictReader(out[1].read_text().splitlines()))
    for row in rows:
        assert content[row["table"]][row["row"]][row["column"]] == float(row["value"])
    cells = [cell for table in content.values() for row in table.values() for cell in row.values()]
    assert len(rows) == sum(cell is not None for cell in cells) > 0
    for title in content:
        assert title in result.stdout
    return content


def test_h36m_prints_the_tables_of_the_papers(
    models: dict[str, Path], asked: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    model = models["h36m_17"]
    found = tables(
        *(tmp_path, "--model", model, "--data", "h36m", "--root", "x", "--detections", "cpn")
    )
    assert asked == [("x", "test", "cpn", "h36m_17", False)]
    start = "human36m test, cpn, detected 2D, 17 joints"
    averages = found[f"{start}: averages"]
    assert list(averages) == [
        f"{model}, P1: MPJPE (mm, root-aligned)",
        f"{model}, P2: P-MPJPE (mm, similarity-aligned)",
        *(f"{model}, {axis} error (mm, root-aligned)" for axis in "xyz"),
    ]
    p1 = averages[f"{model}, P1: MPJPE (mm, root-aligned)"]
    counted, left_out = (
        p1[f"mean of action means, hip {words}"] for words in ("counted", "left out")
    )
    assert left_out == pytest.approx(counted * 17 / 16)
    title = (
        f"{start}, P1: MPJPE (mm, root-aligned), mean over frames of each action, "
        "Avg. is the mean of action means, hip counted"
    )
    assert list(found[title][str(model)]) == [*H36M_ACTIONS.values(), "Avg."]
    data = some_data("x")
    predicted = lift_data(Lifter(model), data)
    assert counted == pytest.approx(1000 * mpjpe(predicted, data.poses), rel=1e-5)
    joints = found[
        f"{start}, P1: MPJPE (mm, root-aligned), mean over frames, joints of {model} ascending"
    ]
    assert set(H36M_17.joints) < set(joints[str(model)])


def test_ground_truth_is_p1_star(
    models: dict[str, Path], asked: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    found = tables(
        *(tmp_path, "--model", models["h36m_17"], "--data", "h36m", "--root", "x"),
        *("--split", "val", "--drop-drifting"),
    )
    assert asked == [("x", "val", "gt", "h36m_17", True)]
    start = "human36m val, gt, without the 12 drifting sequences of S9, ground truth 2D, 17 joints"
    assert all(title.startswith(start) for title in found)
    names = list(found[f"{start}: averages"])
    assert [name.split(", ")[1].split(" (")[0] for name in names] == [
        "P1*: MPJPE",
        "x error",
        "y error",
        "z error",
    ]


def test_each_model_in_its_own_joints(
    models: dict[str, Path], asked: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    flags = [flag for path in models.values() for flag in ("--model", path)]
    found = tables(tmp_path, *flags, "--data", "h36m", "--root", "x", "--protocol", "p1*")
    assert [call[3] for call in asked] == ["h36m_17", "h36m_16", "h36m_32"]
    for joints, path in ((17, "h36m_17"), (16, "h36m_16"), (32, "h36m_32")):
        table = found[f"human36m test, gt, ground truth 2D, {joints} joints: averages"]
        assert list(table) == [f"{models[path]}, P1*: MPJPE (mm, root-aligned)"]


def test_h36m_by_any_metric(
    models: dict[str, Path], asked: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    names = "auc,velocity, N-MPJPE,pck"
    found = tables(
        *(tmp_path, "--model", models["h36m_17"], "--data", "h36m", "--root", "x"),
        *("--metrics", names, "--protocol", "p1*"),
    )
    (averages, *_) = found.values()
    assert [name.partition(", ")[2] for name in averages] == [
        "P1*: MPJPE (mm, root-aligned)",
        "N-MPJPE (mm, root- and scale-aligned)",
        "velocity error (mm per frame, root-aligned)",
        "PCK@150 (%, root-aligned)",
        "AUC 0:5:150 (%, root-aligned)",
    ]


def test_3dhp(models: dict[str, Path], test_set: Path, tmp_path: Path) -> None:
    model = models["h36m_17"]
    found = tables(tmp_path, "--model", model, "--data", "3dhp", "--root", test_set)
    title = (
        "mpi_inf_3dhp test, univ_annot3, 2D ground truth; 14 joints: official, 17 joints: all, "
        "hip counted"
    )
    assert list(found) == [
        f"{title}: mean over frames",
        f"{title}, by scene, mean over frames",
        f"{title}, by activity, mean over frames of each",
    ]
    overall, by_scene, by_activity = found.values()
    data = load_mpi_inf_3dhp(test_set)
    predicted, joints = lift_data(Lifter(model), data), official_joints(H36M_17)
    row = overall[str(model)]
    assert row["PCK@150 (%, root-aligned, 14 joints)"] == pytest.approx(
        pck(predicted[:, joints], data.poses[:, joints])
    )
    assert row["MPJPE (mm, root-aligned, 17 joints)"] == pytest.approx(
        1000 * mpjpe(predicted, data.poses), rel=1e-5
    )
    assert list(by_scene) == ["GS", "noGS", "outdoor", "all scenes"]
    assert list(by_activity)[:4] == list(ACTIVITIES[:4])


def test_3dhp_of_true_size_and_two_models(
    models: dict[str, Path], test_set: Path, tmp_path: Path
) -> None:
    run = tmp_path / "b.onnx"
    run.write_bytes(tiny_onnx({"normalisation": "person"}))
    found = tables(
        *(tmp_path, "--model", models["h36m_17"], "--model", run, "--data", "3dhp"),
        *("--root", test_set, "--annotations", "raw", "--protocol", "p1*", "--metrics", "velocity"),
    )
    overall, by_scene, _ = found.values()
    assert all("annot3, 2D" in title and "univ" not in title for title in found)
    assert list(overall) == [str(models["h36m_17"]), str(run)]
    assert f"{run}: velocity error (mm per frame, root-aligned, 14 joints)" in by_scene["GS"]


def test_3dhp_says_how_far_its_frames_lie_apart(models: dict[str, Path], test_set: Path) -> None:
    lifters = {"a": Lifter(models["h36m_17"])}
    said: list[str] = []
    data = load_mpi_inf_3dhp(test_set, subjects=[1, 5])
    scores = score_3dhp(lifters, data, ["velocity"], said.append)
    assert said == [f"{data.name}: lifting by a, 8 of 8 poses", f"{data.name}: measuring a ..."]
    assert scores.notes == (
        "velocity error: frames of the file from one valid frame to the next: 3 in TS1, 3 in TS5",
    )


def test_cmu17_by_other_metrics(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cmu, "load_cmu17", lambda root, split, variant, seed: some_data(variant))
    found = tables(
        *(tmp_path, "--model", models["h36m_17"], "--root", "x", "--variant", "detected"),
        *("--protocol", "p2,p1", "--metrics", "pck,velocity"),
    )
    averages = found["detected: 17 joints, the root at 0 and counted"][str(models["h36m_17"])]
    assert [name.split(" (")[0] for name in averages][::2] == [
        "MPJPE",
        "P-MPJPE",
        "velocity error",
        "PCK@150",
    ]
    assert "PCK@150 (%, mean over frames)" in averages


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("h36m --protocol p1", "--protocol p1 means detected 2D keypoints: name a detector, as by"),
        (
            "h36m --detections cpn --protocol p2,p1*",
            "--protocol p1* means ground truth 2D keypoints: leave out --detections, or give gt",
        ),
        ("cmu17 --protocol p1", "--protocol p1 means detected 2D keypoints: give --variant detec"),
        ("cmu17 --protocol p1*", "means ground truth 2D keypoints: give --variant ground_truth"),
        ("3dhp --protocol p2", "--protocol p2 means detected 2D keypoints: the test set has none"),
        ("pose2sim --protocol p1*", "means ground truth 2D keypoints: the clip has none"),
        ("pose2sim --protocol p1", "allows p-mpjpe (p2) only, not mpjpe"),
        ("pose2sim --metrics p-mpjpe,pck,auc", "allows p-mpjpe (p2) only, not pck, auc"),
        ("h36m --protocol p3", "--protocol: expected a comma list of p1, p1*, p2, got 'p3'"),
        ("h36m --protocol p1*,p1*", "--protocol: p1* is given twice"),
        ("3dhp --metrics pck,,auc", "--metrics: expected a comma list of mpjpe, p-mpjpe, n-mpjpe,"),
        ("3dhp --metrics rmse", "velocity, pck, auc, axis, got 'rmse'"),
        ("3dhp --split test", "--data 3dhp has one part only: leave out --split test"),
        (
            "3dhp --detections cpn",
            "--detections is for --data cmu17-rendered and h36m: leave out --detections cpn",
        ),
        ("cmu17 --drop-drifting", "--drop-drifting is for --data h36m: leave out --drop-drifting"),
        ("h36m --variant both", "--variant is for --data cmu17 and own: leave out --variant both"),
        ("h36m --annotations raw", "--annotations is for --data 3dhp: leave out --annotations raw"),
        ("pose2sim --detections gt", "has one part only: leave out --detections gt"),
        ("3dhp --annotations true", "--annotations: expected one of univ, raw, got 'true'"),
        ("3dhp", "expected the folders TS1 to TS6, found none of them"),
    ],
)
def test_refused_in_one_line(
    arguments: str, sentence: str, models: dict[str, Path], tmp_path: Path
) -> None:
    options = ["--model", models["h36m_17"], "--root", tmp_path, "--data", *arguments.split()]
    result = poselift(*options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_3dhp_is_for_models_of_17_joints(models: dict[str, Path], test_set: Path) -> None:
    result = poselift("--model", models["h36m_16"], "--data", "3dhp", "--root", test_set)
    assert result.exit_code == 2
    assert "expected a model of h36m_17, tiny lifts h36m_16" in result.stderr


def printed(table: Table, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        for shown in _as_rich(table, width):
            console.print(shown)
    return capture.get().splitlines()


def test_a_wide_table_is_turned_where_it_does_not_fit() -> None:
    table = Table("t", tuple(f"column {i}" for i in range(9)), (("row", tuple(range(9))),))
    assert "column 8" in printed(table, 160)[1]
    assert len(printed(table, 160)) == 5
    turned = printed(table, 60)
    assert "row" in turned[1]
    assert [line.split()[1:3] for line in turned[3:-1]] == [["column", str(i)] for i in range(9)]


def of_models(names: tuple[str, ...]) -> Table:
    """Two joints, each model's frames and one error."""
    own = Table("by joint", ("frames", "MPJPE (mm, mean over frames)"), (("left_knee", (7, 12.3)),))
    return side_by_side(dict.fromkeys(names, own))


def test_models_side_by_side_are_shown_a_measure_at_a_time() -> None:
    names = ("gln-small", "runs/mine", "posegraphnet")
    whole = of_models(names)
    assert len(whole.columns) == 6  # files have each model's own
    (shown,) = whole.by_column()
    assert shown.title == "by joint, MPJPE (mm, mean over frames)"
    assert (shown.columns, shown.rows) == (
        ("frames", *names),
        (("left_knee", (7, 12.3, 12.3, 12.3)),),
    )
    assert Table("t", ("a",), ()).by_column() == (Table("t", ("a",), ()),)
    uneven = side_by_side(
        {"a": Table("t", ("n",), (("x", (1,)),)), "b": Table("t", ("n",), (("x", (2,)),))}
    )
    assert [one.title for one in uneven.by_column()] == ["t, n"]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_word_is_cut_however_many_models_there_are(width: int) -> None:
    names = tuple(f"runs/network_of_the_lab_{number}" for number in range(9))
    (table,) = of_models(names).by_column()
    lines = printed(replace(table, rows=table.rows * 12), width)
    assert max(map(len, lines)) <= width
    text = "".join(line.replace(" ", "") for line in lines)
    assert "\u2026" not in text
    assert text.count("12.3") == 9 * 12
    rows = [line for line in lines if "left_knee" in line]
    assert len(rows) % 12 == 0
    assert all(any(letter.isdigit() for letter in line) for line in rows)
