"""layouts.json of a run: what a learnt layout was at the start and after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import orjson

from poselift.errors import PoseliftError
from poselift.files import write_bytes
from poselift.models.base import Network
from poselift.models.gridconv import Layout
from poselift.skeletons import get_skeleton

LAYOUTS = "layouts.json"

#: More nodes than any grid has.
_MOST_NODES = 10_000


@final
@dataclass(frozen=True)
class LayoutLog:
    """How a layout was learnt.

    skeleton  joint set, by name.
    layouts   (epoch, the best layout by the scores), from 0 or the first epoch that was logged on.
    drawn     epoch -> some of the layouts that the scores gave then; none once it is settled.
    """

    skeleton: str
    layouts: tuple[tuple[int, Layout], ...]
    drawn: Mapping[int, tuple[Layout, ...]]


def logged(network: Network, epoch: int) -> list[dict[str, Any]]:
    """Return the entry of a network after `epoch` epochs, or no entry if it learns no layout."""
    nodes, drawn = network.learnt_layout(epoch)
    return [{"epoch": epoch, "nodes": nodes, "drawn": drawn}] if nodes else []


def moved(layouts: Sequence[Mapping[str, Any]]) -> int:
    """Return how many nodes hold another joint than in the first of the entries."""
    pairs = zip(layouts[0]["nodes"], layouts[-1]["nodes"], strict=True)
    return sum(first != last for first, last in pairs)


def write_layouts(
    folder: Path, layouts: Sequence[Mapping[str, Any]], config: Mapping[str, Any]
) -> None:
    """Write layouts.json: entries of `logged`, and the names of the joints that they number.

    config  of the network, which has its skeleton and grid.
    """
    facts = {
        "skeleton": config["skeleton"],
        "joints": get_skeleton(config["skeleton"]).joints,
        "grid": config["grid"],
        "layouts": list(layouts),
    }
    write_bytes(folder / LAYOUTS, orjson.dumps(facts) + b"\n")


def read_layouts(folder: Path) -> LayoutLog:
    """Read layouts.json of a run folder; `PoseliftError` if there is none or it is damaged."""
    path = folder / LAYOUTS
    try:
        facts = orjson.loads(path.read_bytes())
        check_layouts(facts["layouts"])
        rows, columns = (int(size) for size in facts["grid"])
        joints = len(get_skeleton(facts["skeleton"]))
    except OSError:
        raise PoseliftError(
            f"{folder}: has no {LAYOUTS}; a training of gln with a learnable layout writes it"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise PoseliftError(f"{path}: not the layouts of a run ({error})") from None

    def layout(nodes: Sequence[int]) -> Layout:
        return Layout(rows, columns, tuple((joint,) for joint in nodes), joints)

    return LayoutLog(
        facts["skeleton"],
        tuple((entry["epoch"], layout(entry["nodes"])) for entry in facts["layouts"]),
        {entry["epoch"]: tuple(map(layout, entry["drawn"])) for entry in facts["layouts"]},
    )


def check_layouts(layouts: Any) -> None:
    """Refuse what is no list of entries of `logged`; `ValueError` says which is wrong."""
    if not isinstance(layouts, list):
        raise ValueError("layouts: expected a list of entries")
    for number, entry in enumerate(layouts):
        good = isinstance(entry, dict) and type(entry.get("epoch")) is int
        if not good or not isinstance(entry.get("drawn"), list):
            raise ValueError(f"layouts: entry {number} has no epoch or no drawn layouts")
        sizes = set()
        for nodes in (entry.get("nodes"), *entry["drawn"]):
            if not isinstance(nodes, list) or not all(type(n) is int and n >= 0 for n in nodes):
                raise ValueError(f"layouts: entry {number} has nodes that are no joint numbers")
            sizes.add(len(nodes))
        if len(sizes) != 1 or not 0 < max(sizes) < _MOST_NODES:
            raise ValueError(f"layouts: entry {number} has layouts of {sorted(sizes)} nodes")
