"""How commands end: the exit code and the words for everything that a command may raise."""

from __future__ import annotations

from typing import NoReturn

import click
import pytest

from nbflow.core.model import Finding
from nbflow.errors import (
    DamagedBlob,
    InvalidPipeline,
    JournalError,
    MissingKernel,
    NbflowError,
    NotebookError,
    StoreError,
    UsageError,
)
from nbflow.ui.endings import explained

WRONG = Finding("unbound-name", "error", "n.ipynb", 2, "a", "Nothing binds 'x'.", "Bind it.")
DOUBT = Finding("setup-in-step", "warning", "n.ipynb", 1, "b", "This is said elsewhere.")
FAULT = "  This is a fault in nbflow. Set NBFLOW_DEBUG=1 to see where it happened.\n"

ENDINGS: list[tuple[BaseException, int, str]] = [
    (UsageError("No such thing.", "Try another."), 2, "nbflow: No such thing.\n  Try another.\n"),
    (NotebookError("n.ipynb is empty."), 2, "nbflow: n.ipynb is empty.\n"),
    (MissingKernel("No kernel 'x'."), 2, "nbflow: No kernel 'x'.\n"),
    (
        UsageError("Wrong.", "Write:\n[tool.nbflow]\njobs = 1"),
        2,
        "nbflow: Wrong.\n  Write:\n  [tool.nbflow]\n  jobs = 1\n",
    ),
    (UsageError("A \x1b[2Jscreen."), 2, "nbflow: A screen.\n"),
    (StoreError("the disk is full", "Make room."), 4, "nbflow: the disk is full\n  Make room.\n"),
    (DamagedBlob("damaged"), 4, "nbflow: damaged\n"),
    (JournalError("locked"), 4, "nbflow: locked\n"),
    (NbflowError("anything"), 4, "nbflow: anything\n"),
    (OSError(28, "No space left on device", "a/b"), 4, "nbflow: No space left on device: a/b\n"),
    (OSError(5, "Input/output error"), 4, "nbflow: Input/output error\n"),
    (ZeroDivisionError("by zero"), 4, f"nbflow: internal error: ZeroDivisionError: by zero\n{FAULT}"),
    (MemoryError(), 4, f"nbflow: internal error: MemoryError: \n{FAULT}"),
    (KeyboardInterrupt(), 130, "nbflow: cancelled.\n"),
    (
        InvalidPipeline("Not sound.", "Mend it.", [DOUBT, WRONG], {("n.ipynb", 2): "%%step a"}),
        2,
        (
            "error[unbound-name] Nothing binds 'x'.\n"
            "  at   n.ipynb, cell 2, step a: %%step a\n"
            "  fix  Bind it.\n"
            "\n"
            "nbflow: Not sound.\n"
            "  Mend it.\n"
        ),
    ),
]


def ended(command: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        explained(command)()  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, out, err


@pytest.mark.parametrize(
    ("error", "code", "words"), ENDINGS, ids=[f"{type(c[0]).__name__} {c[2][8:30]}" for c in ENDINGS]
)
def test_an_error_ends_in_words(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> NoReturn:
        raise error

    assert ended(command, capsys) == (code, "", words)


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1), (3, 3), (130, 130)])
def test_a_command_ends_with_what_it_returns(answer: int | None, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(lambda: answer, capsys) == (code, "", "")


def test_what_click_has_to_say_is_left_to_click() -> None:
    def command() -> NoReturn:
        raise click.UsageError("no")

    with pytest.raises(click.UsageError):
        explained(command)()


def test_a_fault_can_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> NoReturn:
        raise ZeroDivisionError

    monkeypatch.setenv("NBFLOW_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        explained(command)()
