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
from poselift.training import choose_device, reporter_for

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

#: What a reading contains that judges an ordering.
_VERDICTS = (": holds, ", ": does NOT hold, ")

_OPENING = """# Results

The tables and figures of both papers, trained and measured on **cmu17**, which is open, instead of
Human3.6M, which is not. Published numbers are Human3.6M's, at hundreds of times the training; they
stand in columns of their own and can be compared in their order only, not in their size.

Budget `{budget}`: {description}. One network takes minutes here, so rows differ by chance too: see
the spread of the four random layouts in gridconv.table5. Tables 1 and 2 of GridConv come by the
same command and are left out for time; its tables 3 and 6 need data that are not open.

This page is written by `{command}`; no number and no verdict in it is written by hand.
[The log](log.md) says what was learnt on the way.

## Which of the papers' orderings hold

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
    verdicts: list[str] = []
    for name in ITEMS:
        item = get_item(name)
        report, results = reproduce(
            item,
            study,
            reporter_for(Console(stderr=True)),
            lambda line: print(line, file=sys.stderr),
        )
        own = (
            f"poselift reproduce {name} --data cmu17 --root {options.root} "
            f"--budget {study.budget.name} --seed {study.seed}"
        )
        origin = provenance(own, {"data": study.data, "seed": str(study.seed)}, results)
        if report.draw is not None:
            write_bytes(pictures / f"{name}.png", to_png(item, report, origin))
        parts.append(to_markdown(item, report, origin, f"results/{name}.png"))
        verdicts += [
            f"- {name}: {line}"
            for line in report.readings
            if any(verdict in line for verdict in _VERDICTS)
        ]
    parts.insert(1, "\n".join([*verdicts, ""]))
    write_bytes(options.docs / "results.md", "\n".join(parts).encode())


if __name__ == "__main__":
    main()
