"""The walk over calls: what they change, what they set up, and which of them the check wants to know of.

The tables are in ``effects`` and ``setup``. Statements build on this class.
"""

from __future__ import annotations

import ast

from nbflow.core import methods
from nbflow.core.expressions import NAMESPACES
from nbflow.core.handing import OBJECT, given, is_worth_a_note
from nbflow.core.magic_table import Magic, line_magic
from nbflow.core.outside import Outside
from nbflow.core.path_expressions import dotted, folded
from nbflow.core.setup import ALSO_WHERE_USED, is_setup
from nbflow.core.walk import VISITORS, root_of, words_of
from nbflow.core.words import words

_SPECIAL = words(
    """
    import_module __import__ getenv get pop setdefault insert append extend Path PurePath joinpath join
    run_line_magic magic
    """
)


class Calls(Outside):
    def visit_call(self, node: ast.Call) -> None:
        func = node.func
        receiver: str | None = None
        if func.__class__ is ast.Name:
            word: str = func.id
            self.visit(func)
            if self.is_global(word):
                self.sink.calls[self.scope.mangled(word) if self.scope is not None else word] = None
                self.hand_over(word, node)
        elif func.__class__ is ast.Attribute:
            word = func.attr
            self.visit_attribute(func)
            receiver = self.method(node, func)
        else:
            word = ""
            self.visit(func)
        if len(node.keywords) > 1 and len({k.arg for k in node.keywords}) < len(node.keywords):
            self.check_symbols = True
        for keyword in node.keywords:
            if keyword.arg == "inplace" or keyword.arg == "out":
                self.keyword_change(node, keyword)
        self.visit_given(node, receiver)
        if word in _SPECIAL:
            self.special_call(node, word)
        self.look_outside(node, word)
        if word in methods.TAKES_FROM_FIRST_ARGUMENT and node.args:
            self.change_object(node.args[0])
        if self.bare and node in self.bare:
            self.bare_call(node, word)
        elif word in ALSO_WHERE_USED:
            self.configure(func)

    def method(self, node: ast.Call, func: ast.Attribute) -> str | None:
        """A method may change its object, unless its name says that it only looks. The name that the object is, or is
        a part of; ``None`` where it has none."""
        word = func.attr
        root, called = root_of(func)
        noted = is_worth_a_note(node)
        if noted:
            self.hand_over("." + word, node)
        if root is None or called == "function" or _made_on_the_way(func.value):
            return None
        if noted:
            self.hand("." + word, OBJECT, root, False)
        if word in methods.CHANGES_ITS_OBJECT:
            self.change(root, "call")
        elif not methods.only_looks(word, root, not (node.args or node.keywords)):
            self.change(root, "call" if node in self.bare else "maybe")
        return root

    def keyword_change(self, node: ast.Call, keyword: ast.keyword) -> None:
        """``df.drop(…, inplace=True)`` changes its object, ``np.add(a, b, out=c)`` what it writes to."""
        value = keyword.value
        if keyword.arg == "inplace" and isinstance(value, ast.Constant) and value.value is False:
            return
        root, called = root_of(value if keyword.arg == "out" else node.func)
        if root is not None and called != "function":
            self.change(root, "assign")

    def change_object(self, node: ast.expr) -> None:
        root, called = root_of(node)
        if root is not None and called != "function":
            self.change(root, "call")

    def bare_call(self, node: ast.Call, word: str) -> None:
        """A call whose result is thrown away is made for its effect."""
        func = node.func
        if isinstance(func, ast.Name):
            if not self.is_global(word):
                return
            self.sink.bare_calls[word] = None
            if word == "exec":
                self.runs_anything()
        if word in methods.CHANGES_FIRST_ARGUMENT and node.args:
            self.change_object(node.args[0])
            root = root_of(node.args[0])[0]
            if word in ("setattr", "delattr") and root is not None:
                self.sets_up(root)
        if isinstance(func, ast.Attribute) and word in methods.KEEPS_ITS_ARGUMENTS:
            for _, argument in given(node):
                self.keep(func.value, argument, "item")
        root, called = root_of(func)
        if root is not None and called == "function" and root in NAMESPACES and self.is_global(root):
            self.runs_anything()
        elif (root, called) != ("get_ipython", "function"):
            self.configure(func)

    def configure(self, func: ast.expr) -> None:
        root, called = root_of(func)
        if root is not None and is_setup(words_of(func), bool(called)):
            self.sets_up(root)

    def special_call(self, node: ast.Call, word: str) -> None:
        """Calls by well-known names that import, look at the environment, or put paths together."""
        args, func = node.args, node.func
        first = args[0] if args else None
        literal = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if word in ("import_module", "__import__"):
            if literal:
                self.sink.modules[literal] = None
        elif word == "getenv":
            if literal is not None:
                self.sink.environ[literal] = None
        elif word in ("get", "pop", "setdefault"):
            if first is not None and isinstance(func, ast.Attribute):
                self.environment(func.value, first)
        elif word in ("insert", "append", "extend"):
            if (dotted(func) or [])[-3:-1] == ["sys", "path"] and args:
                self.search_path(args[-1])
        elif word in ("Path", "PurePath", "joinpath", "join"):
            self.note_path(node)
        elif word in ("run_line_magic", "magic") and isinstance(func, ast.Attribute) and literal is not None:
            self.called_magic(func, [a.value for a in args if isinstance(a, ast.Constant) and isinstance(a.value, str)])

    def search_path(self, node: ast.expr) -> None:
        """Note the literal folders that ``sys.path`` is made to hold."""
        for entry in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
            text = folded(self.path(entry), self.constants)
            if text is not None:
                self.comments.append(f"sys.path:{text}")

    def called_magic(self, func: ast.Attribute, words: list[str]) -> None:
        """``get_ipython().run_line_magic("matplotlib", "inline")``, as exported scripts have it."""
        if root_of(func) != ("get_ipython", "function"):
            return
        name, _, rest = " ".join(words).partition(" ")
        magic = line_magic(name.lstrip("%"), rest, 1, self.comments)
        if magic is not None:
            self.visit_magic(magic)

    # --- magics ------------------------------------------------------------------------------------------

    def visit_magic(self, magic: Magic) -> None:
        for name in magic.reads:
            self.read(name)
        for name in magic.binds:
            self.bind(name)
        if magic.always:
            self.always = self.always or magic.always
        if magic.path is not None:
            self.sink.paths[magic.path] = None
        for module in magic.modules:
            self.sink.modules[module] = None
        if magic.code is not None:
            self.embedded(magic)

    def embedded(self, magic: Magic) -> None:
        """Python inside a magic; ``statements`` knows how."""
        raise NotImplementedError


def _made_on_the_way(node: ast.AST) -> bool:
    """Whether a chain of calls leads to a new object, no part of the one it begins with: ``raw.copy().pop("x")``."""
    while True:
        cls = node.__class__
        if cls is ast.Call:
            func = node.func  # type: ignore[attr-defined]
            if func.__class__ is ast.Attribute and methods.makes_new(func.attr):
                return True
            node = func
        elif cls is ast.Attribute or cls is ast.Subscript or cls is ast.Await:
            node = node.value  # type: ignore[attr-defined]
        else:
            return False


VISITORS[ast.Call] = Calls.visit_call
