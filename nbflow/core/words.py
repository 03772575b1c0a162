"""Tables of words, written as text so that they stay readable. Used by the tables of verbs, calls and magics."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())
