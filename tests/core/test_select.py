"""Selectors over two notebooks: 01.load → clean → fit_lr | fit_rf → report, and more/02.load → clean."""

from __future__ import annotations

import pytest

from nbflow.core.select import select
from nbflow.errors import UsageError

STEPS = [
    ("01.load", "01.load", ()),
    ("01.clean", "01.clean", ("01.load",)),
    ("01.fit_lr", "fit_lr", ("01.clean",)),
    ("01.fit_rf", "fit_rf", ("01.clean",)),
    ("01.report", "report", ("01.fit_lr", "01.fit_rf")),
    ("more/02.load", "02.load", ()),
    ("more/02.clean", "02.clean", ("more/02.load",)),
    ("my plots/a+b.draw", "draw", ("01.report",)),
]
EVERYTHING = {full for full, _, _ in STEPS}


def chosen(*terms: str, exclude: tuple[str, ...] = ()) -> set[str]:
    return select(terms, exclude, STEPS, lambda: {"01.fit_rf", "more/02.clean"})


CASES = [
    ("fit_lr", "01.fit_lr"),
    ("01.fit_lr", "01.fit_lr"),
    ("02.load", "more/02.load"),
    ("more/02.load", "more/02.load"),
    ("+fit_lr", "01.load 01.clean 01.fit_lr"),
    ("1+fit_lr", "01.clean 01.fit_lr"),
    ("0+fit_lr", "01.fit_lr"),
    ("01.clean+1", "01.clean 01.fit_lr 01.fit_rf"),
    ("1+01.clean+1", "01.load 01.clean 01.fit_lr 01.fit_rf"),
    ("fit_*", "01.fit_lr 01.fit_rf"),
    ("1+fit_*", "01.clean 01.fit_lr 01.fit_rf"),
    ("*.load", "01.load more/02.load"),
    ("load*", "01.load more/02.load"),
    ("more/*", "more/02.load more/02.clean"),
    ("fit_[lx]?", "01.fit_lr"),
    ("state:stale", "01.fit_rf more/02.clean"),
    ("1+state:stale", "01.clean 01.fit_rf more/02.load more/02.clean"),
    ("fit_lr 02.load", "01.fit_lr more/02.load"),
    ("fit_lr, 02.load,", "01.fit_lr more/02.load"),
]


@pytest.mark.parametrize(("term", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_selector_means_these_steps(term: str, expected: str) -> None:
    assert chosen(term) == set(expected.split())


def test_no_selector_means_all_steps() -> None:
    assert chosen() == EVERYTHING


def test_a_plus_reaches_any_distance_on_both_sides() -> None:
    assert chosen("+fit_lr+") == {"01.load", "01.clean", "01.fit_lr", "01.report", "my plots/a+b.draw"}


def test_a_path_may_hold_spaces_and_pluses() -> None:
    assert chosen("my plots/a+b.draw") == {"my plots/a+b.draw"}
    assert chosen("a+b.draw") == {"my plots/a+b.draw"}
    assert chosen("1+my plots/a+b.draw") == {"01.report", "my plots/a+b.draw"}
    assert chosen("+my plots/a+b.draw+") == EVERYTHING - {"more/02.load", "more/02.clean"}


def test_several_terms_add_up_and_excluded_steps_go() -> None:
    assert chosen("+fit_lr", "02.load", exclude=("01.load", "02.*")) == {"01.clean", "01.fit_lr"}
    assert chosen(exclude=("state:stale",)) == EVERYTHING - {"01.fit_rf", "more/02.clean"}


def test_what_is_stale_is_asked_only_when_it_matters() -> None:
    def never() -> set[str]:
        raise AssertionError("asked")

    assert select(["fit_lr"], ["fit_rf"], STEPS, never) == {"01.fit_lr"}


KNOWN = "Known steps: 01.load, 01.clean, fit_lr, fit_rf, report, 02.load, 02.clean, draw."
WRONG = [
    ("fit_lx", f"There is no step 'fit_lx'. Did you mean 'fit_lr'?\n{KNOWN}"),
    ("+zzz+", f"There is no step 'zzz'.\n{KNOWN}"),
    ("zzz_*", f"No step matches 'zzz_*'.\n{KNOWN}"),
    ("load", "'load' is the name of 2 steps: 01.load, 02.load.\nSay which one."),
    ("+", "Selector '+' names no step.\nWrite it as +train, train+ or 2+train+1."),
    ("state:new+", "Selector 'state:new+' asks for a state that nbflow does not know.\nUse state:stale."),
]


@pytest.mark.parametrize("role", ["term", "exclude"])
@pytest.mark.parametrize(("term", "message"), WRONG, ids=[case[0] for case in WRONG])
def test_a_selector_that_means_nothing_is_an_error(role: str, term: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        chosen(term) if role == "term" else chosen(exclude=(term,))
    assert str(error.value) == message


def test_long_lists_of_known_steps_are_cut() -> None:
    with pytest.raises(UsageError) as error:
        select(["q"], [], [(f"nb.s{i}", f"s{i}", ()) for i in range(23)], set)
    assert error.value.fix.endswith("s18, s19 and 3 more.")


def test_a_pipeline_without_steps_says_so() -> None:
    with pytest.raises(UsageError) as error:
        select(["train"], [], [], set)
    assert str(error.value) == "There is no step 'train'.\nThis pipeline has no steps."
