"""Which step feeds which, in what order they can run, and what is told where they cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nbflow.core.graph import Edge, Pipeline, build, full_name
from nbflow.core.model import Notebook
from tests.fakes import notebook, outline, pipeline
from tests.growth import LINEAR, growth


def edges(*books: Notebook | tuple[str, ...]) -> list[str]:
    pipe = pipeline(*books)
    assert pipe.findings == ()
    return [f"{pipe.steps[e.source].name} → {pipe.steps[e.target].name}: {e.via}" for e in pipe.edges]


def said(*books: Notebook | tuple[str, ...]) -> list[tuple[str, int | None, str | None, str, str]]:
    return [(f.code, f.cell, f.step, f.message, f.fix) for f in pipeline(*books).findings]


# --- names -----------------------------------------------------------------------------------------------


def test_a_step_is_called_by_the_shortest_name_that_is_unique() -> None:
    pipe = pipeline(
        notebook("%%step load -o a\na = 1", "%%step fit\n1", "%%step all\n1", path="one.ipynb"),
        notebook("%%step load -o b\nb = 1", "%%step all\n1", path="two.ipynb"),
        notebook("%%step all\n1", "%%step my_own\n1", path="deep/one.ipynb"),
        notebook("%%step all\n1", path="v1.2/a.b.ipynb"),
    )
    assert {s.id: s.name for s in pipe.steps.values()} == {
        "one.load": "one.load",
        "one.fit": "fit",
        "one.all": "one.all",
        "two.load": "two.load",
        "two.all": "two.all",
        "deep/one.all": "deep/one.all",
        "deep/one.my_own": "my_own",
        "v1.2/a.b.all": "a.b.all",
    }
    assert full_name("v1.2/a.b.ipynb", "all") == "v1.2/a.b.all"


# --- variables -------------------------------------------------------------------------------------------

VARIABLES = {
    "the nearest step above makes it": (
        ("%%step a -o x\nx = 1", "%%step b -o x\nx = 2", "%%step c -i x\nx", "%%step d -o x\nx = 3"),
        ["b → c: x"],
    ),
    "a chain of one name": (
        ("%%step a -o df\ndf = 1", "%%step b -i df -o df\ndf += 1", "%%step c -i df -o df\ndf += 1",
         "%%step d -i df\ndf"),
        ["a → b: df", "b → c: df", "c → d: df"],
    ),
    "a step makes its outputs at its last cell": (
        ("%%step a -o x\nx = 1", "%%step b -o x\nx = 2", "%%step c -i x\nx", "%%step b\nx = 3"),
        ["a → c: x"],
    ),
    "the cell that declares it is where it looks up": (
        ("%%step c\n1", "%%step a -o x\nx = 1", "%%step c -i x\nx"),
        ["a → c: x"],
    ),
    "the first cell that declares it": (
        ("%%step a -o x\nx = 1", "%%step c -i x\nx", "%%step b -o x\nx = 2", "%%step c -i x\nx"),
        ["a → c: x"],
    ),
    "its own cells above are no maker": (
        ("%%step a -o x\nx = 1", "%%step b -o x\nx = 2", "%%step b -i x\nx"),
        ["a → b: x"],
    ),
    "two inputs of one maker": (("%%step a -o x y\nx = y = 1", "%%step b -i x y\nx, y"), ["a → b: x", "a → b: y"]),
}  # fmt: skip


@pytest.mark.parametrize("case", VARIABLES)
def test_position_decides_inside_a_notebook(case: str) -> None:
    cells, expected = VARIABLES[case]
    assert edges(cells) == expected


def test_inputs_know_where_they_are_bound() -> None:
    pipe = pipeline(
        notebook("%%step a -o x y\nx = y = 1", "%%step b -o y\ny = 2", path="one.ipynb"),
        notebook("1", "%%step c -o z\nz = 1", "%%step d -i y z\ny, z", path="two.ipynb"),
    )
    step = pipe.steps["two.d"]
    assert [(i.item.label, i.makers, i.bound_at) for i in step.inputs] == [("y", ("one.b",), 0), ("z", ("two.c",), 2)]
    assert step.supplies == {"y": 0, "z": 2}
    assert step.needs == ("one.b", "two.c")
    assert pipe.below == {"one.a": (), "one.b": ("two.d",), "two.c": ("two.d",), "two.d": ()}
    assert pipe.edges == (Edge("one.b", "two.d", "y"), Edge("two.c", "two.d", "z"))


def test_a_maker_above_comes_before_other_notebooks_and_one_below_does_not() -> None:
    other = notebook("%%step far -o x\nx = 0", path="far.ipynb")
    assert edges(other, ("%%step a -o x\nx = 1", "%%step b -i x\nx")) == ["a → b: x"]
    assert edges(other, ("%%step b -i x\nx", "%%step a -o x\nx = 1")) == ["far → b: x"]


def test_two_other_notebooks_are_one_too_many() -> None:
    books = [notebook("%%step make -o x\nx = 1", path=f"{p}.ipynb") for p in ("one", "two")]
    assert said(*books, ("%%step b -i x\nx",)) == [
        (
            "two-makers", 1, "b", "'x' is made in more than one other notebook: by 'one.make' and 'two.make'.",
            "Give one of them another name, or run fewer notebooks together.",
        )
    ]  # fmt: skip


def test_a_context_cell_that_binds_it_too_is_one_too_many() -> None:
    one = notebook("%%step make -o x\nx = 1", path="one.ipynb")
    assert said(one, ("x = 2", "%%step b -i x\nx")) == [
        (
            "two-makers", 2, "b",
            "'x' is made by step 'one.make' of another notebook, and cell 1 of this notebook binds it too.",
            "Give one of the two another name, or remove 'x' from -i if cell 1 is meant.",
        )
    ]  # fmt: skip
    assert said(one, ("%%step b -i x\nx", "x = 2")) == []


NO_MAKER = {
    "nobody": (
        ("%%step a -o features\nfeatures = 1", "%%step b -i feature\nfeature"),
        ("no-maker", 2, "b", "No step makes the input 'feature'. Did you mean 'features'?",
         "Add '-o feature' to the step that makes it, or remove 'feature' from -i."),
    ),
    "nobody, and nothing like it": (
        ("%%step b -i df\ndf",),
        ("no-maker", 1, "b", "No step makes the input 'df'.",
         "Add '-o df' to the step that makes it, or remove 'df' from -i."),
    ),
    "only itself": (
        ("%%step b -i df -o df\ndf += 1",),
        ("no-maker", 1, "b", "No step makes the input 'df'.",
         "Add '-o df' to the step that makes it, or remove 'df' from -i."),
    ),
    "a context cell": (
        ("df = 1", "%%step b -i df -o df\ndf += 1", "%%step c -o df\ndf = 2"),
        ("not-a-step-output", 2, "b", "'df' is bound by cell 1, which is not a step, so it is no input.",
         "Remove 'df' from -i: what context cells bind comes along by itself."),
    ),
    "a step that does not say so": (
        ("df = 0", "%%step a\ndf = 1", "%%step b -i df\ndf"),
        ("undeclared-output", 2, "b", "This step takes 'df', which step 'a' binds (cell 2) and does not declare.",
         "Add '-o df' to step 'a'."),
    ),
    "a step below": (
        ("%%step b -i df\ndf", "%%step a -o df\ndf = 1"),
        ("maker-below", 1, "b", "'df' is made by step 'a' further down (cell 2).",
         "Move the cell that makes it above this one: a notebook reads from top to bottom."),
    ),
    "a step around it": (
        ("%%step a -o df\ndf = 1", "%%step b -i df\ndf", "%%step a\ndf += 1"),
        ("maker-below", 2, "b",
         ("'df' is made by step 'a' (cells 1, 3), whose last cell stands below this one: a step makes its "
         "outputs at its "
         "last cell."),
         "Move this cell below cell 3, or give the cells of 'a' above this one a step name of their own."),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_MAKER)
def test_an_input_that_nobody_makes_is_told_why(case: str) -> None:
    cells, expected = NO_MAKER[case]
    assert said(cells) == [expected]


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "wanted", "flows"),
    [
        ("x.csv", "x.csv", True),
        ("./x.csv", "x.csv", True),
        ("x.csv", "y.csv", False),
        ("data/", "data/x.csv", True),
        ("data/x.csv", "data/", True),
        ("data/*.csv", "data/x.csv", True),
        ("data/x.csv", "data/*.csv", True),
        ("data/*.csv", "data/", True),
        ("data/*.csv", "data/*.parquet", False),
        ("data/*", "data/**/*.csv", True),
        ("out=x.csv", "raw=x.csv", True),
    ],
)
def test_files_meet_by_path(output: str, wanted: str, flows: bool) -> None:
    label = wanted.rpartition("=")[2]
    assert edges((f"%%step a -o {output}\n1", f"%%step b -i {wanted}\n1")) == ([f"a → b: {label}"] if flows else [])


def test_files_meet_across_folders_and_a_place_below_does_not_matter() -> None:
    one = notebook("%%step b -i ../raw/x.csv\n1", path="work/one.ipynb")
    two = notebook("%%step a -o raw/\n1", path="two.ipynb")
    pipe = pipeline(one, two)
    assert [(e.source, e.target, e.via, e.is_file) for e in pipe.edges] == [
        ("two.a", "work/one.b", "../raw/x.csv", True)
    ]
    assert [i.path for i in pipe.steps["work/one.b"].inputs] == ["raw/x.csv"]
    assert list(pipe.steps) == ["two.a", "work/one.b"]


def test_a_folder_may_have_several_makers() -> None:
    cells = ("%%step a -o d/a.csv\n1", "%%step b -o d/b.csv\n1", "%%step c -i d/\n1")
    assert edges(cells) == ["a → c: d/", "b → c: d/"]


FILES = {
    "patterns that meet only in part": (
        ("%%step a -o d/a*\n1", "%%step b -i d/*b\n1"),
        [("paths-meet-in-part", 2, "b", "'d/*b' and 'd/a*' (made by step 'a') overlap only in part.",
          "Write patterns of which one contains the other.")],
    ),
    "an input that is an output": (
        ("%%step a -i x.csv -o x.csv\n1",),
        [("reads-own-output", 1, "a", "'x.csv' is an input and an output of this step.",
          "Write to another path: a step may not overwrite what it reads.")],
    ),
    "an input in an output": (
        ("%%step a -i d/x.csv -o d/\n1",),
        [("reads-own-output", 1, "a", "'d/x.csv' is an input, and 'd/' an output of this step.",
          "Write to another path: a step may not overwrite what it reads.")],
    ),
    "two writers": (
        ("%%step a -o x.csv\n1", "%%step b -o ./x.csv\n1"),
        [("two-writers", 2, "b",
         "This step writes './x.csv', and step 'a' (nb.ipynb, cell 1) writes it: a file has one maker.",
          "Write to different paths.")],
    ),
    "two writers that overlap": (
        ("%%step a -o d/*\n1", "%%step a\n1", "%%step b -o d/x.csv\n1"),
        [("two-writers", 3, "b", ("This step writes 'd/x.csv', and step 'a' (nb.ipynb, cells 1, 2) writes 'd/*', which "
          "overlaps: a file has one maker."), "Write to different paths.")],
    ),
    "one writer twice": (
        ("%%step a -o d/ d/x.csv\n1",),
        [("two-writers", 1, "a", "This step writes 'd/x.csv' and 'd/', which overlaps: a file is declared once.",
          "Write to different paths.")],
    ),
    "one writer twice, by other words": (
        ("%%step a -o x.csv ./x.csv\n1",),
        [("two-writers", 1, "a", "This step writes './x.csv' and 'x.csv' too: a file is declared once.",
          "Write to different paths.")],
    ),
    "writers apart": (("%%step a -o d/a.csv\n1", "%%step b -o d/b.csv\n1", "%%step c -o e/*\n1"), []),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_that_meet_badly(case: str) -> None:
    cells, expected = FILES[case]
    assert said(cells) == expected


# --- order -----------------------------------------------------------------------------------------------


def test_after_waits_without_data() -> None:
    assert edges(("%%step a\n1", "%%step b --after a\n1")) == ["a → b: --after"]
    assert edges(("%%step b --after a\n1", "%%step a\n1")) == ["a → b: --after"]
    pipe = pipeline(("%%step b --after a\n1", "%%step a\n1"))
    assert list(pipe.steps) == ["nb.a", "nb.b"]


@pytest.mark.parametrize(
    ("name", "source"),
    [("only", "one.only"), ("one.load", "one.load"), ("load", "nb.load"), ("deep/one.load", "deep/one.load")],
)
def test_after_takes_short_and_full_names(name: str, source: str) -> None:
    books = [
        notebook("%%step load\n1", "%%step only\n1", path="one.ipynb"),
        notebook("%%step load\n1", path="deep/one.ipynb"),
        notebook("%%step load\n1", f"%%step me --after {name}\n1"),
    ]
    pipe = pipeline(*books)
    assert (pipe.findings, pipe.steps["nb.me"].needs) == ((), (source,))


@pytest.mark.parametrize(
    ("after", "message", "fix"),
    [
        ("laod", "--after laod: there is no such step. Did you mean 'load'?", "Name another step of this pipeline."),
        ("me", "--after me: a step cannot come after itself.", "Remove it."),
        ("load", "--after load could be one.load or deep/one.load.", "Write the full name."),
    ],
)
def test_after_a_step_that_cannot_be_found(after: str, message: str, fix: str) -> None:
    books = [notebook("%%step load\n1", path=p) for p in ("one.ipynb", "deep/one.ipynb")]
    assert said(*books, (f"%%step me --after {after}\n1",)) == [("unknown-step", 1, "me", message, fix)]


BREAK = "Break the circle: split one of the steps, or take one input or --after away."
CYCLES = {
    "by --after": (
        [("%%step a --after c\n1", "%%step b --after a\n1", "%%step c --after b\n1", "%%step d --after c\n1")],
        [("cycle", 1, "a",
          ("These steps need each other: a → b → c → a (a is in nb.ipynb, cell 1; b is in nb.ipynb, cell 2; c is in "
          "nb.ipynb, cell 3)."), BREAK)],
    ),
    "by files": (
        [("%%step a -i y.csv -o x.csv\n1", "%%step b -i x.csv -o y.csv\n1", "%%step b\n1")],
        [("cycle", 1, "a",
          "These steps need each other: a → b → a (a is in nb.ipynb, cell 1; b is in nb.ipynb, cells 2, 3).", BREAK)],
    ),
    "across notebooks": (
        [notebook("%%step a -i y -o x\nx = y", path="one.ipynb"),
        notebook("%%step b -i x -o y\ny = x", path="two.ipynb")],
        [("cycle", 1, "a",
          "These steps need each other: a → b → a (a is in one.ipynb, cell 1; b is in two.ipynb, cell 1).", BREAK)],
    ),
    "two of them": (
        [("%%step a --after b\n1", "%%step b --after a\n1", "%%step c --after d\n1", "%%step d --after c\n1")],
        [("cycle", 1, "a",
          "These steps need each other: a → b → a (a is in nb.ipynb, cell 1; b is in nb.ipynb, cell 2).", BREAK),
         ("cycle", 3, "c",
          "These steps need each other: c → d → c (c is in nb.ipynb, cell 3; d is in nb.ipynb, cell 4).", BREAK)],
    ),
    "by interleaved cells": (
        [("%%step a -o x\nx = 1", "%%step b -i x -o y\ny = x", "%%step a -i y\nz = y")],
        [("cycle", 2, "b",
          ("These steps need each other: b → a → b. Step 'a' (cells 1, 3) makes 'x' at its last cell, below this one "
          "(cell 2), and needs this step."),
          "Break the circle: give the cells of 'a' above this one a step name of their own.")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CYCLES)
def test_a_circle_is_told_as_a_path(case: str) -> None:
    books, expected = CYCLES[case]
    assert said(*books) == expected  # type: ignore[misc]


def test_steps_on_a_circle_stay_in_notebook_order() -> None:
    pipe = pipeline(("%%step a --after c\n1", "%%step b\n1", "%%step c --after a\n1"))
    assert list(pipe.steps) == ["nb.a", "nb.b", "nb.c"]


def test_what_outlines_found_is_kept() -> None:
    assert [f.code for f in pipeline(("%%step 1\nx", "%%step A\n1", "%%step a\n1")).findings] == [
        "bad-step-line", "names-alike",
    ]  # fmt: skip


# --- size ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x{}", "df"])
def test_the_time_to_connect_steps_grows_with_their_number(name: str) -> None:
    def connecting(steps: int) -> Callable[[], Pipeline]:
        cells = [f"%%step s0 -o {name.format(0)}\n1"]
        cells += [f"%%step s{i} -i {name.format(i - 1)} -o {name.format(i)} out/{i}/\n1" for i in range(1, steps)]
        book = outline(*cells)
        return lambda: build([book])

    edges = connecting(4_000)().edges
    assert [(e.source, e.target) for e in edges] == [(f"nb.s{i}", f"nb.s{i + 1}") for i in range(3_999)]
    assert growth(connecting, 4_000) < LINEAR


def test_the_time_to_find_a_circle_grows_with_its_steps() -> None:
    def finding(steps: int) -> Callable[[], Pipeline]:
        book = outline(*(f"%%step s{i} --after s{(i + 1) % steps}\n1" for i in range(steps)))
        return lambda: build([book])

    assert [f.code for f in finding(3_000)().findings] == ["cycle"]
    assert growth(finding, 3_000) < LINEAR
