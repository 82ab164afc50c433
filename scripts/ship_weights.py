"""Put trained runs into the package.

    python scripts/ship_weights.py runs/shipped-gln runs/shipped-posegraphnet --root ../shared/data

Each run becomes src/poselift/weights/<architecture>.onnx (large weights stored as float16, proven
equal to the torch model) and a model card beside it; SHA256SUMS covers them all. The figures in
the cards are measured here, on the files as they ship.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from poselift.cli.scoring import score_lifting_data, score_pose2sim
from poselift.datasets.cmu import load_cmu17
from poselift.export import export_onnx
from poselift.files import write_bytes
from poselift.lifting import Lifter
from poselift.models.checkpoint import load_model

WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "poselift" / "weights"

LEGAL = {
    "licence": "Apache-2.0",
    "training_data": (
        "CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu, free for all uses), the "
        "training subjects of cmu17, and people made by poselift.datasets.synthetic"
    ),
    "acknowledgement": (
        "The data used in this project was obtained from mocap.cs.cmu.edu. The database was "
        "created with funding from NSF EIA-0196217."
    ),
}


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of `poselift train`")
    parser.add_argument(
        "--root", type=Path, required=True, help="folder that holds cmu/, pose2sim/"
    )
    parser.add_argument("--beside", nargs="*", default=[], type=Path, help="runs to measure only")
    options = parser.parse_args()
    cards = dict(export(run) for run in options.runs)
    lifters = {name: Lifter(WEIGHTS / f"{name}.onnx") for name in cards}
    lifters.update({run.name: Lifter(run) for run in options.beside})
    write_cards(cards)
    measured = measure(lifters, options.root)
    for name, card in cards.items():
        card["measured"] = {title: rows[name] for title, rows in measured.items() if name in rows}
    write_cards(cards)
    print(json.dumps(measured, indent=2))


def write_cards(cards: dict[str, dict[str, Any]]) -> None:
    """Write the cards beside the weights, and the hashes of all weights."""
    sums = ""
    for path in sorted(WEIGHTS.glob("*.onnx")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sums += f"{digest}  {path.name}\n"
        if path.stem in cards:
            card = {**cards[path.stem], "sha256": digest}
            text = json.dumps(card, indent=2) + "\n"
            write_bytes(path.with_suffix(".json"), text.encode())
    write_bytes(WEIGHTS / "SHA256SUMS", sums.encode())


def export(run: Path) -> tuple[str, dict[str, Any]]:
    """Write the model file of a run; returns its name and the card."""
    network, card = load_model(run)
    name = card["architecture"]
    card = {**card, **LEGAL, "name": name}
    card["validation"] = card.pop("metrics")
    note = run / "NOTE.txt"
    if note.is_file():  # what the recipe alone does not say about this run
        card["note"] = " ".join(note.read_text("utf-8").split())
    export_onnx(network, card, WEIGHTS / f"{name}.onnx", fp16=True)
    return name, card


def measure(lifters: dict[str, Lifter], root: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return the main table of each data set: title -> model -> column -> mm."""
    scores = [
        score_lifting_data(lifters, load_cmu17(root / "cmu", "test", variant))
        for variant in ("ground_truth", "detected")
    ]
    tables = {
        table.title: {
            model: {c: round(v, 2) for c, v in zip(table.columns, values, strict=True) if v}
            for model, values in table.rows
        }
        for table in (score.tables[0] for score in scores)
    }
    clip = score_pose2sim(lifters, root / "pose2sim").tables[0]
    tables[clip.title] = {
        model: {camera: round(values[i] or 0.0, 2) for camera, values in clip.rows}
        for i, model in enumerate(clip.columns)
    }
    return tables


if __name__ == "__main__":
    main()
