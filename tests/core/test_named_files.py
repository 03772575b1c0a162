"""What a path expression may stand for, once it is known what the names and parameters in it stand for."""

from __future__ import annotations

import pytest

from nbflow.core.model import Facts
from nbflow.core.named_files import Constants, Texts, named_files, texts
from nbflow.core.names import analyse


def constants(facts: Facts) -> Constants:
    found = Constants()
    for unit in facts.units:
        found.add(unit)
    return found


READS = {
    "a text": ("open('a.csv')", ["a.csv"], False),
    "a name": ("P = 'a.csv'\nopen(P)", ["a.csv"], False),
    "a name put together": ("D = Path('data')\nP = D / 'a.csv'\nopen(P)", ["data/a.csv"], False),
    "a number in a text": ("YEAR = 2024\nopen(f'{YEAR}.csv')", ["2024.csv"], False),
    "a number with zeros in front": ("for m in range(9, 11):\n    open(f'{m:02d}.csv')", ["09.csv", "10.csv"], False),
    "elements of a list": ("FILES = ['a', 'b']\nfor p in FILES:\n    open(p)", ["a", "b"], False),
    "a list that names are put into": (
        "D = Path('d')\nFILES = [D / n for n in ('a', 'b')]\nopen(FILES[0])", ["d/a", "d/b"], False,
    ),
    "keys and values": ("FILES = {'a': 'b'}\nfor k, p in FILES.items():\n    open(p)", ["a", "b"], False),
    "one of two": ("P = 'a' if x else f(x)\nopen(P)", ["a"], True),
    "what a branch may bind": ("P = 'a'\nif x:\n    P = 'b'\nopen(P)", ["a", "b"], False),
    "bound anew": ("P = 'a'\nP = 'b'\nopen(P)", ["b"], False),
    "what lies in a folder": ("for p in Path('d').glob('*.csv'):\n    open(p)", ["d/*.csv"], False),
    "a loop in a comprehension": ("[open(D + n) for D in ('a/', 'b/') for n in 'cd'.split()]", [], True),
    "what a function is called with": ("def f(p):\n    open(p)\nf('a')\nf(p='b')", ["a", "b"], False),
    "put together in a function": ("def f(n):\n    open(f'd/{n}.csv')\nf('a')", ["d/a.csv"], False),
    "by default": ("def f(n='a'):\n    open(n)\nf()", ["a"], False),
    "handed on from function to function": ("def g(p):\n    open(p)\ndef f(q):\n    g(q)\nf('a')", ["a"], False),
    "a name handed to a function": ("P = 'a'\ndef f(p):\n    open(p)\nf(P)", ["a"], False),
    "mapped": ("def f(p):\n    open(p)\nlist(map(f, ['a', 'b']))", ["a", "b"], False),
    "in a loop over calls": (
        "def f(p):\n    open(p)\nfor n in 'a', 'b':\n    f(n + '.csv')", ["a.csv", "b.csv"], False,
    ),
    "what a method is called with": (
        "class L:\n    def load(self, p):\n        open(p)\nL().load('d/a.csv')", ["d/a.csv"], False,
    ),
    "a function that nobody calls": ("def f(p):\n    open(p)", [], True),
    "a parameter bound anew": ("def f(p):\n    p = 'd/' + p\n    open(p)\nf('a')", ["d/a"], False),
    "another ending": ("P = Path('a.txt')\nopen(P.with_suffix('.csv'))", ["a.csv"], False),
    "the folder above": ("P = Path('d/e')\nopen(P.parent / 'a')", ["d/a"], False),
    "an open file": ("f = open('a')\npd.read_csv(f)", [], False),
    "a circle": ("P = Q\nQ = P\nopen(P)", [], True),
    "nobody knows": ("open(input())", [], True),
}  # fmt: skip


@pytest.mark.parametrize("case", READS)
def test_a_reader_reads(case: str) -> None:
    source, found, unknown = READS[case]
    facts = analyse(source)
    codes = [code for unit in facts.units for code in (unit.now, unit.later)]
    (*_, effect) = [effect for code in codes for effect in code.effects]
    assert texts(effect.path, constants(facts)) == Texts(tuple(found), unknown)


def test_a_parameter_given_for_the_run_counts() -> None:
    facts = analyse("YEAR = 2024\nopen(f'{YEAR}.csv')")
    known = constants(facts)
    known.set("YEAR", 2020)
    assert named_files(facts.units[1].now.paths, known, "nb") == {"nb/2020.csv": "2020.csv"}


def test_files_are_named_from_the_root_and_patterns_are_left_out() -> None:
    paths = [("str", "../a.csv"), ("str", "*.csv"), ("str", "."), ("str", "a\nb"), ("str", "/x/y")]
    assert named_files(paths, Constants(), "nb") == {"a.csv": "../a.csv", "nb": ".", "/x/y": "/x/y"}


def test_very_many_paths_are_cut_short() -> None:
    many = ("any", *[("str", str(n)) for n in range(40)])
    assert len(texts(("add", many, many), Constants()).found) == 200
