"""The transcription of the papers' tables: held by the sums and repetitions within them."""

from __future__ import annotations

import statistics

import pytest

from poselift.errors import PoseliftError
from poselift.reproduction.published import TABLES

#: Printed averages that are more than 0.1 mm from the mean of their row's 15 actions.
DISAGREE = {
    ("gridconv.table1", "Fang 2018"),
    ("gridconv.table1", "Sun 2018"),
    ("gridconv.table1", "Yang 2018"),
    ("gridconv.table1", "Moon 2019"),
    ("posegraphnet.table2", "#1 Pavlakos 2018"),
    ("posegraphnet.table2", "#2 Pavlakos 2018"),
    ("posegraphnet.table2", "#2 Ours"),
}
#: Rows of GridConv's Table 1 in which walking seems harder than walking the dog.
EXCHANGED = {"Lee 2018", "Zhao 2019", "Yang 2018", "Moon 2019"}


def complete(key: str) -> dict[str, list[float]]:
    """Rows of a table that have no empty cell."""
    rows = {name: [v for v in values if v is not None] for name, values in TABLES[key].rows}
    return {name: v for name, v in rows.items() if len(v) == len(TABLES[key].columns)}


def column(key: str, name: str) -> dict[str, float | None]:
    return {row: TABLES[key].value(row, name) for row, _ in TABLES[key].rows}


def test_all_tables_of_both_papers_are_there_and_rectangular():
    sizes = {key: (len(table.rows), len(table.columns)) for key, table in TABLES.items()}
    assert sizes == {
        "gridconv.table1": (19, 16),
        "gridconv.table2": (14, 3),
        "gridconv.table3": (13, 3),
        "gridconv.table4": (4, 3),
        "gridconv.table5": (7, 6),
        "gridconv.table6": (2, 3),
        "posegraphnet.table1": (1, 17),
        "posegraphnet.table2": (11, 16),
        "posegraphnet.table3": (3, 3),
        "posegraphnet.figure3": (3, 1),
    }
    for table in TABLES.values():
        assert all(len(values) == len(table.columns) for _, values in table.rows)
        assert len(dict(table.rows)) == len(table.rows)
        assert len(set(table.columns)) == len(table.columns)


@pytest.mark.parametrize("key", ["gridconv.table1", "posegraphnet.table2"])
def test_averages_are_the_means_of_their_rows_but_for_those_listed(key: str):
    rows = complete(key)
    assert len(rows) == len(TABLES[key].rows) - (key == "gridconv.table1")  # Moon 2020
    far = {(key, name) for name, v in rows.items() if abs(statistics.mean(v[:15]) - v[15]) > 0.1}
    assert far == {entry for entry in DISAGREE if entry[0] == key}


def test_walking_the_dog_is_harder_than_walking_but_for_the_rows_listed():
    rows = complete("gridconv.table1")
    assert {name for name, v in rows.items() if v[12] < v[13]} == EXCHANGED


def test_the_average_by_joint_counts_a_hip_without_error():
    *joints, printed = complete("posegraphnet.table1")["Ours"]
    assert joints == sorted(joints)
    assert statistics.mean([0.0, *joints]) == pytest.approx(printed, abs=0.05)
    assert statistics.mean(joints) == pytest.approx(63.3, abs=0.05)


def test_what_is_printed_twice_is_the_same():
    first, second = dict(TABLES["gridconv.table1"].rows), TABLES["posegraphnet.table2"]
    for name in ("Martinez 2017", "Cai 2019", "Zhao 2019", "Pavllo 2019"):
        assert first[name] == dict(second.rows)[f"#1 {name}"]
    average = column("gridconv.table1", "Avg")
    shared = {
        name: value
        for row, value in column("gridconv.table2", "P1").items()
        if (name := row.removesuffix(" T=1")) in average
    }
    assert len(shared) == 12
    assert shared == {name: average[name] for name in shared}
    for key, name in (("table1", "Avg"), ("table3", "MPJPE (mm)")):
        assert TABLES[f"posegraphnet.{key}"].value("Ours", name) == second.value("#1 Ours", "Avg")


def test_layout_means_and_gains_follow_from_the_rows():
    table = TABLES["gridconv.table5"]
    for name in ("P1", "P1*", "P2"):
        values = [v for v in column("gridconv.table5", name).values() if v is not None]
        *random, mean, handcrafted, learnt = values
        assert statistics.mean(random) == pytest.approx(mean, abs=0.051)
        over_best = 100 * (1 - handcrafted / min(random))
        over_handcrafted = 100 * (1 - learnt / handcrafted)
        assert table.value("Handcrafted SGT", f"{name} gain (%)") == pytest.approx(
            over_best, abs=0.051
        )
        assert table.value("Learnable SGT", f"{name} gain (%)") == pytest.approx(
            over_handcrafted, abs=0.051
        )
    for few, many, gain in complete("gridconv.table6").values():
        assert few - many == pytest.approx(gain, abs=1e-9)


def test_a_cell_is_found_by_name_and_an_unknown_one_refused():
    table = TABLES["gridconv.table4"]
    assert table.value("SemGCN (2019)", "D_craft") == 43.5
    assert table.value("GridConv", "Original") is None
    with pytest.raises(PoseliftError, match="has no row 'SemGCN'"):
        table.value("SemGCN", "D_craft")
    with pytest.raises(PoseliftError, match="has no column 'P1'"):
        table.value("GridConv", "P1")
