"""Write docs/results.md: the papers' tables and figures on cmu17, as far as this data set goes.

    python scripts/make_results.py --root ../shared/data/cmu --more ../shared/data/motion

Trains what `--runs` does not hold yet (some hours on two cores; it goes on where it was stopped),
then writes the page and its pictures. With `--finished` nothing is trained: what is not there is
named on the page, with the networks (second seeds included) that it waits for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from poselift.files import write_bytes
from poselift.reproduction import (
    CHANCE,
    FAILS,
    HOLDS,
    Study,
    get_budget,
    get_item,
    provenance,
    reproduce,
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

#: What a reading contains that judges an ordering.
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
    waiting = {name: untrained(get_item(name), study) for name in ITEMS}
    left_out = [name for name in ITEMS if options.finished and waiting[name]]
    sections: list[str] = []
    verdicts: list[str] = []
    for name in ITEMS:
        if name in left_out:
            continue
        section, readings = _section(name, study, options.docs / "results")
        sections.append(section)
        verdicts += [
            f"- {name}: {line}" for line in readings if any(word in line for word in _VERDICTS)
        ]
    missing = ", ".join(f"{name} ({len(waiting[name])})" for name in left_out)
    if missing:
        missing = (
            f"\n\nLeft out, as networks (so many of each) are still to be trained: {missing}. "
            "Some of them stand, at 200,000 poses a network, in [results-small](results-small.md)."
        )
    command = f"python scripts/make_results.py --root {options.root} --more {options.more}"
    opening = _OPENING.format(
        budget=study.budget.name,
        description=study.budget.description,
        command=f"{command} --budget {study.budget.name}",
        missing=missing,
    )
    text = "\n".join([opening, *verdicts, "", *sections])
    write_bytes(options.docs / "results.md", text.encode())


def _section(name: str, study: Study, pictures: Path) -> tuple[str, tuple[str, ...]]:
    """Complete an item; return its part of the page, and what its numbers say."""
    item = get_item(name)
    reporter = reporter_for(Console(stderr=True))
    report, results = reproduce(item, study, reporter, lambda line: print(line, file=sys.stderr))
    origin = provenance(study.command(name), {"data": study.data, "seed": str(study.seed)}, results)
    if report.draw is not None:
        write_bytes(pictures / f"{name}.png", to_png(item, report, origin))
    return to_markdown(item, report, origin, f"results/{name}.png"), report.readings


if __name__ == "__main__":
    main()
