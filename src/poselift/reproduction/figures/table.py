"""A table of results as a picture, for places that show no Markdown."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poselift.errors import PoseliftError
from poselift.reproduction.figures.canvas import FAINT, INK, PANEL, place, png, require_matplotlib
from poselift.reproduction.published import PUBLISHED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

Cell = str | float | int | None

_ROW, _SIZE, _PAD = 0.27, 9.0, 0.24
#: Characters after which a header or the name of a row goes on in another line.
_HEADER, _NAME = 14, 46


def table_png(
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    title: str,
    caption: str = "",
) -> bytes:
    """Draw a table: as `evaluation.Table` has its columns and rows, the rows' names first.

    columns  names of the columns after the first; one that begins with "published" is tinted.
    rows     name and one cell a column: text as it is, a whole number as it is, another number
             with one decimal, a dash for None and NaN.

    Raises `PoseliftError` if there is no row or one does not fit the columns.
    """
    if not rows:
        raise PoseliftError(f"table {title!r}: expected at least one row to draw, got none")
    for name, values in rows:
        if len(values) != len(columns):
            raise PoseliftError(
                f"table row {name!r}: expected {len(columns)} values, got {len(values)}"
            )
    header = ["", *("\n".join(textwrap.wrap(column, _HEADER)) for column in columns)]
    body = [
        ["\n".join(textwrap.wrap(name, _NAME)), *map(cell_text, values)] for name, values in rows
    ]
    widths = [
        max(_text_width(row[k], bold=row is header) for row in (header, *body)) + _PAD
        for k in range(len(header))
    ]
    tints = [k for k, column in enumerate(columns, 1) if column.lower().startswith(PUBLISHED)]
    heights = [_height(header), *map(_height, body)]

    def draw(figure: Figure, top: float) -> None:
        axes = place(figure, 0.2, top, sum(widths), sum(heights))
        axes.set_axis_off()
        axes.set_xlim(0, sum(widths))
        axes.set_ylim(sum(heights), 0)
        for k in tints:
            left = sum(widths[:k])
            axes.axvspan(left, left + widths[k], color=PANEL, lw=0)
        _draw_row(axes, header, widths, 0.0, heights[0], bold=True)
        for row, texts in enumerate(body, 1):
            _draw_row(axes, texts, widths, sum(heights[:row]), heights[row])

    return png(
        draw,
        max(sum(widths) + 0.4, 5.0),
        sum(heights) + 0.2,
        title=title,
        caption=caption,
    )


def cell_text(value: Cell) -> str:
    """Write a cell as `table_png` says."""
    if value is None or value != value:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _height(texts: Sequence[str]) -> float:
    """Height in inches of a row: by its cell of the most lines."""
    return _ROW + 0.165 * max(text.count("\n") for text in texts)


def _text_width(text: str, *, bold: bool) -> float:
    """Width in inches of the longest line of a text."""
    require_matplotlib()
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    paths = [TextPath((0, 0), line, size=_SIZE, prop=font) for line in text.splitlines()]
    return max((path.get_extents().x1 for path in paths), default=0.0) / 72  # from points


def _draw_row(
    axes: Axes,
    texts: Sequence[str],
    widths: Sequence[float],
    top: float,
    height: float,
    *,
    bold: bool = False,
) -> None:
    """Names at the left, cells at the right of their column, a line below."""
    style: dict[str, Any] = {"fontsize": _SIZE, "linespacing": 1.3}
    weight = "bold" if bold else "normal"
    for k, text in enumerate(texts):
        x = 0.06 if k == 0 else sum(widths[: k + 1]) - _PAD / 2
        side = "left" if k == 0 else "right"
        if bold:  # a header: the last lines of all columns stand at one height
            y, anchor = top + height - 0.09, "baseline"
        else:
            y, anchor = top + height / 2, "center" if "\n" in text else "center_baseline"
        axes.text(x, y, text, ha=side, va=anchor, fontweight=weight, **style)
    line: dict[str, Any] = {"color": INK, "lw": 1.0} if bold else {"color": FAINT, "lw": 0.5}
    axes.plot([0, sum(widths)], [top + height] * 2, clip_on=False, **line)


def stacked(pictures: Sequence[bytes]) -> bytes:
    """Put PNG pictures below each other, left edges aligned, on white."""
    if len(pictures) == 1:
        return pictures[0]
    from PIL import Image  # which matplotlib brings

    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    size = max(image.width for image in images), sum(image.height for image in images)
    whole, top = Image.new("RGB", size, "white"), 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    stream = io.BytesIO()
    whole.save(stream, "PNG")
    return stream.getvalue()
