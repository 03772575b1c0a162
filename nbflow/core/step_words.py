"""The words of a ``%%step`` line, each with its place and what it is, for those who change single words of it.

``declare`` says what a line means; this keeps to the same grammar and knows where in the line each word stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from nbflow.core.declare import FLAGS, LISTS, NUMBERS, TOKEN, quoted, unquoted

Role = Literal["name", "inputs", "outputs", "after"]


class Word(NamedTuple):
    """``text``: as it is meant, without quotes."""

    start: int
    end: int
    text: str
    role: Role


def words_of(line: str) -> Iterator[Word]:
    """The words of a line that can be read; what stands for numbers and resources is left out."""
    role: str = ""
    for index, match in enumerate(TOKEN.finditer(line)):
        text = unquoted(match.group())
        if index == 0:
            continue  # %%step
        option, equals, value = text.partition("=") if text.startswith("--") else (text, "", "")
        if index == 1:
            yield Word(match.start(), match.end(), text, "name")
        elif option in LISTS:
            role = LISTS[option]
            if equals and role != "resources":
                yield Word(match.start() + match.group().index("=") + 1, match.end(), value, role)  # type: ignore[arg-type]
        elif option in NUMBERS or option in FLAGS:
            role = ""
        elif role in ("inputs", "outputs", "after"):
            yield Word(match.start(), match.end(), text, role)  # type: ignore[arg-type]


def changed(line: str, change: Callable[[Word], str]) -> str:
    """The line with other words in the place of those that ``change`` gives something else for."""
    for word in reversed([*words_of(line)]):
        new = change(word)
        if new != word.text:
            line = line[: word.start] + quoted(new) + line[word.end :]
    return line
