"""Runs that are killed, and runs whose writes fail, at every place where something lasting is done: nothing is half
made, nothing is lost, and the next run goes on from what was committed. Without Jupyter; runs with real kernels are
killed in ``test_kills``."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows import write_notebook
from tests.forked_commands import ForkedCommands, Said
from tests.test_cli_interrupt import at_home, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

CELLS = {
    "imports": "import os\nfrom pathlib import Path",
    "parameters": "seed = 0",
    "log": 'def log(name):\n    with open(os.environ["LOG"], "a") as file:\n        file.write(f"{name}\\n")',
    "load": '%%step load -o rows\nlog("load")\nrows = [seed, 1, 2]',
    "files": (
        '%%step files -i rows -o out/rows.txt out/many/\nlog("files")\n'
        'Path("out/many").mkdir(parents=True, exist_ok=True)\n'
        'Path("out/rows.txt").write_text(str(rows))\n'
        'for n in rows:\n    Path(f"out/many/{n}.txt").write_text(str(n))'
    ),
    "say": '%%step say -i rows\nlog("say")\nprint(rows)',
}
WORDS = {
    "kill": ("was killed", "crashed"),
    "ENOSPC": ("No space left on device", "disk is full"),
    "EIO": ("Input/output error", "disk I/O error"),
    "EROFS": ("Read-only file system", "readonly database"),
}
"""What a person is told of it, one or the other."""
STEPS = {"load", "files", "say"}

LONG = int(os.environ.get("NBFLOW_FAULTS", "0"))
"""How many places to take in the long form, and kills in a row, 100 at most. Read here: no test sees the person's own
variables."""


@dataclass
class Ground:
    """A project, and a log of the steps that ran."""

    commands: ForkedCommands
    root: Path
    log: Path
    count: Path

    @classmethod
    def new(cls, commands: ForkedCommands, folder: Path) -> Ground:
        ground = cls(commands, folder / "project", folder / "log", folder / "count")
        ground.root.mkdir(parents=True)
        write_notebook(ground.root / "flow.ipynb", CELLS)
        (ground.root / "pyproject.toml").write_text("[tool.nbflow]\njobs = 2\ncrash_retries = 0\n")
        return ground

    def nbflow(self, *words: str, fault: str = "", at: int = 0) -> Said:
        """A command, with a fault at its N-th durable action."""
        self.count.unlink(missing_ok=True)
        environ = {
            "LOG": str(self.log), "PYTHONPATH": str(ROOT / "tests" / "faults"),
            "NBFLOW_TEST_FAULT": fault, "NBFLOW_TEST_FAULT_AT": str(at), "NBFLOW_TEST_FAULT_ROOT": str(self.root),
            "NBFLOW_TEST_FAULT_COUNT": str(self.count),
        }  # fmt: skip
        return self.commands.nbflow(*words, cwd=self.root, environ=environ)

    @property
    def actions(self) -> str:
        """Durable actions of the last command, a letter for each, which tells its kind."""
        return self.count.read_text() if self.count.exists() else ""

    def ran(self) -> list[str]:
        """The steps whose code ran since this was asked for last."""
        found = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return found

    def records(self) -> dict[Path, str]:
        """The results that are committed: file → plain name of the step."""
        found = sorted((self.root / ".nbflow" / "store" / "records").glob("*/*/*.json"))
        return {path: json.loads(path.read_text())["step"].rpartition(".")[2] for path in found}

    def made(self) -> dict[str, str]:
        return {p.relative_to(self.root).as_posix(): p.read_text() for p in self.root.glob("out/**/*.txt")}


def outcome(said: Said) -> Mapping[str, Any]:
    ended: dict[str, Any] = json.loads(said.out.splitlines()[-1])
    return {"status": ended["status"], "steps": {n: s["status"] for n, s in ended["steps"].items()}}


def expected(seed: int) -> dict[str, str]:
    rows = [seed, 1, 2]
    return {"out/rows.txt": str(rows), **{f"out/many/{n}.txt": str(n) for n in rows}}


def assert_sound(ground: Ground, source: bytes) -> None:
    """Nothing is half made, nobody is left, the notebook is as it was."""
    assert (ground.root / "flow.ipynb").read_bytes() == source
    until(lambda: not at_home(ground.root))
    said = ground.nbflow("cache", "verify")
    assert said.code == 0, said.out + said.err


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedCommands]:
    with ForkedCommands(tmp_path_factory.mktemp("said")) as commands:
        yield commands


@pytest.fixture(scope="module")
def places(commands: ForkedCommands, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All durable actions of an undisturbed run: a letter for each, which tells its kind."""
    ground = Ground.new(commands, tmp_path_factory.mktemp("whole"))
    assert_completes(ground, 0)
    return ground.actions


def some_of(places: str, fault: str) -> list[int]:
    """Places to try, counted from 1: one of each kind, or as many as the long form wants."""
    chance = random.Random(fault)
    if LONG:
        return sorted(chance.sample(range(1, len(places) + 1), min(len(places), LONG)))
    kinds = sorted(set(places))
    if fault in ("EIO", "EROFS"):  # what is done about an error of the disk hardly depends on which it is
        kinds = chance.sample(kinds, 3)
    return sorted(chance.choice([at for at, kind in enumerate(places, 1) if kind == each]) for each in kinds)


def assert_completes(ground: Ground, seed: int, committed: Collection[str] = ()) -> None:
    """A run comes to its end, and what was committed is not run again."""
    said = ground.nbflow("run", "-p", f"seed={seed}", "--json")
    assert outcome(said) == {
        "status": "succeeded",
        "steps": {step: "reused" if step in committed else "succeeded" for step in STEPS},
    }, said.err
    assert not set(ground.ran()).intersection(committed)
    assert ground.made() == expected(seed)


def test_killed_again_and_again_a_run_goes_on_from_what_it_committed(
    commands: ForkedCommands, places: str, tmp_path: Path
) -> None:
    """One project; a new parameter whenever a run came through."""
    ground, seed, chance = Ground.new(commands, tmp_path), 0, random.Random(1)
    source = (ground.root / "flow.ipynb").read_bytes()
    before: dict[Path, str] = {}
    kills = 0
    while kills < (min(LONG, 100) or 6):
        committed = {step for path, step in ground.records().items() if path not in before}
        said = ground.nbflow("run", "-p", f"seed={seed}", "--json", fault="kill", at=chance.randint(1, len(places)))
        assert not committed.intersection(ground.ran())
        if said.code == 0:
            assert ground.made() == expected(seed)
            seed, before = seed + 1, ground.records()
        else:
            assert said.code in (-signal.SIGKILL, 1)  # the run itself, or one of its steps
            kills += 1
            assert_sound(ground, source)
    assert_completes(ground, seed, {step for path, step in ground.records().items() if path not in before})


@pytest.mark.parametrize("fault", ["kill", "ENOSPC", "EIO", "EROFS"])
def test_whatever_goes_wrong_wherever_nothing_is_half_made_and_the_next_run_completes(
    commands: ForkedCommands, places: str, tmp_path: Path, fault: str
) -> None:
    chosen = some_of(places, fault)
    wrong = [(at, words) for at in chosen if (words := tried(Ground.new(commands, tmp_path / f"at{at}"), fault, at))]
    assert wrong == []


def tried(ground: Ground, fault: str, at: int) -> str:
    """What was wrong when an action went wrong; ``""`` where all was well."""
    source = (ground.root / "flow.ipynb").read_bytes()
    said = ground.nbflow("run", fault=fault, at=at)
    ran, committed = ground.ran(), set(ground.records().values())
    try:
        assert said.code in (0, 1, 4, -signal.SIGKILL)
        assert len(ran) == len(set(ran)), "run twice"
        assert "Traceback" not in said.err + said.out
        assert said.code not in (1, 4) or any(words in said.err for words in WORDS[fault])
        assert_sound(ground, source)
        assert_completes(ground, 0, committed)
    except Exception as error:
        return f"{type(error).__name__}: {error}\n{said.code}\n{said.out}\n{said.err}"
    shutil.rmtree(ground.root)
    return ""
