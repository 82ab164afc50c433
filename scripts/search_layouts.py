"""Learn layouts from four random starts and the handcrafted one, three seeds each, in a small GLN.

    python scripts/search_layouts.py --root ../shared/data/cmu

The network is plain circular grid convolution of 64 channels, so that all 45 trainings of 60,000
poses take about twenty minutes on a free core. `poselift reproduce gridconv.search --budget medium`
does the same with the GLN of that budget. What is trained is kept in `--runs`; the same command
goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from poselift.reproduction import Budget, Study, get_item, reproduce, write_report
from poselift.training import reporter_for

#: Poses of an epoch, after each of which a network is validated.
_EPOCH = 10_000


def main() -> None:
    """Complete the search and write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of cmu17's files")
    parser.add_argument("--runs", type=Path, default=Path("runs/search"))
    parser.add_argument("--output", type=Path, default=Path("results/gridconv.search.md"))
    parser.add_argument("--poses", type=int, default=60_000, help="of each training")
    parser.add_argument("--share", type=float, default=0.5, help="in which a layout is searched")
    options = parser.parse_args()
    budget = Budget(
        f"search-{options.poses}-{options.share:g}",
        f"{options.poses:,} poses, the layout settled after {options.share:.0%}, plain circular "
        "grid convolution of 64 channels",
        epochs=options.poses // _EPOCH,
        samples=_EPOCH,
        sizes={"gln": {"channels": 64, "attention": "none", "paddings": ("circular", "circular")}},
        search=options.share,
    )
    study = Study("cmu17", options.root, budget, options.runs, device="cpu", threads=1)
    item = get_item("gridconv.search")
    reporter = reporter_for(Console(stderr=True))
    report, results = reproduce(item, study, reporter, lambda line: print(line, file=sys.stderr))
    command = (
        f"python scripts/search_layouts.py --root {options.root} --poses {options.poses} "
        f"--share {options.share:g}"
    )
    write_report(item, report, results, command, study.facts, [options.output])
    print(options.output.read_text())


if __name__ == "__main__":
    main()
