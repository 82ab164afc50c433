"""The one error users meet: a sentence that says what is wrong and where."""

from __future__ import annotations

import json
import os
import reprlib
from importlib.metadata import PackageNotFoundError, distribution

_LONGEST = 1500


class PoseliftError(Exception):
    """Bad input, said in one sentence; the command line prints it and exits with status 2.

    What a file put into the sentence cannot move a terminal's cursor, nor fill its screen.
    """

    def __init__(self, sentence: str) -> None:
        """Keep the sentence, its control characters escaped, its middle left out if too long."""
        super().__init__(printable(sentence))


#: What a path may be.
PATH = (str, os.PathLike)


def expect(value: object, kind: type | tuple[type, ...], words: str) -> None:
    """Refuse what is of no such type: "expected <words>, got <the type it has>"."""
    if not isinstance(value, kind):
        raise PoseliftError(f"expected {words}, got {type(value).__name__}")


def printable(text: str) -> str:
    """Return text as a terminal may see it: control characters escaped, at most 1,500 letters."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 300]} [...] {text[-280:]}"
    return escaped(text)


def escaped(text: str) -> str:
    """Return text as one line that only shows: what would move a terminal's cursor is spelled."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


def quoted(value: object) -> str:
    """Return a value as a message quotes it: short, on one line, whatever a file put into it."""
    try:
        return _SHORT.repr(value)
    except (RecursionError, ValueError):  # a whole number of a million digits has no text
        return f"a {type(value).__name__}"


def how_to_install(extra: str) -> str:
    """Return the command that adds an optional part, from where poselift was installed from.

    pip notes the folder or wheel in `direct_url.json` (PEP 610); without it the command is to be
    run in poselift's folder.
    """
    try:
        noted = json.loads(distribution("poselift").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        noted = {}
    url = noted.get("url", "") if isinstance(noted, dict) else ""
    if not isinstance(url, str) or not url.endswith(".whl"):
        return f'pip install ".[{extra}]" (in the folder of poselift\'s pyproject.toml)'
    return f'pip install "poselift[{extra}] @ {url}"'
