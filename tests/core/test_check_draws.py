"""Where steps draw from one generator or use up one iterator, so that a run and Run All differ; where they do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest

from nbflow.core.declare import parse, with_items
from nbflow.core.model import Finding
from tests.fakes import check

IMPORTS = (
    "import itertools, random\nimport jax, numpy as np, pandas as pd, torch\nfrom numpy.random import default_rng\n"
    "from sklearn.ensemble import RandomForestClassifier\nfrom sklearn.model_selection import train_test_split"
)
SEED = "np.random.seed(0)"
DRAW = "np.random.rand()"
RNG = "rng = np.random.default_rng(0)"


def step_a(value: str) -> str:
    return f"%%step a -o x\nx = {value}"


def step_b(value: str, taken: str = "") -> str:
    return f"%%step b{' -i ' * bool(taken)}{taken} -o y\ny = {value}"


def step_c(value: str, taken: str = "") -> str:
    return f"%%step c{' -i ' * bool(taken)}{taken} -o z\nz = {value}"


def said(*cells: str) -> list[Finding]:
    """What is said of draws in a notebook whose first cell imports."""
    return [f for f in check((IMPORTS, *cells)) if f.code in ("shared-random", "shared-iterator")]


def warned(cells: Iterable[str]) -> list[int | None]:
    return [f.cell for f in said(*cells)]


GLOBAL = {
    "two steps": ([step_a("random.random()"), step_b("random.random()")], [3]),
    "two steps below one seed": ([SEED, step_a(DRAW), step_b(DRAW)], [4]),
    "a seed between them": ([SEED, step_a(DRAW), SEED, step_b(DRAW)], []),
    "a seed in each": (
        [f"%%step a -o x\nnp.random.seed(1)\nx = {DRAW}", f"%%step b -o y\nnp.random.seed(2)\ny = {DRAW}"], [],
    ),
    "a seed in the first alone": (
        [SEED, f"%%step a -o x\nnp.random.seed(1)\nx = {DRAW}", step_b(DRAW)], [4],
    ),
    "two libraries": ([step_a("random.random()"), step_b(DRAW)], []),
    "through a function": (
        ["def f():\n    return np.random.rand()", step_a("f()"), step_b("f()")], [4],
    ),
    "through a method": (
        ["class C:\n    def f(self):\n        return np.random.rand()", step_a("C().f()"), step_b("C().f()")], [4],
    ),
    "a function that seeds all": (
        ["def seed(n):\n    random.seed(n)\n    np.random.seed(n)\nseed(1)", step_a("random.random()"), "seed(1)",
         step_b("random.random()")], [],
    ),
    "a context cell that the slice lacks": ([SEED, "noise = np.random.rand(3)", step_b(DRAW)], [4]),
    "the same through a function": (
        [SEED, "def f():\n    return np.random.rand()", "noise = f()", step_b("f()")], [5],
    ),
    "the same, where no seed is set": (["noise = np.random.rand(3)", step_b(DRAW)], []),
    "a context cell that the slice has": (
        [SEED, "noise = np.random.rand(3)", step_b("np.random.rand() + noise")], [],
    ),
    "a look at some rows": (
        [SEED, "df = pd.DataFrame()", "df.sample(3)", step_b("train_test_split(df)")], [5],
    ),
    "a look at always the same rows": (
        [SEED, "df = pd.DataFrame()", "df.sample(3, random_state=1)", step_b("train_test_split(df)")], [],
    ),
    "a sample of something else": (
        [SEED, "d = torch.distributions.Normal(0, 1)", "d.sample((3,))", step_b(DRAW)], [],
    ),
    "a split that two steps' slices make": (
        ["train, test = train_test_split([1, 2])", step_a("train"), step_b("test")], [2],
    ),
    "the same below a seed": (
        [SEED, "train, test = train_test_split([1, 2])", step_a("train"), step_b("test")], [],
    ),
    "the same with a seed of its own": (
        ["train, test = train_test_split([1, 2], random_state=1)", step_a("train"), step_b("test")], [],
    ),
    "the same where one step takes it": (
        ["train, test = train_test_split([1, 2])", step_a("train"), step_b("1")], [],
    ),
    "the same where a seed may be set unseen": (
        ["from setup_of_mine import *", "train, test = train_test_split([1, 2])", step_a("train"),
         step_b("test")], [],
    ),
    "models, where a seed is set": (
        [SEED, step_a("RandomForestClassifier()"), step_b("RandomForestClassifier()")], [4],
    ),
    "models, where none is": (
        [step_a("RandomForestClassifier()"), step_b("RandomForestClassifier()")], [],
    ),
    "models with a seed of their own": (
        [SEED, step_a("RandomForestClassifier(random_state=1)"), step_b("train_test_split([1])")], [],
    ),
    "keys in place of a generator": (
        [step_a("jax.random.normal(jax.random.key(0))"), step_b("jax.random.normal(jax.random.key(0))")], [],
    ),
}  # fmt: skip

NAMED = {
    "two steps": ([RNG, step_a("rng.normal()"), step_b("rng.normal()")], [4]),
    "three steps": (
        [RNG, step_a("rng.normal()"), step_b("rng.normal()"), step_c("rng.normal()")], [4, 5],
    ),
    "a RandomState": (
        ["r = np.random.RandomState(1)", step_a("r.rand()"), step_b("r.rand()")], [4],
    ),
    "a Random": (["r = random.Random(3)", step_a("r.random()"), step_b("r.random()")], [4]),
    "a Generator": (
        ["g = torch.Generator()\ng.manual_seed(0)", step_a("torch.randn(3, generator=g)"),
         step_b("torch.randn(3, generator=g)")], [4],
    ),
    "handed on as random_state": (
        [RNG, step_a("train_test_split([1], random_state=rng)"),
         step_b("train_test_split([1], random_state=rng)")], [4],
    ),
    "through a helper": ([RNG, "def f():\n    return rng.normal()", step_a("f()"), step_b("f()")], [5]),
    "handed to a helper": (
        [RNG, "def f(r):\n    return r.normal()", step_a("f(rng)"), step_b("f(rng)")], [5],
    ),
    "a context cell between that draws for the second": (
        [RNG, step_a("rng.normal()"), "noise = rng.normal()", step_b("noise")], [5],
    ),
    "a context cell above": ([RNG, "noise = rng.normal()", step_b("rng.normal()")], []),
    "a context cell for both": (
        [RNG, "noise = rng.normal()", step_a("noise"), step_b("noise")], [],
    ),
    "a context cell for both, without a seed": (
        ["rng = np.random.default_rng()", "noise = rng.normal()", step_a("noise"), step_b("noise")], [3],
    ),
    "one step alone": ([RNG, step_a("rng.normal()"), step_b("1")], []),
    "one step alone, as random_state": (
        [RNG, step_a("train_test_split([1], random_state=rng)"), step_b("1")], [],
    ),
    "bound in each step": (
        [f"%%step a -o x\n{RNG}\nx = rng.normal()", f"%%step b -o y\n{RNG}\ny = rng.normal()"], [],
    ),
    "bound anew between them": (
        [RNG, step_a("rng.normal()"), RNG, step_b("rng.normal()")], [],
    ),
    "handed on from step to step": (
        [RNG, "%%step a -o x rng\nx = rng.normal()", step_b("rng.normal()", "rng")], [],
    ),
    "taken by two steps": (
        ["%%step a -o rng\nrng = default_rng(0)", step_b("rng.normal()", "rng"),
         step_c("rng.normal()", "rng")], [4],
    ),
    "a number for a seed": (
        ["seed = 1", step_a("default_rng(seed).normal()"), step_b("default_rng(seed).normal()")], [],
    ),
}  # fmt: skip

ITERATORS = {
    "an iterator": (["it = iter([1, 2])", step_a("next(it)"), step_b("next(it)")], [4]),
    "a generator expression": (
        ["it = (n for n in range(9))", step_a("next(it)"), step_b("list(it)")], [4],
    ),
    "a generator": (
        ["def rows():\n    yield 1\nit = rows()", step_a("next(it)"), step_b("next(it)")], [4],
    ),
    "a counter": (
        ["n = itertools.count()", step_a("next(n)"), step_b("next(n)")], [4],
    ),
    "an open file": (["f = open('a')", step_a("f.readline()"), step_b("f.read()")], [4]),
    "a cursor": (["cur = con.cursor()\ncon = 1", step_a("cur.fetchone()"), step_b("cur.fetchall()")], [4]),
    "a table in chunks": (
        ["it = pd.read_csv('a', chunksize=5)", step_a("next(it)"), step_b("list(it)")], [4],
    ),
    "one step alone": (["it = iter([1, 2])", step_a("next(it)"), step_b("1")], []),
    "a list": (["it = [1, 2]", step_a("it[0]"), step_b("list(it)")], []),
}  # fmt: skip


@pytest.mark.parametrize("case", GLOBAL)
def test_draws_from_global_generators_are_compared_with_run_all(case: str) -> None:
    cells, expected = GLOBAL[case]
    assert warned(cells) == expected


@pytest.mark.parametrize("case", NAMED)
def test_a_generator_with_a_name_is_shared_where_two_steps_draw_from_it(case: str) -> None:
    cells, expected = NAMED[case]
    assert warned(cells) == expected


@pytest.mark.parametrize("case", ITERATORS)
def test_what_is_used_up_in_turn_is_told(case: str) -> None:
    cells, expected = ITERATORS[case]
    assert [(f.code, f.cell) for f in said(*cells)] == [("shared-iterator", n) for n in expected]


class Words(NamedTuple):
    cells: list[str]
    message: str
    fix: str


WORDS = {
    "a generator with a name": Words(
        [RNG, step_a("rng.normal()"), step_b("rng.normal()")],
        "'rng' (bound in cell 2) is a random generator that step 'a' draws from too: in a run each step gets it as it "
        "was made, so the numbers differ from Run All.",
        "Add '-o rng' to step 'a' and '-i rng' to step 'b' to hand it on, or give each step a generator of its own.",
    ),
    "a generator between the cells of a step": Words(
        [RNG, step_a("rng.normal()"), step_b("rng.normal()"), "%%step a\nx = 1"],
        "'rng' (bound in cell 2) is a random generator that step 'b' draws from too: in a run each step gets it as it "
        "was made, so the numbers differ from Run All.",
        "Give each step a generator of its own.",
    ),
    "a context cell that the slice lacks": Words(
        [SEED, "noise = np.random.rand(3)", step_b(DRAW)],
        "'np.random.rand' draws from the global generator that cell 3 draws from before ('np.random.rand'): that cell "
        "is not in the slice of this step, so the numbers differ from Run All.",
        "Use a generator of its own in each step (numpy.random.default_rng(seed), random_state=…), or tag cell 3 "
        "nbflow-setup.",
    ),
    "a context cell that two slices hold": Words(
        ["train, test = train_test_split([1, 2])", step_a("train"), step_b("test")],
        "'train_test_split' draws without a seed, and the steps 'a' and 'b' both run this cell: each gets other "
        "numbers.",
        "Set a seed (random_state=…, or numpy.random.seed(…) in a cell above), or make this cell a step with -o train "
        "test.",
    ),
    "a seed in another step": Words(
        [SEED, f"%%step a -o x\nnp.random.seed(1)\nx = {DRAW}", step_b(DRAW)],
        "'np.random.rand' draws from the global generator that step 'a' sets the seed of too ('np.random.seed'): in a "
        "run each step starts it afresh, so the numbers differ from Run All.",
        "Use a generator of its own in each step (numpy.random.default_rng(seed), random_state=…).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_the_words_say_what_and_the_fix(case: str) -> None:
    expected = WORDS[case]
    found = said(*expected.cells)[0]
    assert (found.severity, found.message, found.fix) == ("warning", expected.message, expected.fix)


CHAINED = {
    "two steps": [RNG, step_a("rng.normal()"), step_b("rng.normal()")],
    "three steps": [
        RNG, step_a("rng.normal()"), step_b("rng.normal()"), step_c("rng.normal()"),
    ],
    "a context cell between": [RNG, step_a("rng.normal()"), "noise = rng.normal()", step_b("noise")],
    "made by a step": [
        "%%step a -o rng\nrng = default_rng(0)", step_b("rng.normal()", "rng"),
        step_c("rng.normal()", "rng"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", CHAINED)
def test_the_words_to_add_hand_a_generator_from_step_to_step(case: str) -> None:
    cells = CHAINED[case]
    for _ in range(8):
        for finding in check((IMPORTS, *cells)):
            cells = [_with(text, finding) for text in cells]
    assert check((IMPORTS, *cells)) == ()


def _with(text: str, finding: Finding) -> str:
    line, _, rest = text.partition("\n")
    if not line.startswith("%%step"):
        return text
    name = parse(line.removeprefix("%%step")).name
    inputs = finding.add_inputs if name == finding.step else ()
    outputs = finding.add_outputs if name == (finding.fix_step or finding.step) else ()
    return with_items(line, inputs, outputs) + "\n" + rest
