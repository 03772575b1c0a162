"""Secrets out of what is written: the values of named environment variables become ``***NAME***``.

The journal and the notebook writer call it, the only two that write what user code said. It cannot know a secret that
the code took apart, nor look inside artifacts; values under 8 characters are left, for they would match half of
any text. Nothing here reads the environment: names and values are handed in.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Characters from which on a value is masked."""


class Masker:
    """Replaces secrets in texts and JSON values. What holds none comes back as the very same object."""

    def __init__(self, names_to_values: Mapping[str, str]) -> None:
        self.marks: dict[str, str] = {}
        """Each form of a secret → what stands in its place; where one form begins another, the longer is first."""
        found: dict[str, str] = {}
        for name, value in names_to_values.items():
            for form in forms_of(value):
                found.setdefault(form, f"***{name}***")
        for form in sorted(found, key=lambda text: (-len(text), text)):
            self.marks[form] = found[form]
        self.pattern = re.compile("|".join(re.escape(form) for form in self.marks)) if self.marks else None

    def __bool__(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self.marks)

    def text(self, text: str) -> str:
        """The text with each secret replaced."""
        # Searching for a plain text is much faster than for a pattern, and nearly all texts hold no secret.
        if self.pattern is None or not any(form in text for form in self.marks):
            return text
        return self.pattern.sub(lambda found: self.marks[found.group()], text)

    def data(self, value: Any) -> Any:
        """JSON-like data with each secret replaced in its texts, in keys too. What was handed in is not changed."""
        if not self.marks:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            pairs = {self.data(k): self.data(v) for k, v in value.items()}
            same = len(pairs) == len(value) and all(k in pairs and pairs[k] is v for k, v in value.items())
            return value if same else pairs
        if isinstance(value, list | tuple):
            items = [self.data(item) for item in value]
            if all(new is old for new, old in zip(items, value, strict=True)):
                return value
            return items if isinstance(value, list) else tuple(items)
        return value

    def stream(self) -> StreamMasker:
        """For one text that comes in pieces."""
        return StreamMasker(self)


class StreamMasker:
    """Masks a text that comes in pieces, where a secret may be split over two. The pieces that come out make what
    ``Masker.text`` makes of the whole; only what may be the beginning of a secret is held back."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""
        self._longest = max(map(len, masker.marks), default=0)
        self._first = {form[0] for form in masker.marks}

    def feed(self, text: str) -> str:
        """Add a piece; what is safe to write now."""
        if self._masker.pattern is None:
            return text
        text = self._held + text
        done: list[str] = []
        position = 0
        beginnings = self._beginnings(text)
        while True:
            hold = next((i for i in beginnings if i >= position), len(text))
            found = self._masker.pattern.search(text, position)
            if found is None or found.start() >= hold:
                break
            done += [text[position : found.start()], self._masker.marks[found.group()]]
            position = found.end()
        self._held = text[hold:]
        return "".join([*done, text[position:hold]])

    def flush(self) -> str:
        """The rest: nothing more comes."""
        held, self._held = self._held, ""
        return self._masker.text(held)

    def _beginnings(self, text: str) -> list[int]:
        """Places from which the rest of the text is the beginning of a form that is longer."""
        tail = range(max(0, len(text) - self._longest + 1), len(text))
        starts = [i for i in tail if text[i] in self._first]
        return [i for i in starts if self._may_go_on(text[i:])]

    def _may_go_on(self, rest: str) -> bool:
        return any(len(form) > len(rest) and form.startswith(rest) for form in self._masker.marks)


def forms_of(secret: str) -> Iterator[str]:
    """The ways in which a secret is commonly written: as it is, each line of it alone, quoted in JSON and in Python,
    URL-encoded, and in base64 wherever in the encoded bytes it stands."""
    if len(secret) < SHORTEST or secret.isspace():
        return
    plain = [secret, *(line for line in map(str.strip, secret.splitlines()) if len(line) >= SHORTEST)]
    for text in dict.fromkeys(plain):
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield repr(text)[1:-1]
        for encoded in (quote(text, safe=""), quote(text), quote_plus(text)):
            yield encoded
            yield re.sub("%..", lambda found: found.group().lower(), encoded)
    for standard in _base64_forms(secret.encode("utf-8", "surrogateescape")):
        yield standard
        yield standard.replace("+", "-").replace("/", "_")


def _base64_forms(secret: bytes) -> Iterator[str]:
    yield base64.b64encode(secret).decode()
    for before in range(3):  # bytes that stand before it in its group of three
        encoded = base64.b64encode(b"\0" * before + secret).decode()
        first = (before * 8 + 5) // 6  # characters that hold bits of the bytes before
        whole = (before + len(secret)) * 8 // 6  # the character after them holds bits of what follows
        yield encoded[first:whole]
