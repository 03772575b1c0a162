"""When colour is welcome, how wide a line may be, and how our logs read."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping

import pytest

from nbflow.ui import terminal


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        super().isatty()  # raises where the stream is closed
        return True


def closed() -> io.StringIO:
    stream = Screen()
    stream.close()
    return stream


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No variable speaks of terminals."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("stream", "environ", "colour"),
    [
        (Screen(), {}, True),
        (Screen(), {"TERM": "xterm-256color"}, True),
        (Screen(), {"TERM": "dumb"}, False),
        (Screen(), {"NO_COLOR": "1"}, False),
        (Screen(), {"NO_COLOR": ""}, True),
        (Screen(), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (closed(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    bare: pytest.MonkeyPatch, stream: io.StringIO, environ: Mapping[str, str], colour: bool
) -> None:
    for name, value in environ.items():
        bare.setenv(name, value)
    assert terminal.has_colour(stream) == colour
    assert terminal.painted("x", "red", stream) == ("\x1b[31mx\x1b[0m" if colour else "x")


@pytest.mark.parametrize(
    ("stream", "columns", "width"),
    [(io.StringIO(), "40", 0), (Screen(), "40", 40), (Screen(), "wide", 80), (Screen(), "", 80), (closed(), "40", 0)],
)
def test_only_a_terminal_has_a_width(bare: pytest.MonkeyPatch, stream: io.StringIO, columns: str, width: int) -> None:
    bare.setenv("COLUMNS", columns)
    assert terminal.width(stream) == width


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """Our logger, without handlers before and afterwards."""
    logger = logging.getLogger("nbflow")
    kept, propagate = logger.handlers[:], logger.propagate
    logger.handlers.clear()
    yield logger
    logger.handlers[:], logger.propagate = kept, propagate


def test_a_log_is_a_plain_message(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.handlers.clear()  # pytest listens at loggers that an earlier command has closed off
    terminal.tell_logs()
    terminal.tell_logs()
    log.info("too small to be told")
    try:
        raise OSError("disk full")
    except OSError:
        log.exception("Step %s could not be stopped.", "a")
    assert capsys.readouterr() == ("", "nbflow: Step a could not be stopped. (OSError: disk full)\n")
