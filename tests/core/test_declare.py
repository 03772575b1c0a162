"""The ``%%step`` grammar: what each form means, what each mistake is told, and lines that declarations are added to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.declare import (
    StepLine,
    merge,
    misplaced_step_line,
    notebook_line,
    parse,
    parse_item,
    step_line,
    with_items,
)
from nbflow.core.model import FORMATS, Declaration, Item, Options
from nbflow.errors import DeclareError

# --- finding the line ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("%%step train -o model\nmodel = 1", StepLine(0, "train -o model", False)),
        ("\n  \n%%step train\nx = 1", StepLine(2, "train", False)),
        ("%%step", StepLine(0, "", False)),
        ("%%step\ttrain", StepLine(0, "train", False)),
        ("%%step train  \r\nx = 1", StepLine(0, "train", False)),
        ("%%steps train", None),
        ("x = 1\n%%step train", None),
        ("# first\n%%step train", None),
        ("%%time\n%%step train", None),
        ("%step train", None),
        ("", None),
    ],
)
def test_a_step_begins_on_the_first_line_that_is_not_blank(source: str, found: StepLine | None) -> None:
    assert step_line(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("%step report -i table", StepLine(0, "report -i table", True)),
        ("%load_ext nbflow\n  %step report", StepLine(1, "report", True)),
        ("x = 1\n%step report", StepLine(1, "report", True)),
        ("%steps report", None),
        ("%%step report", None),
        ("x = 5 %step", None),
    ],
)
def test_a_line_magic_may_stand_anywhere_in_its_cell(source: str, found: StepLine | None) -> None:
    assert notebook_line(source) == found


@pytest.mark.parametrize(
    ("source", "index"),
    [("x = 1\n%%step train", 1), ("%%time\n%%step train", 1), ("%%step train", None), ("\n%%step train", None)],
)
def test_a_step_line_below_the_first_is_misplaced(source: str, index: int | None) -> None:
    assert misplaced_step_line(source) == index


# --- reading it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train", Declaration("train")),
        ("_t-1 -i a -o b", Declaration("_t-1", (Item("a", "a"),), (Item("b", "b"),))),
        (
            "train --in a b --out c d",
            Declaration("train", (Item("a", "a"), Item("b", "b")), (Item("c", "c"), Item("d", "d"))),
        ),
        ("train -i a -o b -i c", Declaration("train", (Item("a", "a"), Item("c", "c")), (Item("b", "b"),))),
        ("train --in=a --out=b", Declaration("train", (Item("a", "a"),), (Item("b", "b"),))),
        ("train -i -o b", Declaration("train", (), (Item("b", "b"),))),
        ("train -i df -o df", Declaration("train", (Item("df", "df"),), (Item("df", "df"),))),
        ("train --after load clean", Declaration("train", after=("load", "clean"))),
        (
            "train --retries 2 --retry-delay 0.5 --timeout=90 --no-cache",
            Declaration("train", options=Options(2, 0.5, 90.0, False)),
        ),
        (
            "train --resources gpu=1 memory=8GiB -o m",
            Declaration("train", (), (Item("m", "m"),), options=Options(resources=(("gpu", 1.0), ("memory", 2.0**33)))),
        ),
        (
            "train -i 'my data/x.csv' \"raw=a b.csv\"",
            Declaration(
                "train",
                (Item("my data/x.csv", None, "my data/x.csv"), Item("raw=a b.csv", "raw", "a b.csv")),
            ),
        ),
        (r'train -i "a \"b\".csv"', Declaration("train", (Item('a "b".csv', None, 'a "b".csv'),))),
    ],
)
def test_a_line_says_what_a_step_takes_and_makes(text: str, expected: Declaration) -> None:
    assert parse(text) == expected


def test_a_line_magic_makes_the_whole_notebook_one_step() -> None:
    assert parse("report -o html", whole_notebook=True) == Declaration(
        "report", outputs=(Item("html", "html"),), whole_notebook=True
    )


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("features", Item("features", "features")),
        ("features:parquet", Item("features:parquet", "features", None, "parquet")),
        ("größe", Item("größe", "größe")),
        ("data/x.csv", Item("data/x.csv", None, "data/x.csv")),
        ("x.csv", Item("x.csv", None, "x.csv")),
        ("./Makefile", Item("./Makefile", None, "./Makefile")),
        ("plots/", Item("plots/", None, "plots/")),
        ("*", Item("*", None, "*")),
        ("part-?", Item("part-?", None, "part-?")),
        ("[ab]", Item("[ab]", None, "[ab]")),
        ("parts/*.csv", Item("parts/*.csv", None, "parts/*.csv")),
        ("raw=data/x.csv", Item("raw=data/x.csv", "raw", "data/x.csv")),
        ("big.parquet:ref", Item("big.parquet:ref", None, "big.parquet", "ref")),
        ("raw=big.parquet:ref", Item("raw=big.parquet:ref", "raw", "big.parquet", "ref")),
        ("a=b=c.csv", Item("a=b=c.csv", "a", "b=c.csv")),
        ("year=2024/x.csv", Item("year=2024/x.csv", "year", "2024/x.csv")),
        ("./year=2024/x.csv", Item("./year=2024/x.csv", None, "./year=2024/x.csv")),
        ("/abs/x.csv", Item("/abs/x.csv", None, "/abs/x.csv")),
        ("12:30.csv", Item("12:30.csv", None, "12:30.csv")),
    ],
)
def test_an_item_is_a_variable_or_a_file(text: str, item: Item) -> None:
    assert parse_item(text) == item


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_may_be_asked_for(format_: str) -> None:
    assert parse_item(f"x:{format_}").format == format_


@pytest.mark.parametrize(
    ("path", "is_folder", "is_glob"),
    [("data/", True, False), ("data/x.csv", False, False), ("data/*", False, True), ("d*/", True, True)],
)
def test_an_item_knows_folders_and_globs(path: str, is_folder: bool, is_glob: bool) -> None:
    item = parse_item(path)
    assert (item.is_folder, item.is_glob, item.label) == (is_folder, is_glob, path)


FORMAT_FIX = "Formats: npy, json, pickle, cloudpickle, parquet, arrow, csv, text."
NAME_RULE = "a name begins with a letter or _ and goes on with letters, digits, _ and - (at most 100)."
USAGE = "%%step NAME -i INPUT ... -o OUTPUT ..."
OPTIONS = "-i, --in, -o, --out, --after, --resources, --retries, --retry-delay, --timeout, --no-cache"


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("", "%%step needs a name first.", f"Write {USAGE}"),
        ("-o x", "%%step needs a name first.", f"Write {USAGE}"),
        ("1st", f"'1st' cannot be the name of a step: {NAME_RULE}", f"Write {USAGE}"),
        ("a.b", f"'a.b' cannot be the name of a step: {NAME_RULE}", f"Write {USAGE}"),
        ("größe", f"'größe' cannot be the name of a step: {NAME_RULE}", f"Write {USAGE}"),
        ("a" * 101, f"'{'a' * 101}' cannot be the name of a step: {NAME_RULE}", f"Write {USAGE}"),
        ("my step", "'step' belongs to no option.", f"Inputs follow -i, outputs follow -o: {USAGE}"),
        ("s --retries 1 x", "'x' belongs to no option.", f"Inputs follow -i, outputs follow -o: {USAGE}"),
        ("s --retires 2", "%%step has no option '--retires'. Did you mean '--retries'?", ""),
        ("s --input x", "%%step has no option '--input'. Did you mean '--in'?", ""),
        ("s --zzz", f"%%step has no option '--zzz'. Known options: {OPTIONS}.", ""),
        ("s -ix", "%%step has no option '-ix'. Did you mean '-i'?", ""),
        ("s --no-cache=1", "--no-cache takes no value.", "Write --no-cache alone."),
        ("s --retries two", "--retries takes a whole number, 0 or more, not 'two'.", ""),
        ("s --retries 1.5", "--retries takes a whole number, 0 or more, not '1.5'.", ""),
        ("s --retries", "--retries takes a whole number, 0 or more, not ''.", ""),
        ("s --retries 1 --retries 2", "--retries stands twice.", "Give it once."),
        ("s --retry-delay -1", "--retry-delay takes a number of seconds, 0 or more, not '-1'.", ""),
        ("s --timeout 0", "--timeout takes a number of seconds, more than 0, not '0'.", ""),
        ("s --timeout inf", "--timeout takes a number of seconds, more than 0, not 'inf'.", ""),
        ("s --timeout nan", "--timeout takes a number of seconds, more than 0, not 'nan'.", ""),
        (
            "s --resources gpu",
            "--resources takes KEY=AMOUNT, not 'gpu'.",
            "For example: --resources gpu=1 memory=8GiB",
        ),
        ("s --resources gpu=1 gpu=2", "--resources gives gpu twice.", "Give it once."),
        ("s -i 'x", "A quote is not closed: 'x", "Close it, or leave it out."),
        ("s -i a,", "'a,' ends with a comma.", "Items are separated by spaces alone."),
        ("s -i a.csv,", "'a.csv,' ends with a comma.", "Items are separated by spaces alone."),
        (
            "s -i a,b",
            "'a,b' is neither a variable name nor a file.",
            "A file has a '/' or a '.' in it (write ./Makefile); items are separated by spaces.",
        ),
        (
            "s -i raw=x",
            "'raw=x' is neither a variable name nor a file.",
            "A file has a '/' or a '.' in it (write ./Makefile); items are separated by spaces.",
        ),
        (
            "s -i x:parquet",
            "The input 'x:parquet' names a format: the format is chosen where 'x' is made.",
            "Write -i x here and -o x:parquet in the step that makes it.",
        ),
        ("s -o x:parket", "'x:parket': there is no format 'parket'. Did you mean 'parquet'?", FORMAT_FIX),
        ("s -o x:ref", "'x:ref': there is no format 'ref'.", FORMAT_FIX),
        (
            "s -o x.csv:parquet",
            "'x.csv:parquet': a file takes no format but ':ref' (its digest is recorded, its bytes are not).",
            "",
        ),
        ("s -o class", "'class' is a Python keyword and cannot be a variable.", ""),
        ("s -o if=x.csv", "'if' is a Python keyword and cannot be a variable.", ""),
        ("s -o _", "'_' is never an input or output: every cell may overwrite it.", "Give the value a name."),
        ("s -i x x", "'x' stands twice among the inputs.", "Name it once."),
        ("s -o x x:npy", "'x' stands twice among the outputs.", "Name it once."),
        ("s -i raw raw=x.csv", "'raw' would be both raw and raw=x.csv.", "Choose another name."),
        ("s -i p=x.csv -o p=y.csv", "'p' would be both p=x.csv and p=y.csv.", "Choose another name."),
        ("s -i s3://b/x", "'s3://b/x' is an address, not a file.", "Read it in the step, and add --no-cache."),
        ("s -i ~/x.csv", "'~/x.csv': a ~ is not expanded.", "Write the whole path."),
        ("s -i data\\x.csv", "'data\\x.csv' holds a backslash.", "Write / between folders."),
    ],
)
def test_a_mistake_is_told_with_its_fix(text: str, message: str, fix: str) -> None:
    with pytest.raises(DeclareError) as error:
        parse(text)
    assert (error.value.message, error.value.fix) == (message, fix)


def test_an_amount_that_cannot_be_read_is_told_by_its_resource() -> None:
    with pytest.raises(DeclareError) as error:
        parse("s --resources memory=8gib")
    assert error.value.message == (
        "--resources memory: '8gib' is not an amount: the unit 'gib' is not known. Did you mean '8GiB'?"
    )


# --- a step of several cells -----------------------------------------------------------------------------


def test_what_the_cells_of_a_step_declare_adds_up() -> None:
    assert merge([parse("s -i a -o b --retries 1"), parse("s -i a c -o b:npy --no-cache"), parse("s --after t")]) == (
        Declaration(
            "s",
            (Item("a", "a"), Item("c", "c")),
            (Item("b:npy", "b", None, "npy"),),
            ("t",),
            Options(retries=1, cache=False),
        )
    )


@pytest.mark.parametrize(
    ("first", "second", "message", "fix"),
    [
        ("s --retries 1", "s --retries 2", "Two cells of this step give --retries: 1 and 2.", "Give it once."),
        ("s --timeout 1", "s --timeout 2", "Two cells of this step give --timeout: 1.0 and 2.0.", "Give it once."),
        (
            "s --retry-delay 1", "s --retry-delay 2",
            "Two cells of this step give --retry-delay: 1.0 and 2.0.", "Give it once.",
        ),
        (
            "s --resources gpu=1", "s --resources gpu=2",
            "Two cells of this step give different amounts of gpu.", "Give it once.",
        ),
        ("s -o x:npy", "s -o x:json", "'x' is declared as x:npy and as x:json.", "Choose one format."),
        ("s -i raw", "s -o raw=x.csv", "'raw' would be both raw and raw=x.csv.", "Choose another name."),
    ],
)  # fmt: skip
def test_cells_that_disagree_are_told_so(first: str, second: str, message: str, fix: str) -> None:
    with pytest.raises(DeclareError) as error:
        merge([parse(first), parse(second)])
    assert (error.value.message, error.value.fix) == (message, fix)


# --- adding to a line ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "inputs", "outputs", "expected"),
    [
        ("%%step s", ["x"], [], "%%step s -i x"),
        ("%%step s", [], ["y"], "%%step s -o y"),
        ("%%step s", ["x", "z"], ["y"], "%%step s -i x z -o y"),
        ("%%step s -o y", ["x"], [], "%%step s -i x -o y"),
        ("%%step s -i a -o y", ["x"], ["z"], "%%step s -i a x -o y z"),
        ("%%step s --in a --out y", ["x"], ["z"], "%%step s --in a x --out y z"),
        ("%%step s -i a --retries 2", ["x"], ["y"], "%%step s -i a x -o y --retries 2"),
        ("%%step s --no-cache", ["x"], ["y"], "%%step s -i x -o y --no-cache"),
        ("%%step s --retries 2 -i a", ["x"], [], "%%step s --retries 2 -i a x"),
        ("%%step s -i a -o b -i c", ["x"], [], "%%step s -i a -o b -i c x"),
        ("%%step s -i 'my x.csv'", ["y"], [], "%%step s -i 'my x.csv' y"),
        ("%%step s -i", ["x"], [], "%%step s -i x"),
        ("%%step s --in=a", ["x"], [], "%%step s -i x --in=a"),
        ("%%step s -i x", ["x"], [], "%%step s -i x"),
        ("%%step s --in=x", ["x"], [], "%%step s --in=x"),
        ("%%step s -i x -o b -i c", ["x"], [], "%%step s -i x -o b -i c"),
        ("%%step s -o x:npy", [], ["x"], "%%step s -o x:npy"),
        ("%%step s -i raw=x.csv", ["x.csv"], [], "%%step s -i raw=x.csv"),
        ("%%step s", ["my x.csv"], ['a "b".csv'], "%%step s -i 'my x.csv' -o 'a \"b\".csv'"),
        ("%%step s", ["it's.csv"], [], '%%step s -i "it\'s.csv"'),
        ("%step s -o y", ["x"], [], "%step s -i x -o y"),
        ("  %step s", ["x"], ["y"], "  %step s -i x -o y"),
        ("%%step  s   -i  a  ", ["x"], [], "%%step  s   -i  a x  "),
        ("%%step s -i a\r", ["x"], [], "%%step s -i a x\r"),
    ],
)
def test_items_are_added_to_a_line(line: str, inputs: list[str], outputs: list[str], expected: str) -> None:
    assert with_items(line, inputs, outputs) == expected


NAMES = st.sampled_from(
    ["a", "b", "c", "data/x.csv", "./y", "plots/", "parts/*.csv", "my file.csv", "q\"u'o.csv", "d\u00e9.csv"]
)
FLAGS = st.sampled_from(["--no-cache", "--retries 2", "--timeout=3", "--after t u", "--resources gpu=1"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A step's line with its lists and options in any order."""
    items: list[str] = draw(st.lists(NAMES, unique=True))
    cut = draw(st.integers(0, len(items)))
    parts: list[str] = draw(st.lists(FLAGS, unique=True))
    empty: bool = draw(st.booleans())
    for option, few in ((("-i", "--in"), items[:cut]), (("-o", "--out"), items[cut:])):
        if few or empty:
            parts.append(" ".join([draw(st.sampled_from(option)), *map(quoted, few)]))
    return draw(st.sampled_from(["%%step s", "%step s", "%%step  s "])) + "".join(
        draw(st.sampled_from([" ", "  "])) + part for part in draw(st.permutations(parts))
    )


def quoted(item: str) -> str:
    return '"' + item.replace('"', '\\"') + '"' if " " in item or '"' in item else item


@given(lines(), st.lists(NAMES, unique=True), st.lists(NAMES, unique=True))
def test_a_line_says_what_was_added_and_all_that_it_said(line: str, inputs: list[str], outputs: list[str]) -> None:
    def read(text: str) -> Declaration:
        return parse(text.partition("step")[2])

    before, after = read(line), read(with_items(line, inputs, outputs))
    for role, added in (("inputs", inputs), ("outputs", outputs)):
        known: tuple[Item, ...] = getattr(before, role)
        labels = {item.label for item in known}
        new = [parse_item(text, role[:-1]) for text in added if text not in labels]
        assert sorted((*known, *new), key=repr) == sorted(getattr(after, role), key=repr)
    assert (before.name, before.after, before.options) == (after.name, after.after, after.options)
    assert with_items(with_items(line, inputs, outputs), inputs, outputs) == with_items(line, inputs, outputs)
