"""What all figures share: colours, type, the caption at the foot, and PNG bytes.

matplotlib is imported inside the functions and used through `Figure` alone; nothing of it is
changed for others. The same input gives the same bytes: PNG metadata hold no date or version.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from poselift.errors import PoseliftError, how_to_install

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:  # annotations only: the run's type checker must not need matplotlib
    Axes = Figure = Any

INK, MUTED, FAINT, PANEL = "#1b2430", "#5c6877", "#c3cad3", "#f4f5f7"
#: Okabe and Ito's blue and vermilion; ColorBrewer's purple and green: pairs that people with any
#: colour vision tell apart.
BLUE, RED, PURPLE, GREEN = "#0072b2", "#d55e00", "#762a83", "#5aae61"
DPI = 120
#: Height in inches of a line of the caption, and characters an inch of it holds.
_LINE, _CHARACTERS = 0.16, 17.5

# Any, as matplotlib names every key in its types, other ones in every version
_STYLE: Any = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
    "font.size": 10.0,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    "savefig.dpi": "figure",
    "path.simplify": False,
}


def require_matplotlib() -> None:
    """Say in words that matplotlib is missing, before something imports it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise PoseliftError(
            f"drawing figures needs matplotlib: {how_to_install('reproduce')}"
        ) from None


def png(
    draw: Callable[[Figure, float], None],
    width: float,
    height: float,
    *,
    title: str,
    caption: str,
) -> bytes:
    """Make a figure of `width` x `height` inches plus title and caption, and return it as PNG.

    draw  fills the figure, from as many inches below its upper edge as the title takes: its
          second argument. `place` and `write` count in inches too.

    Raises `PoseliftError` if matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as NewFigure

    per_line = max(int((width - 0.4) * _CHARACTERS), 20)
    lines = [part for line in caption.splitlines() for part in textwrap.wrap(line, per_line)]
    heading = textwrap.wrap(title, max(int((width - 0.4) * 9.5), 20))
    foot = _LINE * len(lines) + (0.2 if lines else 0.0)
    head = 0.24 * len(heading) + (0.2 if heading else 0.0)
    with matplotlib.rc_context(_STYLE):
        total = height + head + foot
        figure = NewFigure(figsize=(width, total), dpi=DPI)
        FigureCanvasAgg(figure)
        bold = {"va": "top", "fontsize": 12, "fontweight": "bold", "linespacing": 1.25}
        write(figure, 0.2, 0.12, "\n".join(heading), **bold)
        small = {"va": "bottom", "fontsize": 7.5, "color": MUTED, "linespacing": 1.3}
        write(figure, 0.2, total - 0.1, "\n".join(lines), **small)
        draw(figure, head)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes whose rectangle is given in inches from the upper left corner of the figure."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / full_width,
            1 - (top + height) / full_height,
            width / full_width,
            height / full_height,
        )
    )


def write(figure: Figure, left: float, top: float, text: str, **style: Any) -> None:
    """Write text at a point given in inches from the upper left corner of the figure."""
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - top / height, text, **style)


def plain(axes: Axes) -> None:
    """Take ticks and frame away and tint the panel."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(PANEL)
    for spine in axes.spines.values():
        spine.set_visible(False)


def short_name(joint: str) -> str:
    """Turn a joint's name into words for a small space: `left_big_toe` becomes `L big toe`."""
    for side, letter in (("left_", "L "), ("right_", "R ")):
        if joint.startswith(side):
            return letter + joint.removeprefix(side).replace("_", " ")
    return joint.replace("_", " ")
