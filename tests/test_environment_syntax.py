"""What counts of a local module's source, and what it imports."""

from __future__ import annotations

import pytest

from nbflow.environment.syntax import read_source

SAME = [
    ("a comment", "x = 1\n", "x = 1  # one\n"),
    ("layout", "f(1,2)\n", "f(\n    1,\n    2,\n)\n\n\n"),
    ("quotes", "x = 'a'\n", 'x = "a"\n'),
    ("the docstring of a function", 'def f():\n    "one"\n    return 1\n', 'def f():\n    "two"\n    return 1\n'),
    ("a docstring that goes", 'def f():\n    "one"\n    return 1\n', "def f():\n    return 1\n"),
    ("the docstring of a method", 'class A:\n  def f(self):\n    "one"\n    return 1\n',
     'class A:\n  def f(self):\n    "two"\n    return 1\n'),
    ("the docstring of a module", '"one"\nx = 1\n', '"two"\nx = 1\n'),
    ("line ends", "x = 1\ny = 2\n", "x = 1\r\ny = 2\r\n"),
]  # fmt: skip

DIFFERENT = [
    ("a value", "x = 1\n", "x = 2\n"),
    ("a type of a value", "x = 1\n", "x = 1.0\n"),
    ("a truth value", "x = 1\n", "x = True\n"),
    ("a text and bytes", "x = 'a'\n", "x = b'a'\n"),
    ("a name", "f(a)\n", "f(b)\n"),
    ("the order of statements", "a()\nb()\n", "b()\na()\n"),
    ("nothing and None", "return_ = f()\n", "return_ = f(None)\n"),
    ("an annotation", "def f(x: int): ...\n", "def f(x: str): ...\n"),
    ("a default", "def f(x=1): ...\n", "def f(x=2): ...\n"),
    ("a decorator", "@a\ndef f(): ...\n", "@b\ndef f(): ...\n"),
    ("the docstring of a class", 'class A:\n    "one"\n', 'class A:\n    "two"\n'),
    ("the docstring of a decorated function", '@a\ndef f():\n    "one"\n', '@a\ndef f():\n    "two"\n'),
    ("a docstring where __doc__ is read", '"one"\nprint(__doc__)\n', '"two"\nprint(__doc__)\n'),
    ("a docstring where inspect is used",
     'import inspect\ndef f():\n    "one"\n', 'import inspect\ndef f():\n    "two"\n'),
    ("a text that is no docstring", 'def f():\n    return "one"\n', 'def f():\n    return "two"\n'),
    ("a comment where it does not parse", "x = = 1\n", "x = = 1  # one\n"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_it_does_not_count(one: str, other: str) -> None:
    assert read_source(one).digest == read_source(other).digest
    assert read_source(one.encode()).digest == read_source(other.encode()).digest


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_it_counts(one: str, other: str) -> None:
    assert read_source(one).digest != read_source(other).digest


def test_the_digest_of_a_source_stays_what_it_is() -> None:
    source = "import numpy as np\n\ndef f(x, *, k=1.5):\n    return {**x, 'a': np.sum([k, None, ...])}\n"
    assert read_source(source).digest == "b56a4ece9eccc2bfcb4ae989a4f67b90f86afa5598e4091d9c53b0539288635f"


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("x = 1", ()),
        ("import numpy", ("numpy",)),
        ("import numpy.linalg as la, os", ("numpy.linalg", "os")),
        ("from pkg import name", ("pkg", "pkg.name")),
        ("from pkg.sub import a, b as c", ("pkg.sub", "pkg.sub.a", "pkg.sub.b")),
        ("from pkg import *", ("pkg",)),
        ("from . import a", (".", ".a")),
        ("from .a import b", (".a", ".a.b")),
        ("from ..a.b import c", ("..a.b", "..a.b.c")),
        ("def f():\n    import inner", ("inner",)),
        ("try:\n    import fast\nexcept ImportError:\n    fast = None", ("fast",)),
        ("if x:\n    import a\nelse:\n    import b", ("a", "b")),
        ("import importlib\nm = importlib.import_module('pkg.late')", ("importlib", "pkg.late")),
        ("m = import_module('.late', __package__)", (".late",)),
        ("m = __import__('old')", ("old",)),
        ("m = importlib.import_module(name)", ()),
        ("m = importlib.import_module('no module')", ()),
        ("m = importlib.import_module(name='x')", ()),
        ("__all__ = ['a', 'not one']", ()),
        ("x = = 1", ()),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, imports: tuple[str, ...]) -> None:
    assert read_source(source).imports == imports


def test_what_a_package_exports_may_be_its_modules() -> None:
    assert read_source("__all__ = ['a']\n__all__ += ('b', 'not one')\n", is_package=True).imports == (".a", ".b")


def test_a_source_in_another_encoding_is_read_by_its_own_words() -> None:
    latin = "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1")
    assert read_source(latin).digest == read_source("x = 'é'\n").digest
    assert read_source(b"\xef\xbb\xbfx = 1\n").digest == read_source("x = 1\n").digest


@pytest.mark.parametrize(
    "source", [b"x = '\xff'\n", b"x = 1\0\n", b"x = " + b"(" * 5000 + b")" * 5000, b"f" + b"()" * 3000]
)
def test_a_source_that_cannot_be_parsed_counts_by_its_bytes(source: bytes) -> None:
    assert read_source(source).digest != read_source(source + b"# one\n").digest
    assert read_source(source).imports == ()


def test_a_doubtful_escape_in_a_module_warns_nobody() -> None:
    assert read_source("x = '\\d'\n").digest == read_source("x = '\\\\d'\n").digest
