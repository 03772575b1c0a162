"""Claims: what excludes what, in which order they come, and that they end with their holder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from nbflow.store import claims
from nbflow.store.claims import Claim, Claims

ROOT = Path(__file__).parent.parent


def taken(folder: Path, wanted: dict[str, bool], holder: str = "other") -> Claim | None:
    """The claim, if it can be had at once."""
    return Claims(folder, holder).take(wanted, waits=lambda _: False)


@pytest.mark.parametrize(
    ("mine", "theirs", "together"),
    [
        (claims.paths(["a.csv"]), claims.paths(["b.csv"]), True),
        (claims.paths(["a.csv"]), claims.paths(["a.csv"]), False),
        (claims.paths(["a.csv"]), claims.paths([], ["a.csv"]), False),
        (claims.paths([], ["a.csv"]), claims.paths([], ["a.csv"]), True),
        (claims.paths(["out/a.csv"]), claims.paths(["out/b.csv"]), True),
        (claims.paths(["out/"]), claims.paths(["out/a.csv"]), False),
        (claims.paths(["out/"]), claims.paths([], ["out/deep/a.csv"]), False),
        (claims.paths(["out/"]), claims.paths(["out2/"]), True),
        (claims.paths(["out/*.csv"]), claims.paths(["out/b.csv"]), False),
        (claims.paths(["**/*.csv"]), claims.paths(["."]), False),
        (claims.paths([], ["out/"]), claims.paths([], ["out/a.csv"]), True),
        (claims.paths(["out/a.csv"], ["out/"]), claims.paths([], ["out/b.csv"]), True),
        (claims.result("k"), claims.result("k"), False),
        (claims.result("k"), claims.result("l"), True),
        (claims.result("a.csv"), claims.paths(["a.csv"]), True),
    ],
)
def test_two_claims_can_be_held_together_unless_they_meet(
    tmp_path: Path, mine: dict[str, bool], theirs: dict[str, bool], together: bool
) -> None:
    for one, other in ((mine, theirs), (theirs, mine)):
        first = taken(tmp_path, one)
        assert first is not None
        with first:
            second = taken(tmp_path, other)
            assert (second is not None) == together
            if second is not None:
                second.release()
        again = taken(tmp_path, other)
        assert again is not None
        again.release()
    assert list(tmp_path.iterdir()) == []


def test_who_waits_is_told_the_holder_and_gets_it_when_that_one_lets_go(tmp_path: Path) -> None:
    first = taken(tmp_path, claims.result("k"), "run 1")
    assert first is not None
    heard = []

    def waits(holder: str) -> bool:
        heard.append(holder)
        return True

    def pause(_: float) -> None:
        if len(heard) == 3:
            first.release()

    second = Claims(tmp_path, "run 2").take(claims.result("k"), waits, pause)
    assert second is not None
    assert heard == ["run 1"] * 3
    second.release()


def test_who_gives_up_holds_nothing(tmp_path: Path) -> None:
    held = taken(tmp_path, {"b": True})
    assert held is not None
    with held:
        assert taken(tmp_path, {"a": True, "b": True, "c": True}) is None
        for name in ("a", "c"):
            free = taken(tmp_path, {name: True})
            assert free is not None
            free.release()


def test_locks_are_taken_in_one_order_whatever_order_they_are_named_in(tmp_path: Path) -> None:
    held = taken(tmp_path, {"b": True})
    assert held is not None
    seen: list[Iterable[str]] = []

    def waits(_: str) -> bool:
        seen.append(sorted(p.name for p in tmp_path.iterdir()))
        return False

    with held:
        for names in (("a", "b", "c"), ("c", "b", "a")):
            assert Claims(tmp_path, "x").take(dict.fromkeys(names, True), waits) is None
    assert seen[0] == seen[1]
    assert len(list(seen[0])) == 2


def test_a_claim_dies_with_its_holder(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from nbflow.store import claims\n"
        "claims.Claims(pathlib.Path(sys.argv[1]), 'dead').take(claims.result('k'))\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    claim = taken(tmp_path, claims.result("k"))
    assert claim is not None
    claim.release()


def test_a_child_of_the_holder_does_not_keep_it(tmp_path: Path) -> None:
    claim = taken(tmp_path, claims.result("k"))
    assert claim is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        claim.release()
        again = taken(tmp_path, claims.result("k"))
        assert again is not None
        again.release()
    finally:
        child.communicate(b"\n")
