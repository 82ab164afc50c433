"""`poselift data check`: what a folder of one's own recordings holds, and if it can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poselift.cli.progress import telling
from poselift.cli.saying import say
from poselift.errors import PoseliftError

#: Problems that are printed: many files mostly have the same.
_MOST = 20

_Folder = Annotated[Path, typer.Argument(help="Folder with a dataset.toml (docs/own-data.md).")]


def check(folder: _Folder) -> None:
    """Look at a folder of your own recordings before training on it.

    All files that its dataset.toml names are read; what they are is said, and what is wrong. The
    exit status is 2 if they cannot be used. Without a dataset.toml a first draft of one is printed.
    """
    from poselift.datasets.own import FILE, check_folder, draft

    if folder.is_dir() and not (folder / FILE).exists():
        say(f"# a first {FILE} for {folder}: mend it, and put it there")
        for line in draft(folder).split("\n"):
            say(line)
    with telling(f"{folder} ...") as tell:
        found = check_folder(folder, tell)
    for line in found.lines:
        say(line)
    for line in found.problems[:_MOST]:
        say(f"problem: {line}")
    if len(found.problems) > _MOST:
        say(f"... and {len(found.problems) - _MOST} more problems")
    if found.problems:
        count = len(found.problems)
        raise PoseliftError(
            f"{folder}: cannot be used as it is, {count} problem{'s' * (count != 1)} "
            f"{'are' if count != 1 else 'is'} listed above"
        )
