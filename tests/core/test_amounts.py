"""Amounts: what people write, and what they get."""

from __future__ import annotations

import pytest

from nbflow.core.amounts import parse_amount, parse_span
from nbflow.errors import UsageError

FIX = "Write a number such as 2 or 0.5, or one with a unit: k, M, G, T (powers of 1000), KiB, MiB, GiB, TiB."


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0.0),
        ("2", 2.0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("3.", 3.0),
        ("512B", 512.0),
        ("1k", 1e3),
        ("1kB", 1e3),
        ("500M", 5e8),
        ("1.5G", 1.5e9),
        ("2TB", 2e12),
        ("4KiB", 4096.0),
        ("4Ki", 4096.0),
        ("1MiB", 1048576.0),
        ("8GiB", 8589934592.0),
        ("0.5TiB", 549755813888.0),
        (" 8 GiB ", 8589934592.0),
    ],
)
def test_an_amount_is_a_number_with_a_unit(text: str, amount: float) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not an amount"),
        ("much", "'much' is not an amount"),
        ("-1", "'-1' is not an amount"),
        ("1e3", "'1e3' is not an amount"),
        ("nan", "'nan' is not an amount"),
        ("1,5", "'1,5' is not an amount"),
        ("8 Gi B", "'8 Gi B' is not an amount"),
        ("8gib", "'8gib' is not an amount: the unit 'gib' is not known. Did you mean '8GiB'?"),
        ("500m", "'500m' is not an amount: the unit 'm' is not known. Did you mean '500M'?"),
        ("8parsec", "'8parsec' is not an amount: the unit 'parsec' is not known."),
        ("٣", "'٣' is not an amount"),
        ("9" * 400, f"'{'9' * 400}' is too big an amount"),
    ],
)
def test_anything_else_is_refused_with_the_near_unit(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_amount(text)
    assert (error.value.message, error.value.fix) == (message, FIX)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2592000.0), ("1.5 h", 5400.0), ("2w", 1209600.0), ("90s", 90.0), ("5min", 300.0)]
)
def test_spans_of_time_are_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["30", "d", "", "-1d", "30 days", "1d2h", "5m"])
def test_what_is_no_span_of_time_is_said(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_span(text)
    assert str(error.value) == f"'{text}' is not a span of time\nWrite one such as 30d; units: s, min, h, d, w."
