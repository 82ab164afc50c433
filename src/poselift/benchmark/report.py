"""A run's measurements as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poselift.benchmark.inference import InferenceRow
from poselift.benchmark.measure import Measurements
from poselift.benchmark.training import PAPER_HOURS, LossCurves, TrainingRow

_LEGEND = (
    "frames/s and samples/s are of the median call. quiet: what a quarter of the calls stay below, "
    "on which ratio, GFLOP/s and ceiling rest. definition: the papers' layout in eager torch, "
    "fp32. ceiling: GFLOP/s of one plain matrix product of the network's size."
)


def as_markdown(report: Measurements) -> str:
    """Return the machine's facts, every row, and last the ratios to the definition path."""
    parts = [", ".join(f"{name} {value}" for name, value in report.machine.items()), _LEGEND]
    parts += _inference(report.inference)
    if report.training:
        parts += _training(report.training)
    parts += [_losses(curves) for curves in report.losses]
    parts += ["Against the definition path:", _comparison(report)]
    return "\n\n".join(parts)


def _inference(rows: Sequence[InferenceRow]) -> list[str]:
    """Return one table of all runtimes."""
    head = (
        "model | backend | precision | frames a call | frames/s | p50, ms | p99, ms "
        "| quiet, ms | definition, ms | ratio | GFLOP/s | ceiling | share | peak, MB"
    )
    cells = [
        (
            row.model,
            row.backend,
            row.precision,
            row.batch,
            _number(row.frames_per_s),
            _number(row.p50_ms),
            _number(row.p99_ms),
            _number(row.quiet_ms),
            _number(row.definition_quiet_ms),
            _number(row.ratio),
            _number(row.gflops),
            _number(row.ceiling_gflops),
            "-" if row.ceiling_fraction is None else f"{row.ceiling_fraction:.0%}",
            "-" if row.peak_mb is None else f"{row.peak_mb:.0f}",
        )
        for row in rows
    ]
    return [_table(head, 3, cells)]


def _training(rows: Sequence[TrainingRow]) -> list[str]:
    """Return one table of all steps."""
    head = (
        "training | precision | batch | samples/s | p50, ms | quiet, ms "
        "| definition, ms | ratio "
        f"| hours of the paper's schedule (paper: {PAPER_HOURS:g})"
    )
    cells = [
        (
            row.network,
            row.precision,
            row.batch,
            _number(row.samples_per_s),
            _number(row.p50_ms),
            _number(row.quiet_ms),
            _number(row.definition_quiet_ms),
            _number(row.ratio),
            _number(row.paper_schedule_hours),
        )
        for row in rows
    ]
    return [_table(head, 2, cells)]


def _losses(curves: LossCurves) -> str:
    """Say how far two trainings from the same weights part."""
    steps = len(curves.ours)
    return (
        f"{curves.network}: {steps} steps in fp32 on the same samples by both paths, loss "
        f"{curves.ours[0]:.6f} to {curves.ours[-1]:.6f} and {curves.definition[0]:.6f} to "
        f"{curves.definition[-1]:.6f}, largest relative difference {curves.largest_difference:.1e}"
    )


def _comparison(report: Measurements) -> str:
    """Return what each model reaches at best and in full precision, batch by batch."""
    cells: list[tuple[object, ...]] = []
    groups = dict.fromkeys((row.model, row.batch) for row in report.inference)
    for model, batch in groups:
        rows = [row for row in report.inference if (row.model, row.batch) == (model, batch)]
        full = [row for row in rows if row.precision in ("fp32", "tf32")]
        for what, kept in (("best", rows), ("full precision", full)):
            if kept:
                cells.append(_compared(max(kept, key=lambda row: row.ratio), what))
    for one in report.training:
        what = f"training {one.network}, batch {one.batch}"
        pair = _pair(one.batch, one.quiet_ms, one.definition_quiet_ms, "samples")
        cells.append((what, one.precision, *pair, _number(one.ratio)))
    return _table("what | by | here | definition | ratio", 2, cells)


def _compared(row: InferenceRow, what: str) -> tuple[object, ...]:
    """Return the line of one model and batch size."""
    pair = _pair(row.batch, row.quiet_ms, row.definition_quiet_ms, "frames")
    by = f"{row.backend} {row.precision}"
    return (f"{row.model}, batch {row.batch}, {what}", by, *pair, _number(row.ratio))


def _pair(batch: int, ours: float, definition: float, unit: str) -> list[str]:
    """Two times in ms: as they are for a single frame, as rates for more."""
    if batch == 1:
        return [f"{_number(time)} ms" for time in (ours, definition)]
    return [f"{_number(1e3 * batch / time)} {unit}/s" for time in (ours, definition)]


def _table(head: str, words: int, rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the first `words` columns are words, the rest numbers."""
    columns = head.count(" | ") + 1
    rule = " | ".join(["---"] * words + ["---:"] * (columns - words))
    lines = [head, rule, *(" | ".join(map(str, row)) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _number(value: float | None) -> str:
    """Three digits, or all those before the point; a dash for what is not known."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"
