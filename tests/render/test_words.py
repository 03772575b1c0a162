"""Small words: durations, counts, times, and text from notebooks made safe for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.render.words import bounded, clean, clean_block, count, day_and_time, duration

GONE = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (0.95, "0.9 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.5, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (3900, "1 h 5 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_a_duration_in_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a\nb\nc\nd\n", "a\nb\nc\nd\n"),
        ("1\n2\n3\n4\n5\n6\n7", "1\n2\n… 3 lines left out …\n6\n7"),
        ("0123456789x\n0123456789", "0123456789…\n0123456789"),
    ],
)
def test_a_long_text_is_bounded(text: str, shown: str) -> None:
    assert bounded(text, lines=5, characters=10) == shown


@pytest.mark.parametrize(("number", "words"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps")])
def test_a_count_in_words(number: int, words: str) -> None:
    assert count(number, "step") == words


def test_a_moment_in_words() -> None:
    assert day_and_time("2026-11-24T15:30:12.250Z") == "2026-11-24 15:30 UTC"


@pytest.mark.parametrize(
    ("text", "line", "block"),
    [
        ("plain", "plain", "plain"),
        ("two\nlines\tand a tab", "two lines and a tab", "two\nlines\tand a tab"),
        ("Windows\r\nlines", "Windows lines", "Windows\nlines"),
        ("back\rover", f"back{GONE}over", f"back{GONE}over"),
        ("\x1b[31mred\x1b[0m", f"{GONE}red{GONE}", "red"),
        ("\x1b]0;title\x07.", f"{GONE}.", "."),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", f"{GONE}link{GONE}", "link"),
        ("\x1b[2J\x1b[1;1Hgone", f"{GONE}{GONE}gone", "gone"),
        ("\x1bPq...\x1b\\.", f"{GONE}.", "."),
        ("\x9b31m", f"{GONE}31m", f"{GONE}31m"),
        ("bell\x07 back\x08 nul\x00", f"bell{GONE} back{GONE} nul{GONE}", f"bell{GONE} back{GONE} nul{GONE}"),
        ("abc\u202etxt.exe", f"abc{GONE}txt.exe", f"abc{GONE}txt.exe"),
        ("half \ud800", f"half {GONE}", f"half {GONE}"),
        ("Größe 數據 😀", "Größe 數據 😀", "Größe 數據 😀"),
    ],
)
def test_what_could_steer_a_terminal_is_taken_out(text: str, line: str, block: str) -> None:
    assert (clean(text), clean_block(text)) == (line, block)


def test_a_block_may_keep_its_colours_and_nothing_else() -> None:
    text = "\x1b[1;31mred\x1b[0m \x1b[38;5;66mgrey\x1b[2K\x1b[5A"
    assert clean_block(text, colour=True) == "\x1b[1;31mred\x1b[0m \x1b[38;5;66mgrey"


@given(st.text(alphabet=st.characters() | st.sampled_from("\x1b[]0;m\x07\x9b\\PX^_\r\n"), max_size=40))
def test_no_text_leaves_a_control_character(text: str) -> None:
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in clean(text))
    assert not any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 for c in clean_block(text))
