"""Random small programs, run with every look-up watched, against what ``analyse`` says without running them.

Sound: whatever Python really looked up, bound or deleted at the level of the module, the analysis knew of; whatever it
calls surely bound is bound. Exact: in programs without branches it says just what happened.
"""

from __future__ import annotations

import ast
import dis
import json
import random
import sys
from contextlib import suppress
from functools import cache
from types import CodeType, FrameType
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from nbflow.core.names import analyse, facts_from_json, facts_to_json

NAMES = ("a", "b", "c", "d", "e", "k")
BUDGET = 20_000
"""Instructions that one program may run."""


# --- watching a program run --------------------------------------------------------------------------------


class OutOfBudget(BaseException):
    """Ends a program that runs for too long; no handler of the program catches it."""


class Value:
    """Does everything a program may ask of it: mostly without complaint, by chance with an exception."""

    chance: random.Random

    def __init__(self, chance: random.Random) -> None:
        self.__dict__["chance"] = chance  # `__setattr__` is the program's to call

    def new(self, *_: Any, **__: Any) -> Value:
        if self.chance.random() < 0.1:
            raise ValueError
        return Value(self.chance)

    __call__ = __add__ = __radd__ = __iadd__ = __getitem__ = __neg__ = __getattr__ = __enter__ = new

    def __exit__(self, *_: Any) -> None:
        pass

    def __bool__(self) -> bool:
        return self.chance.random() < 0.5

    def __iter__(self) -> Any:
        return iter([Value(self.chance) for _ in range(self.chance.choice((0, 1, 2, 2)))])

    def __setattr__(self, name: str, value: object) -> None:
        pass

    def __delattr__(self, name: str) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __delitem__(self, key: object) -> None:
        pass

    def __lt__(self, other: object) -> bool:
        return bool(self)


@cache
def instructions(code: CodeType) -> dict[int, tuple[str, Any]]:
    return {i.offset: (i.opname, i.argval) for i in dis.get_instructions(code)}


class Watch:
    """Follows a program, instruction by instruction, and notes what it does to the module's names."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space
        self.left = BUDGET
        self.reads: set[str] = set()
        self.binds: set[str] = set()
        self.bound: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != "<program>":
            return None
        frame.f_trace = self  # before the next line: Python 3.13 then begins with the first instruction
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            self.left -= 1
            if self.left < 0:
                raise OutOfBudget
            self.see(frame, *instructions(frame.f_code).get(frame.f_lasti, ("", None)))
        return self

    def see(self, frame: FrameType, what: str, name: Any) -> None:
        verb, _, where = what.partition("_")
        if verb not in ("LOAD", "STORE", "DELETE") or where not in ("NAME", "GLOBAL", "FROM_DICT_OR_GLOBALS"):
            return
        if name in ("__name__", "__annotations__"):  # read by the machinery of classes and annotations
            return
        of_class = where != "GLOBAL" and frame.f_code.co_name != "<module>"
        if of_class and (verb != "LOAD" or name in frame.f_locals):  # a class body's own names come first
            return
        if verb == "STORE":
            self.binds.add(name)
            self.bound.add(name)
            return
        if name not in self.bound:
            self.reads.add(name)
        if verb == "DELETE":
            self.bound.discard(name)

    def run(self, code: CodeType) -> bool:
        """Whether the statement came to its end."""
        self.reads, self.binds, self.bound = set(), set(), set()
        before = sys.gettrace()
        sys.settrace(self)
        try:
            exec(code, self.space)
            return True
        except (Exception, OutOfBudget):
            return False
        finally:
            sys.settrace(before)


def watched(source: str, seed: int) -> list[tuple[set[str], set[str], set[str] | None]]:
    """For each statement: names looked up before it bound them, names bound, and all names bound at its end (``None``
    where it did not get there)."""
    chance = random.Random(seed)
    space: dict[str, Any] = {name: Value(chance) for name in NAMES}
    space |= {"v": lambda *_, **__: Value(chance), "suppress": suppress, "__name__": "program"}
    watch = Watch(space)
    seen = []
    for statement in ast.parse(source).body:
        code = compile(ast.Module([statement], []), "<program>", "exec")
        ended = watch.run(code)
        seen.append((watch.reads, watch.binds, set(space) if ended else None))
    return seen


# --- writing programs --------------------------------------------------------------------------------------


class Writer:
    """Draws a program. ``place`` is a set of ``function``, ``class``, ``loop``."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def name(self) -> str:
        return str(self.one(*NAMES))

    def count(self, least: int, most: int) -> int:
        return int(self.draw(st.integers(least, most)))

    def expression(self, depth: int) -> str:
        if depth <= 0:
            return str(self.one("v()", self.name(), self.name()))
        x, y = self.expression(depth - 1), self.expression(depth - 1)
        n, m = self.name(), self.name()
        kinds = {
            "name": n,
            "sum": f"({x} + {y})",
            "call": f"{n}({x}, {y})",
            "attribute": f"{n}.x",
            "item": f"{n}[{x}]",
            "list": f"[{x}, {y}]",
            "compare": f"({x} < {y} < {n})",
            "and": f"({x} {self.one('and', 'or')} {y})",
            "choice": f"({x} if {n} else {y})",
            "list comprehension": f"[{x} for {n} in {y}]",
            "generator": f"list({x} for {n} in {y} if {m})",
            "dict comprehension": f"{{{x}: {y} for {n}, {m} in v()}}",
            "nested comprehension": f"[{x} for {n} in {m} for {m} in {y}]",
            "lambda": f"(lambda {n}={y}: {x})({m})",
            "walrus": f"({n} := {x})",
            "f-string": f"f'{{{n}}} {{{m}!r:{{{n}}}}}'",
            "filter": f"[({n} := {m}) for {m} in {x}]",
        }
        return str(self.one(*kinds.values()))

    def target(self) -> str:
        n, m = self.name(), self.name()
        return str(self.one(n, n, f"{n}, {m}", f"{n}, *{m}", f"{n}.x", f"{n}[{m}]", f"({n}, [{m}.y])"))

    def block(self, depth: int, place: frozenset[str], least: int = 1) -> list[str]:
        lines = [line for _ in range(self.count(least, 3)) for line in self.statement(depth, place)]
        return ["    " + line for line in lines or ["pass"]]

    def statement(self, depth: int, place: frozenset[str]) -> list[str]:
        simple = ["assign", "assign", "add", "expression", "delete", "import", "annotate", "annotated"]
        if "function" in place:
            simple += ["return"]
        if "loop" in place:
            simple += ["break", "continue"]
        compound = ["if", "for", "while", "forever", "try", "finally", "with", "suppress", "match", "function", "class",
                    "for else", "handler"]  # fmt: skip
        kind = self.one(*simple, *(compound if depth > 0 else ["raise"]))
        return self.simple(kind, place) if kind in {*simple, "raise"} else self.compound(kind, depth - 1, place)

    def simple(self, kind: str, place: frozenset[str]) -> list[str]:
        n, x = self.name(), self.expression(2)
        deleted = f"{n} = {x}" if "function" in place else self.one(f"del {n}", f"del {n}.x", f"del {n}, {self.name()}")
        return {
            "assign": [f"{self.target()} = {x}"],
            "add": [f"{self.one(n, f'{n}.x', f'{n}[0]')} += {x}"],
            "expression": [x],
            "delete": [deleted],
            "import": [self.one(f"import math as {n}", f"from math import pi as {n}", "import os.path")],
            "annotate": [f"{n}: v"],
            "annotated": [f"{n}: {self.name()} = {x}"],
            "return": [f"return {x}"],
            "break": [f"if {n}: break"],
            "continue": [self.one("continue", f"if {n}: continue")],
            "raise": [self.one("raise ValueError", f"if {n}: raise ValueError")],
        }[kind]

    def compound(self, kind: str, depth: int, place: frozenset[str]) -> list[str]:
        n, x = self.name(), self.expression(1)
        if kind in ("function", "class"):
            return self.definition(kind, n, depth, place)
        loop = place | {"loop"}
        body = self.block(depth, loop if kind in ("for", "for else", "while", "forever") else place)
        other = self.block(depth, place)
        return {
            "if": [f"if {x}:", *body, f"elif {self.name()}:", *self.block(depth, place), "else:", *other],
            "for": [f"for {self.target()} in {self.one(x, '[v(), v()]', 'range(2)')}:", *body],
            "for else": [f"for {n} in {x}:", *body, "else:", *other],
            "while": [f"while {x}:", *body, *(["else:", *other] if self.one(True, False) else [])],
            "forever": ["while True:", *body, "    break"],
            "try": ["try:", *body, f"except {self.one('ValueError', '(TypeError, NameError)')} as {n}:", *other,
                    "else:", *self.block(depth, place)],
            "handler": ["try:", *body, "except ValueError:", *other, "except Exception:", "    raise"],
            "finally": ["try:", *body, "finally:", *self.block(depth, place - {"loop"})],
            "with": [f"with {x} as {self.name()}:", *body],
            "suppress": ["with suppress(Exception):", *body],
            "match": [f"match [{x}, v()]:", f"    case [{n}, {self.one('0', '_')}] if {self.name()}:",
                      *["    " + line for line in body], f"    case {self.one('_', f'[*{n}]', f'{n}', '{}')}:",
                      *["    " + line for line in other]],
        }[kind]  # fmt: skip

    def definition(self, kind: str, name: str, depth: int, place: frozenset[str]) -> list[str]:
        if kind == "class":
            words = [f"    global {self.name()}"] if self.one(True, False, False) else []
            return [*self.decorator(), f"class {name}:", *words, *self.block(depth, frozenset({"class"}))]
        n, m = self.name(), self.name()
        words = []
        if self.one(True, False):
            words = [f"    {self.one('global', 'nonlocal') if 'function' in place else 'global'} {n}"]
        parameters = self.one("", f"{m}=v()", f"{m}=v(), *, q={self.expression(1)}", f"*{m}")
        body = self.block(depth, frozenset({"function"}))
        calls = [] if "class" in place else [self.one(f"{name}()", f"v({name}())", "pass")]
        return [*self.decorator(), f"def {name}({parameters}):", *words, *body, *calls]

    def decorator(self) -> list[str]:
        return [f"@{self.one('v', self.name())}"] if self.one(True, False, False, False) else []


@st.composite
def programs(draw: Any) -> str:
    writer = Writer(draw)
    depth = writer.one(1, 2, 3)
    lines = [line for _ in range(writer.count(1, 4)) for line in writer.statement(depth, frozenset())]
    return "\n".join(lines)


@st.composite
def straight_programs(draw: Any) -> str:
    """Assignments one after the other: nothing may be left out, and nothing is called that reads later."""
    writer = Writer(draw)
    lines = []
    for _ in range(writer.count(1, 6)):
        n, m, x = writer.name(), writer.name(), f"v({writer.name()}, {writer.name()})"
        lines.append(
            writer.one(
                f"{n} = {x}",
                f"{n} = {m} = {x}",
                f"{n}, {m} = {x}, v()",
                f"{n} += {x}",
                f"({n} := {x})",
                f"{n}: v = {x}",
                f"v({n}.x, {m}[{x}])",
                f"{n} = [{m} for {m} in [{x}]]",
                f"del {n}",
                f"import math as {n}",
            )
        )
    return "\n".join(lines)


def compiles(source: str) -> bool:
    try:
        compile(source, "<program>", "exec")
    except SyntaxError:
        return False
    return True


slow = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


# --- the properties ----------------------------------------------------------------------------------------


@slow
@given(programs(), st.integers(0, 3))
@example("try:\n    a = v()\nfinally:\n    del a\na", 0)
@example("for a in v():\n    del b\n    b", 1)
@example("for a in [v()]:\n  try:\n    raise ValueError\n  except ValueError as b:\n    break", 0)
@example("class a:\n    b = b\n    c = [b for _ in v()]", 0)
def test_whatever_a_program_really_does_was_foreseen(source: str, seed: int) -> None:
    assume(compiles(source))
    facts = analyse(source)
    assert facts.problem is None
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts)))) == facts
    seen = watched(source, seed)
    assert len(facts.units) == len(seen)
    later_reads: set[str] = set()
    later_binds: set[str] = set()
    for unit, (reads, binds, bound_at_end) in zip(facts.units, seen, strict=True):
        later_reads |= set(unit.later.reads)
        later_binds |= set(unit.later.binds)
        assert reads - set(unit.now.reads) - later_reads == set(), f"line {unit.line} reads more"
        assert binds - set(unit.now.binds) - later_binds == set(), f"line {unit.line} binds more"
        if bound_at_end is not None:
            assert set(unit.sure) - bound_at_end == set(), f"line {unit.line} binds less"


@slow
@given(straight_programs())
def test_a_program_without_branches_does_exactly_what_was_foreseen(source: str) -> None:
    assume(compiles(source))
    for unit, (reads, binds, bound_at_end) in zip(analyse(source).units, watched(source, 0), strict=True):
        if bound_at_end is None:
            return
        assert set(unit.now.reads) == reads
        assert set(unit.now.binds) == binds
        assert set(unit.sure) == binds


@slow
@given(
    st.text(
        alphabet=st.sampled_from(list("ab= \n\t()[]{}'\"\\#%!?,;/:.@*\x00\ufeff\ud800\r\x0cdefimport0")), max_size=60
    )
)
def test_no_text_makes_the_analysis_raise(source: str) -> None:
    facts = analyse(source)
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts)))) == facts
