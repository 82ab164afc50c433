"""Write docs/results.md: the papers' tables and figures on cmu17, as far as this data set goes.

    python scripts/make_results.py --root ../shared/data/cmu --more ../shared/data/motion

Trains what `--runs` does not hold yet (some hours on two cores; it goes on where it was stopped),
then writes the page and its pictures. What was measured of each network is kept in
docs/results/cells, so that a machine which holds no runs need not train it again.

With `--finished` nothing is trained. Table 5 stands as far as its networks are trained, all others
with their first seeds; a section whose networks are gone stays on the page as it was, and what is
not there at all is named.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from rich.console import Console

from poselift.files import write_bytes
from poselift.reproduction import (
    CHANCE,
    FAILS,
    HOLDS,
    Cell,
    Study,
    get_budget,
    get_item,
    provenance,
    reproduce,
    so_far,
    to_markdown,
    to_png,
    untrained,
)
from poselift.training import choose_device, reporter_for

#: In the order in which they are trained; gridconv.table3 needs data that are not open.
ITEMS = (
    "gridconv.table5",
    "gridconv.table4",
    "gridconv.figure8",
    "posegraphnet.table2",
    "posegraphnet.figure3",
    "gridconv.table6",
    "gridconv.table1",
    "gridconv.table2",
    "gridconv.figure7",
    "posegraphnet.table1",
    "posegraphnet.table3",
    "gridconv.figure3",
    "gridconv.figure6",
    "gridconv.figure5",
    "posegraphnet.figure2",
    "gridconv.table3-open",
    "gridconv.figure5b-open",
    "gridconv.search",
)

#: Stands as far as its networks are trained, as the verdicts of others rest on it.
_PARTLY = "gridconv.table5"

#: Items that run trained networks: what was measured of them is not enough.
_RUN_NETWORKS = (
    *("gridconv.figure3", "gridconv.figure5", "gridconv.figure6", "gridconv.search"),
    *("gridconv.table3-open", "gridconv.figure5b-open"),
    *("posegraphnet.figure2", "posegraphnet.figure3", "posegraphnet.table3"),
)

#: What is kept of each network: its errors, and its losses epoch by epoch.
_RECORDS = ("result.json", "metrics.csv")

#: What a line of a section contains that judges an ordering.
_VERDICTS = tuple(f": {word}, " for word in (HOLDS, FAILS, CHANCE))

_OPENING = """# Results

The tables and figures of both papers, trained and measured on **cmu17**, which is open, instead of
Human3.6M, which is not. Published numbers are Human3.6M's, at hundreds of times the training; they
stand in columns of their own and can be compared in their order only, not in their size.

Budget `{budget}`: {description}. Rows differ by chance too. The yardstick is how far the four
random layouts of gridconv.table5 lie apart: rows that are no farther apart are trained from a
second seed, and an order *holds* or *does not hold* only where the means of n networks are farther
apart than the yardstick over the root of n; else it lies *within chance*. Where it does not hold,
the losses (metres a joint) at the end of each training say why: a network that is behind on the
poses it trains on has learnt less so far; one that is behind in validation alone knows them by
heart. gridconv.table3 needs data that are not open; gridconv.table3-open is no replica of
it.{missing}

This page is written by `{command}`; no number and no verdict in it is written by hand.
[The log](log.md) says what was learnt on the way.

## Which of the papers' orderings hold

"""


def main() -> None:
    """Complete the items and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of cmu17's files")
    parser.add_argument("--more", type=Path, required=True, help="folder of cmu_more")
    parser.add_argument("--budget", default="small")
    parser.add_argument("--runs", type=Path, default=Path("runs/reproduce"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--finished", action="store_true", help="train nothing")
    options = parser.parse_args()
    study = Study(
        "cmu17",
        options.root,
        get_budget(options.budget),
        options.runs,
        more_root=options.more,
        device=choose_device("auto"),
    )
    page = options.docs / "results.md"
    place = f"{study.name}-{study.budget.name}"  # of this study's networks, where there are others
    runs, cells = options.runs / place, options.docs / "results" / "cells" / place
    _copy_records(cells, runs)
    before = _sections(page, study.budget.name) if options.finished else {}
    sections: list[str] = []
    left_out: list[str] = []
    later: list[str] = []
    kept: list[str] = []
    for name in ITEMS:
        if not options.finished and name in _RUN_NETWORKS:
            _forget_records(name, study)
        waiting = untrained(get_item(name), study) if options.finished else ()
        if not options.finished or _can_stand(name, study, waiting):
            sections.append(_section(name, study, options.docs / "results", options.finished))
            later += [f"{name} ({len(waiting)})"] * bool(waiting)
        elif name in before:
            sections.append(before[name])
            kept.append(name)
        else:
            left_out.append(f"{name} ({len(waiting)})")
    _copy_records(runs, cells)
    command = f"python scripts/make_results.py --root {options.root} --more {options.more}"
    opening = _OPENING.format(
        budget=study.budget.name,
        description=study.budget.description,
        command=f"{command} --budget {study.budget.name}",
        missing=_missing(later, kept, left_out),
    )
    verdicts = [
        f"- {_name_of(section)}: {line[2:]}"
        for section in sections
        for line in section.splitlines()
        if line.startswith("- ") and any(word in line for word in _VERDICTS)
    ]
    write_bytes(page, "\n".join([opening, *verdicts, "", *sections]).encode())


def _missing(later: list[str], kept: list[str], left_out: list[str]) -> str:
    """Say what the page lacks, and what stands on it from before."""
    missing = ""
    if later:
        missing += (
            f"\n\nStill to be trained (networks, or second seeds of them): {', '.join(later)}."
        )
    if kept:
        missing += (
            "\n\nAs they were written when their networks were there, with the yardstick of then: "
            f"{', '.join(kept)}."
        )
    if left_out:
        missing += (
            "\n\nLeft out, as networks (so many of each) are still to be trained: "
            f"{', '.join(left_out)}. "
            "Some of them stand, at 200,000 poses a network, in [results-small](results-small.md)."
        )
    return missing


def _can_stand(name: str, study: Study, waiting: tuple[Cell, ...]) -> bool:
    """Whether an item, which waits for some networks, can be put together from what is there."""
    item = get_item(name)
    if name == _PARTLY:
        return any(map(study.finished, item.cells))
    if name in _RUN_NETWORKS and not all(_has_network(one, study) for one in item.cells):
        return False
    return not (waiting if item.more is not None else study.unfinished(item.cells))


def _has_network(one: Cell, study: Study) -> bool:
    """Whether a trained network is there, and not only what was measured of it."""
    return (study.folder(one) / "model.json").is_file()


def _forget_records(name: str, study: Study) -> None:
    """Let the networks that an item runs be trained again where only their errors are there."""
    for one in get_item(name).cells:
        if study.finished(one) and not _has_network(one, study):
            shutil.rmtree(study.folder(one))


def _section(name: str, study: Study, pictures: Path, finished: bool) -> str:
    """Complete an item, with `finished` from what is there; return its part of the page."""
    item = get_item(name)
    if finished:
        report, results = so_far(item, study)
    else:
        reporter = reporter_for(Console(stderr=True))
        report, results = reproduce(item, study, reporter, lambda s: print(s, file=sys.stderr))
    origin = provenance(study.command(name), {"data": study.data, "seed": str(study.seed)}, results)
    if report.draw is not None:
        write_bytes(pictures / f"{name}.png", to_png(item, report, origin))
    return to_markdown(item, report, origin, f"results/{name}.png")


def _sections(page: Path, budget: str) -> dict[str, str]:
    """Return the sections of a page by their items' names; none if it is of another budget."""
    if not page.is_file() or f"Budget `{budget}`" not in (text := page.read_text("utf-8")):
        return {}
    found = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {_name_of(one): one.rstrip("\n") + "\n" for one in found}


def _name_of(section: str) -> str:
    """Return the item that a section is of, by its heading."""
    return section.removeprefix("## ").partition(":")[0]


def _copy_records(source: Path, to: Path) -> None:
    """Copy what was measured of each finished network, where `to` does not have it."""
    for result in sorted(source.glob(f"*/{_RECORDS[0]}")):
        folder = to / result.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for name in _RECORDS:
            if (result.parent / name).is_file() and not (folder / name).is_file():
                shutil.copyfile(result.parent / name, folder / name)


if __name__ == "__main__":
    main()
