"""Runs with real kernels that are killed at random moments, and kernels that are: nobody is left, nothing is lost,
nothing is made twice, and what the journal tells adds up. Kills between any two durable actions are tried in
``test_faults``."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from nbflow.journal import Journal
from nbflow.ops.keeping import cache_verify, settings_here
from tests.commands import Given
from tests.marked import MARK, MarkedRun

pytestmark = pytest.mark.slow

LONG = int(os.environ.get("NBFLOW_KILLS", "0"))
"""How many kills in the long form, of a run of thirty steps. Read here: no test sees the person's own variables."""

SETTINGS = "[tool.nbflow]\njobs = 2\ncrash_retries = {crash_retries}\nretry_delay = 0.01\nkeep_runs = 1000\n"

# --- the run is killed -----------------------------------------------------------------------------------

LAYERS, WIDE = (10 if LONG else 4), 3
STEPS = LAYERS * WIDE
NEVER_REUSED = "s3_1"


def pipeline() -> tuple[str, ...]:
    """Three steps in each layer: each takes the results of two of the layer above. One writes files, one has
    children that would outlive it and hide, one is never reused."""
    cells = [
        "# parameters\nseed = 0",
        "import os, subprocess, sys\nfrom pathlib import Path",
        'def log(name):\n    with open(os.environ["LOG"], "a") as file:\n        file.write(f"{name}\\n")',
    ]
    for layer in range(LAYERS):
        for place in range(WIDE):
            name = f"s{layer}_{place}"
            needs = [f"s{layer - 1}_{(place + shift) % WIDE}" for shift in (0, 1)] if layer else []
            inputs = f"-i {' '.join(needs)} " if needs else ""
            files = " out/file.txt" if name == "s2_0" else ""
            option = " --no-cache" if name == NEVER_REUSED else ""
            body = [f"log('{name}')", f"{name} = [{', '.join(['seed', *(f'sum({n})' for n in needs)])}]"]
            if files:
                body += ["Path('out').mkdir(exist_ok=True)", f"Path('out/file.txt').write_text(str({name}))"]
            if name == "s3_2":
                body += [f"subprocess.Popen([sys.executable, 'stubborn.py', '{how}'], start_new_session=True)"
                         for how in ("plain", "hides")]  # fmt: skip
            cells.append("\n".join([f"%%step {name} {inputs}-o {name}{files}{option}", *body]))
    return tuple(cells)


STUBBORN = f"""
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1] == "hides":
    os.execve(sys.executable, [sys.executable, __file__, "plain", os.environ["{MARK}"]], {{}})
time.sleep(600)
"""


class Ground:
    """A project, a log of the steps whose code ran, and a folder for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.root, self.log = folder / "project", folder / "log"
        # Not below pytest's: sockets need a short path.
        self.temporary = Path(tempfile.mkdtemp(prefix="kills"))
        Given(pipeline(), files={"pyproject.toml": SETTINGS.format(crash_retries=1), "stubborn.py": STUBBORN}).write(
            self.root
        )
        self.source = (self.root / "flow.ipynb").read_bytes()
        self.before = set[Path]()

    def run(self, seed: int) -> MarkedRun:
        environ = {"LOG": str(self.log), "TMPDIR": str(self.temporary)}
        return MarkedRun(self.root, "-p", f"seed={seed}", "--json", environ=environ)

    def ran(self) -> list[str]:
        """The steps whose code ran since this was asked for last."""
        found = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return found

    def begin(self) -> None:
        """What is committed from now on is looked at."""
        self.before = set(self._records())

    def made(self) -> dict[str, dict[str, str]]:
        """Steps whose results have been committed since ``begin`` → artifact → digest."""
        found = {}
        for path in self._records():
            record = json.loads(path.read_text())
            if path not in self.before:
                found[record["step"].rpartition(".")[2]] = {
                    made["name"]: made["digest"] for made in record["artifacts"]
                }
        return found

    def _records(self) -> list[Path]:
        return sorted((self.root / ".nbflow" / "store" / "records").glob("*/*/*.json"))

    def assert_sound(self) -> None:
        assert (self.root / "flow.ipynb").read_bytes() == self.source
        verdict = cache_verify(settings_here(self.root))
        assert verdict.clean, verdict


@pytest.fixture
def grounds(tmp_path: Path) -> Iterator[tuple[Ground, Ground]]:
    """One to be disturbed, and one that is not."""
    both = Ground(tmp_path / "disturbed"), Ground(tmp_path / "calm")
    yield both
    for ground in both:
        shutil.rmtree(ground.temporary)


def test_a_run_that_is_killed_again_and_again_leaves_nobody_and_loses_nothing(
    grounds: tuple[Ground, Ground], capsys: pytest.CaptureFixture[str]
) -> None:
    """A new parameter whenever a run came through."""
    ground, calm = grounds
    chance, seed, took = random.Random(LONG), 0, list[float]()
    while len(took) < (LONG or 4):
        committed = ground.made().keys() - {NEVER_REUSED}
        left = killed_somewhere(ground.run(seed), 3 * (STEPS - len(committed)) + 1, chance)
        assert not committed.intersection(ground.ran())
        ground.assert_sound()
        if left is None:
            seed += 1
            ground.begin()
        else:
            took.append(left)
    succeeded(ground.run(seed))
    ground.assert_sound()
    assert list(ground.temporary.iterdir()) == []
    succeeded(calm.run(seed))
    assert sorted(calm.ran()) == sorted(f"s{n}_{m}" for n in range(LAYERS) for m in range(WIDE))
    assert ground.made() == calm.made()
    with capsys.disabled():
        print(f"\n{len(took)} kills, {seed} runs came through; nobody was left after {max(took):.1f} s at most.")


def killed_somewhere(run: MarkedRun, lines: int, chance: random.Random) -> float | None:
    """Kill it before it has told anything, or at a moment after one of the ``lines`` that it will tell; seconds until
    nobody was left. ``None``: it was through before."""
    line = chance.randrange(-lines // 8, lines)
    for _ in range(line + 1):
        run.told.readline()
    time.sleep(chance.uniform(0, 0.05 if line >= 0 else 2.0))
    try:
        if run.process.poll() is None:
            return run.kill()
        assert run.process.returncode == 0
        return None
    finally:
        run.clear_away()


def succeeded(run: MarkedRun) -> str:
    """What a run that came to its end has told; nobody is left of it."""
    try:
        code, out, err = run.end()
        assert code == 0, err
        assert run.family() == []
        return out
    finally:
        run.clear_away()


# --- its kernels are killed ------------------------------------------------------------------------------

SLEEPERS = 16 if LONG else 8
EVERY = 0.3
"""Seconds between two kills, on average."""

MOST = 12 if LONG else 6
"""Kills."""

BROAD = (
    "import time",
    "%%step first -o first\nfirst = 1",
    *(f"%%step s{n} -i first -o s{n}\ntime.sleep(0.5)\ns{n} = first + {n}" for n in range(SLEEPERS)),
    f"%%step last -i {' '.join(f's{n}' for n in range(SLEEPERS))} -o last\nlast = s0 + s{SLEEPERS - 1}",
)


def kernels(run: MarkedRun) -> list[psutil.Process]:
    """Of a run: started anew, or forked from its server."""
    found = []
    for process in run.family():
        with suppress(psutil.Error):
            if "ipykernel_launcher" in process.cmdline() or is_server(process.parent()):
                found.append(process)
    return found


def is_server(process: psutil.Process | None) -> bool:
    return process is not None and process.cmdline()[-1:] == ["serve"]


@pytest.mark.parametrize("budget", [0, 1, 20] if LONG else [0, 20])
def test_kernels_that_are_killed_cost_attempts_and_no_more_than_the_budget(tmp_path: Path, budget: int) -> None:
    Given(BROAD, files={"pyproject.toml": SETTINGS.format(crash_retries=budget)}).write(tmp_path)
    chance, kills = random.Random(budget), 0
    run = MarkedRun(tmp_path, "--json")
    try:
        while '"StepSucceeded"' not in run.told.readline():  # from now on the run is broad
            assert run.process.poll() is None
        while run.process.poll() is None:
            time.sleep(chance.expovariate(1 / EVERY))
            if kills < MOST and (victims := kernels(run)):
                with suppress(psutil.NoSuchProcess):
                    chance.choice(victims).kill()
                    kills += 1
        code = run.end()[0]
        assert run.family() == []
    finally:
        run.clear_away()
    status, steps, why = told(tmp_path)
    assert why <= {KILLED, TOO_EARLY}
    assert sum(step.crashed for step in steps.values()) <= kills
    lost = {name for name, step in steps.items() if step.crashed > budget}
    assert (status, code) == (("failed", 1) if lost else ("succeeded", 0))
    for name, step in steps.items():
        skipped = name not in lost and bool(lost & needs(name))
        assert step == (
            Told(skipped=1)
            if skipped
            else Told(step.crashed, step.crashed, step.crashed - 1)
            if name in lost
            else Told(step.crashed + 1, step.crashed, step.crashed, 1)
        ), name
    assert budget < MOST or status == "succeeded"


KILLED = "the kernel was killed by SIGKILL (often: out of memory)"
TOO_EARLY = f"the kernel did not start: {KILLED.replace('the kernel', 'it')}"


def needs(name: str) -> set[str]:
    return {"first": set(), "last": {"first", *(f"s{n}" for n in range(SLEEPERS))}}.get(name, {"first"})


class Told(NamedTuple):
    """What the journal tells of one step: how often each happened."""

    started: int = 0
    """Or would have been, had its kernel not been killed before it was there."""
    crashed: int = 0
    retried: int = 0
    succeeded: int = 0
    skipped: int = 0


def told(root: Path) -> tuple[str, dict[str, Told], set[str]]:
    """Of the one run there was: how it ended, what each step came to, and why attempts crashed."""
    journal = Journal.read(root)
    assert journal is not None
    with journal:
        (run,) = journal.runs()
        events = journal.events(run.id)
    names = ("StepStarted", "StepCrashed", "RetryDue", "StepSucceeded", "StepSkipped")
    counts = Counter((e["step"].rpartition(".")[2], e["event"]) for e in events if "step" in e)
    counts.update((e["step"].rpartition(".")[2], "StepStarted") for e in events if e.get("message") == TOO_EARLY)
    assert {event for _, event in counts} <= {*names, "StepProgressed"}
    why = {e["message"] for e in events if e["event"] == "StepCrashed"}
    steps = {step: Told(*(counts[step, name] for name in names)) for step, _ in counts}
    return run.status, steps, why
