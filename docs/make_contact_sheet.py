"""Draw the contact sheet of cmu17-rendered: pictures as they are, and a row with their joints.

    python docs/make_contact_sheet.py --root data/cmu -o docs/rendered.webp

Joints that are seen are light, those that are hidden dark; the right side is red, the left blue.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from poselift.datasets.rendered import RenderedPicture, load_rendered
from poselift.files import write_bytes
from poselift.skeletons import H36M_17


def with_joints(item: RenderedPicture) -> Image.Image:
    """The picture with the skeleton over it."""
    image = Image.fromarray(item["image"])
    draw = ImageDraw.Draw(image)
    points = [(float(x), float(y)) for x, y in item["keypoints"]]
    for parent, child in H36M_17.edges:
        side = (
            [child in H36M_17.left, child in H36M_17.right].index(True)
            if child
            in (
                *H36M_17.left,
                *H36M_17.right,
            )
            else 2
        )
        color = ((90, 140, 255), (255, 80, 70), (255, 215, 80))[side]
        draw.line([points[parent], points[child]], fill=color, width=1)
    for (x, y), seen in zip(points, item["visible"], strict=True):
        box = (x - 1.6, y - 1.6, x + 1.6, y + 1.6)
        draw.ellipse(box, fill=(230, 255, 230) if seen else (20, 20, 20))
    return image


def main() -> None:
    """Draw and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="folder of cmu17")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    rows, columns, size = given.rows, given.columns, given.size
    pictures = load_rendered(given.root, given.split, size, given.seed, rows * columns)
    sheet = Image.new("RGB", (columns * size, rows * size))
    for number in range(rows * columns):
        item = pictures[number]
        last = number // columns == rows - 1
        part = with_joints(item) if last else Image.fromarray(item["image"])
        sheet.paste(part, (number % columns * size, number // columns * size))
    stream = io.BytesIO()
    sheet.save(stream, given.output.suffix[1:].upper(), quality=88)
    write_bytes(given.output, stream.getvalue())
    print(f"{given.output}: {np.prod(sheet.size):,} pixels, {len(stream.getvalue()):,} bytes")


if __name__ == "__main__":
    main()
