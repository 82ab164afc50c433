"""The one error users meet: a sentence that says what is wrong and where."""

from __future__ import annotations

import reprlib


class PoseliftError(Exception):
    """Bad input, said in one sentence; the command line prints it and exits with status 2."""


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


def quoted(value: object) -> str:
    """Return a value as a message quotes it: short, on one line, whatever a file put into it."""
    try:
        return _SHORT.repr(value)
    except (RecursionError, ValueError):  # a whole number of a million digits has no text
        return f"a {type(value).__name__}"
