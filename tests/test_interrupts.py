"""Ctrl-C as a request: what a signal does before, while and after a run goes on."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from nbflow.driver import Canceller
from nbflow.interrupts import Interrupts


def test_the_first_interrupt_cancels_the_second_kills_and_the_third_leaves() -> None:
    cancel = Canceller()
    with Interrupts(cancel, (signal.SIGINT, signal.SIGTERM)) as interrupts:
        interrupts.begun = True
        os.kill(os.getpid(), signal.SIGINT)
        assert cancel.requests == 1
        os.kill(os.getpid(), signal.SIGTERM)
        assert cancel.requests == 2
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_before_anything_runs_an_interrupt_is_one_as_ever() -> None:
    cancel = Canceller()
    with pytest.raises(KeyboardInterrupt), Interrupts(cancel):
        os.kill(os.getpid(), signal.SIGINT)
    assert cancel.requests == 0


def test_outside_the_main_thread_nothing_is_changed() -> None:
    found: list[object] = []

    def enter() -> None:
        with Interrupts(Canceller()):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
