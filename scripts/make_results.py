"""Write docs/results.md: the papers' tables and figures on cmu17, as far as this data set goes.

    python scripts/make_results.py --root ../shared/data/cmu

Trains what `--runs` does not hold yet (some hours on two cores; it goes on where it was stopped),
then writes the page and its pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from poselift.files import write_bytes
from poselift.reproduction import (
    Study,
    get_budget,
    get_item,
    provenance,
    reproduce,
    to_markdown,
    to_png,
)
from poselift.training import choose_device

#: In the order of the page; the other tables need data that are not open.
ITEMS = (
    "gridconv.table4",
    "gridconv.table5",
    "gridconv.figure7",
    "gridconv.figure8",
    "gridconv.figure6",
    "gridconv.figure5",
    "posegraphnet.table1",
    "posegraphnet.table2",
    "posegraphnet.table3",
    "posegraphnet.figure2",
    "posegraphnet.figure3",
)

_OPENING = """# Results

The tables and figures of both papers, trained and measured on **cmu17**, which is open, instead of
Human3.6M, which is not. Published numbers are Human3.6M's, at hundreds of times the training; they
stand in columns of their own and can be compared in their order only, not in their size.

Budget `{budget}`: {description}. Each line under "reads" is computed from the table above it.
One network takes minutes here, so rows differ by chance too: see the spread of the four random
layouts in gridconv.table5.

This page is written by `{command}`; no number in it is written by hand.
"""


def main() -> None:
    """Complete the items and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of cmu17's files")
    parser.add_argument("--budget", default="small")
    parser.add_argument("--runs", type=Path, default=Path("runs/reproduce"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    command = "python scripts/make_results.py --root ../shared/data/cmu"
    study = Study(
        "cmu17",
        options.root,
        get_budget(options.budget),
        options.runs,
        device=choose_device("auto"),
    )
    pictures = options.docs / "results"
    parts = [
        _OPENING.format(
            budget=study.budget.name, description=study.budget.description, command=command
        )
    ]
    for name in ITEMS:
        item = get_item(name)
        report, results = reproduce(
            item, study, Console(stderr=True), lambda line: print(line, file=sys.stderr)
        )
        own = f"poselift reproduce {name} --root {options.root} --budget {study.budget.name}"
        origin = provenance(own, {"data": study.data, "seed": str(study.seed)}, results)
        if report.draw is not None:
            write_bytes(pictures / f"{name}.png", to_png(item, report, origin))
        parts.append(to_markdown(item, report, origin, f"results/{name}.png"))
    write_bytes(options.docs / "results.md", "\n".join(parts).encode())


if __name__ == "__main__":
    main()
