"""Parameters as they are typed, and the values that notebooks get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbflow.core.values import typed
from nbflow.errors import UsageError
from nbflow.project import Typed
from nbflow.ui.parameters import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e-3", 0.001),
        ("True", True),
        ("False", False),
        ("None", None),
        ("true", "true"),
        ("", ""),
        ("a b", "a b"),
        ("[1, 2]", "[1, 2]"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1e999", "1e999"),
        ("007", 7),
        ("2026-11-24", "2026-11-24"),
    ],
)
def test_a_pair_is_read_as_papermill_reads_it(text: str, value: Any) -> None:
    found = typed(text)
    assert (found, type(found)) == (value, type(value))


def test_pairs_win_over_yaml_and_yaml_over_files(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\nb: [1, {c: null}]\nd: text\n")
    other = tmp_path / "p.json"
    other.write_text('{"a": 2, "e": true}')
    assert read(["d=x=y", " f =1"], ["a: 3", ""], [file, other]) == {
        "a": 3,
        "b": [1, {"c": None}],
        "d": Typed("x=y", "x=y"),
        "e": True,
        "f": Typed("1", 1),
    }


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("a: .nan", "-y 'a: .nan': 'a' is a float, which a notebook parameter cannot be."),
        ("a: [1, !!set {x}]", "-y 'a: [1, !!set {x}]': 'a' is a set, which a notebook parameter cannot be."),
        ("a: {1: 2}", "-y 'a: {1: 2}': 'a' has a key that is no text (1)."),
        ("1: 2", "-y '1: 2' does not hold names with values."),
        ("just text", "-y 'just text' does not hold names with values."),
        ("!!python/object:os.system x", "-y '!!python/object:os.system x' is not valid YAML (line 1)."),
    ],
)
def test_what_is_no_json_value_is_refused(yaml: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read([], [yaml], [])
    assert caught.value.message == message


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(b"a: \xff")
    with pytest.raises(UsageError) as caught:
        read([], [], [file])
    assert caught.value.message == f"The parameters file {file} cannot be read: it is not UTF-8 text."
