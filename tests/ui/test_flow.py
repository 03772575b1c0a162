"""``%flow`` in a shell of this process, with steps that run without Jupyter: what each verb shows, binds and refuses.
``test_flow_live`` does the same through real kernels; ``test_beginner_mistakes`` has the messages."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow import ops
from nbflow.journal import lock_owner
from nbflow.ops import following
from nbflow.ui.magic import FLOW, session_of, verbs
from tests.commands import steady
from tests.flows import Flow, write_notebook
from tests.ui.shells import PLAINLY, Live

GRAPH = ["load          · → raw", "└─ clean      raw → table, total", "   └─ report  table → ·"]


@pytest.fixture
def ask(live: Live, flow: Flow) -> Callable[[str], list[str]]:
    """Runs a line, and gives what it shows without what differs each time."""
    session_of(live.shell).program = PLAINLY

    def asked(line: str) -> list[str]:
        return [steady(shown, flow.root) for shown in live.run(line)]

    return asked


Ask = Callable[[str], list[str]]

# --- asking --------------------------------------------------------------------------------------------


def test_before_anything_has_run(ask: Ask, flow: Flow) -> None:
    assert ask("%flow") == GRAPH
    assert ask("%flow plan clean load") == [
        *GRAPH,
        "   step   action  why",
        "▶  load   run     no result yet",
        "▶  clean  run     no result yet",
        "2 steps to run, 0 to reuse.",
    ]
    assert ask("%flow plan -s clean --exclude clean") == ["Nothing is selected."]
    assert ask("%flow why load") == ["load will run:", "  first run  it has no stored result yet"]
    assert ask("%flow status")[3:] == [
        "   step    state      last result  time  why",
        "·  load    no result",
        "·  clean   no result",
        "·  report  no result",
    ]
    assert ask("%flow check") == ["3 steps checked: no findings."]
    assert ask("%flow   plan  load   # what is new?")[-1] == "1 step to run, 0 to reuse."
    assert not flow.file("nbflow_runs").exists()


def test_a_run_shows_how_it_came_out_and_its_results_are_there_at_once(ask: Ask, live: Live) -> None:
    assert ask("%flow run +clean -p size=2") == [
        "   step   state       time  why",
        "✔  load   succeeded  N.N s  first run",
        "✔  clean  succeeded  N.N s  first run",
        "✔ Run RUN succeeded in N.N s: 2 succeeded.",
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb",
        "  Report: nbflow_runs/RUN/report.html",
    ]
    assert ask("%flow load clean -p size=2") == ["nbflow: loaded table, total from step clean (run RUN)"]
    assert (live["table"], live["total"]) == ({0: 0, 1: 10}, 1)
    live.run("total = 'mine'")
    assert ask("%flow load clean --inputs -p size=2") == ["nbflow: loaded raw from step load (run RUN)"]
    assert (live["raw"], live["total"]) == ([0, 1], "mine")
    assert ask("%flow plan +clean -p size=2")[-1] == "0 steps to run, 2 to reuse."
    assert ask("%flow run clean load -j 1 --force -p size=2")[1:3] == [
        "✔  load   succeeded  N.N s  asked for with --force",
        "✔  clean  succeeded  N.N s  asked for with --force",
    ]


def test_results_are_those_of_the_parameters_here(ask: Ask, live: Live, flow: Flow) -> None:
    flow.run()
    flow.parameters = {"size": 2}
    flow.run()
    assert ask("%flow load clean") == ["nbflow: loaded table, total from step clean (run RUN)"]
    assert live["total"] == 3
    live.run("size = 2")
    ask("%flow load clean")
    assert live["total"] == 1
    live.run("size = 5")
    assert ask("%flow load clean") == [
        (
            "StepError: Step 'clean' has no fresh stored result (needs load, which will run). "
            "Make it: %flow run +clean -p size=5"
        )
    ]


def test_a_result_that_is_not_fresh_is_refused_with_the_reason_and_the_command(
    ask: Ask, live: Live, flow: Flow
) -> None:
    flow.run()
    flow.replace("clean", "sum(table)", "len(table)")
    refused = "Step 'clean' has no fresh stored result (the step's code changed: total = len(table))."
    assert ask("%flow load clean") == [f"StepError: {refused} Make it: %flow run +clean"]
    assert ask("%flow load report --inputs") == [
        (
            "StepError: 'table' is not here and step 'clean' has no fresh stored result (the step's code changed: "
            "total = len(table)): run its cell, or %flow run +clean"
        )
    ]
    assert "table" not in live


def test_what_a_step_makes_besides_variables_is_named(ask: Ask, live: Live, flow: Flow) -> None:
    body = "out.parent.mkdir(exist_ok=True); out.write_text('x'); open('b.txt', 'w').close(); n = 1"
    flow.add("files", f"%%step files -o out=made/a.txt b.txt n\n{body}", "report")
    flow.add("after", "%%step after -i made/a.txt\n1", "report")
    flow.run()
    assert ask("%flow load files") == [
        "nbflow: loaded n from step files (run RUN)",
        "nbflow: out is the path made/a.txt",
    ]
    assert (live["n"], live["out"]) == (1, Path("made/a.txt"))
    flow.file("b.txt").unlink()
    assert ask("%flow load files")[2:] == ["nbflow: not there any more: b.txt. %flow run files puts it back"]
    assert ask("%flow load report") == ["nbflow: step report makes no variables"]
    assert ask("%flow load after --inputs") == ["nbflow: step after takes no variables, only files: made/a.txt"]


def test_the_pipeline_is_what_the_settings_name_if_the_notebook_is_among_it(
    ask: Ask, flow: Flow, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "other.ipynb", {"use": "%%step use -i total -o size\nsize = total"})
    flow.write("pyproject.toml", '[tool.nbflow]\nnotebooks = ["flow.ipynb", "other.ipynb"]\n')
    assert ask("%flow plan")[-2:] == ["▶  use     run     no result yet", "4 steps to run, 0 to reuse."]
    flow.write("pyproject.toml", '[tool.nbflow]\nnotebooks = ["other.ipynb"]\n')
    assert ask("%flow plan")[-1] == "3 steps to run, 0 to reuse."


def test_help_is_there_for_the_whole_and_for_each_verb(ask: Ask) -> None:
    whole = [line for line in FLOW.splitlines() if line]
    assert ask("%flow help") == ask("%flow --help") == ask("%flow -h") == whole
    named = [line.split()[1] for line in whole if line.startswith("%flow ") and line.split()[1].islower()]
    assert named[1:] == list(verbs.flow.commands)
    for verb in verbs.flow.commands:
        said = ask(f"%flow help {verb}")
        assert said[0].startswith(f"Usage: %flow {verb} [OPTIONS]")
        assert said == ask(f"%flow {verb} --help")


HARD = "a 'b' \"c\" $HOME {x} --force -p size=9 \\ é #"


def test_a_run_gets_what_stands_on_the_line_whatever_it_is(ask: Ask, live: Live, flow: Flow) -> None:
    flow.replace("parameters", "size = 3", "size = 3\nword = 'x'\nitems = ()")
    flow.add("echo", "%%step echo -o said\nsaid = [word, items, size]", "report")
    flow.write("sub/more.yaml", "items: [1.5, null, {a: -1}]")
    live.run("import os; os.chdir('sub')")
    live.shell.user_ns["hard"] = HARD
    live.run("import shlex")
    given = "-p word={shlex.quote(hard)} -f more.yaml -y 'size: [\"a b\", true]'"
    assert ask(f"%flow run echo {given}")[1].startswith("✔  echo  succeeded")
    assert ask(f"%flow load echo {given}") == ["nbflow: loaded said from step echo (run RUN)"]
    assert live["said"] == [HARD, [1.5, None, {"a": -1}], ["a b", True]]


def test_what_no_process_can_be_given_is_refused(ask: Ask, live: Live, flow: Flow) -> None:
    live.shell.user_ns["long"] = "x" * 200_000
    flow.replace("parameters", "size = 3", "size = 3\nword = 'x'")
    assert ask("%flow run load -p word={long}") == [
        (
            "UsageError: The run cannot be started: Argument list too long. "
            "If a parameter is very long, give it in a file: -f parameters.yaml"
        )
    ]


def test_later_and_elsewhere_a_run_is_what_a_person_types_in_the_projects_folder(ask: Ask, flow: Flow) -> None:
    flow.write("click.py", "raise SystemExit('a module of the user')")
    ask("%flow run +clean --exclude report -p size=2 -j 2 --force")
    (past,) = ops.past_runs(flow.root)
    assert past.row.status == "succeeded"
    assert past.command == "nbflow run flow.ipynb -p size=2 -s +clean --exclude report -j 2 --force"


# --- what is not saved ---------------------------------------------------------------------------------


def test_cells_that_ran_and_are_not_saved_so_are_named(ask: Ask, live: Live) -> None:
    live.run("%%step load -o raw\nraw = [7]")
    live.run("%%step fit -o m\nm = 1")
    line = "nbflow: unsaved changes in cell 2 and step fit: what is saved counts, so save the notebook first"
    for verb in ("", "plan", "run", "status", "why load", "check", "load load"):
        assert ask(f"%flow {verb}")[0] == line


def test_a_notebook_saved_since_has_no_unsaved_changes(ask: Ask, live: Live, flow: Flow) -> None:
    live.run("%%step load -o raw\nraw = [7]")
    os.utime(flow.file("flow.ipynb"), (4e9, 4e9))
    assert ask("%flow") == GRAPH


# --- failing and stopping ------------------------------------------------------------------------------


def test_a_step_that_fails_is_shown_and_fails_the_cell_only_where_that_is_asked_for(ask: Ask, flow: Flow) -> None:
    flow.replace("report", "print(table)", "1 / 0")
    shown = ask("%flow run -p size=2")
    assert shown[3] == "✘  report  failed     N.N s  ZeroDivisionError: division by zero"
    assert shown[4] == "✘ report failed in cell 5: ZeroDivisionError: division by zero"
    assert shown[-5:] == [
        "  Its executed notebook: nbflow_runs/RUN/steps/report.ipynb",
        "✘ Run RUN failed in N.N s: 2 succeeded, 1 failed.",
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb",
        "  Report: nbflow_runs/RUN/report.html",
        "  To resume: %flow run -p size=2  (what succeeded is reused)",
    ]
    assert ask("%flow run --wait --force -j 1 -p size=2")[-1] == (
        "StepError: step `report` failed: ZeroDivisionError: division by zero. To resume: %flow run -p size=2 -j 1"
    )


def press(when: Callable[[], bool], done: threading.Event) -> None:
    """Ctrl-C, once it is so."""
    while not done.is_set():
        if when():
            os.kill(os.getpid(), signal.SIGINT)
            return
        time.sleep(0.02)


def test_an_interrupt_cancels_the_run_and_fails_the_cell(ask: Ask, flow: Flow) -> None:
    flow.replace("load", "raw = ", "import time; open('asleep', 'w').close(); time.sleep(60); raw = ")
    done = threading.Event()
    pressing = threading.Thread(target=press, args=(flow.file("asleep").exists, done))
    pressing.start()
    try:
        shown = ask("%flow run +clean")
    finally:
        done.set()
        pressing.join()
    assert shown[1:3] == [
        "■  load   cancelled  N.N s  the run was cancelled while the step ran",
        "■  clean  cancelled         the run was cancelled before the step began",
    ]
    assert shown[-2:] == [
        "  To resume: %flow run +clean  (what succeeded is reused)",
        "KeyboardInterrupt: the run was cancelled; what succeeded is kept. To resume: %flow run +clean",
    ]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_whose_process_is_killed_is_shown_as_far_as_it_came(ask: Ask, flow: Flow) -> None:
    sleep = "import os, time; open('asleep', 'w').close()\nwhile not os.path.exists('wake'): time.sleep(0.02)\nraw = "
    flow.replace("load", "raw = ", sleep)
    done = threading.Event()
    killing = threading.Thread(target=kill_run, args=(flow, done))
    killing.start()
    try:
        shown = ask("%flow run +clean")
    finally:
        done.set()
        killing.join()
        flow.file("wake").touch()
    assert shown[1:3] == [
        "▶  load   cut short         the run ended while it ran",
        "·  clean  waiting           waits for load",
    ]
    assert shown[-3:] == [
        "✘ Run RUN crashed after N.N s: 1 waiting, 1 running.",
        "  To resume: %flow run +clean  (what succeeded is reused)",
        "NbflowError: Run RUN is lost: its process was killed. To resume: %flow run +clean",
    ]


def kill_run(flow: Flow, done: threading.Event) -> None:
    """Once its step is at work."""
    while not done.is_set():
        if flow.file("asleep").exists():
            with following.journal_of(flow.root) as journal:
                owner = lock_owner(flow.root, journal.runs(1)[0].id)
            assert owner is not None
            os.kill(owner.pid, signal.SIGKILL)
            return
        time.sleep(0.02)


UNDECIDED = "Step 'clean' cannot be decided: the check found 1 error"


def test_what_the_check_finds_is_shown_before_anything_runs(ask: Ask, flow: Flow) -> None:
    flow.replace("clean", " -i raw", "")
    found = [
        "error[undeclared-input] This step reads 'raw', which step 'load' makes (cell 2).",
        "  at   flow.ipynb, cell 4, step clean: %%step clean -o table total",
        "  fix  Add '-i raw' to the %%step line of 'clean'.",
    ]
    error = (
        "InvalidPipeline: The check found 1 error, so nothing was run. nbflow check --fix writes what is not declared."
    )
    for verb in ("run", "plan"):
        assert ask(f"%flow {verb}") == [*found, error]
    assert ask("%flow check") == [*found, "3 steps checked: 1 error."]
    undecided = error.replace("The check found 1 error, so nothing was run", UNDECIDED)
    assert ask("%flow why clean") == [*found, undecided]
    assert ask("%flow why load")[0] == "load will run:"
    assert [line.split()[1:3] for line in ask("%flow status")[4:7]] == [
        ["load", "no"], ["clean", "invalid"], ["report", "invalid"],
    ]  # fmt: skip
    assert ask("%flow status")[-1] == "The check says what is wrong with those that are invalid."
    assert not flow.file("nbflow_runs").exists()


def test_the_picture_of_a_pipeline_that_is_wrong_names_what_is(ask: Ask, flow: Flow) -> None:
    flow.replace("report", "-i table", "-i tabel")
    assert ask("%flow")[3:] == [
        "error[no-maker] No step makes the input 'tabel'. Did you mean 'table'?",
        "  at   flow.ipynb, cell 5, step report: %%step report -i tabel",
        "  fix  Add '-o tabel' to the step that makes it, or remove 'tabel' from -i.",
    ]


def test_in_the_kernel_of_a_run_it_is_an_error(ask: Ask, live: Live) -> None:
    live.run("__nbflow__ = object()")
    refused = (
        "UsageError: %flow does nothing in the kernel of a run: a run cannot ask for another one. "
        "Put the line into a cell of its own, which runs leave out."
    )
    assert [ask(f"%flow {verb}") for verb in ("", "run", "load clean")] == [[refused]] * 3
    assert ask("%flow help")[0] == FLOW.splitlines()[0]


def test_a_run_leaves_out_the_lines_that_speak_to_nbflow(ask: Ask, flow: Flow) -> None:
    flow.add("top", "%load_ext nbflow\n%flow run", "load")
    flow.replace("load", "raw = ", "%flow run\n%flow load clean\nraw = ")
    assert ask("%flow run load")[1] == "✔  load  succeeded  N.N s  first run"
    (executed,) = flow.file("nbflow_runs").glob("*/steps/load.ipynb")
    sources = ["".join(c["source"]) for c in json.loads(executed.read_text())["cells"]]
    assert [line for source in sources for line in source.splitlines() if line.startswith("%")] == []


# --- which notebook ------------------------------------------------------------------------------------


def test_the_notebook_is_said_once(ask: Ask, live: Live, flow: Flow, tmp_path: Path) -> None:
    write_notebook(tmp_path / "sub" / "other.ipynb", {"use": "%%step only -o size\nsize = 1"})
    assert ask("%flow use") == ["nbflow: this kernel belongs to flow.ipynb"]
    assert ask("%flow use sub/other.ipynb") == ["nbflow: this kernel belongs to sub/other.ipynb"]
    assert ask("%flow") == ["only  · → size"]
    live.run("import os; os.chdir('sub')")
    assert ask("%flow use flow.ipynb") == ["nbflow: this kernel belongs to ../flow.ipynb"]
    assert ask("%flow") == GRAPH


def test_a_name_of_the_kernel_may_stand_on_the_line(ask: Ask, live: Live) -> None:
    live.run("wanted, n = 'load', 7")
    assert ask("%flow plan $wanted -p size={n}")[-2:] == [
        "▶  load  run     no result yet",
        "1 step to run, 0 to reuse.",
    ]
