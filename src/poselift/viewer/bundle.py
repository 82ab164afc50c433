"""The browser's code: modules that import each other by name become one script."""

from __future__ import annotations

import re
from importlib.resources import files

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:function|const|class) (\w+))", re.M)


def resource(name: str) -> str:
    """Return a text file of the viewer."""
    return files("poselift.viewer").joinpath("web", name).read_text(encoding="utf-8")


def bundle(entry: str) -> str:
    """Return one classic script that runs the module `entry` and all that it imports.

    Each module becomes a function of its own that is called once and returns what it exports, so
    it sees nothing of another but what it imports: no names are shared by accident. Modules may
    not import each other in a circle.
    """
    order: list[str] = []
    parts: list[str] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{' -> '.join((*above, name))}: modules import each other")
        if name in order:
            return
        text = resource(f"{name}.js")
        for _, other in _IMPORT.findall(text):
            add(other, (*above, name))
        exports = ", ".join(_EXPORT.findall(text))
        text = _EXPORT.sub("", _IMPORT.sub(r"const {\1} = $\2;\n", text))
        order.append(name)
        parts.append(f"const ${name} = (() => {{\n{text}return {{ {exports} }};\n}})();\n")

    add(entry, ())
    return '(() => {\n"use strict";\n' + "".join(parts) + "})();\n"
