"""Write docs/formats.md from the registry of formats; --check tells whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from poselift.io import Format, all_formats

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"

START = """# Formats

What is read, what is written, how each is recognised and what it can hold. This page is made from
the registry by `scripts/make_formats.py`; `poselift formats` prints the same.

```
poselift lift alphapose-results.json --size 1920x1080 -o jump.bvh -o jump.trc -o jump.csv
poselift convert landmarks.csv --size 1920x1080 -o keypoints.npz
poselift convert motion.bvh -o motion.glb
```

A format is recognised by what is in a file, not by its name; where two match, both are named and
`--format` decides. Whatever the format: a person without any joint is nobody, a joint at exactly
(0, 0) with next to no confidence is missing, frame numbers and times are the source's,
coordinates of 0..1 are refused unless `--normalised` and `--size` say what they are (for
MediaPipe's and YOLO's, which are 0..1 as a rule, `--size` is enough), a byte order
mark is no content. Frame numbers in the names of files or pictures are the group of digits that
counts up; decimal seconds and clock times become time stamps; the history says which. What is
doubtful is warned of once on stderr and in the history.

In Python, `poselift.io.load(path)` gives detections or results as the file holds, `load_people`
one sequence a person, `results.save("jump.bvh")` writes. Results of detectors in memory become
detections by `from_rtmlib`, `from_mediapipe`, `from_ultralytics`, `from_supervision` and
`from_mmpose` in `poselift.io`.

To add a format, add one file to `src/poselift/io/formats` with a `Format` called `FORMAT`;
nothing else has to name it.
"""


def reading(entry: Format) -> str:
    """Return the row of a format that is read."""
    persons = "" if entry.persons == "many" else ", one person a file"
    return f"| `{entry.name}` | {entry.holds}{persons} | {entry.summary} | {entry.recognised} |"


def writing(entry: Format) -> str:
    """Return the row of a format that is written."""
    suffixes = ", ".join(f"`{suffix}` ({kind})" for suffix, kind in entry.suffixes.items())
    holds = [*["2D"] * (entry.write_2d is not None), *["3D"] * (entry.write is not None)]
    persons = "one file each" if entry.persons == "one" else "all in one"
    beside = "; how they were made: `name.poselift.json` beside" if entry.sidecar else ""
    axes = entry.axes or "as they are"
    return f"| {suffixes} | {', '.join(holds)} | {persons} | {axes} | {entry.summary}{beside} |"


def page() -> str:
    """Return the whole page."""
    entries = all_formats()
    lines = [
        START,
        "## Read\n",
        "| `--format` | holds | what it is | recognised by |",
        "| --- | --- | --- | --- |",
        *(reading(entry) for entry in entries if entry.read is not None),
        "\n## Written\n",
        "| suffix | poses | persons | axes unless `--axes` | what it is |",
        "| --- | --- | --- | --- | --- |",
        *(writing(entry) for entry in entries if entry.write or entry.write_2d),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or tell whether it is up to date."""
    if "--check" in sys.argv[1:]:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
