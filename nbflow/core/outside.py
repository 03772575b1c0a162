"""The walk over calls that ask for what lies outside the code: files, network, databases, the clock, random numbers.

They are written down as effects, for the check to speak about. The tables are in ``effects`` and ``readers``; ``calls``
builds on this class.
"""

from __future__ import annotations

import ast

from nbflow.core import effects
from nbflow.core.handing import Handing
from nbflow.core.model import Effect, PathExpr
from nbflow.core.path_calls import is_content, listing
from nbflow.core.path_expressions import UNKNOWN, has_text
from nbflow.core.readers import FileCall, file_calls, may_touch_files
from nbflow.core.walk import root_of, words_of

ATTRIBUTE: PathExpr = ("attribute",)
_PUT_TOGETHER = frozenset({"name", "join", "add", "any", "with", "format"})
"""Forms of paths that are worth looking up; a text is written down wherever it stands."""


class Outside(Handing):
    def look_outside(self, node: ast.Call, word: str) -> None:
        """Note what a call asks for. ``word``: its last one."""
        files = may_touch_files(word)
        matters = effects.may_matter(word) or _of_random(node.func)
        if not files and not matters:
            return
        words = words_of(node.func)
        kind = effects.kind_of(words, node) if words and matters else None
        if kind is not None:
            self.note_effect(kind, words, node)
        elif words and files:
            for call in file_calls(words, node):
                self.note_file(call, words, node)

    def note_effect(self, kind: effects.Kind, words: list[str], node: ast.Call) -> None:
        root, _ = root_of(node.func)
        if words[-1] == "sample" and len(words) > 1 and effects.samples_a_table(node):
            root = ""
        path = None
        if kind == "database" and words[-1] == "connect" and words[0] in effects.IN_A_FILE:
            path = self.path(node.args[0]) if node.args else None
            if path is not None and has_text(path):
                self.sink.paths[path] = None
        line = node.lineno + self.line_offset
        self.sink.effects[Effect(kind, words[0] if root is None else root, ".".join(words), line, path)] = None

    def note_file(self, call: FileCall, words: list[str], node: ast.Call) -> None:
        path = self.file_path(call, words, node)
        if path is None:
            return
        kind: effects.Kind = call.kind
        if path[0] == "str" and str(path[1]).startswith(effects.REMOTE):
            if kind == "writer":
                return
            kind = "network"
        elif path[0] in _PUT_TOGETHER:
            self.sink.paths[path] = None
        root, _ = root_of(node.func)
        whose = "" if call.method or call.kind == "writer" else root or words[0]
        self.sink.effects[Effect(kind, whose, ".".join(words), node.lineno + self.line_offset, path)] = None

    def file_path(self, call: FileCall, words: list[str], node: ast.Call) -> PathExpr | None:
        """Where a call reads or writes; ``None`` where it is no file, or nothing is worth a note."""
        given = call.path
        if call.listing:
            path = self.listed(words, node)
        elif given is None or is_content(given) or (isinstance(given, ast.Name) and given.id in self.handles):
            return None
        else:
            path = self.path(given)
        if call.kind == "writer":
            return path if path is not None and has_text(path) else None
        if path is None:
            if call.doubtful:
                return None
            return ATTRIBUTE if isinstance(given, ast.Attribute) else UNKNOWN
        return ("maybe", path) if call.doubtful and path[0] == "name" else path

    def listed(self, words: list[str], node: ast.Call) -> PathExpr | None:
        """The pattern of what is listed."""
        if words[-1] == "listdir":
            folder = self.path(node.args[0]) if node.args else ("str", ".")
            return None if folder is None else ("join", folder, ("str", "*"))
        return listing(node, words[-1], self.path_name)


def _of_random(func: ast.AST) -> bool:
    """``random.gauss``, ``np.random.normal``: whatever the last word is."""
    if not isinstance(func, ast.Attribute):
        return False
    place = func.value
    return (place.attr if isinstance(place, ast.Attribute) else getattr(place, "id", "")) == "random"
