"""What each magic means for names: the table of line and cell magics.

| magic                                           | what the planner makes of it                             |
|-------------------------------------------------|----------------------------------------------------------|
| ``%load_ext nbflow``, ``%flow``, ``%step``          | nothing at all                                           |
| ``%matplotlib``, ``%env``, ``%cd``, … (``SESSION``)   | sets the session up: in every slice below it             |
| ``%run FILE``                                     | the same, and the file's content counts                  |
| ``%time STMT``, ``%prun``, … (``RUNS_PYTHON``)        | the statement itself                                     |
| ``%timeit STMT``                                  | reads as the statement does, binds nothing               |
| ``%%time``, ``%%capture out``, … (``PYTHON_BODIES``)  | the body is a plain cell; ``out`` is bound                 |
| ``!cmd``, ``%pip``, any other line magic            | acts outside: only ``{name}`` and ``$name`` are read         |
| ``%%bash``, ``%%writefile``, any other cell magic   | opaque                                                   |
"""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass

from nbflow.core.model import PathExpr
from nbflow.core.words import words

SESSION = words("""
    matplotlib pylab env set_env config load_ext reload_ext unload_ext autoreload aimport precision xmode colors cd
    pushd popd alias unalias alias_magic autoawait autocall automagic autosave doctest_mode pprint pdb gui rehashx
    autocommit load_dotenv dotenv
    """)
NOT_IN_KEY = frozenset({"load_ext", "reload_ext", "unload_ext", "autoreload", "aimport"})
"""They change how a person works, not what a cell computes."""

RUNS_PYTHON = {
    "time": "",
    "timeit": "nrp",
    "prun": "lsTD",
    "memit": "rt",
    "mprun": "fT",
    "lprun": "fmDTsu",
    "snakeviz": "fm",
    "scalene": "",
    "pyinstrument": "",
    "debug": "b",
}
"""Line magics whose text is Python → the options of theirs that take a value."""

PYTHON_BODIES = words("time timeit prun memit mprun lprun snakeviz capture scalene pyinstrument heat debug notify")
ISOLATED = frozenset({"timeit"})
"""They run Python in a function of their own, so names bound there stay there."""

OURS = frozenset({"flow", "step"})
_EXPANSION = re.compile(r"\{([^{}\n]+)\}|(?<![\\$\w])\$([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic and what it does to names."""

    name: str
    text: str
    line: int
    code: tuple[str, int] | None = None
    """Python that it runs, and how many lines of the cell stand above that text."""
    isolated: bool = False
    """Whether names bound by ``code`` stay inside."""
    reads: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    always: str = ""
    path: PathExpr | None = None
    modules: tuple[str, ...] = ()
    keyed: bool = True
    """Whether its text counts in a digest."""


def line_magic(name: str, rest: str, line: int, comments: list[str]) -> Magic | None:
    """A line magic, ``None`` for one that leaves no trace.

    What the shell may know better is noted in ``comments`` as ``shell:NAME``."""
    rest = rest.strip()
    text = f"%{name} {rest}".rstrip()
    if name in OURS or (name in NOT_IN_KEY and rest.split()[:1] == ["nbflow"]):
        return None
    if name in RUNS_PYTHON:
        return _python(name, rest, text, line)
    if name == "run":
        return _run(rest, text, line)
    reads = _expansions(rest, comments)
    if name in SESSION:
        return Magic(name, text, line, reads=reads, always="session", keyed=name not in NOT_IN_KEY)
    return Magic(name, text, line, reads=reads)


def shell(command: str, line: int, comments: list[str]) -> Magic:
    return Magic("!", "!" + command.strip(), line, reads=_expansions(command, comments))


def cell_header(name: str, rest: str, line: int) -> Magic | None:
    """A cell magic above a Python body, ``None`` where the body is not Python (or nobody knows)."""
    if name not in PYTHON_BODIES:
        return None
    text = f"%%{name} {rest.strip()}".rstrip()
    if name == "capture":
        words = [word for word in rest.split() if not word.startswith("-")]
        return Magic(name, text, line, binds=tuple(words[:1]) if words and words[0].isidentifier() else ())
    if name in ISOLATED:
        setup = _without_options(rest, RUNS_PYTHON[name])
        return Magic(name, text, line, code=(setup, line - 1), isolated=True)
    return Magic(name, text, line, reads=_profiled(name, rest))


def _python(name: str, rest: str, text: str, line: int) -> Magic:
    code = _without_options(rest, RUNS_PYTHON[name])
    return Magic(name, text, line, code=(code, line - 1), isolated=name in ISOLATED, reads=_profiled(name, rest))


def _without_options(rest: str, with_value: str) -> str:
    """The statement behind a magic's options: ``-n 10 -r3 f(x)`` → ``f(x)``."""
    while True:
        rest = rest.lstrip()
        m = re.match(r"(--[\w-]+(?:=\S+)?|-[a-zA-Z]\S*)(?:\s+|$)", rest)
        if m is None:
            return rest
        option = m[1]
        rest = rest[m.end() :]
        if option == "--":
            return rest
        if len(option) == 2 and option[1] in with_value:
            rest = rest.lstrip().partition(" ")[2]


def _profiled(name: str, rest: str) -> tuple[str, ...]:
    """``%lprun -f function statement`` looks the function up."""
    if name not in ("lprun", "mprun"):
        return ()
    return tuple(m[1] for m in re.finditer(r"-f\s*([^\W\d]\w*)", rest))


def _run(rest: str, text: str, line: int) -> Magic:
    """``%run``: the file, with ``.py`` where it has no extension; ``%run -m module``."""
    try:
        words = shlex.split(rest, posix=True)
    except ValueError:
        words = rest.split()
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-m" and words:
            return Magic("run", text, line, always="%run", modules=(words[0],))
        if option in ("-N", "-b", "-s", "-l", "-T", "-D") and words:
            words.pop(0)
    if not words:
        return Magic("run", text, line, always="%run")
    file = words[0]
    m = re.fullmatch(r"\{([^\W\d]\w*)\}|\$([^\W\d]\w*)", file)
    if m is not None:
        name = m[1] or m[2]
        return Magic("run", text, line, always="%run", path=("name", name), reads=(name,))
    if "." not in file.rpartition("/")[2].lstrip("."):
        file += ".py"
    return Magic("run", text, line, always="%run", path=("str", file))


def _expansions(text: str, comments: list[str]) -> tuple[str, ...]:
    """The names in ``{expression}`` and ``$name``: read if they are bound, else left to the shell."""
    names: dict[str, None] = {}
    for m in _EXPANSION.finditer(text):
        if m[2] is not None:
            if text.count("'", 0, m.start()) % 2 == 0:
                names[m[2]] = None
            continue
        for source in (m[1], m[1].rpartition(":")[0], m[1].rpartition("!")[0]):
            try:
                tree = ast.parse(source.strip(), mode="eval")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            names.update((node.id, None) for node in ast.walk(tree) if isinstance(node, ast.Name))
            break
    comments.extend(f"shell:{name}" for name in names)
    return tuple(names)
