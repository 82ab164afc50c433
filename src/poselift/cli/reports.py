"""Reports of `poselift reproduce`: figures of one network, and how a report is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.reproduction import Item, Report


def checked_root(data: str, root: Path | None) -> Path:
    """Refuse data that no table is made of, and a missing folder."""
    from poselift.datasets import DATA_SETS

    known = [name for name, one in DATA_SETS.items() if "train" in one.splits]
    if data not in known:
        raise PoseliftError(f"--data: expected one of {', '.join(known)}, got {data!r}")
    if root is None:
        raise PoseliftError(f"--data {data} needs --root, the folder of its files")
    return root


def draw_of_model(
    item: Item, model: str, data: str, root: Path | None, detections: str, paths: list[Path]
) -> None:
    """Draw and write a figure of one network."""
    from poselift.datasets import Part, get_data_set
    from poselift.reproduction import report_of_model, write_report

    test = None
    command = f"poselift reproduce {item.name} --model {model}"
    if item.needs_data:
        root = checked_root(data, root)
        test = get_data_set(data).read(root, Part(variant="detected", detections=detections))
        command += f" --data {data} --root {root}"
    report = report_of_model(item, model, test)
    facts = {} if test is None else {"data": test.name}
    write_report(item, report, {}, command, facts, paths)
    show_report(item, report, paths)


def show_report(item: Item, report: Report, paths: list[Path]) -> None:
    """Print the tables, what they say, and where the files are."""
    from poselift.cli.tables import show_tables

    show_tables(report.tables, [f"- {line}" for line in report.readings])
    typer.echo(f"wrote {', '.join(map(str, paths))}")
