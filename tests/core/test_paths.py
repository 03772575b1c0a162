"""When two declared paths meet: a table for people, and every short path over a small alphabet against the long way."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.name_sets import names_meet, outcomes
from nbflow.core.paths import PathIndex, covers, from_root, is_glob, is_outside, matches, meet
from tests.growth import LINEAR, growth


@pytest.mark.parametrize(
    ("folder", "path", "seen"),
    [
        ("", "data/x.csv", "data/x.csv"),
        ("work", "data/x.csv", "work/data/x.csv"),
        ("work", "../data/x.csv", "data/x.csv"),
        ("work", "./Makefile", "work/Makefile"),
        ("", "./Makefile", "Makefile"),
        ("a/b", "../../../up.csv", "../up.csv"),
        ("work", "plots/", "work/plots/"),
        ("work", "plots//deep/", "work/plots/deep/"),
        ("", "./", "./"),
        ("work", "./", "work/"),
        ("work", "../", "./"),
        ("work", "../../", "../"),
        ("work", "parts/*.csv", "work/parts/*.csv"),
        ("work", "/data/x.csv", "/data/x.csv"),
        ("work", "//data/x.csv", "/data/x.csv"),
        ("work", "/", "/"),
    ],
)
def test_a_path_is_seen_from_the_root(folder: str, path: str, seen: str) -> None:
    assert from_root(folder, path) == seen


@pytest.mark.parametrize(
    ("path", "outside"),
    [
        ("data/x.csv", False), ("..data/x.csv", False), ("data/../x.csv", False), ("/data/x.csv", True),
        ("../x.csv", True), ("..", True), (".", True), ("./", True),
    ],
)  # fmt: skip
def test_what_lies_outside_the_root(path: str, outside: bool) -> None:
    assert is_outside(path) is outside


@pytest.mark.parametrize("path", ["*.csv", "part-?.csv", "[ab].csv", "a/**/b"])
def test_globs_are_known_by_their_characters(path: str) -> None:
    assert is_glob(path)
    assert not is_glob("data/x.csv")


SAME = ("same", True, True, True)
CONTAINS = ("first contains", True, False, True)
INSIDE = ("second contains", False, True, True)
PARTLY = ("in part", False, False, True)
APART = ("apart", False, False, False)


@pytest.mark.parametrize(
    ("a", "b", "how"),
    [
        ("data/x.csv", "data/x.csv", SAME),
        ("data/x.csv", "data/y.csv", APART),
        ("data/x.csv", "data/x.csv.gz", APART),
        ("data/", "data/x.csv", CONTAINS),
        ("data/", "data/deep/x.csv", CONTAINS),
        ("data/", "data/deep/", CONTAINS),
        ("data/", "data", SAME),
        ("data/", "database/x.csv", APART),
        ("data", "data/x.csv", CONTAINS),
        ("data/*.csv", "data/x.csv", CONTAINS),
        ("data/*.csv", "data/x.parquet", APART),
        ("data/*.csv", "data/deep/x.csv", APART),
        ("data/**/*.csv", "data/deep/x.csv", CONTAINS),
        ("data/**/*.csv", "data/x.csv", CONTAINS),
        ("data/**", "data/deep/x.csv", CONTAINS),
        ("data/", "data/*.csv", CONTAINS),
        ("data/*", "data/*.csv", CONTAINS),
        ("data/*", "data/", INSIDE),
        ("data/a*", "data/*b", PARTLY),
        ("data/?.csv", "data/[ab].csv", CONTAINS),
        ("data/[!a].csv", "data/a.csv", APART),
        ("data/[!a].csv", "data/[a-c].csv", PARTLY),
        ("data/[a-f].csv", "data/[d-z].csv", PARTLY),
        ("data/[a-b].csv", "data/[c-d].csv", APART),
        ("*/x.csv", "data/*", PARTLY),
        ("*/x.csv", "data/", PARTLY),
        ("a?", "a*", INSIDE),
        ("**/x.csv", "x.csv", CONTAINS),
        ("**/*.csv", "*.csv", CONTAINS),
        ("./", "data/x.csv", CONTAINS),
        ("./", "*.csv", CONTAINS),
        ("../", "data/x.csv", CONTAINS),
        ("../", "../other/x.csv", CONTAINS),
        ("../other/", "data/x.csv", APART),
        ("../*", "data/x.csv", CONTAINS),
        ("/data/", "/data/x.csv", CONTAINS),
        ("/data/*.csv", "/data/x.csv", CONTAINS),
        ("/data/x.csv", "data/x.csv", APART),
        ("/*", "data/x.csv", APART),
        ("/", "/data/x.csv", CONTAINS),
    ],
)
def test_how_two_paths_lie(a: str, b: str, how: tuple[str, bool, bool, bool]) -> None:
    assert (covers(a, b), covers(b, a), meet(a, b)) == how[1:], how[0]
    assert meet(b, a) == how[3]


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("parts/*.csv", "parts/a[1].csv", True),
        ("parts/a[1].csv", "parts/a[1].csv", False),
        ("parts/a[1].csv", "parts/a1.csv", True),
        ("parts/", "parts/*", True),
        ("parts/?", "parts/*", True),
        ("parts/a", "parts/*", False),
        ("parts/*/", "parts/deep/x.csv", True),
    ],
)
def test_a_file_is_taken_by_its_letters(pattern: str, path: str, does: bool) -> None:
    assert matches(pattern, path) is does


# --- the long way: all files over three names, five folders deep ----------------------------------------

NAMES = ["a", "b", "c"]
FILES = ["/".join(parts) for depth in range(1, 6) for parts in itertools.product(NAMES, repeat=depth)]
PARTS = st.sampled_from(["a", "b", "*", "?", "[ab]", "[!a]", "[b-c]", "**"])
DECLARED = st.builds(
    lambda parts, end: "/".join(parts) + end, st.lists(PARTS, min_size=1, max_size=3), st.sampled_from(["", "", "/"])
)


def taken(pattern: str) -> frozenset[str]:
    """All of ``FILES`` that a declared path stands for, found by comparing name by name."""
    parts = pattern.rstrip("/").split("/")

    def fits(names: list[str], parts: list[str]) -> bool:
        if not parts:
            return True  # here, or below
        if parts[0] == "**":
            return fits(names, parts[1:]) or (bool(names) and fits(names[1:], parts))
        return bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and fits(names[1:], parts[1:])

    return frozenset(f for f in FILES if fits(f.split("/"), parts))


@given(DECLARED, DECLARED)
def test_paths_meet_where_they_share_a_file(a: str, b: str) -> None:
    assert meet(a, b) == bool(taken(a) & taken(b))


@given(DECLARED, DECLARED)
def test_a_path_covers_another_whose_files_it_has(outer: str, inner: str) -> None:
    if covers(outer, inner):
        assert taken(inner) <= taken(outer)
    elif not taken(inner) - taken(outer):
        # There are more names than three: `*` takes some that `[ab]` and `[!a]` together do not show.
        assert any(letter in inner for letter in "*?!")


@given(DECLARED, st.sampled_from(FILES))
def test_a_pattern_matches_the_files_it_takes(pattern: str, path: str) -> None:
    assert matches(pattern, path) == (path in taken(pattern)) == covers(pattern, path)


@given(DECLARED, DECLARED, DECLARED)
def test_covering_is_handed_down(a: str, b: str, c: str) -> None:
    assert covers(a, a)
    if covers(a, b) and covers(b, c):
        assert covers(a, c)
    if covers(a, b) and meet(b, c):
        assert meet(a, c)


# --- names -----------------------------------------------------------------------------------------------

WORDS = ["".join(letters) for length in (1, 2, 3) for letters in itertools.product("abc", repeat=length)]
NAME_PATTERNS = st.lists(
    st.sampled_from(["a", "b", "*", "?", "[ab]", "[!a]", "[a-b]", "[]a]", "[!b-c]"]), min_size=1, max_size=3
).map("".join)


@given(NAME_PATTERNS, NAME_PATTERNS)
def test_names_meet_where_a_word_matches_both(a: str, b: str) -> None:
    both = [word for word in WORDS if fnmatch.fnmatchcase(word, a) and fnmatch.fnmatchcase(word, b)]
    if both:
        assert names_meet(a, b)
    elif names_meet(a, b):
        assert {"*", "?", "!", "]"} & {*a, *b}  # by a word of other letters


@given(NAME_PATTERNS, st.lists(NAME_PATTERNS, max_size=3).map(tuple))
def test_every_word_has_one_outcome(name: str, patterns: tuple[str, ...]) -> None:
    seen = {
        frozenset(i for i, p in enumerate(patterns) if fnmatch.fnmatchcase(word, p))
        for word in WORDS
        if fnmatch.fnmatchcase(word, name)
    }
    assert seen <= outcomes(name, patterns)


# --- many paths ------------------------------------------------------------------------------------------

ANY_PATH = st.builds(lambda start, path: start + path, st.sampled_from(["", "", "/", "../", "./"]), DECLARED).map(
    lambda path: from_root("", path)
)


@given(st.lists(ANY_PATH, max_size=6), ANY_PATH)
def test_an_index_finds_all_that_meet(known: list[str], path: str) -> None:
    index = PathIndex((p, i) for i, p in enumerate(known))
    assert sorted(index.meeting(path)) == sorted((p, i) for i, p in enumerate(known) if meet(p, path))


def test_the_time_to_ask_for_folders_grows_with_their_number() -> None:
    def asking(folders: int) -> Callable[[], list[list[int]]]:
        index = PathIndex((f"out/{i}/", i) for i in range(folders))
        return lambda: [[value for _, value in index.meeting(f"out/{i}/x.csv")] for i in range(folders)]

    assert asking(10_000)() == [[i] for i in range(10_000)]
    assert growth(asking, 10_000) < LINEAR
