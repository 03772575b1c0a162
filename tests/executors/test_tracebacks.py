from __future__ import annotations

import pytest

from nbflow.executors.papermill.tracebacks import CLEARED, one_line, own_frames

RED = "\x1b[31m"


@pytest.mark.parametrize(
    ("frame", "own"),
    [
        (f"{RED}ValueError\x1b[39m   Traceback (most recent call last)", True),
        ("Cell In[3], line 2\n      1 x = 1\n----> 2 f(x)", True),
        (f"{RED}File \x1b[39m\x1b[32m~/env/lib/python3.11/site-packages/pandas/core/frame.py:12\x1b[39m, in f()", True),
        ("File ~/IPython/mine.py:3, in f()", True),
        (f"{RED}File \x1b[39m~/lib/site-packages/IPython/core/interactiveshell.py:2565, in run_cell_magic", False),
        ("File ~/lib/site-packages/IPython/core/magics/execution.py:1357, in time", False),
        ("File C:\\lib\\ipykernel\\ipkernel.py:3, in f", False),
        ("/lib/python3.9/site-packages/IPython/core/async_helpers.py in _pseudo_sync_runner(coro)", False),
        ("File /x/nbflow/runtime/step.py:12, in finish()", False),
        ("ValueError: File IPython/core/x.py", True),
        ("An exception has occurred, use %tb to see the full traceback.\n", False),
    ],
)
def test_frames_of_tools_are_left_out(frame: str, own: bool) -> None:
    assert own_frames(["head", frame]) == (["head", frame] if own else ["head"])


def test_a_frame_that_is_too_long_is_cut() -> None:
    assert own_frames(["a" * 60_000 + "b" * 60_000]) == [
        "a" * 50_000 + "\n… 20000 characters left out …\n" + "b" * 50_000
    ]


def test_of_very_many_frames_the_first_and_the_last_are_kept() -> None:
    frames = [f"frame {n}" for n in range(3000)]
    assert own_frames(frames[:60]) == frames[:60]
    assert own_frames(frames) == [*frames[:30], "… 2940 frames left out …\n", *frames[-30:]]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("ValueError", "bad", "ValueError: bad"),
        ("KeyboardInterrupt", "", "KeyboardInterrupt"),
        ("E", f"\n {RED}first\x1b[0m\nsecond", "E: first"),
        ("E", "x" * 600, "E: " + "x" * 496 + "…"),
        ("NameError", "name 'x' is not defined", "NameError: name 'x' is not defined"),
        ("NameError", "name '__nbflow__' is not defined", CLEARED),
        ("SystemExit", "3", "SystemExit: 3 (a step may not exit: to end it early use `if`, to fail it raise an error)"),
        (
            "StdinNotImplementedError",
            "no input",
            (
                "StdinNotImplementedError: no input "
                "(nobody can answer in a run: use a parameter or an environment variable)"
            ),
        ),
    ],
)
def test_an_error_in_one_line(name: str, value: str, line: str) -> None:
    assert one_line(name, value) == line
