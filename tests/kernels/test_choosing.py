"""What is loaded ahead, what kernel a step gets, which kernels are made next: tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nbflow.core.imports import Imports
from nbflow.kernels.choosing import Place, Statement, Want, shadows, split_command, to_load, to_make, worth_a_server


def from_there(*modules: str) -> Imports:
    return Imports(modules, untouched=True)


def before(*modules: str) -> Imports:
    """What is imported before variables or paths are changed."""
    return Imports(modules, untouched=False)


LOADED: dict[str, tuple[list[Imports], list[Statement]]] = {
    "nothing": ([], []),
    "what all slices import, once": (
        [from_there("numpy", "pandas"), from_there("pandas", "polars")],
        [("numpy", ""), ("pandas", ""), ("polars", "")],
    ),
    "names in modules": ([from_there("sklearn.svm", "sklearn.svm.SVC")], [("sklearn", "svm"), ("sklearn.svm", "SVC")]),
    "neither local modules nor the standard library": ([from_there("helpers", "numpy", "json")], [("numpy", "")]),
    "no module that another slice imports only after it has set a variable": (
        [from_there("numpy", "torch"), before("numpy")],
        [("numpy", "")],
    ),
    "nothing, where a slice sets a variable first": ([from_there("numpy"), before()], []),
    "what is denied, and what lies in it": ([from_there("jax", "jax.numpy", "numpy")], [("numpy", "")]),
    "what is denied within a package": ([from_there("numba", "numba.cuda.jit")], [("numba", "")]),
    "no submodule that another slice could find in a package without having imported it": (
        [from_there("PIL", "PIL.Image"), Imports(("PIL", "numpy"), bound=frozenset({"PIL"}))],
        [("PIL", ""), ("numpy", "")],
    ),
    "one that both import": (
        [from_there("PIL.Image"), Imports(("PIL", "PIL.Image.open"), bound=frozenset({"PIL"}))],
        [("PIL", "Image"), ("PIL", ""), ("PIL.Image", "open")],
    ),
    "one whose package no other has by name": (
        [from_there("sklearn.svm.SVC"), Imports(("sklearn.tree.Tree",), bound=frozenset({"sklearn.tree.Tree"}))],
        [("sklearn.svm", "SVC"), ("sklearn.tree", "Tree")],
    ),
    "no relative import": ([from_there(".helpers", "numpy")], [("numpy", "")]),
    "no words that are no names": ([from_there("a b", "numpy.x-y", "numpy")], [("numpy", "")]),
}


@pytest.mark.parametrize("case", LOADED)
def test_what_is_loaded_ahead_no_slice_can_tell(case: str) -> None:
    slices, expected = LOADED[case]
    found = to_load(slices, lambda module: module.partition(".")[0] not in ("helpers", "json"))
    assert found == tuple(expected)


def test_what_is_loaded_ahead_fits_into_one_message() -> None:
    many = from_there(*(f"m{n}" for n in range(1000)))
    assert len(to_load([many], lambda _: True)) == 300


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        ("python -m ipykernel_launcher -f {file}", ("python", "-f {file}")),
        ("/opt/x/python -X dev -W error -m ipykernel_launcher -f {file} --profile=p",
         ("/opt/x/python -X dev -W error", "-f {file} --profile=p")),
        ("python -Xfrozen_modules=off -m ipykernel_launcher -f {file}", ("python -Xfrozen_modules=off", "-f {file}")),
        ("conda run -n env python -m ipykernel_launcher -f {file}", None),
        ("python -m bash_kernel -f {file}", None),
        ("python -c code -m ipykernel_launcher", None),
        ("julia -i kernel.jl {file}", None),
        ("-m ipykernel_launcher", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_kernel_of_ipykernel_is_known_by_its_command(argv: str, parts: tuple[str, str] | None) -> None:
    expected = None if parts is None else tuple(tuple(part.split()) for part in parts)
    assert split_command(argv.split()) == expected
    assert split_command(tuple(argv.split())) == expected


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], ""),
        (["train.ipynb", "pandas.csv", "helpers.py"], ""),
        (["pandas.py"], "pandas"),
        (["numpy"], "numpy"),  # a package: it was asked whether it is one
        (["pandas.cpython-311-x86_64-linux-gnu.so"], "pandas"),
        (["pandas.pyc", "numpy.py"], "numpy"),
    ],
)
def test_a_file_beside_the_notebook_may_be_meant_by_an_import(names: list[str], found: str) -> None:
    assert shadows(names, {"numpy", "pandas"}) == found


A, B = Want("python3", Path("/a")), Want("python3", Path("/b"))


@pytest.mark.parametrize(
    ("coming", "at_once", "places"),
    [
        ([], 0, []),
        ([A], 1, []),
        ([A, A], 1, []),
        ([A, A, A], 1, [A.place]),
        ([A] * 8, 8, []),
        ([A] * 8, 7, []),
        ([A] * 20, 2, [A.place]),
        ([A, A, B, B, B], 1, [B.place]),
        ([A] * 3 + [B] * 4, 2, [B.place, A.place]),
        ([Want("k", Path(str(n))) for n in range(9)] * 3, 2, [("k", Path(str(n))) for n in range(4)]),
    ],
)
def test_a_server_is_started_where_enough_kernels_come_after_the_first(
    coming: list[Want], at_once: int, places: list[Place]
) -> None:
    assert worth_a_server(coming, at_once) == places


@pytest.mark.parametrize(
    ("coming", "there", "most", "made"),
    [
        ([], {}, 2, []),
        ([A, A, A], {}, 2, [A, A]),
        ([A, A, A], {A: 1}, 2, [A]),
        ([A, A, A], {A: 2}, 2, []),
        ([A, A, A], {A: 3}, 2, []),
        ([A], {}, 2, [A]),
        ([A, B, A], {A: 1}, 2, [B]),
        ([A, B, A], {B: 1}, 2, [A]),
        ([A, A], {B: 1}, 2, [A]),  # no more than so many at a time, wanted or not
        ([A, A], {B: 2}, 2, []),
    ],
)
def test_as_many_kernels_are_made_as_steps_may_run(
    coming: list[Want], there: dict[Want, int], most: int, made: list[Want]
) -> None:
    assert to_make(coming, Counter(there), most) == made
