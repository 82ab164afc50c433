"""From a name to files: find the item, complete its cells, write the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.files import write_bytes_together
from poselift.models import load_model
from poselift.reproduction import gridconv, learning, posegraphnet, unseen
from poselift.reproduction.cells import Cell, Study, complete_all
from poselift.reproduction.claims import CellResults, second_seeds, seeds_table, verdict
from poselift.reproduction.document import provenance, to_csv, to_markdown, to_png
from poselift.reproduction.items import Item, Model, Report
from poselift.reproduction.measure import UNKNOWN, Result
from poselift.reproduction.picture_cells import DATA as PICTURE_DATA
from poselift.training import Reporter

ITEMS: dict[str, Item] = {
    item.name: item for room in (gridconv, learning, unseen, posegraphnet) for item in room.ITEMS
}

#: What a report can be written as, by suffix.
KINDS = {".md": "Markdown", ".csv": "CSV", ".png": "PNG picture"}


def get_item(name: str) -> Item:
    """Return a table or figure by name; `PoseliftError` lists them if there is none."""
    try:
        return ITEMS[name]
    except KeyError:
        raise PoseliftError(
            f"unknown table or figure {name!r}, expected one of {', '.join(ITEMS)}"
        ) from None


def paths_of(item: Item, outputs: Sequence[Path], count: int) -> list[Path]:
    """Return the files of an item, of `count`: those that were named, or three in a folder."""
    if len(outputs) == 1 and outputs[0].suffix.lower() not in KINDS:
        if outputs[0].suffix and not outputs[0].is_dir():
            return list(outputs)  # of an unknown kind, refused with those that are known
        return [outputs[0] / f"{item.name}{suffix}" for suffix in KINDS]
    if count > 1:
        raise PoseliftError("-o: expected a folder for several tables and figures, got a file")
    return list(outputs)


def reproduce(
    item: Item, study: Study, reporter: Reporter, say: Callable[[str], None]
) -> tuple[Report, CellResults]:
    """Train and measure what is missing of an item, and put its report together."""
    if study.data == PICTURE_DATA:
        if item.pictures is None:
            known = ", ".join(name for name, one in ITEMS.items() if one.pictures is not None)
            raise PoseliftError(
                f"{item.name} is made of 2D keypoints, --data {study.data} has pictures, of which "
                f"{known} is made"
            )
        item = item.pictures
    if item.check is not None:
        item.check(study)
    results = complete_all(study, item.cells, reporter, say)
    while missing := _following(item, study, results):
        results |= complete_all(study, missing, reporter, say)
    return _judged(item, study, results, item.report(study, results)), results


def so_far(item: Item, study: Study) -> tuple[Report, CellResults]:
    """Put an item's report together from the networks that are there; none is trained.

    Numbers of the others are NaN, and claims about them are not judged. Items that show more than
    averages need all of their networks.
    """
    results = {one: study.result(one) for one in item.cells if study.finished(one)}
    known = tuple(
        one for one in item.claims if all(c in results for r in one.rows for c in r.cells)
    )
    judged = replace(item, claims=known)
    more = _following(judged, study, results)
    results |= {one: study.result(one) for one in more if study.finished(one)}
    unknown = dict.fromkeys(item.cells, UNKNOWN)
    return _judged(judged, study, results, item.report(study, {**unknown, **results})), results


def _judged(item: Item, study: Study, results: CellResults, report: Report) -> Report:
    """Add to a report what its numbers say of the item's claims."""
    verdicts = tuple(verdict(one, study, results) for one in item.claims)
    tables = (*report.tables, *seeds_table(item.claims, results))
    return replace(report, tables=tables, readings=(*verdicts, *report.readings))


def untrained(item: Item, study: Study) -> tuple[Cell, ...]:
    """Return the cells that an item still waits for, as far as what is finished tells."""
    results: dict[Cell, Result] = {}
    cells: tuple[Cell, ...] = item.cells
    while cells:
        if missing := study.unfinished(cells):
            return missing
        results |= {one: study.result(one) for one in cells}
        cells = _following(item, study, results)
    return ()


def _following(item: Item, study: Study, results: CellResults) -> tuple[Cell, ...]:
    """Return the cells that what came out asks for, and that are not there yet."""
    wanted = second_seeds(item.claims, study, results)
    if item.more is not None:
        wanted += item.more(study, results)
    return tuple(one for one in wanted if one not in results)


def report_of_model(item: Item, source: str, data: LiftingData | None) -> Report:
    """Make a figure of one network: a run folder, an .onnx file, or a shipped name.

    data  test data for the figures that need them. Raises `PoseliftError` if the item is no
          figure of one network, or the network is of another kind.
    """
    if item.of_model is None:
        figures = ", ".join(name for name, one in ITEMS.items() if one.of_model is not None)
        raise PoseliftError(
            f"{item.name} compares networks and trains them: leave out --model, which is for "
            f"{figures}"
        )
    network, card = load_model(source)
    folder = Path(source) if Path(source).is_dir() else None
    return item.of_model(Model(Path(source).name, network, card, folder), data)


def write_report(
    item: Item,
    report: Report,
    results: CellResults,
    command: str,
    facts: Mapping[str, str],
    paths: Sequence[Path],
) -> None:
    """Write a report to `paths`, by their suffixes; all of them appear or none."""
    origin = provenance(command, facts, results)
    pictures = [path for path in paths if path.suffix.lower() == ".png"]
    contents = {
        ".md": lambda: to_markdown(
            item, report, origin, pictures[0].name if pictures else None
        ).encode(),
        ".csv": lambda: to_csv(report, origin).encode(),
        ".png": lambda: to_png(item, report, origin),
    }

    write_bytes_together([(path, contents[path.suffix.lower()]()) for path in paths])
