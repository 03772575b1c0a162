"""Kernels that are ready before they are needed, without any: the makers are fakes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from nbflow.kernels.choosing import Want
from nbflow.kernels.forks import ForkServer, NoFork, Shadowed, Start
from nbflow.kernels.kernel import Kernel
from nbflow.kernels.pool import CALM, PATIENCE, Coming, Kernels, Makers, Stopped


class FakeKernel:
    def __init__(self, makers: FakeMakers, server: FakeServer | None) -> None:
        self.makers = makers
        self.server = server
        self.is_forked = server is not None
        self.note = ""
        self.killed = threading.Event()
        self.is_up = False
        self.is_alive = True
        self.holds_nothing = True
        self.ends: list[bool] = []

    def start(self, folder: Path) -> None:
        if self.server is not None:
            self._fork(folder, self.server)
        self.makers.may_start.wait(10)
        if self.killed.is_set() and not self.is_up:
            raise RuntimeError("it was ended before it answered")
        if self.makers.failing and self.makers.failing[0](self):
            self.makers.failing.pop(0)
            raise RuntimeError("it did not answer within 10 s")

    def _fork(self, folder: Path, server: FakeServer) -> None:
        server.settled.wait(10)
        try:
            if not server.is_up:
                raise NoFork("the fork server is gone")
            if (folder / "pandas.py").exists():
                raise Shadowed("there is a module of its own named pandas")
        except NoFork as reason:
            raise RuntimeError(str(reason)) from reason

    def kill(self) -> None:
        self.killed.set()
        self.makers.may_start.set()

    def last_words(self) -> str:
        return ""

    def end(self, *, politely: bool = False) -> None:
        self.ends.append(politely)


class FakeServer:
    def __init__(self, start: Start) -> None:
        self.is_up = False
        self.may_come_up = threading.Event()
        self.settled = threading.Event()
        self.why = ""
        self.closed = False

    def prepare(self) -> None:
        self.may_come_up.wait(10)
        self.is_up = not self.closed and not self.why
        self.settled.set()
        if not self.is_up:
            raise NoFork(self.why or "the run is over")

    def close(self) -> None:
        self.closed, self.is_up = True, False
        self.may_come_up.set()


class FakeMakers(Makers):
    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[FakeKernel] = []
        self.servers: list[FakeServer] = []
        self.may_start = threading.Event()
        self.may_start.set()
        self.failing: list[Callable[[FakeKernel], bool]] = []
        """Which kernels are next to fail, one each."""

    def kernel(self, want: Want, server: ForkServer | None) -> Kernel:
        self.kernels.append(FakeKernel(self, cast("FakeServer | None", server)))
        return cast("Kernel", self.kernels[-1])

    def server(self, start: Start) -> ForkServer:
        self.servers.append(FakeServer(start))
        return cast("ForkServer", self.servers[-1])


@pytest.fixture
def makers() -> FakeMakers:
    return FakeMakers()


@pytest.fixture
def want(tmp_path: Path) -> Want:
    return Want("python3", tmp_path, (("HOME", "/home/me"),))


def coming(want: Want, steps: int, at_once: int = 1) -> Coming:
    return Coming((want,) * steps, at_once, {(want.kernel, want.folder): Start(("python",), {}, want.folder)})


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def up(makers: FakeMakers, want: Want) -> Iterator[Kernels]:
    """A run of many steps, two at a time, whose fork server is up and whose first kernel was used."""
    with Kernels(2, coming(want, 20), makers) as kernels:
        assert not kernels.take(want).is_forked
        makers.servers[0].may_come_up.set()
        until(lambda: len(makers.kernels) == 3)
        yield kernels


def forked(makers: FakeMakers) -> list[bool]:
    return [kernel.is_forked for kernel in makers.kernels]


def test_without_a_word_of_what_is_coming_each_kernel_is_made_when_it_is_needed(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, makers=makers) as kernels:
        assert makers.kernels == []
        first, second = kernels.take(want), kernels.take(want)
        assert first is not second
        assert (forked(makers), makers.servers) == ([False, False], [])


def test_the_first_kernels_are_started_anew_while_a_server_comes_up(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 5, at_once=1), makers) as kernels:
        until(lambda: len(makers.kernels) == 1)
        kernels.take(want)
        time.sleep(0.02)
        assert forked(makers) == [False]  # no other is made until it can be forked
        makers.servers[0].may_come_up.set()
        until(lambda: len(makers.kernels) == 3)
        assert forked(makers) == [False, True, True]


def test_while_the_server_comes_up_one_kernel_at_a_time_is_started_anew_on_each_other_core(
    makers: FakeMakers, want: Want
) -> None:
    makers.may_start.clear()
    with ThreadPoolExecutor(3) as steps, Kernels(3, coming(want, 9, at_once=3), makers, cores=3) as kernels:
        taken = [steps.submit(kernels.take, want) for _ in range(3)]
        until(lambda: kernels._waiting[want] == 3)
        time.sleep(0.02)
        assert forked(makers) == [False, False]
        makers.may_start.set()
        assert [step.result(10).is_forked for step in taken] == [False] * 3


def test_no_kernel_is_handed_out_twice_and_as_many_as_jobs_are_ready(
    up: Kernels, makers: FakeMakers, want: Want
) -> None:
    taken = [up.take(want) for _ in range(6)]
    assert len(set(map(id, taken))) == 6
    assert all(kernel.is_forked for kernel in taken)
    until(lambda: len(makers.kernels) == 9)
    time.sleep(0.02)
    assert len(makers.kernels) == 9


def test_nothing_is_made_ahead_while_a_step_stands_and_waits(makers: FakeMakers, want: Want) -> None:
    unexpected = Want("ir", want.folder, want.environment)
    with ThreadPoolExecutor(1) as steps, Kernels(2, Coming((want,) * 9), makers) as kernels:
        until(lambda: len(kernels._ready) == 2)
        makers.may_start.clear()
        waits = steps.submit(kernels.take, unexpected)
        until(lambda: len(makers.kernels) == 3)
        kernels.take(want)
        time.sleep(0.02)
        assert len(makers.kernels) == 3  # a third one ahead would take cores from the one that is waited for
        makers.may_start.set()
        waits.result(10)
        until(lambda: len(makers.kernels) == 4)


@pytest.mark.parametrize(("begin", "making"), [(60.0, 1), (0.0, 4)])
def test_while_a_step_begins_kernels_are_made_ahead_one_at_a_time(
    makers: FakeMakers, want: Want, monkeypatch: pytest.MonkeyPatch, begin: float, making: int
) -> None:
    monkeypatch.setattr("nbflow.kernels.pool.BEGIN", begin)
    with Kernels(4, Coming((want,) * 20, 1), makers, cores=4) as kernels:
        until(lambda: len(kernels._ready) == 4)
        makers.may_start.clear()
        for _ in range(4):
            kernels.take(want)
        time.sleep(0.02)
        assert kernels._making[want] == making
        makers.may_start.set()
        until(lambda: len(kernels._ready) == 4)


def test_at_the_end_nothing_more_is_made(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 3), makers) as kernels:
        kernels.take(want)
        makers.servers[0].may_come_up.set()
        until(lambda: len(makers.kernels) == 3)
        kernels.take(want), kernels.take(want)
        time.sleep(0.02)
        assert len(makers.kernels) == 3


def test_what_kernels_of_any_killed_run_have_left_is_cleared_away(
    makers: FakeMakers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "nbflow-left"
    left.mkdir()
    (left / "owner").touch()
    with Kernels(1, makers=makers):
        assert not left.exists()


def test_a_short_run_has_no_server(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 2, at_once=1), makers) as kernels:
        until(lambda: len(makers.kernels) == 2)
        assert ([k.is_forked for k in (kernels.take(want), kernels.take(want))], makers.servers) == ([False, False], [])


def test_a_step_need_not_wait_for_the_server(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 5, at_once=1), makers) as kernels:
        assert [kernels.take(want).is_forked for _ in range(2)] == [False, False]


def test_kernels_that_nobody_took_are_ended_and_those_put_away_end_politely(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 20), makers) as kernels:
        first = kernels.take(want)
        makers.servers[0].may_come_up.set()
        until(lambda: len(makers.kernels) == 3)
        kernels.put_away(first, politely=True)
    assert [(k.ends, k.killed.is_set()) for k in makers.kernels] == [([True], False), ([False], True), ([False], True)]
    assert [server.closed for server in makers.servers] == [True]


def test_an_end_that_can_wait_comes_when_no_step_begins(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, makers=makers) as kernels:
        first, second, third = (kernels.take(want) for _ in range(3))
        gone = kernels.put_away(third, politely=False, can_wait=False)
        gone.result(10)
        begun = time.monotonic()
        waits = kernels.put_away(first, politely=True, can_wait=True)
        time.sleep(CALM / 2)
        kernels.put_away(kernels.take(want), politely=True).result(10)
        assert not waits.done()
        waits.result(10)
        assert 1.5 * CALM <= time.monotonic() - begun < 10
        kernels.put_away(second, politely=True, can_wait=True)
    assert [kernel.ends for kernel in makers.kernels] == [[True], [True], [False], [True]], "at the run's end, at once"


def test_the_end_of_a_kernel_that_others_may_wait_for_does_not_wait(
    makers: FakeMakers, want: Want, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.kernels.pool.CALM", 60.0)
    with Kernels(2, makers=makers) as kernels:
        kernel = kernels.take(want)
        makers.kernels[0].holds_nothing = False
        begun = time.monotonic()
        kernels.put_away(kernel, politely=True, can_wait=True).result(10)
        assert time.monotonic() - begun < PATIENCE


def test_no_more_ends_wait_than_steps_may_run_and_none_for_long(
    makers: FakeMakers, want: Want, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.kernels.pool.CALM", 60.0)
    with Kernels(2, makers=makers) as kernels:
        taken = [kernels.take(want) for _ in range(3)]
        begun = time.monotonic()
        gone = [kernels.put_away(kernel, politely=True, can_wait=True) for kernel in taken]
        until(lambda: sum(future.done() for future in gone) == 1)
        assert time.monotonic() - begun < PATIENCE
        for future in gone:
            future.result(10)
        assert PATIENCE <= time.monotonic() - begun < 10


def test_a_kernel_that_comes_up_at_the_very_end_is_ended_too(makers: FakeMakers, want: Want) -> None:
    makers.may_start.clear()
    with Kernels(1, coming(want, 1), makers):
        until(lambda: makers.kernels)
        makers.kernels[0].is_up = True
    assert makers.kernels[0].ends == [False]


def test_a_server_that_is_still_coming_up_does_not_hold_the_end_up(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 20), makers):
        pass
    assert [server.closed for server in makers.servers] == [True]


def test_another_kind_of_kernel_is_not_taken_for_it(
    up: Kernels, makers: FakeMakers, want: Want, tmp_path: Path
) -> None:
    for other in (
        Want("python3", tmp_path / "elsewhere", want.environment),
        Want("other", want.folder, want.environment),
        Want("python3", want.folder, (("HOME", "/home/you"),)),
    ):
        assert not up.take(other).is_forked


def test_a_folder_with_a_module_of_a_loaded_name_has_kernels_started_anew(
    up: Kernels, makers: FakeMakers, want: Want
) -> None:
    assert [up.take(want).is_forked for _ in range(2)] == [True, True]
    until(lambda: len(makers.kernels) == 5)
    (want.folder / "pandas.py").touch()
    taken = [up.take(want) for _ in range(6)]
    assert taken[-1].is_forked is False
    assert {kernel.note for kernel in taken} == {""}, "nothing has failed"
    until(lambda: [kernel.is_forked for _, kernel in up._ready] == [False, False])  # made ahead all the same


@pytest.fixture
def wide(makers: FakeMakers, want: Want) -> Iterator[tuple[Kernels, list[Future[Kernel]]]]:
    """Eight steps that want their kernels at once, on two cores, and eight that come after them."""
    makers.may_start.clear()
    with (
        ThreadPoolExecutor(8) as steps,
        Kernels(8, coming(want, 16, at_once=8), makers, cores=2) as kernels,
    ):
        taken = [steps.submit(kernels.take, want) for _ in range(8)]
        until(lambda: kernels._waiting[want] == 8)
        until(lambda: forked(makers) == [True] * 8)  # prepared
        yield kernels, taken
        for step in taken:
            step.exception(10)


def test_more_than_there_are_cores_wait_for_the_server(
    wide: tuple[Kernels, list[Future[Kernel]]], makers: FakeMakers
) -> None:
    kernels, taken = wide
    makers.may_start.set()
    time.sleep(0.02)
    assert kernels._ready == []
    makers.may_start.clear()
    makers.servers[0].may_come_up.set()
    time.sleep(0.02)
    assert len(makers.kernels) == 8  # none is made ahead while somebody stands and waits
    makers.may_start.set()
    assert len({id(step.result(10)) for step in taken}) == 8
    until(lambda: len(makers.kernels) == 16)


def test_those_that_wait_for_a_server_that_does_not_come_up_have_kernels_started_anew(
    wide: tuple[Kernels, list[Future[Kernel]]], makers: FakeMakers
) -> None:
    _, taken = wide
    makers.servers[0].why = "it has no ipykernel"
    makers.servers[0].may_come_up.set()
    makers.may_start.set()
    kernels = [step.result(10) for step in taken]
    assert [kernel.is_forked for kernel in kernels] == [False] * 8
    assert sum("cannot be made ahead by forks: it has no ipykernel" in kernel.note for kernel in kernels) == 1
    assert sum(bool(kernel.note) for kernel in kernels) == 1


def test_those_that_wait_for_a_server_can_be_stopped_and_hold_nothing_up(makers: FakeMakers, want: Want) -> None:
    with Kernels(8, coming(want, 16, at_once=8), makers, cores=2) as kernels, pytest.raises(Stopped):
        kernels.take(want, is_stopped=lambda: bool(makers.kernels))
    assert [kernel.ends for kernel in makers.kernels] == [[False]] * 8


# --- when something goes wrong -------------------------------------------------------------------------


def test_a_fork_that_does_not_come_up_is_told_and_the_step_has_a_kernel_started_anew(
    up: Kernels, makers: FakeMakers, want: Want, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.kernels.pool.BEGIN", 0.0)
    until(lambda: not up._making[want])
    makers.failing = [lambda kernel: kernel.is_forked] * 2
    up.take(want), up.take(want)
    until(lambda: not makers.failing)
    until(lambda: not up._making[want])
    kernel = up.take(want)
    assert (kernel.is_forked, kernel.note) == (
        False,
        "The kernel that was forked for this step failed (it did not answer within 10 s); another one served it.",
    )
    assert [k.ends for k in makers.kernels if k.is_forked and k.ends] == [[False], [False]]
    after = up.take(want)
    assert (after.is_forked, after.note) == (True, "")


def test_a_kernel_that_was_killed_while_nobody_used_it_is_not_handed_out(
    up: Kernels, makers: FakeMakers, want: Want
) -> None:
    until(lambda: not up._making[want])
    makers.kernels[1].is_alive = False
    taken = {id(up.take(want)) for _ in range(3)}
    assert id(makers.kernels[1]) not in taken
    until(lambda: makers.kernels[1].ends == [False])


def test_a_server_whose_forks_fail_again_and_again_serves_no_more(up: Kernels, makers: FakeMakers, want: Want) -> None:
    until(lambda: not up._making[want])
    makers.failing = [lambda kernel: kernel.is_forked] * 3
    taken = [up.take(want) for _ in range(9)]
    until(lambda: not up._making[want])
    assert makers.failing == []
    assert [up.take(want).is_forked for _ in range(2)] == [False, False]
    assert sum(bool(kernel.note) for kernel in taken) >= 1


def test_a_server_that_does_not_come_up_is_told_once(makers: FakeMakers, want: Want) -> None:
    with Kernels(2, coming(want, 20), makers) as kernels:
        kernels.take(want)
        makers.servers[0].why = "it has no ipykernel"
        makers.servers[0].may_come_up.set()
        until(lambda: makers.servers[0].closed)
        until(lambda: not kernels._coming_up)
        taken = [kernels.take(want) for _ in range(3)]
        assert [(kernel.is_forked, kernel.note) for kernel in taken] == [
            (
                False,
                (
                    "Kernels cannot be made ahead by forks: it has no ipykernel. Each is started anew, which takes "
                    'longer. kernels = "cold" in [tool.nbflow] spares the attempt.'
                ),
            ),
            (False, ""),
            (False, ""),
        ]


def test_a_kernel_that_does_not_start_fails_its_step_alone(makers: FakeMakers, want: Want) -> None:
    makers.failing = [lambda _: True]
    with Kernels(1, makers=makers) as kernels:
        with pytest.raises(RuntimeError) as failure:
            kernels.take(want)
        assert str(failure.value) == "it did not answer within 10 s"
        assert makers.kernels[0].ends == [False]
        kernels.take(want)


def test_a_step_that_waits_for_its_kernel_can_be_stopped(makers: FakeMakers, want: Want) -> None:
    makers.may_start.clear()
    with Kernels(1, coming(want, 1), makers) as kernels:
        until(lambda: makers.kernels)
        with pytest.raises(Stopped):
            kernels.take(want, is_stopped=lambda: True)


def test_a_step_whose_kernel_is_just_started_can_be_stopped(makers: FakeMakers, want: Want) -> None:
    makers.may_start.clear()
    with Kernels(1, makers=makers) as kernels, pytest.raises(RuntimeError):
        kernels.take(want, meet=lambda kernel: kernel.kill())
