"""Secrets and what stands in their place."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.masking import Masker

PASSWORD = 'pä/ss "word"+1'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n-----END KEY-----\n"
MASKER = Masker({"DB_PASSWORD": PASSWORD, "PRIVATE_KEY": KEY, "PIN": "1234567", "TOKEN": "abcdefgh"})


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("", ""),
        ("nothing to hide", "nothing to hide"),
        (f"login {PASSWORD}!", "login ***DB_PASSWORD***!"),
        (f"{PASSWORD}{PASSWORD}", "***DB_PASSWORD******DB_PASSWORD***"),
        ("exactly eight: abcdefgh", "exactly eight: ***TOKEN***"),
        ("seven are too few: 1234567", "seven are too few: 1234567"),
        (json.dumps({"p": PASSWORD}), '{"p": "***DB_PASSWORD***"}'),
        (json.dumps({"p": PASSWORD}, ensure_ascii=False), '{"p": "***DB_PASSWORD***"}'),
        (repr(KEY), "'***PRIVATE_KEY***'"),
        (f"db://u:{quote(PASSWORD, safe='')}@host", "db://u:***DB_PASSWORD***@host"),
        (f"path/{quote(PASSWORD)}", "path/***DB_PASSWORD***"),
        (f"?q={quote_plus(PASSWORD)}", "?q=***DB_PASSWORD***"),
        ("?q=p%c3%a4%2fss+%22word%22%2b1", "?q=***DB_PASSWORD***"),
        (f"base64 {base64_of(PASSWORD)}.", "base64 ***DB_PASSWORD***."),
        (base64.urlsafe_b64encode(PASSWORD.encode()).decode(), "***DB_PASSWORD***"),
        (KEY, "***PRIVATE_KEY***"),
        (f"line: {KEY.splitlines()[1]}", "line: ***PRIVATE_KEY***"),
        ("a short line: short", "a short line: short"),
    ],
)
def test_a_secret_is_masked_in_each_form_it_is_written_in(text: str, masked: str) -> None:
    assert MASKER.text(text) == masked


@pytest.mark.parametrize("before", ["", "u", "us", "usr", "user:"])
@pytest.mark.parametrize("after", ["", "@", "@h", "@ho"])
def test_a_secret_in_the_middle_of_encoded_bytes_does_not_stay_readable(before: str, after: str) -> None:
    masked = MASKER.text(base64_of(before + "abcdefgh" + after))
    assert masked.count("***TOKEN***") == 1
    left = "".join(masked.split("***TOKEN***"))
    assert len(left) <= len(base64_of(before)) + len(base64_of(after)) + 4


def test_whitespace_and_nothing_are_no_secrets() -> None:
    masker = Masker({"EMPTY": "", "BLANK": " " * 12})
    assert not masker
    assert masker.text("a" + " " * 20) == "a" + " " * 20


def test_of_two_names_for_one_value_the_first_is_said() -> None:
    assert Masker({"A": "same value", "B": "same value"}).text("same value") == "***A***"


def test_the_longer_of_two_secrets_wins_where_one_begins_the_other() -> None:
    masker = Masker({"SHORT": "password", "LONG": "password-and-more"})
    assert masker.text("password-and-more password") == "***LONG*** ***SHORT***"


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        (None, None),
        (3, 3),
        ("abcdefgh", "***TOKEN***"),
        (["abcdefgh", 1, None], ["***TOKEN***", 1, None]),
        ({"a": {"b": ["x", "y abcdefgh"]}}, {"a": {"b": ["x", "y ***TOKEN***"]}}),
        ({"abcdefgh": 1, "k": 2}, {"***TOKEN***": 1, "k": 2}),
        (("abcdefgh", "x"), ("***TOKEN***", "x")),
    ],
)
def test_data_are_masked_at_any_depth(data: Any, masked: Any) -> None:
    before = json.dumps(data)
    assert MASKER.data(data) == masked
    assert json.dumps(data) == before


@pytest.mark.parametrize("masker", [MASKER, Masker({}), Masker({"PIN": "1234567"})])
def test_what_holds_no_secret_comes_back_as_the_same_object(masker: Masker) -> None:
    text = "nothing here"
    data = {"a": [1, text, (2.0, {"b": None})]}
    assert masker.text(text) is text
    assert masker.data(data) is data


def test_a_masker_is_true_where_it_has_something_to_mask() -> None:
    assert [bool(MASKER), bool(Masker({}))] == [True, False]


def masked_in_pieces(masker: Masker, pieces: list[str]) -> list[str]:
    stream = masker.stream()
    return [*(stream.feed(piece) for piece in pieces), stream.flush()]


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        ([], [""]),
        (["plain ", "text\n"], ["plain ", "text\n", ""]),
        (["token=abcd", "efgh."], ["token=", "***TOKEN***.", ""]),
        (["token=abcd", "ef"], ["token=", "", "abcdef"]),
        (["abcdefgh"], ["***TOKEN***", ""]),
        (list("xabcdefghy"), ["x", "", "", "", "", "", "", "", "***TOKEN***", "y", ""]),
        (["abcabc", "defgh"], ["abc", "***TOKEN***", ""]),
    ],
)
def test_a_secret_split_over_pieces_is_masked_and_only_its_beginning_waits(
    pieces: list[str], written: list[str]
) -> None:
    assert masked_in_pieces(Masker({"TOKEN": "abcdefgh"}), pieces) == written


def test_a_stream_with_nothing_to_mask_hands_on_the_same_object() -> None:
    text = "nothing here"
    assert Masker({}).stream().feed(text) is text


SECRETS = st.dictionaries(st.sampled_from("ABC"), st.text("ab\n", min_size=8, max_size=12), max_size=3)


@given(SECRETS, st.lists(st.text("ab\n", max_size=20), max_size=8))
def test_a_text_in_pieces_is_masked_as_the_whole(secrets: dict[str, str], pieces: list[str]) -> None:
    masker = Masker(secrets)
    assert "".join(masked_in_pieces(masker, pieces)) == masker.text("".join(pieces))


def test_a_long_text_without_a_secret_is_only_looked_through() -> None:
    text = "epoch 1: loss 0.1234, accuracy 0.9876\n" * 100_000

    def fastest(look: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            started = time.thread_time()
            look()
            times.append(time.thread_time() - started)
        return min(times)

    assert MASKER.text(text) is text
    plain = fastest(lambda: [form in text for form in MASKER.marks])
    assert fastest(lambda: MASKER.text(text)) < 2 * plain  # the pattern takes more than three times as long
