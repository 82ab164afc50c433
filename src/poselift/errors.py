"""The one error users meet: a sentence that says what is wrong and where."""

from __future__ import annotations


class PoseliftError(Exception):
    """Bad input, said in one sentence; the command line prints it and exits with status 2."""
