"""Reports of `poselift reproduce`: figures of one network, and how a report is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from poselift.cli.saying import say
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.reproduction import Item, Report


def checked_data(data: str, root: Path | None) -> tuple[str, Path]:
    """Return name and folder of a data set; refuse those that no table is made of."""
    from poselift.datasets.registry import DATA_SETS, find_data, is_folder

    tables = ("train", "val", "test")
    known = [name for name, one in DATA_SETS.items() if set(tables) <= set(one.splits)]
    if data not in known and not is_folder(data):
        raise PoseliftError(
            f"--data: expected one of {', '.join(known)}, or a folder of your own, got {data!r}"
        )
    name, found, folder = find_data(data, root)
    lacking = [split for split in tables if split not in found.splits]
    if lacking:
        raise PoseliftError(
            f"{found.name}: tables need the splits {', '.join(tables)}, it has no "
            f"{' and no '.join(lacking)}"
        )
    return name, folder


def refuse_idle(
    data: str,
    items: Sequence[str],
    model: str | None,
    of_h36m: Mapping[str, object],
    roots: Mapping[str, object],
) -> None:
    """Refuse options that would do nothing; None is one that was not given.

    of_h36m  options of h36m alone, `roots` those of some items, which no given model has use for.
    """
    from poselift.reproduction.titles import OTHER_DATA

    for option, value in of_h36m.items():
        if value is not None and data != "h36m":
            raise PoseliftError(f"{option} is for --data h36m, not for {data}")
    for option, value in roots.items():
        owners = OTHER_DATA[option]
        if value is not None and (model is not None or not set(owners) & set(items)):
            alone = " without --model" if model is not None else ""
            raise PoseliftError(f"{option} is for {' and '.join(owners)}{alone}: leave it out")


def draw_of_model(
    item: Item, model: str, data: str, root: Path | None, detections: str, paths: list[Path]
) -> None:
    """Draw and write a figure of one network."""
    from poselift.datasets import Part, get_data_set
    from poselift.reproduction import report_of_model, write_report

    test = None
    command = f"poselift reproduce {item.name} --model {model}"
    if item.needs_data:
        data, root = checked_data(data, root)
        found = get_data_set(data, root)
        variant = "detected" if "detected" in found.kinds else "ground_truth"
        test = found.read(root, Part(variant=variant, detections=detections))
        command += f" --data {data} --root {root}"
    report = report_of_model(item, model, test)
    facts = {} if test is None else {"data": test.name}
    write_report(item, report, {}, command, facts, paths)
    show_report(item, report, paths)


def show_report(item: Item, report: Report, paths: list[Path]) -> None:
    """Print the tables, what they say, and where the files are."""
    from poselift.cli.tables import show_tables

    show_tables(report.tables, [f"- {line}" for line in report.readings])
    say(f"wrote {', '.join(map(str, paths))}")
