"""What the source of a local module says: a digest of its syntax tree, and the modules it imports.

Comments and layout do not count. Pure functions of the text; the tree is written down as that of a cell is, by
``core.syntax``. Read ``modules.py`` next for how the imports are followed.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from nbflow.core.syntax import Dumper, has_docstring

_DYNAMIC = {"import_module", "__import__"}


@dataclass(frozen=True, slots=True)
class Source:
    """What counts of one module's source."""

    digest: str
    """Digest (sha256, hex) of the syntax tree; of the bytes where the source does not parse."""
    imports: tuple[str, ...] = ()
    """Dotted modules it may import, also inside functions; leading dots for relative ones. Of ``from a import b``
    both ``a`` and ``a.b`` are given, as ``b`` may be a module."""
    acts: bool = True
    """Whether importing it may do more than bind names in it: call something for its effect, change another module."""


def read_source(source: str | bytes, is_package: bool = False) -> Source:
    """What counts of a module. ``is_package``: it is an ``__init__`` file, whose ``__all__`` may name modules.

    Docstrings of modules and plain functions are left out, unless the source says ``__doc__`` or ``inspect``; those
    of classes and decorated functions count, as they are read by tools (command lines, models).
    """
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a SyntaxWarning in the user's module is not ours to show
            tree = ast.parse(source)
        keep_docs = b"__doc__" in data or b"inspect" in data
        imports = tuple(sorted(set(_imports(tree, is_package))))
        mark = hashlib.sha256(_written(tree, keep_docs).encode("utf-8", "surrogatepass")).hexdigest()
        return Source(mark, imports, not all(map(_only_binds, tree.body)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Source(hashlib.sha256(data).hexdigest())


def _only_binds(node: ast.stmt) -> bool:
    """Whether a statement at the top of a module binds names and does nothing else that others could see."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return not node.decorator_list
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name)
    if isinstance(node, ast.If):
        return _is_main(node.test) or all(map(_only_binds, [*node.body, *node.orelse]))
    if isinstance(node, ast.Try):
        inner = [statement for handler in node.handlers for statement in handler.body]
        return all(map(_only_binds, [*node.body, *inner, *node.orelse, *node.finalbody]))
    return False


def _is_main(test: ast.expr) -> bool:
    """``__name__ == "__main__"``: not so in a module that is imported."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _written(tree: ast.Module, keep_docs: bool) -> str:
    body = tree.body[1:] if tree.body and not keep_docs and has_docstring(tree) else tree.body
    dumper = Dumper(docs=keep_docs)
    return "".join(map(dumper.text, body))


def _imports(tree: ast.Module, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            joint = "" if base.endswith(".") else "."
            yield from (base + joint + alias.name for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and (name := _literal_import(node)):
            yield name
        elif is_package and isinstance(node, ast.Assign | ast.AugAssign) and _is_all(node):
            yield from ("." + name for name in _texts(node.value) if name.isidentifier())


def _literal_import(call: ast.Call) -> str:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    texts = list(_texts(call.args[0])) if name in _DYNAMIC and call.args else []
    return texts[0] if texts and all(part.isidentifier() for part in texts[0].lstrip(".").split(".")) else ""


def _is_all(node: ast.Assign | ast.AugAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _texts(node: ast.expr) -> Iterator[str]:
    for item in node.elts if isinstance(node, ast.List | ast.Tuple) else [node]:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value
