"""docs/results.md: what it keeps when the machine that trained is gone."""

import shutil
import sys
from pathlib import Path

import pytest

from lifting_samples import made_up
from poselift.datasets import LiftingData
from poselift.reproduction import cells, run
from poselift.training import TrainingConfig

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_a_page_outlives_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import make_results

    def load(config: TrainingConfig, split: str, *, drop_drifting: bool = False) -> LiftingData:
        return made_up("h36m_17", ["train", "val", "test"].index(split))

    def write(*options: str) -> str:
        runs = ["--runs", str(tmp_path / "runs"), "--docs", str(docs), "--budget", "smoke"]
        words = ["make_results", "--root", "nowhere", "--more", "nowhere", *runs, *options]
        monkeypatch.setattr(sys, "argv", words)
        make_results.main()
        return (docs / "results.md").read_text("utf-8")

    docs = tmp_path / "docs"
    drawn = ("gridconv.figure8", "posegraphnet.figure3")
    monkeypatch.setattr(make_results, "ITEMS", drawn)
    monkeypatch.setattr(cells, "load_fixed", load)
    monkeypatch.setattr(run, "second_seeds", lambda *_: ())
    trained = write()
    assert all(f"## {name}: " in trained for name in drawn)
    assert trained.count("our design is the best: ") == 2  # in front and in its section
    assert (docs / "results" / "gridconv.figure8.png").is_file()
    # another machine: errors are kept, networks are not, and a figure that runs one stays
    said = "As they were written when their networks were there, with the yardstick of then: "
    shutil.rmtree(tmp_path / "runs")
    assert write("--finished").replace(f"\n\n{said}{drawn[1]}.", "") == trained
    # whose network is trained again where that is allowed
    assert write() == trained
    # neither is there: the sections stay
    shutil.rmtree(tmp_path / "runs")
    shutil.rmtree(docs / "results" / "cells")
    assert write("--finished").replace(f"\n\n{said}{', '.join(drawn)}.", "") == trained
    # nothing is there, nor of that budget: it says so
    (docs / "results.md").write_text(trained.replace("`smoke`", "`small`"), "utf-8")
    text = write("--finished")
    assert "still to be trained: gridconv.figure8 (4), posegraphnet.figure3 (1)." in text
    assert "\n## gridconv" not in text
