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

from poselift.cli.scoring import Scores, score_lifting_data, score_pose2sim
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
    """Ship each run and write the hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of `poselift train`")
    parser.add_argument(
        "--root", type=Path, required=True, help="folder that holds cmu/, pose2sim/"
    )
    options = parser.parse_args()
    for run in options.runs:
        ship(run, options.root)
    sums = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(WEIGHTS.glob("*.onnx"))
    )
    write_bytes(WEIGHTS / "SHA256SUMS", sums.encode())


def ship(run: Path, root: Path) -> None:
    """Export one run and write its card."""
    network, card = load_model(run)
    name = card["architecture"]
    card = {**card, **LEGAL, "name": name}
    card["validation"] = card.pop("metrics")
    path = WEIGHTS / f"{name}.onnx"
    export_onnx(network, card, path, fp16=True)
    lifter = Lifter(path)
    scores = [
        score_lifting_data({name: lifter}, load_cmu17(root / "cmu", "test", variant))
        for variant in ("ground_truth", "detected")
    ]
    scores.append(score_pose2sim({name: lifter}, root / "pose2sim"))
    card["measured"] = {key: value for score in scores for key, value in averages(score).items()}
    card["sha256"] = lifter.weights_sha256
    write_bytes(WEIGHTS / f"{name}.json", (json.dumps(card, indent=2) + "\n").encode())
    print(
        f"{path.name}: {path.stat().st_size / 1e6:.2f} MB", json.dumps(card["measured"], indent=2)
    )


def averages(scores: Scores) -> dict[str, Any]:
    """Return the first table: for each model (or camera) its numbers in mm, rounded."""
    table = scores.tables[0]
    return {
        table.title: {
            row: {
                column: round(value, 2)
                for column, value in zip(table.columns, values, strict=True)
                if value is not None
            }
            for row, values in table.rows
        }
    }


if __name__ == "__main__":
    main()
