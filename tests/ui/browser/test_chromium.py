"""A machine without a browser gets one, or hears the one command to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.ui.browser.chromium import INSTALL, bring, found

ASKED = (
    "The browser tests need Chromium. Run: sudo apt-get update && "
    "sudo apt-get install -y --no-install-recommends chromium"
)


class Machine:
    """A PATH with some programs, and an apt that brings Chromium to it, or fails."""

    def __init__(self, folder: Path, programs: Sequence[str], apt_works: bool = True) -> None:
        self.folder, self.apt_works = folder, apt_works
        self.run_commands: list[Sequence[str]] = []
        for name in programs:
            self.add(name)

    def add(self, name: str) -> None:
        (self.folder / name).write_text("#!/bin/sh\n")
        (self.folder / name).chmod(0o755)

    def run(self, words: Sequence[str]) -> int:
        self.run_commands.append(words)
        if self.apt_works and "chromium" in words:
            self.add("chromium")
        return 0 if self.apt_works else 100


@pytest.mark.parametrize(
    ("programs", "variable", "root", "apt_works", "commands", "answer"),
    [
        (["apt-get", "chromium"], "", True, True, [], ""),
        (["google-chrome"], "", False, True, [], ""),
        (["my-chrome"], "my-chrome", False, True, [], ""),
        (["apt-get"], "", True, True, [*INSTALL], ""),
        (["apt-get"], "", True, False, [INSTALL[0]], "This failed: apt-get update"),
        (["apt-get"], "", False, True, [], ASKED),
        ([], "", True, True, [],
         "The browser tests need Chromium or Chrome. Install one, or name it: CHROMIUM=/path/to/chrome make test"),
        (["apt-get", "chromium"], "nowhere", True, True, [],
         "CHROMIUM names nowhere, and that is no program here. Name Chromium or Chrome, or unset it."),
    ],
)  # fmt: skip
def test_a_browser_is_found_or_brought_or_asked_for(
    programs: list[str], variable: str, root: bool, apt_works: bool, commands: list[Sequence[str]], answer: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    machine = Machine(tmp_path, programs, apt_works)
    environ = {"PATH": str(tmp_path), **({"CHROMIUM": variable} if variable else {})}
    assert (bring(environ, root, machine.run), machine.run_commands) == (answer, commands)
    assert (found(environ) is None) == bool(answer)
