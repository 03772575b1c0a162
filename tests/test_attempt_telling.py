"""What an attempt passes on of what its step prints."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from nbflow.core.events import Event, StepProgressed
from nbflow.executors import Job, Outcome, Tell
from tests.flows import new_flow
from tests.plain_executor import PlainExecutor

SECRET = "correct/horse"
SETTINGS = '[tool.nbflow]\n[tool.nbflow.secrets]\nnames = ["DB_PASSWORD"]\n'


class Prints(PlainExecutor):
    """Tells of these pieces, each when one more cell is done."""

    def __init__(self, *pieces: str) -> None:
        super().__init__()
        self.pieces = pieces

    def run(self, job: Job, tell: Tell) -> Outcome:
        tell(0, 9, "")
        for done, piece in enumerate(self.pieces, 1):
            tell(done, 9, piece)
        return super().run(job, lambda *_: None)


def told(folder: Path, *pieces: str) -> list[tuple[int, str]]:
    flow, events = new_flow(folder, {"a": "%%step a -o n\nn = 1"}, {"pyproject.toml": SETTINGS}), list[Event]()
    assert flow.run(Prints(*pieces), on_event=lambda event, _: events.append(event)).status == "succeeded"
    return [(e.done, e.text) for e in events if isinstance(e, StepProgressed)]


@pytest.mark.parametrize("form", [SECRET, base64.b64encode(SECRET.encode()).decode(), quote(SECRET, safe="")])
def test_a_secret_that_is_printed_in_pieces_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    assert told(tmp_path, f"is {form[:6]}", form[6:9], f"{form[9:]}!") == [
        (1, "is "),
        (2, ""),
        (3, "***DB_PASSWORD***!"),
    ]


def test_the_last_line_that_says_something_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, "epoch 1\nepoch 2\n \n", "x" * 300) == [(1, "epoch 2"), (2, "x" * 200)]


def test_the_last_cell_is_not_told_for_the_end_of_the_step_is(tmp_path: Path) -> None:
    assert told(tmp_path, *[""] * 9) == [(done, "") for done in range(1, 9)]
