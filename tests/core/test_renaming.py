"""Another name for a step or an artifact: which cells change, to the character, and when it is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nbflow.core.graph import build
from nbflow.core.identifiers import CannotTell, places_of
from nbflow.core.outline import Outline
from nbflow.core.renaming import renamed
from nbflow.core.step_words import Word, words_of
from nbflow.errors import UsageError
from tests.fakes import outline


def rename(cells: Sequence[str], kind: str, old: str, new: str, *others: Outline) -> dict[int, str]:
    return dict(renamed(build([outline(*cells), *others]), "nb.ipynb", kind, old, new))


# --- words of a line -------------------------------------------------------------------------------------


def test_the_words_of_a_line_are_found_with_their_places() -> None:
    line = "%%step 'a b' -i x 'y z.csv' --in=w --retries 2 -o v:json --after s --resources gpu=1 --no-cache -o u"
    found = [*words_of(line)]
    assert [(word.text, word.role) for word in found] == [
        ("a b", "name"), ("x", "inputs"), ("y z.csv", "inputs"), ("w", "inputs"), ("v:json", "outputs"), ("s", "after"),
        ("u", "outputs"),
    ]  # fmt: skip
    assert [line[word.start : word.end] for word in found] == ["'a b'", "x", "'y z.csv'", "w", "v:json", "s", "u"]
    assert next(words_of("%%step one")) == Word(7, 10, "one", "name")


# --- steps -----------------------------------------------------------------------------------------------

STEPS = [
    "%%step one  -o a\na = 1",
    "%%step one\nb = 1",
    "\n%%step two -i a --after one\nc = a",
    "%%step three --after nb.one  two\n1",
    "one = 'one'",
]


def test_a_step_is_renamed_in_all_lines_that_name_it() -> None:
    assert rename(STEPS, "step", "one", "first") == {
        1: "%%step first  -o a\na = 1",
        2: "%%step first\nb = 1",
        3: "\n%%step two -i a --after first\nc = a",
        4: "%%step three --after nb.first  two\n1",
    }


def test_a_step_of_the_same_name_elsewhere_keeps_its_own() -> None:
    other = outline("%%step one -o z\nz = 1", "%%step last --after one\n1", path="o.ipynb")
    cells = ["%%step one\n1", "%%step two --after o.one\n1"]
    assert rename(cells, "step", "one", "first", other) == {1: "%%step first\n1"}


def test_lines_that_ask_for_a_step_ask_for_it_by_its_new_name() -> None:
    cells = [
        "%%step one\n1",
        "%flow run +one one+ -s 'one,two' -p one=1 nb.one.ipynb\n%flow why one  # one\none = '%flow'",
    ]
    assert rename(cells, "step", "one", "first")[2] == (
        "%flow run +first first+ -s 'first,two' -p one=1 nb.one.ipynb\n%flow why first  # first\none = '%flow'"
    )


def test_the_case_of_a_name_may_change() -> None:
    assert rename(["%%step one\n1"], "step", "one", "One") == {1: "%%step One\n1"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("on", "x", "There is no step 'on' in this notebook. Did you mean 'one'?"),
        ("one", "two", "There is a step 'two' in this notebook already."),
        ("one", "TWO", "There is a step 'two' in this notebook already."),
        ("one", "a b", "'a b' cannot be the name of a step."),
        ("one", "", "'' cannot be the name of a step."),
    ],
)
def test_a_step_that_cannot_be_renamed_says_why(old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        rename(STEPS, "step", old, new)
    assert raised.value.message == message


def test_a_step_that_another_notebook_names_is_not_renamed() -> None:
    other = outline("%%step last --after nb.one\n1", path="o.ipynb")
    with pytest.raises(UsageError) as raised:
        rename(STEPS, "step", "one", "first", other)
    assert raised.value.message == "Step 'last' says --after one in another notebook, o.ipynb."


# --- variables -------------------------------------------------------------------------------------------


def test_a_variable_is_renamed_wherever_the_notebook_means_it() -> None:
    cells = [
        "%%step one -o df:parquet b\ndf = 1\nb = df",
        "%%step two -i df b -o df\ndf = df.df(df=df, x=[df for _ in df])  # df",
        "def f(x, df=df):\n    return df + x",
        "def g():\n    global df\n    df = 2\n    return lambda df: df",
        "class C:\n    df: int\n    def m(self):\n        return self.df, df",
        "print(f'{df.df!r:>{df}} df', 'df')",
        "#[markdown]\ndf",
        "try:\n    pass\nexcept E as df:\n    df",
        "é = df; [df for df in é]",
        "%%bash\necho df",
        "other = 1",
    ]
    del cells[4]  # see below
    assert rename(cells, "artifact", "df", "table") == {
        1: "%%step one -o table:parquet b\ntable = 1\nb = table",
        2: "%%step two -i table b -o table\ntable = table.df(df=table, x=[table for _ in table])  # df",
        3: "def f(x, df=table):\n    return df + x",
        4: "def g():\n    global table\n    table = 2\n    return lambda df: df",
        5: "print(f'{table.df!r:>{table}} df', 'df')",
        7: "try:\n    pass\nexcept E as table:\n    table",
        8: "é = table; [df for df in é]",
    }


def test_line_ends_and_the_name_of_a_path_stay_right() -> None:
    cells = ["%%step one -o a\r\na = 1\r\n", "%%step two -i a -o a=x.csv\r\nopen(a)"]
    assert rename(["%%step one -o a\r\na = 1\r\n"], "artifact", "a", "b") == {1: "%%step one -o b\r\nb = 1\r\n"}
    with pytest.raises(UsageError):
        rename(cells, "artifact", "a", "a b")


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (
            "class C:\n    df = 1\n    x = df",
            "Cell 2 has a class with a 'df' of its own (line 1), so 'df' is not renamed.",
        ),
        ("import df", "Cell 2 imports 'df' by this name (line 1), so 'df' is not renamed."),
        ("x = 1\n%timeit df.sum()", "Cell 2 names it in a magic (%timeit df.sum()) (line 2), so 'df' is not renamed."),
        ("!echo {df}", "Cell 2 names it in a magic (!echo {df}) (line 1), so 'df' is not renamed."),
        ("%%bash\necho {df}", "Cell 2 hands 'df' to %%bash (line 1), so 'df' is not renamed."),
        ("df.query('x > @df')", "Cell 2 says '@df' in a text (line 1), so 'df' is not renamed."),
        ("df = (", "Cell 2 cannot be read as Python (line 1), so 'df' is not renamed."),
        ("table = 1", "There is a 'table' in cell 2 already."),
        ("def f(table):\n    return df", "There is a 'table' in cell 2 already."),
        ("#[parameters]\ndf = 1", "'df' is a parameter of this notebook, too."),
    ],
)
def test_a_variable_is_not_renamed_where_reading_cannot_tell(cell: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        rename(["%%step one -o df\ndf = 1", cell], "artifact", "df", "table")
    assert raised.value.message == why


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x", "y", "No step of this notebook makes 'x'."),
        ("df", "1x", "'1x' cannot be the name of a variable."),
        ("df", "class", "'class' cannot be the name of a variable."),
        ("df", "_", "'_' cannot be the name of a variable."),
        ("df", "print", "'print' is a name of Python itself."),
    ],
)
def test_a_name_that_no_variable_can_have_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        rename(["%%step one -o df\ndf = 1"], "artifact", old, new)
    assert raised.value.message == message


def test_what_crosses_notebooks_is_not_renamed() -> None:
    taker = outline("%%step last -i df -o z\nz = df", path="o.ipynb")
    with pytest.raises(UsageError) as raised:
        rename(["%%step one -o df\ndf = 1"], "artifact", "df", "table", taker)
    assert raised.value.message == "Step 'last' of o.ipynb takes 'df'."
    maker = outline("%%step first -o df\ndf = 1", path="o.ipynb")
    with pytest.raises(UsageError) as raised:
        rename(["%%step one -i df -o df\ndf = df + 1"], "artifact", "df", "table", maker)
    assert raised.value.message == "Step 'first' of o.ipynb makes 'df', too."


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("x", [(0, 0)]),
        ("'x'; y.x; f(x=1)", []),
        ("x: int = 1", [(0, 0)]),
        ("def x(): pass", [(0, 4)]),
        ("async def x(): pass", [(0, 10)]),
        ("class x(y): pass", [(0, 6)]),
        ("import a as x", [(0, 12)]),
        ("from x import y as x", [(0, 19)]),
        ("from x import y", []),
        ("match y:\n    case [x, *_]: pass\n    case {'k': 1, **x}: pass", [(1, 10), (2, 20)]),
        ("match y:\n    case C(x=1) as x: pass", [(1, 19)]),
        ("match y:\n    case [*x]: x", [(1, 11), (1, 15)]),
        ("[x for x in x]", [(0, 12)]),
        ("{x: y for y in x}", [(0, 1), (0, 15)]),
        ("(x := 1)", [(0, 1)]),
        ("def f():\n    def g():\n        return x\n    x = 1", []),
        ("def f():\n    class C:\n        y = x\n    return C", [(2, 12)]),
        ("lambda x: x + y", []),
        ("lambda y=x: x", [(0, 9), (0, 12)]),
        ("f'é {x}'", [(0, 5)]),
        ("f'''{\nx}'''", [(1, 0)]),
        ("f'{{x}} {x}'", [(0, 9)]),
        ("f'{x.x[x]}' 'x'", [(0, 3), (0, 7)]),
        ("%%time\nx", [(1, 0)]),
        ("y = !ls\nx", [(1, 0)]),
        ("del x", [(0, 4)]),
        ("for x in y: pass", [(0, 4)]),
        ("with a as x: pass", [(0, 10)]),
        ("@x\ndef f(a: x) -> x: pass", [(0, 1), (1, 9), (1, 15)]),
    ],
)  # fmt: skip
def test_a_name_is_found_where_the_cell_means_it(source: str, places: list[tuple[int, int]]) -> None:
    assert places_of(source, "x") == places


def test_a_text_in_which_nobody_can_tell_is_refused_or_read() -> None:
    with pytest.raises(CannotTell):
        places_of("x\r", "x")


# --- files -----------------------------------------------------------------------------------------------


def test_a_file_is_renamed_where_its_path_is_written_out() -> None:
    cells = [
        "%%step one -o out=data/a.csv:ref b\nopen('data/a.csv', 'w'); b = \"data/a.csv\"",
        "%%step two -i data/a.csv -o c\nc = open('./data/a.csv'), 'see data/a.csv'",
    ]
    assert rename(cells, "artifact", "data/a.csv", "data/my b.csv") == {
        1: "%%step one -o 'out=data/my b.csv:ref' b\nopen('data/my b.csv', 'w'); b = \"data/my b.csv\"",
        2: "%%step two -i 'data/my b.csv' -o c\nc = open('./data/a.csv'), 'see data/a.csv'",
    }


@pytest.mark.parametrize(
    ("cells", "new", "message"),
    [
        (["%%step one -o a.csv\n1"], "b.csv", "The code does not write 'a.csv' out, so it cannot be renamed there."),
        (["%%step one -o a.csv\nopen(r'a.csv')"], "b.csv", "Cell 1 writes 'a.csv' in an unusual way (line 2)."),
        (["%%step one -o a.csv\nopen('a.csv')"], "b", "'b' cannot stand for 'a.csv'."),
        (["%%step one -o a.csv\nopen('a.csv')"], "b/", "'b/' cannot stand for 'a.csv'."),
        (["%%step one -o a.csv\nopen('a.csv')"], "*.csv", "'*.csv' cannot stand for 'a.csv'."),
        (
            ["%%step one -o a.csv\nopen('a.csv')", "%%step two -i *.csv -o b\nb = 1"],
            "b.csv",
            "Step 'two' declares '*.csv', which means 'a.csv' as well.",
        ),
    ],
)
def test_a_file_that_cannot_be_renamed_says_why(cells: list[str], new: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        rename(cells, "artifact", "a.csv", new)
    assert raised.value.message == message


def test_nothing_but_steps_and_artifacts_has_another_name() -> None:
    with pytest.raises(UsageError) as raised:
        rename(STEPS, "cell", "one", "two")
    assert raised.value.message == "'cell' cannot be renamed."
    assert rename(STEPS, "step", "one", "one") == {}
