"""What the analysis of a cell tells, as a table of small sources and as single facts."""

from __future__ import annotations

import ast
import sys

import pytest

from nbflow.core.model import Effect, Facts, Import
from nbflow.core.names import analyse, facts_from_json, facts_to_json
from tests.core.names_table import GROUPS

CASES = [case for cases in GROUPS.values() for case in cases]


def told(facts: Facts) -> tuple[str, str]:
    """The facts of a cell in short form, and the kinds of its statements."""
    if facts.problem:
        return f"problem line {facts.problem.line}", ""
    if facts.opaque:
        return f"opaque {facts.opaque}", ""
    lists: dict[str, set[str]] = {}
    sure: set[str] = set()
    extra: set[str] = set()
    for unit in facts.units:
        lists.setdefault("reads", set()).update(n for n in unit.now.reads if n not in sure)
        sure.update(unit.sure)
        lists.setdefault("binds", set()).update(unit.now.binds)
        lists.setdefault("sure", set()).update(unit.sure)
        lists.setdefault("changes", set()).update(f"{c.name}:{c.how}" for c in unit.now.changes)
        lists.setdefault("later reads", set()).update(unit.later.reads)
        lists.setdefault("later binds", set()).update(unit.later.binds)
        lists.setdefault("later changes", set()).update(f"{c.name}:{c.how}" for c in unit.later.changes)
        extra.update([f"always {unit.always}"] if unit.always else [])
        extra.update(["setup " + ",".join(sorted(unit.now.setup))] if unit.now.setup else [])
        extra.update(["later setup " + ",".join(sorted(unit.later.setup))] if unit.later.setup else [])
    parts = [f"{name} {' '.join(sorted(names))}" for name, names in lists.items() if names]
    return "; ".join([*parts, *sorted(extra)]), " ".join(u.kind for u in facts.units)


def test_the_table_is_as_large_as_promised() -> None:
    assert len({source for source, _, _ in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize(("source", "facts", "kinds"), CASES, ids=[repr(c[0]) for c in CASES])
def test_the_analysis_tells(source: str, facts: str, kinds: str) -> None:
    found = analyse(source)
    assert told(found) == (facts, kinds)
    assert facts_from_json(facts_to_json(found)) == found


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ("type X = list[Y]", "binds X; sure X; later reads Y list"),
        ("def f[T](a: T) -> U:\n    return T", "reads U; binds f; sure f"),
        ("class A[T](B[T]):\n    x: T", "reads B; binds A; sure A"),
    ],
)
def test_type_parameters_are_local_where_python_knows_them_and_a_problem_where_not(source: str, facts: str) -> None:
    found = analyse(source)
    if sys.version_info >= (3, 12):
        assert told(found)[0] == facts
    else:
        assert found.problem is not None
        assert (found.units, found.problem.line) == ((), 1)


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import a.b", (Import("a.b", None, "a"),)),
        ("import a.b as c", (Import("a.b", None, "c"),)),
        ("from a import b as c, d", (Import("a", "b", "c"), Import("a", "d", "d"))),
        ("from .. import a", (Import("..", "a", "a"),)),
        ("from .x import *", (Import(".x", "*", ""),)),
        (
            "try:\n    import a\nexcept ImportError:\n    import b as a",
            (Import("a", None, "a"), Import("b", None, "a")),
        ),
    ],
)
def test_imports_are_kept_with_what_they_bind(source: str, imports: tuple[Import, ...]) -> None:
    (unit,) = analyse(source).units
    assert (unit.imports, unit.import_source) == (imports, source)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = f(1)", "x  =  f( 1 )  # why", True),
        ("x = f(1)", "x = f(2)", False),
        ("def f():\n    return 1", "def f():\n    'doc'\n    # note\n    return 1", True),
        ("def f(a: A): pass", "def f(a: B): pass", False),
        ("@d\ndef f():\n    'doc'", "@d\ndef f():\n    'other'", False),
        ("class A:\n    'doc'", "class A:\n    'other'", False),
        ("x", "x;", False),
        ("x;", "x;  # quiet", True),
        ("%time x = 1", "%time x = 2", False),
        ("'a'", '"a"', True),
        ("x = 1_000", "x = 1000", True),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("x = 'a' 'b'", "x = 'ab'", True),
        ("%%step a -o x\nx = 1", "%%step b -o x --retries 2\nx = 1", True),
    ],
)
def test_comments_and_layout_do_not_change_a_digest(one: str, other: str, same: bool) -> None:
    assert ([u.digest for u in analyse(one).units] == [u.digest for u in analyse(other).units]) is same


def test_docstrings_of_functions_count_only_in_the_digest_with_docs() -> None:
    (one,) = analyse("def f():\n    'doc'\n    return 1").units
    (other,) = analyse("def f():\n    'other'\n    return 1").units
    assert one.digest == other.digest
    assert one.digest_with_docs != other.digest_with_docs


@pytest.mark.parametrize(
    ("source", "effects"),
    [
        ("import numpy as np; np.random.rand(3)", (Effect("random", "np", "np.random.rand", 1),)),
        ("pd.read_csv(path_of(x))", (Effect("reader", "pd", "pd.read_csv", 1, ("unknown",)),)),
        ("pd.read_csv('a.csv')", (Effect("reader", "pd", "pd.read_csv", 1, ("str", "a.csv")),)),
        ("requests.get(url)", (Effect("network", "requests", "requests.get", 1),)),
        ("sqlite3.connect('a.db')", (Effect("database", "sqlite3", "sqlite3.connect", 1, ("str", "a.db")),)),
        ("duckdb.connect()", ()),
        ("t = time.time()", (Effect("clock", "time", "time.time", 1),)),
        ("open('a.txt', 'w')", (Effect("writer", "", "open", 1, ("str", "a.txt")),)),
        ("np.random.seed(0)", (Effect("seed", "np", "np.random.seed", 1),)),
    ],
)
def test_effects_on_the_outside_are_seen(source: str, effects: tuple[Effect, ...]) -> None:
    assert tuple(e for u in analyse(source).units for e in u.now.effects) == effects


@pytest.mark.parametrize(
    "source", ["(" * 5000 + ")" * 5000, "x = " + "-" * 20000 + "1", "\ud800", "\0", "a" * 1_000_000]
)
def test_nothing_makes_the_analysis_raise(source: str) -> None:
    assert isinstance(analyse(source), Facts)


# --- what Python refuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "x = (",
        "x = 5 if",
        "x = 1\n  y = 2",
        "return 1",
        "x = 1\nyield x",
        "if x:\n    break",
        "while x:\n    class A:\n        continue",
        "nonlocal x",
        "x = 1\nglobal x",
        "def f():\n    nonlocal q",
        "def f(x):\n    global x",
        "def f():\n    x = 1\n    global x",
        "def f(a, a):\n    pass",
        "def f():\n    await g()",
        "def f():\n    async with a:\n        pass",
        "def f():\n    return [x async for x in y]",
        "def f():\n    from a import *",
        "x = 1\nfrom __future__ import annotations",
        "from __future__ import nothing",
        "x = *a",
        "*a = b",
        "f(a=1, a=2)",
        "[x for i in (x := y)]",
        "[i := 0 for i in x]",
        "class A:\n    [y := 1 for i in x]",
        "try:\n    pass\nexcept:\n    pass\nexcept E:\n    pass",
        "match x:\n    case y: pass\n    case z: pass",
        "__debug__ = 1",
    ],
    ids=repr,
)
def test_what_python_refuses_is_a_problem_in_its_own_words(source: str) -> None:
    with pytest.raises(SyntaxError) as caught:
        compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    problem = analyse(source).problem
    assert problem is not None
    assert (problem.message, problem.line) == (caught.value.msg, caught.value.lineno)


@pytest.mark.parametrize(
    "source", ["await f()", "x = [await y async for y in z]", "async with a as b:\n    pass", "f(*a, **b)", "*a, b = c"]
)
def test_what_ipython_accepts_is_no_problem(source: str) -> None:
    assert analyse(source).problem is None


def test_newer_syntax_names_the_python_that_reads_it() -> None:
    problem = analyse("x = 1\nlazy import a").problem
    assert problem is not None
    here = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    assert problem.message.endswith(
        f": a lazy import needs Python 3.15 or newer, and nbflow reads this notebook with {here}"
    )
    assert problem.line == 2
