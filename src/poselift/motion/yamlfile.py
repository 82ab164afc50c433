"""YAML of calibrations, OpenCV's too: plain values, and nothing that unfolds without end."""

from __future__ import annotations

import re
from typing import Any

#: Values of a file, those counted twice that are used twice.
_MOST_PARTS = 100_000


def read_yaml(text: str) -> Any:
    """Read YAML, also with OpenCV's header and matrices, without making any object of it."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Takes matrices as the tables that they are."""

    def matrix(loader: Loader, node: yaml.MappingNode) -> Any:
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", matrix)
    loader = None
    try:
        loader = Loader(re.sub(r"\A%YAML:\S*\s*\n", "", text))
        node = loader.get_single_node()
        if node is None:
            return None
        _parts_of(node, {}, set())
        return loader.construct_document(node)
    except RecursionError:
        raise
    except Exception as error:  # also of values that look like dates or numbers but are none
        raise ValueError(str(error) or type(error).__name__) from None
    finally:
        if loader is not None:
            loader.dispose()


def _parts_of(node: Any, known: dict[int, int], above: set[int]) -> int:
    """Count the parts that a YAML node has when what it refers to is written out.

    Parts may be used again by name, so a few hundred bytes can unfold to gigabytes, or never end:
    `ValueError` for more than any calibration has.
    """
    if id(node) in above:
        raise ValueError("a part contains itself")
    if id(node) not in known:
        above.add(id(node))
        inner = node.value if isinstance(node.value, list) else []
        pairs = [part for part in inner if isinstance(part, tuple)]
        parts = [part for pair in pairs for part in pair] if pairs else inner
        known[id(node)] = 1 + sum(_parts_of(part, known, above) for part in parts)
        above.discard(id(node))
    if known[id(node)] > _MOST_PARTS:
        raise ValueError("unfolds to more than any calibration holds")
    return known[id(node)]
