"""Which adjacency normalisation is better for PoseGraphNet: `official` or `paper`?

`python scripts/compare_adjacency.py --root ../shared/data/cmu --out runs/adjacency` trains both by
the shipped recipe, shortened, from the same seed on the same samples, and prints the validation
error of each.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from poselift.training import DataSpec, make_config, open_data, train


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the CMU files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two runs")
    parser.add_argument("--epochs", type=int, default=3, help="of 100,000 samples each")
    options = parser.parse_args()
    spec = DataSpec("cmu17", root=options.root, variant="augmented")
    config = make_config("posegraphnet", spec, recipe="shipped", epochs=options.epochs)
    data = open_data(config)
    for normalisation in ("official", "paper"):
        own = replace(config, model={**config.model, "normalisation": normalisation})
        folder = options.out / normalisation
        best = train(own, data, folder, resume=(folder / "config.json").exists()).best
        print(f"{normalisation}: validation MPJPE {best['val_mpjpe_mm']:.2f} mm", flush=True)


if __name__ == "__main__":
    main()
