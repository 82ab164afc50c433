"""Table 1 of GridConv from pictures: trained, measured, resumed, drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picture_samples import Sticks
from poselift.errors import PoseliftError
from poselift.reproduction import Study, get_budget, get_item, reproduce
from poselift.reproduction.cells import complete_all
from poselift.reproduction.end_to_end import SEEDS, alone, gains, joint, table1
from poselift.reproduction.picture_cells import Kept, predict_pictures
from poselift.training import SilentReporter


class Acting(Sticks):
    def __getitem__(self, index: int) -> dict[str, object]:
        return {**super().__getitem__(index), "action": ("walk", "sit")[index % 2]}


def study(folder: Path) -> Study:
    made = Study(
        "cmu17-rendered", Path("none"), get_budget("smoke"), folder, device="cpu", threads=1
    )
    for number, (name, count) in enumerate((("train", 32), ("val", 8), ("test", 10))):
        made.drawn.splits[name] = Kept.of(Acting(count, seed=number))
    return made


def test_three_ways_to_learn_beside_each_other(tmp_path: Path) -> None:
    made = study(tmp_path)
    cells = tuple(one for n in SEEDS[:1] for one in (alone(n), joint(n), joint(n, through=False)))
    said: list[str] = []
    results = complete_all(made, cells, SilentReporter(), said.append)
    assert said[0].startswith("3 of 3 networks are to be trained, about")
    network, card = made.trained(alone())
    detector = made.detector_folder(0)
    assert card["recipe"]["model"]["detector_rate"] == 0
    assert (detector / "model.safetensors").is_file()
    report = table1(made, results)
    by_action, printed, seeds, by_joint = report.tables
    rows = dict(by_action.rows)
    measured = {name for name, values in rows.items() if values[0] is not None}
    assert measured == {"Ours", "Ours e2e", "Ours, both learning side by side"}
    assert rows["Zhou 2021"][-1] == dict(printed.rows)["Zhou 2021"][-1] == 39.9  # no network here
    assert "published average" in by_action.columns
    assert dict(by_action.rows)["Ours e2e"][-1] == 43.7
    row = dict(zip(seeds.columns, dict(seeds.rows)["seed 0"], strict=True))
    poses, away = predict_pictures(network, made.drawn.split("test"))
    assert row["alone 2D (px)"] == pytest.approx(float(away.mean()))
    truth = made.drawn.split("test").columns["poses"]
    error = 1000 * np.linalg.norm(poses - truth, axis=-1).mean()
    assert row["alone MPJPE (mm)"] == pytest.approx(error, rel=1e-4)
    assert row["e2e lower by (%)"] == pytest.approx(
        100 * (1 - row["e2e MPJPE (mm)"] / row["alone MPJPE (mm)"])
    )
    found = gains(results)
    assert len(by_joint.rows) == len(found) == 16  # the root is at 0 in both
    first = results[alone()].by_joint["head"]["MPJPE"] - results[joint()].by_joint["head"]["MPJPE"]
    assert found["head"] == pytest.approx(first)
    assert report.draw is not None
    assert report.draw("caption").startswith(b"\x89PNG")
    # nothing is trained a second time
    again = complete_all(study(tmp_path), cells, SilentReporter(), said.append)
    assert again == results
    assert len(said) == 4


def test_other_tables_are_not_made_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"of which gridconv\.table1 is made"):
        reproduce(get_item("gridconv.table5"), study(tmp_path), SilentReporter(), print)


def test_a_budget_that_pictures_have_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="--budget: expected one of smoke, small, paper for"):
        replace(study(tmp_path), budget=get_budget("medium")).detector_folder(0)
