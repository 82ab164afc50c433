"""Every registered network at a size that is built, trained and read in no time."""

from __future__ import annotations

from typing import Any

#: By the network's name; a new one needs a line here.
SMALL: dict[str, dict[str, Any]] = {
    "gln": {"channels": 4, "blocks": 1, "anneal_epochs": 1.0, "gumbel_off_epoch": 2.0},
    "martinez": {"width": 8, "blocks": 1},
    "posegraphnet": {"widths": (6, 8)},
    "semgcn": {"width": 8, "layers": 1},
    "lcn": {"width": 4, "blocks": 1},
    "videopose3d": {"channels": 8, "blocks": 1},
    "stgcn": {"channels": (8, 8, 8), "pooled": 8},
}


_DETECTOR = {"size": (64, 64), "width": 4, "stem": 8, "bottlenecks": 1, "blocks": 1}
_DETECTOR["modules"] = (1, 1, 1)
SMALL["hrnet"] = _DETECTOR
SMALL["end_to_end"] = {
    "detector": _DETECTOR,
    "settings": {"channels": 4, "blocks": 1, "anneal_epochs": 1.0, "layout": "handcrafted"},
    "normalisation": "person",
    "detector_epochs": 1.0,
    "lifter_epochs": 1.0,
}

#: Further forms of a network that are trained in other ways: layouts, input of several frames.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "gln, fixed layout": ("gln", {**SMALL["gln"], "layout": "handcrafted"}),
    "gln, released layout": ("gln", {**SMALL["gln"], "layout": "official", "attention": "none"}),
    "gln, 7 x 4 learnable": ("gln", {**SMALL["gln"], "grid": (7, 4), "gumbel_off_epoch": 6.0}),
    "gln, learnable, joints may be lost": (
        "gln",
        {**SMALL["gln"], "cover": False, "gumbel_off_epoch": 6.0},
    ),
}


def trained() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what is killed while it trains: every registered network and the variants."""
    return {**{name: (name, settings) for name, settings in small().items()}, **VARIANTS}


def small() -> dict[str, dict[str, Any]]:
    """Return the settings of all registered networks; `LookupError` for one that is not known."""
    from poselift.models.registry import entries

    names = [name for name, _ in entries()]
    missing = set(names) - SMALL.keys()
    if missing:
        raise LookupError(
            f"network {', '.join(sorted(missing))}: say a small size in scripts/fuzzing/networks.py"
        )
    return {name: SMALL[name] for name in names}
