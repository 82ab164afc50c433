"""Put trained runs into the package.

    python scripts/ship_weights.py runs/gln runs/small=gln-small --root ../shared/data

Each run becomes src/poselift/weights/<name>.onnx (large weights stored as float16, proven equal to
the torch model) and <name>.int8.onnx (large products on 8-bit integers), with a model card inside
and beside each; SHA256SUMS covers them all. The name is the network's unless `=name` gives another.
The figures in the cards are measured here, on the files as they ship; `robustness` is the table of
`poselift eval --data robustness`. A shipped name (gln) instead of a run writes its files anew from
the weights that it has.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import onnx

from poselift.datasets.cmu import load_cmu17
from poselift.errors import PoseliftError
from poselift.export import export_onnx
from poselift.export.onnx_export import seal
from poselift.files import write_bytes
from poselift.lifting import Lifter
from poselift.modelfiles import METADATA_KEY
from poselift.modelfiles.card import NOT_OFFERED
from poselift.modelfiles.find import shipped_models
from poselift.models.checkpoint import load_model
from poselift.scoring.robust import score_robustness
from poselift.scoring.run import score_lifting_data, score_pose2sim

WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "poselift" / "weights"

LEGAL = {
    "licence": "Apache-2.0",
    "training_data": (
        "CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu, free for all uses), the "
        "training subjects of {}, and people made by poselift.simulation.synthetic"
    ),
    "acknowledgement": (
        "The data used in this project was obtained from mocap.cs.cmu.edu. The database was "
        "created with funding from NSF EIA-0196217."
    ),
}


#: What a precision may cost, in mm of MPJPE on cmu17, or it is not offered.
LIMIT_MM = {"bf16": 0.1, "int8": 0.5}


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "runs", nargs="+", help="run folders of `poselift train`, RUN=NAME, or shipped names"
    )
    parser.add_argument(
        "--root", type=Path, required=True, help="folder that holds cmu/, pose2sim/"
    )
    parser.add_argument("--beside", nargs="*", default=[], type=Path, help="runs to measure only")
    options = parser.parse_args()
    cards = {
        name: card
        for run, _, name in (item.partition("=") for item in options.runs)
        for name, card in export(run, name).items()
    }
    lifters = {
        name: Lifter(WEIGHTS / f"{name}.onnx", precision=card["precision"])
        for name, card in cards.items()
    }
    for name in [name for name, card in cards.items() if card["precision"] == "fp32"]:
        path = WEIGHTS / f"{name}.onnx"
        lifters[f"{name} bf16"] = Lifter(path, backend="openvino", precision="bf16")
    lifters.update({run.name: Lifter(run) for run in options.beside})
    measured = measure(lifters, options.root)
    rows = {name: {title: table[name] for title, table in measured.items()} for name in lifters}
    exact = {name: lifters[name] for name, card in cards.items() if card["precision"] == "fp32"}
    for name, table in robustness(exact, options.root).items():
        cards[name]["robustness"] = table
    for name, card in cards.items():
        card["measured"] = rows[name]
        if card["precision"] == "int8":
            int8 = loss(rows[name], rows[card["name"]])
            card["loss_against_fp32"] = {"int8": int8}
            if worst(int8) > LIMIT_MM["int8"]:
                raise SystemExit(f"{name} costs {worst(int8)} mm, not shipped: {int8}")
        else:
            bf16 = loss(rows[f"{name} bf16"], rows[name])
            card["loss_against_fp32"] = {"bf16 (openvino)": bf16}
            if worst(bf16) > LIMIT_MM["bf16"]:
                costs = f"costs {worst(bf16)} mm on cmu17, more than {LIMIT_MM['bf16']}"
                card[NOT_OFFERED] = {**card.get(NOT_OFFERED, {}), "bf16": costs}
    for name, card in cards.items():
        write_card(name, card)
    write_sums()
    print(json.dumps(measured, indent=2))


def export(run: str, name: str = "") -> dict[str, dict[str, Any]]:
    """Write the model files of a run, under its network's name if none is given.

    Returns their names and cards.
    """
    network, card = load_model(run)
    name = name or (run if run in shipped_models() else card["architecture"])
    sets = "cmu17 and cmu_more" if "cmu_more" in card["data"] else "cmu17"
    legal = {**LEGAL, "training_data": LEGAL["training_data"].format(sets)}
    card = {**card, **legal, "name": name}
    for key in ("sha256", "measured", "robustness", "loss_against_fp32", NOT_OFFERED):
        card.pop(key, None)
    if "metrics" in card:
        card["validation"] = card.pop("metrics")
    note = Path(run) / "NOTE.txt"
    if note.is_file():  # what the recipe alone does not say about this run
        card["note"] = " ".join(note.read_text("utf-8").split())
    cards: dict[str, dict[str, Any]] = {}
    for precision, stem in (("fp32", name), ("int8", f"{name}.int8")):
        own = {**card, "precision": precision}
        path = WEIGHTS / f"{stem}.onnx"
        try:
            export_onnx(network, own, path, fp16=precision == "fp32", precision=precision)
        except PoseliftError as error:
            if precision == "fp32":
                raise
            cards[name][NOT_OFFERED] = {"int8": str(error)}  # no layer that integers speed up
            for old in (path, path.with_suffix(".json")):
                old.unlink(missing_ok=True)
        else:
            cards[stem] = own
    return cards


def robustness(lifters: dict[str, Lifter], root: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return both tables of `poselift eval --data robustness`: model -> table -> row -> figure."""
    cards: dict[str, dict[str, dict[str, float]]] = {}
    for name, lifter in lifters.items():
        goals, kinds = score_robustness({name: lifter}, root).tables
        cards[name] = {
            goals.title: {row: round(float(str(values[0])), 2) for row, values in goals.rows},
            kinds.title: {
                f"{row}: {column}": round(float(str(value)), 2)
                for row, values in kinds.rows
                for column, value in zip(kinds.columns, values, strict=True)
                if value is not None
            },
        }
    return cards


def loss(
    measured: dict[str, dict[str, float]], exact: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Return by how many mm a precision is worse."""
    return {
        title: {column: round(value - exact[title][column], 3) for column, value in row.items()}
        for title, row in measured.items()
    }


def worst(losses: dict[str, dict[str, float]]) -> float:
    """Return the largest loss in MPJPE on cmu17."""
    return max(
        value
        for title, row in losses.items()
        for column, value in row.items()
        if title.startswith("cmu17") and column.startswith("MPJPE")
    )


def write_card(name: str, card: dict[str, Any]) -> None:
    """Write a card into its model file and beside it, there with the file's hash."""
    path = WEIGHTS / f"{name}.onnx"
    proto = onnx.load(path)
    texts = {entry.key: entry.value for entry in proto.metadata_props}
    card = {**json.loads(texts[METADATA_KEY]), **card}
    write_bytes(path, seal(proto, card))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    text = json.dumps({**card, "sha256": digest}, indent=2) + "\n"
    write_bytes(WEIGHTS / f"{name}.json", text.encode())


def write_sums() -> None:
    """Write the hashes of all weights."""
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(WEIGHTS.glob("*.onnx"))
    ]
    write_bytes(WEIGHTS / "SHA256SUMS", "".join(sums).encode())


def measure(lifters: dict[str, Lifter], root: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return the main table of each data set: title -> model -> column -> mm."""
    scores = [
        score_lifting_data(lifters, load_cmu17(root / "cmu", "test", variant))
        for variant in ("ground_truth", "detected")
    ]
    tables = {
        table.title: {
            model: {
                c: round(v, 3)
                for c, v in zip(table.columns, values, strict=True)
                if isinstance(v, float)
            }
            for model, values in table.rows
        }
        for table in (score.tables[0] for score in scores)
    }
    for clip in score_pose2sim(lifters, root / "pose2sim").tables:
        tables[clip.title] = {
            model: {camera: round(float(str(values[i])), 3) for camera, values in clip.rows}
            for i, model in enumerate(clip.columns)
        }
    return tables


if __name__ == "__main__":
    main()
