"""Help pages as a stranger reads them: what must be given first, plain words, and an example."""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperOption

#: A line to copy, by command.
EXAMPLES = {
    "lift": "poselift lift keypoints.json --size 1920x1080 -o pose.html -o pose.npz",
    "bulk": "poselift bulk keypoints/ lifted/ --workers 8",
    "detect": "poselift detect clip.mp4 -o keypoints.json",
    "convert": "poselift convert openpose_frames/ --size 1920x1080 -o keypoints.npz",
    "view": "poselift view pose.npz",
    "angles": "poselift angles pose.npz -o angles.csv",
    "formats": "poselift formats",
    "train": "poselift train lcn --recipe shipped --data synthetic --out runs/first --epochs 3",
    "eval": "poselift eval --model gln --model runs/first --data cmu17 --root data/cmu",
    "reproduce": "poselift reproduce gridconv.table5 --root data/cmu --budget smoke",
    "render": "poselift data render --root data/cmu --count 200 -o people",
    "check": "poselift data check recordings",
    "export": "poselift export runs/first --precision int8",
    "import": "poselift import osvai-gridconv gt.pth.tar -o runs/gridconv",
    "bench": "poselift bench --model gln --batch 1 --batch 256 --no-training",
}

#: What stands for a value of a type, where an option does not say.
_WORDS = {"Path": "FILE", "int": "NUMBER", "float": "NUMBER"}

#: Options whose paths are folders.
_FOLDERS = ("root", "out", "runs", "mpi_root", "more", "branch")


class PlainCommand(TyperCommand):
    """A command whose usage names what is required, in words that need no programmer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Name the values of all arguments and options."""
        super().__init__(*arguments, **named)
        for param in self.params:
            if not isinstance(param, TyperArgument | TyperOption):
                continue
            kind = param.bare_type().removeprefix("list[").removesuffix("]")
            if isinstance(param, TyperArgument):
                param.metavar = param.metavar or str(param.name).upper()
                # the name says it already; typer has no option for that
                param.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
            elif param.metavar is None:
                word = _WORDS.get(kind, "NAME")
                param.metavar = "FOLDER" if param.name in _FOLDERS else word

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the arguments, then the options that must be given, then the others."""
        pieces = []
        for param in self.params:
            if isinstance(param, TyperArgument):
                name = str(param.metavar) + ("..." if param.nargs != 1 else "")
                pieces.append(name if param.required else f"[{name}]")
        for param in self.params:
            needed = param.required or (self.name, param.name) == ("lift", "outputs")  # but live
            if isinstance(param, TyperOption) and needed:
                pieces.append(f"{param.opts[0]} {param.metavar}")
        return [*pieces, "[OPTIONS]"]

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence, whole; the list of commands wraps it."""
        return " ".join(inspect.cleandoc(self.help or "").split("\n\n")[0].split())

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the example."""
        line = EXAMPLES.get(str(self.name))
        if line is not None:
            with formatter.section("Example"):
                formatter.write(f"  {line}\n")
