"""Which text of a cell is a magic, side by side with IPython, and what each magic means for names."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbflow.core.magics import replace_magics
from nbflow.core.model import Facts
from nbflow.core.names import analyse

# --- as IPython does it ------------------------------------------------------------------------------------

SOURCES = [
    "x = 1",
    "%matplotlib inline",
    "  %matplotlib inline",
    "%matplotlib inline\nx = 1",
    "x = 1\n%time y = f(x)\nz = y",
    "!ls",
    "!!ls",
    "! ls -l | wc",
    "!echo it's",
    '!echo "(\nx = 1',
    "!pip install a && \\\n  pip install b\nx = 1",
    "%run a.py \\\n  --fast\ny = 2",
    "x = !ls",
    "x =!ls",
    "x = %pwd",
    "x = % pwd",
    "a, b = !ls",
    "a.b = %pwd",
    "a['k'] = !ls",
    "x: int = !ls",
    "x = \\\n  %pwd",
    "x = y = %pwd",
    "x == !ls",
    "x != y",
    "x += !ls",
    "f(a=%pwd)",
    "f(a=1); x = 2",
    "x = y % z",
    "x = (y\n% z)",
    "x = [\n%z\n]",
    "x = y \\\n% z",
    "x = '''\n%pwd\n!ls\n'''",
    'x = """\n%%bash\n"""\n%pwd',
    "x = 'a\\\n%pwd'",
    "# %pwd\n# !ls",
    "x = 1  # !ls",
    "if x:\n    %pwd\n    !ls\nelse:\n    y = !ls",
    "for f in x:\n    !echo {f}\n    y = 1",
    "def f():\n    %time g()\n    return 1",
    "class A:\n    %pwd\n    x = !ls",
    "with a:\n\t!ls\n\ty = 1",
    "try:\n    !ls\nexcept E:\n    pass",
    "if x: !ls",
    "x; !ls",
    "x = 1; %pwd",
    "obj?",
    "obj??",
    "?obj",
    "??obj",
    "?",
    "a.b.c?",
    "a[0].b?",
    "a*?",
    "%time?",
    "%%time?",
    "!ls?",
    "x = obj?",
    "f()?",
    "x = 1\nobj?\ny = 2",
    "if x:\n    obj?\ny = 1",
    "obj? # note",
    "x = 'a?'",
    "# what?",
    "x = 1  # what?\n%pwd",
    'x = """\nobj?',
    "f(\nobj?",
    "\\\n%pwd",
    "%pwd  # what?",
    "!echo 'what?'",
    "print('?')",
    "(a?)",
    "x = a if b else c?",
    "%%bash\nls\n",
    "\n\n%%bash\nls",
    "%%writefile a.py\nx = (",
    "x = 1\n%%bash\nls",
    "# note\n%%bash\nls",
    " %%bash\nls",
    "%%html",
    ",f a b",
    ";f a b",
    "/f a b",
    "/f",
    ",f",
    "x = 1\n,f a\ny = 2",
    "    x = 1\n    y = 2",
    "    x = 1\n    %pwd",
    ">>> x = 1\n>>> y = x",
    ">>> if x:\n...     y = 1\n>>> %pwd",
    "In [1]: x = 1\nIn [2]: y = 2",
    "In [1]: if x:\n   ...:     y = 1",
    "x = ...",
    "... # ellipsis",
    "",
    "\n",
    "   \n\t\n",
    "%",
    "!",
    "x = !",
    "x = %",
    "(\n%pwd",
    "x = 'open\n%pwd",
    "x = 'it\\'s'\n%pwd",
    "x = r'\\'\n%pwd",
    "x = f'{a}'\n%pwd",
    'x = f"""{a}\n%pwd"""',
    "a = b'''\n%c\n'''; d = 1\n%pwd",
    "lambda x=1: x\n%pwd",
    "async def f():\n    %pwd\n    await g()",
    "x = 1 if y else !ls",
    "@d\n%pwd\ndef f(): pass",
    "x = {\n  'a': 1,\n}\n!ls {x}",
    "%env A=1\n%env B=2",
    "%time\n%time",
    "x = 1\n\n\n%pwd\n\n",
    "%timeit -n 1 [x\n for x in y]",
    "x\f\n%pwd",
]


def of_ipython(source: str) -> tuple[list[str], set[str]] | None:
    """The magics of a cell, in order, and the names that it binds; ``None`` where it cannot be parsed."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return None
    return list(magics_of_ipython(tree)), bound(tree)


def magics_of_ipython(tree: ast.AST) -> Iterator[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        assert isinstance(node.func, ast.Attribute)
        first = str(node.args[0].value) if node.args and isinstance(node.args[0], ast.Constant) else ""
        verb = node.func.attr
        if verb in ("system", "getoutput"):
            yield "!"
        elif verb == "run_cell_magic":
            yield f"%%{first}"
        elif verb == "run_line_magic" and first not in ("pinfo", "pinfo2", "psearch"):
            yield f"%{first}"


def of_ours(source: str) -> tuple[list[str], set[str]] | None:
    found = replace_magics(source)
    try:
        tree = ast.parse(found.text)
    except SyntaxError:
        return None
    return [word for word in found.comments if not word.startswith("shell:")], bound(tree)


def bound(tree: ast.AST) -> set[str]:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | {node.name for node in ast.walk(tree) if isinstance(node, definitions)}


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_the_same_text_is_a_magic_as_in_ipython(source: str) -> None:
    assert of_ours(source) == of_ipython(source)


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_lines_keep_their_numbers(source: str) -> None:
    found = replace_magics(source)
    if not found.opaque:
        assert found.text.count("\n") == source.count("\n")


LINES = [
    "x = 1", "%pwd", "!ls {x}", "y = !ls", "z = %pwd", "    %pwd", "    w = 2", "if x:", "else:", "obj?", "# %c ?",
    "'''", '"""', "a = '''", "(", ")", "f(", "  b = '%pwd'", "", "\\", "x = \\", "it's", '%c "', "def f():",
    "%time f(x)", "v = (1,",
]  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(LINES), max_size=6).map("\n".join))
def test_what_python_can_read_after_ipython_it_can_read_after_us(source: str) -> None:
    theirs = of_ipython(source)
    if theirs is not None:
        assert of_ours(source) == theirs


# --- what the magics mean ----------------------------------------------------------------------------------


def told(facts: Facts) -> str:
    """``reads -> binds (always)`` for each statement, ``/`` between them."""
    if facts.problem is not None:
        return f"problem on line {facts.problem.line}"
    if facts.opaque:
        return f"opaque {facts.opaque}"
    units = []
    for unit in facts.units:
        words = [*unit.now.reads, *(["->", *unit.now.binds] if unit.now.binds else [])]
        units.append(" ".join([*words, *([f"({unit.always})"] if unit.always else [])]) or "nothing")
    return " / ".join(units)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # left out altogether
        ("%load_ext nbflow", ""),
        ("%reload_ext nbflow\nx = 1", "-> x"),
        ("%flow run --wait", ""),
        ("%flow\n%step train -i a", ""),
        ("%%step train -i a", ""),
        ("%%step train -i a\nx = a", "a -> x"),
        ("\n%%step train\nx = 1", "-> x"),
        ("if a:\n    %flow run", "a"),
        ("obj?\n?f\ng??", ""),
        # the session
        ("%matplotlib inline", "(session)"),
        ("%env A=1", "(session)"),
        ("%cd {folder}", "folder (session)"),
        ("%load_ext autoreload\n%autoreload 2", "(session) / (session)"),
        ("if a:\n    %matplotlib inline", "a (session)"),
        ("get_ipython().run_line_magic('matplotlib', 'inline')", "get_ipython (session)"),
        # files
        ("%run tools.py", "(%run)"),
        ("%run {file}", "file (%run)"),
        ("%run -i tools -x 1", "(%run)"),
        # Python inside
        ("%time x = f(y)", "f y -> x"),
        ("%time", "nothing"),
        ("%time x = !ls {d}", "d -> x"),
        ("x = %time f(y)", "f y -> x"),
        ("%prun -s time x = f(y)", "f y -> x"),
        ("%lprun -f g f(y)", "g f y"),
        ("%timeit x = f(y)", "f y"),
        ("%timeit -n 10 -r3 x = f(y); z = x", "f y"),
        ("t = %timeit -o f(y)", "f y -> t"),
        ("%time x = (", "problem on line 1"),
        ("a = 1\n%time x = (", "problem on line 2"),
        ("%%time\nx = f(y)", "nothing / f y -> x"),
        ("%%capture out\nx = 1", "-> out / -> x"),
        ("%%capture --no-stderr\nx = 1", "nothing / -> x"),
        ("%%time\n%%capture out\nx = 1", "nothing / -> out / -> x"),
        ("%%timeit a = f(b)\nc = a + d", "f b d"),
        ("%%timeit -n 3\nc = d", "d"),
        ("%%timeit\nc = (", "problem on line 2"),
        ("%%step s\n%%time\nx = f(y)", "nothing / f y -> x"),
        ("%%step s\n\n%%bash\nls", "opaque bash"),
        # outside
        ("!ls", "nothing"),
        ("!ls {folder} $name", "folder name"),
        ("!echo '$name' $$ {print $1}", "nothing"),
        ("!head -n {n:d} {p!r}", "n p"),
        ("files = !ls {folder}", "folder -> files"),
        ("%pip install a", "nothing"),
        ("pip install a", "nothing"),
        ("cd data", "(session)"),
        ("ls", "nothing"),
        ("ls = 1", "-> ls"),
        ("who(a)", "who a"),
        ("run = f(x)", "f x -> run"),
        ("%store x", "nothing"),
        ("%%bash\necho $x", "opaque bash"),
        ("%%writefile a.py\nx = (", "opaque writefile"),
        ("%%sql\nselect 1", "opaque sql"),
        ("%%R -i df\nplot(df)", "opaque R"),
    ],
    ids=repr,
)
def test_a_magic_means_for_names(source: str, expected: str) -> None:
    assert told(analyse(source)) == expected


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("%run tools.py", ("str", "tools.py")),
        ("%run tools", ("str", "tools.py")),
        ("%run ../lib/tools", ("str", "../lib/tools.py")),
        ("%run -i -t 'my tools.py' --x 1", ("str", "my tools.py")),
        ("%run other.ipynb", ("str", "other.ipynb")),
        ("%run $file", ("name", "file")),
    ],
)
def test_the_file_of_run_is_a_path(source: str, path: tuple[str, str]) -> None:
    (unit,) = analyse(source).units
    assert unit.now.paths == (path,)


def test_run_with_a_module_imports_it() -> None:
    (unit,) = analyse("%run -m tools.clean").units
    assert (unit.now.modules, unit.now.paths) == (("tools.clean",), ())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("%load_ext a", "%autoreload 2", True),
        ("%time f()", "%time g()", False),
        ("%time f()", "f()", False),
        ("!ls a", "!ls b", False),
        ("%matplotlib inline", "%matplotlib widget", False),
        ("x = !ls", "x = !ls -l", False),
        ("!ls", "\n\n!ls   ", True),
        ("%%time\nf()", "f()", False),
        ("%%timeit\nf()", "%%timeit\ng()", False),
    ],
)
def test_the_text_of_a_magic_counts_unless_it_only_loads_extensions(one: str, other: str, same: bool) -> None:
    assert ([u.digest for u in analyse(one).units] == [u.digest for u in analyse(other).units]) is same


def test_a_magic_has_the_same_digest_wherever_it_stands_in_its_cell() -> None:
    first, second = analyse("!ls\n!pwd").units, analyse("!date\n!ls").units
    assert first[0].digest == second[1].digest


@pytest.mark.parametrize(
    ("source", "comments"),
    [
        ("%time f()\n!ls {d}", ("%time", "!", "shell:d")),
        ("%%bash\nls", ("%%bash",)),
        ("x = 1\n%%step late", ("%%step",)),
        ("sys.path.insert(0, 'src')", ("sys.path:src",)),
        ("D = '..'\nsys.path.append(os.path.join(D, 'lib'))", ("sys.path:../lib",)),
        ("sys.path += ['a', 'b']", ("sys.path:a", "sys.path:b")),
        ("sys.path.extend(['a', other])", ("sys.path:a",)),
        ("sys.path[0:0] = ['a']", ("sys.path:a",)),
        ("sys.path = ['a'] + sys.path", ("sys.path:a",)),
        ("sys.path.append(os.path.abspath('..'))", ("sys.path:..",)),
        ("sys.path.append(str(Path('lib') / 'x'))", ("sys.path:lib/x",)),
        ("def f():\n    sys.path.append('a')", ("sys.path:a",)),
    ],
)
def test_the_check_is_told_of_magics_and_of_search_paths(source: str, comments: tuple[str, ...]) -> None:
    assert analyse(source).comments == comments
