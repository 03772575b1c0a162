"""Values as words of a command line: what is typed there is read as what was given."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.values import text_of
from nbflow.ops.commands import parameter_words
from nbflow.project import check_parameters
from nbflow.ui.parameters import read
from tests.fakes import pipeline

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES: st.SearchStrategy[Any] = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
DEFAULTS = [1, 0.5, "a", True, None, [1], {"k": 1}]


@given(VALUES)
def test_a_value_is_one_line_of_yaml(value: Any) -> None:
    text = text_of(value)
    assert "\n" not in text
    assert yaml.safe_load(text) == value


@given(VALUES, st.sampled_from(DEFAULTS))
def test_what_is_typed_is_what_was_given(value: Any, default: Any) -> None:
    pairs, yaml_texts = parameter_words({"n": value}, {"n": json.dumps(default)})
    pipe = pipeline((f"#[parameters]\nn = {default!r}", "%%step one -o a\na = n"))
    found = check_parameters(pipe, read(pairs, yaml_texts, ()))
    assert found == {"n": value}
    assert type(found["n"]) is type(value)


@pytest.mark.parametrize(
    ("value", "default", "words"),
    [
        (2, 1, (["n=2"], [])),
        (2.5, 1, (["n=2.5"], [])),
        ("x y", "a", (["n=x y"], [])),
        ("12", "a", (["n=12"], [])),
        ("12", 1, ([], ['n: "12"'])),
        (12, "a", ([], ["n: 12"])),
        (True, False, (["n=True"], [])),
        (1, True, ([], ["n: 1"])),
        (None, 1, (["n=None"], [])),
        ([1, "b"], 1, ([], ['n: [1, "b"]'])),
        (1e-05, 1, (["n=1e-05"], [])),
        ([1e-05], 1, ([], ["n: [1.0e-05]"])),
    ],
)
def test_the_shorter_form_is_typed_where_it_means_the_same(value: Any, default: Any, words: Any) -> None:
    assert parameter_words({"n": value}, {"n": json.dumps(default)}) == words
