"""Small words that every text front end shares: durations, counts, and text from notebooks made safe for a terminal."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# Everything that moves the cursor, rings, hides or reverses text: C0, C1, bidi marks, surrogates.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """One line of text from a notebook. What could steer a terminal becomes a sign that something was there, for a
    name with a hidden part is not the name that it seems to be."""
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPES.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\n", " ").replace("\t", " ")


def clean_block(text: str, *, colour: bool = False) -> str:
    """Several lines of text from a notebook; ``colour`` keeps plain colour codes."""
    parts = []
    position = 0
    for match in _ESCAPES.finditer(text):
        parts.append(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text[position : match.start()].replace("\r\n", "\n")))
        if colour and _COLOUR.fullmatch(match.group()):
            parts.append(match.group())
        position = match.end()
    parts.append(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text[position:].replace("\r\n", "\n")))
    return "".join(parts)


def bounded(text: str, lines: int = 120, characters: int = 1000) -> str:
    """A text that a terminal can show: of too many lines the first and the last, of too long ones the beginning."""
    found = [line if len(line) <= characters else f"{line[:characters]}…" for line in text.split("\n")]
    if len(found) > lines:
        half = lines // 2
        found[half:-half] = [f"… {len(found) - 2 * half} lines left out …"]
    return "\n".join(found)


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``12 s``, ``3 min 20 s``, ``1 h 5 min``; an empty text for None."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(number: float | None) -> str:
    """``0 B``, ``12 kB``, ``3.4 MB``, ``1.2 GB``, in powers of 1000; an empty text for None."""
    if number is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 9.95 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def day_and_time(moment: str) -> str:
    """``2026-11-24 15:30 UTC``, from ISO 8601 in UTC."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def count(number: int, noun: str) -> str:
    """``1 step``, ``3 steps``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
