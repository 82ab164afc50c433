"""A report as files: Markdown to read, CSV to compute with, PNG to show."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from importlib.metadata import version

from poselift.reproduction.claims import CellResults
from poselift.reproduction.figures import stacked, table_png
from poselift.reproduction.items import Item, Report
from poselift.reproduction.published import PUBLISHED, TABLES


def provenance(command: str, facts: Mapping[str, str], results: CellResults) -> list[str]:
    """Return what the numbers rest on, a line each.

    command  repeats the report.
    facts    seed, data and budget of a study, or the model's origin, by name.
    """
    lines = [f"command: `{command}`", *(f"{name}: {value}" for name, value in facts.items())]
    tested = sorted({f"{result.data} ({result.frames:,} poses)" for result in results.values()})
    if tested:
        lines.append(f"tested on: {'; '.join(tested)}")
        samples = sorted({result.samples for result in results.values()})
        counts = " to ".join(f"{count:,}" for count in dict.fromkeys((samples[0], samples[-1])))
        lines.append(f"weights kept after: {counts} poses (the best epoch by validation)")
    lines.append(f"software: poselift {version('poselift')}")
    return lines


def to_markdown(item: Item, report: Report, origin: list[str], picture: str | None) -> str:
    """Return title, picture, tables, readings, the paper's own table, and where it comes from.

    picture  path of the PNG as the text should link it; None for no picture.
    """
    parts = [f"## {item.name}: {item.title}", ""]
    if picture is not None and report.draw is not None:
        parts += [f"![{item.title}]({picture})", ""]
    for table in report.tables:
        parts.append(table.to_markdown())
    if report.readings:
        parts += [*(f"- {line}" for line in report.readings), ""]
    if item.name in TABLES:
        paper = TABLES[item.name]
        parts += [" ".join([f"Published: {paper.title}.", *paper.notes]), ""]
    parts += [*(f"<sub>{line}</sub>  " for line in origin), ""]
    return "\n".join(parts)


def to_csv(report: Report, origin: list[str]) -> str:
    """Return every number as a line: table, row, column, measured or published, value.

    Lines that begin with # say first where the numbers come from.
    """
    stream = io.StringIO()
    stream.writelines(f"# {line}\n" for line in origin)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["table", "row", "column", "kind", "value"])
    for table in report.tables:
        for name, values in table.rows:
            for column, value in zip(table.columns, values, strict=True):
                if value is not None:
                    kind = "published" if column.startswith(PUBLISHED) else "measured"
                    text = value if isinstance(value, str) else repr(value)
                    writer.writerow([table.title, name, column, kind, text])
    return stream.getvalue()


def to_png(item: Item, report: Report, origin: list[str]) -> bytes:
    """Draw the figure, or the tables of a report without one, below each other."""
    paper = [f"published: {TABLES[item.name].title}"] if item.name in TABLES else []
    caption = "\n".join(line.replace("`", "") for line in [*paper, *origin])
    if report.draw is not None:
        return report.draw(caption)
    *most, last = (
        (table.columns, table.rows, f"{item.name}: {table.title}") for table in report.tables
    )
    return stacked([*(table_png(*table) for table in most), table_png(*last, caption)])
