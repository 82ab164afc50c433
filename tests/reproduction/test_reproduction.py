"""The papers' tables and figures, end to end on a made-up data set at the smallest budget."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from lifting_samples import ACTIONS, made_up
from mpi_samples import write_test_set
from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.evaluation import AVERAGES, Table
from poselift.reproduction import (
    BUDGETS,
    ITEMS,
    Study,
    cells,
    get_budget,
    learning,
    reproduce,
    so_far,
    unseen,
    untrained,
    write_report,
)
from poselift.reproduction import run as running
from poselift.reproduction.cells import Cell, cell, complete_all
from poselift.reproduction.claims import (
    Claim,
    Row,
    again,
    random_layouts,
    second_seeds,
    seeds_table,
    verdict,
)
from poselift.reproduction.measure import Result
from poselift.reproduction.pictures import chosen_rows
from poselift.reproduction.published import PUBLISHED, TABLES
from poselift.training import SilentReporter, TrainingConfig
from poselift.training.records import write_metrics


def load(config: TrainingConfig, split: str, *, drop_drifting: bool = False) -> LiftingData:
    skeleton = str(config.model.get("skeleton", "h36m_17"))
    return made_up(skeleton, ["train", "val", "test"].index(split))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """A study whose cells the tests of this file share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "load_fixed", load)
        # at this budget all rows are close; that they are trained again has a test of its own
        patch.setattr(running, "second_seeds", lambda *_: ())
        yield Study(
            "h36m",
            Path("nowhere"),
            get_budget("smoke"),
            tmp_path_factory.mktemp("runs"),
            mpi_root=write_test_set(tmp_path_factory.mktemp("mpi")),
            device="cpu",
            threads=1,
        )


#: 32 joints on their grid.
MANY = {"skeleton": "h36m_32", "grid": (7, 5)}


def quiet(_: str) -> None:
    """Say nothing."""


#: Of other people than the training's; and dozens of networks, which has a test of its own.
APART = ("gridconv.table3-open", "gridconv.figure5b-open", "gridconv.search")


@pytest.mark.parametrize("name", [name for name in ITEMS if name not in APART])
def test_every_table_and_figure_comes_out(name: str, study: Study, tmp_path: Path) -> None:
    item = ITEMS[name]
    report, results = reproduce(item, study, SilentReporter(), quiet)
    assert set(results) == set(item.cells)
    assert len(report.readings) >= len(item.claims)
    assert len(report.tables) >= 1
    paths = [tmp_path / f"out.{kind}" for kind in ("md", "csv", "png")]
    write_report(item, report, results, "poselift reproduce x", {"seed": "0"}, paths)
    text = paths[0].read_text()
    assert text.startswith(f"## {name}: ")
    for fact in ("command: `poselift reproduce x`", "seed: 0", "tested on: made up", "software: "):
        assert fact in text
    assert re.search(r"weights kept after: (0|400|800|1,200) (to [\d,]+ )?poses", text)
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    lines = paths[1].read_text().splitlines(keepends=True)
    assert lines[0] == "# command: `poselift reproduce x`\n"
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert {row["kind"] for row in rows} <= {"measured", "published"}
    measured = [float(row["value"]) for row in rows if row["kind"] == "measured"]
    assert np.isfinite(measured).all()


def test_published_numbers_stand_apart(study: Study) -> None:
    """Every published column holds the paper's numbers and no other."""
    for name in ("gridconv.table2", "gridconv.table4", "gridconv.table5"):
        report, _ = reproduce(ITEMS[name], study, SilentReporter(), quiet)
        table, *_ = report.tables
        printed = dict(TABLES[name].rows)
        for row, values in table.rows:
            own = [v for v, c in zip(values, table.columns, strict=True) if c.startswith(PUBLISHED)]
            expected = list(printed.get(row, ()))[: len(own)] or [None] * len(own)
            assert own == expected, row


def test_a_finished_study_trains_nothing(study: Study) -> None:
    wanted = ITEMS["gridconv.figure8"].cells
    complete_all(study, wanted, SilentReporter(), quiet)
    before = {path: path.stat().st_mtime_ns for path in study.runs.rglob("*")}
    said: list[str] = []
    complete_all(study, wanted, SilentReporter(), said.append)
    assert said == []
    assert {path: path.stat().st_mtime_ns for path in study.runs.rglob("*")} == before


def test_an_interrupted_study_goes_on_at_the_missing_cells(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(study, runs=tmp_path)
    pair = (cell("martinez", "detected"), cell("martinez", "ground_truth"))
    real, trained = cells.train, []

    def train(config: TrainingConfig, *rest: object, **more: object) -> object:
        trained.append(config.data.variant)
        if trained == ["detected", "ground_truth"]:
            raise KeyboardInterrupt
        return real(config, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(cells, "train", train)
    with pytest.raises(KeyboardInterrupt):
        complete_all(own, pair, SilentReporter(), quiet)
    assert [own.finished(one) for one in pair] == [True, False]
    said: list[str] = []
    results = complete_all(own, pair, SilentReporter(), said.append)
    assert trained == ["detected", "ground_truth", "ground_truth"]
    assert re.fullmatch(r"1 of 2 networks are to be trained, about \d+ (s|min)", said[0])
    assert said[1:] == [
        "network 1 of 1: martinez-ground_truth",
    ]
    assert list(results) == list(pair)


def test_missing_data_are_found_before_training(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_true(config: TrainingConfig, split: str, *, drop_drifting: bool) -> LiftingData:
        if config.data.variant == "detected":
            raise PoseliftError("no detections")
        return load(config, split)

    monkeypatch.setattr(cells, "load_fixed", only_true)
    own = replace(study, runs=tmp_path, _loaded={})
    pair = (cell("martinez", "ground_truth"), cell("martinez", "detected"))
    with pytest.raises(PoseliftError, match="no detections"):
        complete_all(own, pair, SilentReporter(), quiet)
    assert list(tmp_path.iterdir()) == []


def test_cells_are_told_apart_by_their_settings(study: Study) -> None:
    one = cell("gln", "detected", layout="handcrafted")
    assert one == cell("gln", "detected", layout="handcrafted")
    assert one.name == "gln-layout=handcrafted-detected"
    others = [
        cell("gln", "ground_truth", layout="handcrafted"),
        cell("gln", "detected"),
        cell("gln", "detected", grid=(6, 3)),
        cell("gln", "detected", layout="handcrafted", target="pixel_depth"),
        cell("gln", "detected", layout="handcrafted", repeat=1),
    ]
    folders = {study.folder(each) for each in (one, *others)}
    assert len(folders) == 6
    assert study.folder(one) not in {
        replace(study, seed=1).folder(one),
        replace(study, budget=BUDGETS["small"]).folder(one),
        replace(study, detections="hrnet").folder(one),
    }
    kept = replace(study, drop_drifting=True)
    assert kept.folder(one) != study.folder(one)
    assert kept.folder(others[0]) == study.folder(others[0])  # true 2D does not drift
    # where the data lie and how many threads there are is no difference
    assert replace(study, root=Path("elsewhere"), threads=2).folder(one) == study.folder(one)


def test_budgets_keep_what_a_table_compares(study: Study) -> None:
    one = cell("gln", "ground_truth", layout="random", layout_seed=3, attention="channel")
    for name in ("smoke", "small", "medium"):
        config = replace(study, budget=BUDGETS[name]).config(one)
        assert config.model["layout_seed"] == 3
        assert config.model["attention"] == "channel"
        assert config.recipe == f"gln_paper_{name}"
    paper = replace(study, budget=BUDGETS["paper"]).config(one)
    assert (paper.epochs, paper.batch_size, paper.normalisation) == (100, 200, "gridconv")
    assert paper.data.samples is None
    million = BUDGETS["medium"]
    assert (million.epochs, million.samples) == (40, 25_000)
    # all networks alike, whatever their papers say
    small = [
        replace(study, budget=BUDGETS["small"]).config(cell(name, "detected"))
        for name in ("gln", "posegraphnet", "martinez", "semgcn", "lcn", "videopose3d", "stgcn")
    ]
    shared = ("epochs", "batch_size", "lr", "loss", "schedule", "normalisation", "data")
    assert len({str([getattr(config, field) for field in shared]) for config in small}) == 1


def test_results_survive_their_file_and_refuse_others(study: Study) -> None:
    one = cell("martinez", "detected")
    result = study.complete(one, SilentReporter())
    assert Result.from_json(result.to_json(), "x") == result
    with pytest.raises(PoseliftError, match=r"x: not the result of a cell .* delete it"):
        Result.from_json(b"{}", "x")
    total = np.mean([error["MPJPE"] for error in result.by_joint.values()])
    assert total == pytest.approx(result.averages["MPJPE"]["mean over frames"], rel=1e-5)
    assert result.samples in (400, 800, 1200)


def of(error: float) -> Result:
    """A result with one error everywhere."""
    averages = {name: dict.fromkeys(AVERAGES, error) for name in ("MPJPE", "P-MPJPE")}
    return Result(averages, {}, {}, {}, 1_000_000, 200_000, 60.0, "made up", 100)


def full(error: float) -> Result:
    """The same as it is read from a file."""
    return replace(of(error), by_axis=dict.fromkeys("xyz", error))


LOW, HIGH = cell("gln", "detected"), cell("lcn", "detected")
CLAIM = Claim("a below b", (Row("a", (LOW,)), Row("b", (HIGH,))), printed=(3.0, 4.0))


def test_an_order_is_judged_by_what_random_layouts_differ_by(study: Study, tmp_path: Path) -> None:
    own = replace(study, runs=tmp_path)
    drawn = dict(zip(random_layouts("detected"), map(of, (50.0, 52.0, 53.0, 51.0)), strict=True))
    for low, high, word in (
        (40.0, 44.0, "holds"),
        (44.0, 40.0, "does not hold"),
        (40.0, 42.0, "within chance"),
        (42.0, 40.0, "within chance"),
    ):
        results = {**drawn, LOW: of(low), HIGH: of(high)}
        said = verdict(CLAIM, own, results)
        assert said.startswith(f"a below b: {word}, ")
        assert "(published: 3.0, 4.0); chance: 3.0 mm (what four random layouts differ by)" in said
        assert ("a has 1.00 M parameters and took 200,000 poses" in said) == (word != "holds")
        close = word == "within chance"
        wanted = (again(LOW), again(HIGH)) if close else ()
        assert second_seeds((CLAIM,), own, results) == wanted
    # how far a row learnt stands beside what it took
    folder = own.folder(LOW)
    folder.mkdir(parents=True)
    history = [
        {"epoch": n, "step": n, "samples": n, "lr": 0.1, "train_loss": 0.5 / n, "val_loss": 0.75}
        for n in (1, 2)
    ]
    write_metrics(folder, history)
    said = verdict(CLAIM, own, {**drawn, LOW: of(44.0), HIGH: of(40.0)})
    assert said.endswith("its loss ends at 0.2500 in training, 0.7500 in validation")
    assert said.count("its loss ends at") == 1  # no record of the other
    # two seeds each: their means, and a chance of 3.0 / sqrt(2)
    seeds = {again(LOW): of(39.4), again(HIGH): of(42.4)}
    results = {**drawn, LOW: of(40.0), HIGH: of(42.0), **seeds}
    said = verdict(CLAIM, own, results)
    assert said.startswith("a below b: holds, a 39.7 (mean of 2) < b 42.2 (mean of 2) mm")
    assert second_seeds((CLAIM,), own, results) == ()
    (table,) = seeds_table((CLAIM,), results)
    assert table.rows == (("a (a below b)", (40.0, 39.4)), ("b (a below b)", (42.0, 42.4)))
    assert seeds_table((CLAIM,), {LOW: of(1.0), HIGH: of(9.0)}) == ()


def test_close_rows_are_trained_from_a_second_seed(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = ITEMS["gridconv.figure8"]
    (ours,) = item.claims[0].rows[0].cells
    monkeypatch.setattr(
        running, "second_seeds", lambda _, __, known: () if again(ours) in known else (again(ours),)
    )
    assert set(untrained(item, replace(study, runs=Path("nowhere")))) == set(item.cells)
    complete_all(study, item.cells, SilentReporter(), quiet)
    assert untrained(item, study) == (again(ours),)
    assert set(so_far(item, study)[1]) == set(item.cells)
    report, results = reproduce(item, study, SilentReporter(), quiet)
    assert untrained(item, study) == ()
    assert set(results) == {*item.cells, again(ours)}
    assert so_far(item, study)[1] == results
    assert len(report.tables) == 2
    assert re.search(r"ours \d+\.\d \(mean of 2\)", report.readings[0])


def test_a_table_before_all_its_networks_are_trained(study: Study, tmp_path: Path) -> None:
    own, item = replace(study, runs=tmp_path), ITEMS["gridconv.table5"]
    report, results = so_far(item, own)
    assert not results
    assert not any(": holds" in line or ": within" in line for line in report.readings)
    exact = [one for one in item.cells if one.variant == "ground_truth"]
    for number, one in enumerate(exact):
        own.folder(one).mkdir(parents=True)
        (own.folder(one) / "result.json").write_bytes(full(50.0 + number).to_json())
    report, results = so_far(item, own)
    assert set(results) == set(exact)
    (table,) = (one for one in report.tables if "5x5 layouts" in one.title)
    p1, p1_star = (
        next(place for place, name in enumerate(table.columns) if name.startswith(f"{short} "))
        for short in ("P1", "P1*")
    )
    assert [np.isnan(dict(table.rows)["Random SGT #2"][c]) for c in (p1, p1_star)] == [True, False]
    assert "| Random SGT #2 |  |" in table.to_markdown()
    assert [line for line in report.readings if "below random" in line] == [
        line
        for line in report.readings
        if line.startswith("learnable below handcrafted below random, P1*: ")
    ]
    assert "the four random layouts differ by 3.0 mm (P1*)" in report.readings


def test_the_best_of_several_and_the_mean_of_others(study: Study, tmp_path: Path) -> None:
    own = replace(study, runs=tmp_path)
    third = cell("stgcn", "detected")
    results = {LOW: of(50.0), HIGH: of(60.0), third: of(70.0)}
    for best, value in ((True, "(lcn-detected) 60.0"), (False, "65.0")):
        claim = Claim("a below", (Row("a", (LOW,)), Row("rest", (HIGH, third), best=best)))
        said = verdict(claim, own, results)
        assert said.startswith(f"a below: holds, a 50.0 < rest {value}")
        assert "chance: 2.5 mm (5%, as the random layouts are not trained)" in said


def test_layouts_are_searched_from_every_start(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = {name: learning._STARTS[name] for name in ("random #1", "handcrafted")}
    monkeypatch.setattr(learning, "_STARTS", starts)
    monkeypatch.setattr(learning, "_SEEDS", (0, 1))
    makes = (learning._kept, learning._searched)
    wanted = tuple(make(start, seed) for start in starts for seed in (0, 1) for make in makes)
    item = replace(ITEMS["gridconv.search"], cells=wanted)
    report, results = reproduce(item, study, SilentReporter(), quiet)
    assert 8 < len(results) <= 12  # and the learnt layouts anew
    (table,) = report.tables
    assert [name for name, _ in table.rows] == [*starts, "all random starts", "all starts"]
    assert len(report.readings) == 4
    paths = [tmp_path / "search.md"]
    write_report(item, report, results, "x", {}, paths)
    assert "learnt, then trained anew" in paths[0].read_text()


def test_other_people(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PCK and AUC of networks trained on one set and tested on another, named as what it is."""
    monkeypatch.setattr(unseen, "read_index", lambda root: [])
    monkeypatch.setattr(unseen, "load_unseen", lambda root, seen: made_up("h36m_17", 3))
    own = replace(study, data="cmu17", more_root=tmp_path)
    for name in APART[:2]:
        report, results = reproduce(ITEMS[name], own, SilentReporter(), quiet)
        assert not any(PUBLISHED in column for column in report.tables[0].columns)
        with pytest.raises(PoseliftError, match="needs --data cmu17 and --more, the folder of"):
            reproduce(ITEMS[name], replace(own, more_root=None), SilentReporter(), quiet)
        write_report(ITEMS[name], report, results, "x", {}, [tmp_path / f"{name}.png"])


def test_a_cell_starts_from_the_weights_of_another(study: Study, tmp_path: Path) -> None:
    own = replace(study, runs=tmp_path)
    first = cell("gln", "ground_truth", normalisation="screen")
    tuned = cell("gln", "ground_truth", normalisation="screen", start=first)
    own.complete(tuned, SilentReporter())
    assert own.finished(first)
    assert own.config(tuned).init == str(own.folder(first))
    assert own.config(tuned).model["gumbel_off_epoch"] == 0.0  # its layout is settled
    elsewhere = replace(study, runs=tmp_path / "elsewhere")
    assert own.folder(tuned).name == elsewhere.folder(tuned).name


def test_shown_poses_are_spread_over_actions() -> None:
    data = made_up("h36m_17", 0)
    rows = chosen_rows(data, 7)
    assert len(set(rows.tolist())) == 7
    assert set(data.action[rows].tolist()) == set(ACTIONS)


def test_joints_of_both_counts_learn_the_same_poses(study: Study) -> None:
    few, many = (cell("gln", "ground_truth", joints_32=True, **s) for s in ({}, MANY))
    own = replace(study, data="cmu17")
    assert own.config(few).data.name == own.config(many).data.name == "cmu32"
    assert own.folder(few) != own.folder(cell("gln", "ground_truth"))
    # all of h36m has them: Table 6 shares its networks with Table 5
    assert study.folder(few) == study.folder(cell("gln", "ground_truth"))


def test_data_that_a_table_needs(study: Study) -> None:
    with pytest.raises(PoseliftError, match="needs --mpi-root, the folder of the MPI-INF-3DHP"):
        reproduce(ITEMS["gridconv.table3"], replace(study, mpi_root=None), SilentReporter(), quiet)


def test_smoke_on_real_data(shared: Path, tmp_path: Path, run: Run) -> None:
    """As a user types it, with the command's own defaults."""
    status, out, err = run(
        *("reproduce", "posegraphnet.table1", "--data", "cmu17", "--budget", "smoke"),
        *("--root", shared / "data" / "cmu", "--runs", tmp_path / "runs", "-o", tmp_path / "out"),
        *("--threads", "1", "--device", "cpu"),
    )
    assert status == 0, err
    assert "without the hip" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"posegraphnet.table1.{kind}" for kind in ("md", "csv", "png")}


def test_a_stopped_reproduction_says_how_to_go_on(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("poselift.reproduction.reproduce", stopped)
    runs = tmp_path / "runs"
    status, _, err = run(
        *("reproduce", "posegraphnet.table1", "--data", "cmu17", "--root", tmp_path),
        *("--runs", runs, "-o", tmp_path / "out", "--device", "cpu"),
    )
    assert status == 130
    said = f"stopped; the same command goes on where it was, what is trained is in {runs}\n"
    assert said in err


def test_list_names_all(run: Run) -> None:
    status, out, _ = run("reproduce", "--list")
    assert status == 0
    listed = [line.split()[0] for line in out.splitlines()]
    expected = [f"gridconv.table{n}" for n in range(1, 7)]
    expected += [f"gridconv.figure{n}" for n in (3, 5, 6, 7, 8)]
    expected += ["gridconv.table3-open", "gridconv.figure5b-open", "gridconv.search"]
    expected += [f"posegraphnet.table{n}" for n in range(1, 4)]
    expected += ["posegraphnet.figure2", "posegraphnet.figure3"]
    assert sorted(listed) == sorted(expected)


@pytest.mark.parametrize(
    ("name", "model"), [("posegraphnet.figure3", "posegraphnet"), ("gridconv.figure6", "gln")]
)
def test_figures_of_a_given_model(name: str, model: str, tmp_path: Path, run: Run) -> None:
    picture = tmp_path / "picture.png"
    status, out, err = run("reproduce", name, "--model", model, "-o", picture)
    assert status == 0, err
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"wrote {picture}" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "expected the name of a table or figure"),
        (("gridconv.table9",), "unknown table or figure 'gridconv.table9', expected one of"),
        (("gridconv.table5",), "--data cmu17 needs --root"),
        (("gridconv.table5", "--data", "mars", "--root", "x"), "--data: expected one of cmu17"),
        (("gridconv.table5", "--root", "x", "--budget", "huge"), "--budget: expected one of"),
        (
            ("gridconv.table5", "--root", "x", "--drop-drifting"),
            "--drop-drifting is for --data h36m",
        ),
        (("gridconv.table5", "--root", "x", "-o", "a.docx"), "cannot write '.docx'"),
        (
            ("gridconv.table4", "gridconv.table5", "--root", "x", "-o", "a.md"),
            "-o: expected a folder for several tables",
        ),
        (
            ("gridconv.table5", "--model", "gln"),
            "gridconv.table5 compares networks and trains them: leave out --model",
        ),
        (("gridconv.figure6", "--model", "posegraphnet"), "has no grid layout"),
        (("gridconv.figure3", "--model", "gln"), "expected the run folder of a training, got gln"),
        (("posegraphnet.figure3", "--model", "gln"), "has no learned adjacency"),
    ],
)
def test_what_is_refused(
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run("reproduce", *arguments)
    assert status == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_tables_hold_text_too() -> None:
    table = Table("t", ("a", "b"), (("row", ("1.25", 2.0)),))
    assert table.cells()[1] == ["row", "1.25", "2.0"]
    assert table.to_csv() == ",a,b\nrow,1.25,2.0\n"


def test_cells_are_hashable() -> None:
    assert len({Cell("gln", "detected"), Cell("gln", "detected"), Cell("gln", "x")}) == 2
