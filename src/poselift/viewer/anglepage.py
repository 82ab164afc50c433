"""Joint angles as a page: both sides over time, range of motion, asymmetry; without a script."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from poselift.motion.angles import DEFINITIONS, Angles, Definition
from poselift.viewer.page import digest

#: A plot's width and height, and the room around its field: left, right, top, bottom; SVG px.
_WIDTH, _HEIGHT, _ROOM = 560, 150, (58, 10, 8, 24)
#: Columns of a curve: what falls into one is drawn from its least to its greatest.
_BUCKETS = 800

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1b2430;background:#f4f5f7;margin:0}
main{max-width:1240px;margin:0 auto;padding:24px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px}h3{font-size:15px;margin:0}
p{margin:4px 0;color:#5c6877;overflow-wrap:anywhere}
section,table{background:#fff;border:1px solid #d9dee5;border-radius:10px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:14px;
margin-bottom:16px}
.plots section{padding:12px 14px}
svg{width:100%;height:auto;display:block;fill:#5c6877;font-size:11px}
path{fill:none;stroke:#47525f;stroke-width:1.8;stroke-linejoin:round}
path.left{stroke:#e0700a}path.right{stroke:#1a73d9}line{stroke:#e3e7ec}
table{border-collapse:separate;border-spacing:0;width:100%;margin:0 0 16px}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid #edf0f3}
td{font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}tr:last-child td{border-bottom:0}
.left{color:#b45600}.right{color:#1259ad}
.wide{overflow-x:auto}
@media (prefers-color-scheme:dark){body{color:#e8ecf1;background:#10141a}p{color:#9aa7b6}
section,table{background:#181e27;border-color:#2b3441}th,td{border-color:#2b3441}
svg{fill:#9aa7b6}line{stroke:#384352}.left{color:#ffa04a}.right{color:#62b0ff}
path{stroke:#b9c3cf}path.left{stroke:#ffa04a}path.right{stroke:#62b0ff}}
@media (max-width:520px){main{padding:12px}th,td{padding:4px 6px;font-size:13px}
svg{font-size:17px}}
"""


def render_angles(people: Sequence[Angles], title: str) -> bytes:
    """Render one self-contained page of all persons' angles."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src "
        f"'{digest(_STYLE)}'\"><meta name='viewport' content='width=device-width,initial-scale=1'>"
        "<meta name='color-scheme' content='light dark'>",
        f"<title>{html.escape(title)}: joint angles</title><style>{_STYLE}</style><main>",
        f"<h1>{html.escape(title)}: joint angles</h1>",
        "<p>Degrees. <b class='left'>left</b> and <b class='right'>right</b> are the person's "
        "own. Not clinical: see docs/angles.md for definitions and measured errors.</p>",
    ]
    for one in people:
        if len(people) > 1:
            parts.append(f"<h2>Person {one.person_id}</h2>")
        known = [d for d in DEFINITIONS if _curves(one, d)]
        parts.append(_ranges(one, known))
        parts.append("<div class='plots'>")
        parts += [_figure(one, definition) for definition in known]
        parts.append("</div><h3>History</h3>")
        parts += [f"<p>{html.escape(step)}</p>" for step in one.history]
    parts.append("</main></html>")
    return "".join(parts).encode("utf-8", errors="replace")


def _label(definition: Definition) -> str:
    return definition.name.replace("_", " ").capitalize()


def _curves(one: Angles, definition: Definition) -> dict[str, Float[np.ndarray, " T"]]:
    """The sides of an angle that are known in some frame."""
    sides = ("left", "right") if definition.sided else ("",)
    found = {side: f"{side}_{definition.name}" if side else definition.name for side in sides}
    return {
        side: one[name]
        for side, name in found.items()
        if name in one.names and np.isfinite(one[name]).any()
    }


def _ranges(one: Angles, known: Sequence[Definition]) -> str:
    """Table: least, greatest and range of each side; asymmetry of the ranges."""
    rows = [
        "<div class='wide'><table><tr><th>angle<th>side<th>least<th>mean<th>greatest"
        "<th>range of motion<th>asymmetry of the range"
    ]
    for definition in known:
        curves = _curves(one, definition)
        spans = {side: float(np.nanmax(v) - np.nanmin(v)) for side, v in curves.items()}
        uneven = "–"
        if len(spans) == 2 and sum(spans.values()) > 0:
            left, right = spans["left"], spans["right"]
            uneven = f"{200 * (left - right) / (left + right):+.0f} %"
        for number, (side, values) in enumerate(curves.items()):
            rows.append(
                f"<tr><td>{_label(definition) if number == 0 else ''}"
                f"<td class='{side}'>{side or '–'}<td>{np.nanmin(values):.1f}"
                f"<td>{np.nanmean(values):.1f}<td>{np.nanmax(values):.1f}<td>{spans[side]:.1f}"
                f"<td>{uneven if number == 0 else ''}"
            )
    rows.append(
        "</table></div><p>Asymmetry: 2 (left - right) / (left + right) of the ranges; above 0 "
        "the left side moves more.</p>"
    )
    return "".join(rows)


def _figure(one: Angles, definition: Definition) -> str:
    """One plot with its curves, ticks and definition."""
    curves = _curves(one, definition)
    low = min(float(np.nanmin(v)) for v in curves.values())
    high = max(float(np.nanmax(v)) for v in curves.values())
    room = max(3.0, 0.06 * (high - low))
    low, high = low - room, high + room
    start, end = float(one.times[0]), float(one.times[-1])
    end = end if end > start else start + 1.0
    left, right, top, bottom = _ROOM

    def x(time: Any) -> Any:
        return left + (time - start) / (end - start) * (_WIDTH - left - right)

    def y(value: Any) -> Any:
        return _HEIGHT - bottom - (value - low) / (high - low) * (_HEIGHT - top - bottom)

    marks = []
    for value in _ticks(low, high, 4):
        marks.append(
            f"<line x1='{left}' x2='{_WIDTH - right}' y1='{y(value):.1f}' y2='{y(value):.1f}'/>"
            f"<text x='{left - 6}' y='{y(value) + 4:.1f}' "
            f"text-anchor='end'>{value:g}°</text>"
        )
    for time in _ticks(start, end, 6):
        marks.append(
            f"<text x='{x(time):.1f}' y='{_HEIGHT - 7}' text-anchor='middle'>{time:g} s</text>"
        )
    lines = [
        f"<path class='{side or 'middle'}' d='{_path(x(one.times), y(values))}'/>"
        for side, values in curves.items()
    ]
    return (
        f"<section><h3>{_label(definition)}</h3><svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' "
        f"aria-label='{_label(definition)} over time'>"
        f"{''.join(marks)}{''.join(lines)}</svg><p>0: {definition.zero}; greater: "
        f"{definition.sign}.</p></section>"
    )


def _path(x: Float[np.ndarray, " T"], y: Float[np.ndarray, " T"]) -> str:
    """SVG path that breaks where y is NaN; long curves by the extremes of their columns."""
    order = np.arange(len(x))
    if len(x) > 2 * _BUCKETS:
        kept = []
        for rows in np.array_split(order, _BUCKETS):
            there = rows[np.isfinite(y[rows])]
            ends = (there[y[there].argmin()], there[y[there].argmax()]) if len(there) else rows[:1]
            kept += sorted(set(map(int, ends)))
        order = np.array(kept)
    words, pending = [], True
    for row in order:
        if np.isnan(y[row]):
            pending = True
            continue
        words.append(f"{'M' if pending else 'L'}{x[row]:.1f} {y[row]:.1f}")
        pending = False
    return "".join(words)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Round values inside a range, about `count` of them."""
    rough = (high - low) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough)
    first = int(np.ceil(low / step - 1e-9))
    last = int(np.floor(high / step + 1e-9))
    return [round(float(number * step), 6) for number in range(first, last + 1)]
