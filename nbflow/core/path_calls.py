"""Calls that put paths together, go over them, or list a folder: ``Path(D, "x")``, ``D.glob("*.csv")``, ``range(3)``.

A listing stands for a pattern (``data/*.csv``), a loop over literals for one of them. Part of ``path_expressions``,
which asks here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbflow.core.model import PathExpr
from nbflow.core.path_expressions import MOST_PARTS, READERS, NameOf, any_of, chain, dotted, path_of
from nbflow.core.words import words

PATH_CLASSES = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "UPath"})
SAME_FILE_METHODS = frozenset({"resolve", "absolute", "as_posix", "__str__", "__fspath__"})
SAME_FILE_FUNCTIONS = frozenset({"abspath", "normpath", "realpath", "fspath", "str"})
NEW_NAME = frozenset({"with_suffix", "with_name", "with_stem"})
GO_OVER = words("enumerate zip reversed list tuple sorted iter filter set tqdm")
"""Functions whose result is made of what they are given."""
PARTS_OF = words("values items keys copy")

CONTENT_CALLS = words("""
    open urlopen StringIO BytesIO TextIOWrapper BufferedReader NamedTemporaryFile TemporaryFile makefile
    read read_text read_bytes getvalue decode encode get_object dumps
    """)
CONTENT = words("content text raw body stdout")
"""Calls and attributes whose value is what a file holds, or an open one."""
_FIELD = re.compile(r"\{(\w*)\}")
_PERCENT = re.compile(r"%[sd]")


def of_call(node: ast.Call, name_of: NameOf) -> PathExpr | None:
    func = node.func
    word = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    listed = listing(node, word, name_of)
    if listed is not None:
        return listed
    if isinstance(func, ast.Attribute):
        found = _of_method(node, func, name_of)
        if found is not None:
            return found
    if word in GO_OVER and isinstance(func, ast.Name):
        return any_of(path_of(argument, name_of) for argument in node.args[-2:])
    if node.keywords:
        return None
    if word in PATH_CLASSES:
        return join(node.args, name_of) if node.args else ("str", ".")
    if word == "join" and (dotted(func) or [])[-2:-1] == ["path"] and node.args:
        return join(node.args, name_of)
    if len(node.args) == 1 and word in SAME_FILE_FUNCTIONS:
        return path_of(node.args[0], name_of)
    if word == "range" and isinstance(func, ast.Name):
        return _of_range(node)
    return None


def _of_method(node: ast.Call, func: ast.Attribute, name_of: NameOf) -> PathExpr | None:
    word = func.attr
    if word == "format" and isinstance(func.value, ast.Constant):
        return _of_format(node, func.value.value, name_of)
    if node.keywords:
        return None
    if word == "joinpath":
        return join([func.value, *node.args], name_of)
    if not node.args:
        if word in SAME_FILE_METHODS or word in PARTS_OF:
            return path_of(func.value, name_of)
        if word in ("cwd", "getcwd"):
            return ("str", ".")
    elif word in NEW_NAME and len(node.args) == 1:
        path, name = path_of(func.value, name_of), path_of(node.args[0], name_of)
        return ("with", word, path, name) if path is not None and name is not None else None
    return None


def join(nodes: list[ast.expr], name_of: NameOf) -> PathExpr | None:
    parts = [path_of(node, name_of) for node in nodes]
    if None in parts or len(parts) > MOST_PARTS:
        return None
    return chain("join", [part for part in parts if part is not None])


def _of_range(node: ast.Call) -> PathExpr | None:
    numbers = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    if len(numbers) != len(node.args) or not 0 < len(numbers) < 4 or (len(numbers) == 3 and not numbers[2]):
        return None
    counted = range(*numbers)
    return any_of(("str", str(n)) for n in counted) if len(counted) <= MOST_PARTS else None


def _of_format(node: ast.Call, text: object, name_of: NameOf) -> PathExpr | None:
    """``"data/{}.csv".format(name)``."""
    if not isinstance(text, str) or len(_FIELD.findall(text)) != text.count("{"):
        return None
    named = {k.arg: k.value for k in node.keywords if k.arg}
    values: list[ast.expr] = []
    for index, field in enumerate(_FIELD.findall(text)):
        at = int(field) if field.isdigit() else index
        value = node.args[at] if (not field or field.isdigit()) and at < len(node.args) else named.get(field)
        if value is None:
            return None
        values.append(value)
    return _filled(_FIELD.sub("\0", text), values, name_of)


def of_percent(node: ast.BinOp, name_of: NameOf) -> PathExpr | None:
    """``"data/%s.csv" % name``."""
    template = node.left.value if isinstance(node.left, ast.Constant) else None
    if not isinstance(template, str) or len(_PERCENT.findall(template)) != template.count("%"):
        return None
    values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    return _filled(_PERCENT.sub("\0", template), values, name_of)


def _filled(template: str, values: list[ast.expr], name_of: NameOf) -> PathExpr | None:
    texts = template.split("\0")
    paths = [path_of(value, name_of) for value in values]
    if len(texts) != len(paths) + 1 or None in paths:
        return None
    return chain("add", [("str", texts[0]), *_alternating(paths, texts[1:])])


def _alternating(paths: list[PathExpr | None], texts: list[str]) -> Iterator[PathExpr]:
    for path, text in zip(paths, texts, strict=True):
        if path is not None:
            yield path
            yield ("str", text)


def listing(node: ast.Call, word: str, name_of: NameOf) -> PathExpr | None:
    """The pattern of what a call lists: ``D.glob("*.csv")``, ``glob.glob("data/*")``, ``os.listdir(D)``."""
    func, args = node.func, node.args
    if word in ("glob", "iglob", "rglob") and len(args) == 1:
        pattern = path_of(args[0], name_of)
        if pattern is None or (isinstance(func, ast.Name) or dotted(func) in (["glob", word], ["_glob", word])):
            return pattern
        folder = path_of(func.value, name_of) if isinstance(func, ast.Attribute) else None
        deep = [("str", "**")] if word == "rglob" else []
        return None if folder is None else chain("join", [folder, *deep, pattern])
    if word == "iterdir" and isinstance(func, ast.Attribute) and not args:
        folder = path_of(func.value, name_of)
        return None if folder is None else ("join", folder, ("str", "*"))
    if word == "listdir":
        return ("str", "*")
    if word in ("scandir", "walk") and len(args) == 1:
        folder = path_of(args[0], name_of)
        return None if folder is None else ("join", folder, ("str", "*"))
    return None


def is_content(node: ast.expr | None) -> bool:
    """Whether an expression stands for what a file holds, or for an open file, and so for no path."""
    if isinstance(node, ast.Call):
        func = node.func
        word = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        return word in CONTENT_CALLS
    return isinstance(node, ast.Attribute) and node.attr in CONTENT


READERS.update({ast.Call: of_call, ast.Mod: of_percent})
