"""The sentence a user meets, whatever a file put into it."""

from __future__ import annotations

import pytest

from poselift.errors import PoseliftError, printable, quoted


def test_a_sentence_stays_as_it_is() -> None:
    assert (
        str(PoseliftError("Übung.json, frame 3: naïve “quotes”"))
        == "Übung.json, frame 3: naïve “quotes”"
    )


@pytest.mark.parametrize("bad", ["\x1b[2J", "\a", "\r", "\n", "\x9b31m", "\u202e", "\u2028"])
def test_nothing_reaches_the_terminal_but_text(bad: str) -> None:
    sentence = str(PoseliftError(f"a{bad}b"))
    assert sentence.isprintable()
    assert sentence.startswith("a\\")


def test_a_sentence_ends() -> None:
    sentence = printable("file.json: " + "y" * 10**6 + ", expected less")
    assert len(sentence) <= 1500
    assert sentence.startswith("file.json")
    assert sentence.endswith("expected less")


def test_what_is_quoted_is_short_however_deep_or_long() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert quoted(deep) == "[[[...]]]"
    assert len(quoted("x" * 10**6)) <= 80
    assert len(quoted(10**5000)) <= 80
    assert quoted({"a": 1}) == "{'a': 1}"
    assert quoted("fps") == "'fps'"
