"""What the papers claim, and the rule by which it holds, does not hold, or lies within chance.

The yardstick is how far four networks lie apart that differ in nothing but a random layout (the
papers' Table 5): rows that are no farther apart may be so by chance. Such rows are trained from a
second seed, and a mean of n networks is measured by 1 / sqrt(n) of the yardstick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

from poselift.evaluation import OF_ACTION_MEANS, Table
from poselift.reproduction.cells import Cell, Study, cell
from poselift.reproduction.measure import Result
from poselift.training.records import last_losses
from poselift.training.report import duration

CellResults = Mapping[Cell, Result]

HOLDS, FAILS, CHANCE = "holds", "does not hold", "within chance"

#: Share of an error that counts as chance where a study has no random layouts to tell: what they
#: differed by at the budget `small`, 3.2 of 65.6 mm.
_UNKNOWN = 0.05


def mpjpe(result: Result) -> float:
    """MPJPE in mm, mean of action means: what GridConv's tables print under P1 and P1*."""
    return result.averages["MPJPE"][OF_ACTION_MEANS]


def p_mpjpe(result: Result) -> float:
    """P-MPJPE in mm, mean of action means: P2."""
    return result.averages["P-MPJPE"][OF_ACTION_MEANS]


@final
@dataclass(frozen=True)
class Row:
    """A side of a claim.

    cells  whose mean it is; with `best` the one of them with the lowest error.
    """

    name: str
    cells: tuple[Cell, ...]
    best: bool = False

    def counted(self, results: CellResults, metric: Callable[[Result], float]) -> tuple[Cell, ...]:
        """Return the cells that it is the mean of."""
        if not self.best:
            return self.cells
        return (min(self.cells, key=lambda one: metric(results[one])),)


@final
@dataclass(frozen=True)
class Claim:
    """That errors rise in an order, as a paper's do.

    words    the claim, e.g. "dynamic below vanilla grid convolution".
    rows     from the lowest error to the highest.
    metric   the error.
    printed  the paper's numbers in the same order, where it has them.
    """

    words: str
    rows: tuple[Row, ...]
    metric: Callable[[Result], float] = mpjpe
    printed: tuple[float | None, ...] = ()


def random_layouts(variant: str) -> tuple[Cell, ...]:
    """Return the four random layouts of Table 5, for a kind of 2D input."""
    return tuple(cell("gln", variant, layout="random", layout_seed=n) for n in (1, 2, 3, 4))


def again(one: Cell) -> Cell:
    """Return a cell from its second seed."""
    return replace(one, repeat=one.repeat + 1)


def yardstick(claim: Claim, study: Study, results: CellResults) -> tuple[float, str]:
    """Return the difference (mm) up to which two single networks may differ by chance, and why."""
    first = claim.rows[0].cells[0]
    drawn = random_layouts(first.variant)
    if all(one in results or study.finished(one) for one in drawn):
        known = [results[one] if one in results else study.result(one) for one in drawn]
        errors = [claim.metric(one) for one in known]
        return max(errors) - min(errors), "what four random layouts differ by"
    lowest = min(claim.metric(results[one]) for row in claim.rows for one in row.cells)
    return _UNKNOWN * lowest, f"{_UNKNOWN:.0%}, as the random layouts are not trained"


def second_seeds(claims: Iterable[Claim], study: Study, results: CellResults) -> tuple[Cell, ...]:
    """Return the cells to train from a second seed: single rows that are close to their next."""
    wanted: list[Cell] = []
    for claim in claims:
        near, _ = yardstick(claim, study, results)
        for pair in pairwise(claim.rows):
            chosen = [row.counted(results, claim.metric) for row in pair]
            first, second = (_mean([claim.metric(results[c]) for c in cells]) for cells in chosen)
            if abs(first - second) < near:
                wanted += [again(cells[0]) for cells in chosen if len(cells) == 1]
    return tuple(one for one in dict.fromkeys(wanted) if one not in results)


def verdict(claim: Claim, study: Study, results: CellResults) -> str:
    """Say by the rule whether a claim holds, with the numbers that decide it."""
    near, why = yardstick(claim, study, results)
    sides = []
    for row in claim.rows:
        cells = row.counted(results, claim.metric)
        seeds = [s for c in cells for s in (c, again(c)) if s == c or s in results]
        name = f"{row.name} ({cells[0].name})" if row.best else row.name
        sides.append((name, _mean([claim.metric(results[s]) for s in seeds]), seeds))
    word = HOLDS
    for (_, low, few), (_, high, many) in pairwise(sides):
        chance = near * math.sqrt((1 / len(few) + 1 / len(many)) / 2)
        if low - high > chance:
            word = FAILS
        elif high - low <= chance and word == HOLDS:
            word = CHANCE
    ordered = sorted(sides, key=lambda side: side[1])
    text = " < ".join(
        f"{name} {value:.1f}" + (f" (mean of {len(seeds)})" if len(seeds) > 1 else "")
        for name, value, seeds in ordered
    )
    paper = [f"{value:.1f}" for value in claim.printed if value is not None]
    said = f" (published: {', '.join(paper)})" if paper else ""
    words = f"{claim.words}: {word}, {text} mm{said}; chance: {near:.1f} mm ({why})"
    if word == HOLDS:
        return words
    took = [_took(name, seeds[0], study, results) for name, _, seeds in ordered]
    return "; ".join([words, *took])


def of_seeds(
    words: str,
    low: tuple[str, Sequence[float]],
    high: tuple[str, Sequence[float]],
    printed: tuple[float, float],
) -> str:
    """Say whether one way to train is below another, mm, each from several seeds.

    Chance is the deviation over seeds, of both together; of a single seed it is not known.
    """
    spread = math.sqrt(_mean([_variance(values) for _, values in (low, high)]))
    difference = _mean(high[1]) - _mean(low[1])
    word = HOLDS if difference > spread else FAILS if difference < -spread else CHANCE
    sides = [f"{name} {_mean(values):.1f} (mean of {len(values)})" for name, values in (low, high)]
    return (
        f"{words}: {word}, {' against '.join(sides)} mm (published: {printed[0]}, {printed[1]}); "
        f"chance: {spread:.1f} mm (deviation over seeds)"
    )


def seeds_table(claims: Iterable[Claim], results: CellResults) -> tuple[Table, ...]:
    """List the rows that were trained from two seeds; no table if there are none."""
    rows: dict[str, tuple[float, float]] = {}
    for claim in claims:
        for row in claim.rows:
            for one in row.counted(results, claim.metric):
                if again(one) in results:
                    pair = (claim.metric(results[one]), claim.metric(results[again(one)]))
                    rows[f"{row.name} ({claim.words})"] = pair
    title = "Rows that were close, from two seeds, errors as of the claims (mm)"
    return (Table(title, ("first", "second"), tuple(rows.items())),) if rows else ()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    """Return the variance of a sample, infinite of one value."""
    if len(values) < 2:
        return math.inf
    return sum((value - _mean(values)) ** 2 for value in values) / (len(values) - 1)


def _took(name: str, one: Cell, study: Study, results: CellResults) -> str:
    """Say what a row took and how far it learnt, where an order is not the paper's."""
    first = results[one]
    said = (
        f"{name} has {first.parameters / 1e6:.2f} M parameters and took {first.samples:,} poses "
        f"and {duration(first.seconds)}"
    )
    losses = last_losses(study.folder(one))
    if losses is None:
        return said
    return f"{said}, its loss ends at {losses[0]:.4f} in training, {losses[1]:.4f} in validation"
