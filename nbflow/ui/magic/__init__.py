"""``%load_ext nbflow``: what makes ``%%step``, ``%step`` and ``%flow`` work in a live kernel, and takes it away again.

A step cell is a plain cell with one line more: ``cells`` turns that line into Python, and a ``Session`` does what the
line asks for. ``flow`` asks and runs the whole pipeline. Loading the extension starts nothing and reads no file, and no
result of a live kernel is ever stored.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from IPython.core.magic import no_var_expand

from nbflow.core.declare import USAGE
from nbflow.errors import DeclareError
from nbflow.ui.magic.badges import Badges
from nbflow.ui.magic.cells import BEGIN, END, StepBodies, StepLines
from nbflow.ui.magic.completion import matcher
from nbflow.ui.magic.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Session", "load_ipython_extension", "session_of", "unload_ipython_extension"]

_LOADED = "_nbflow"
"""Where a shell keeps what was loaded into it."""

OPTIONS = """
    NAME                    letters, digits, _ and -; several cells may name the same step
    -i, --in ITEM ...       what it takes: variables that other steps make, and files
    -o, --out ITEM ...      what it makes: variables, and files
    --after STEP ...        steps that have to run before, though nothing is taken from them
    --retries N, --retry-delay SECONDS, --timeout SECONDS
    --no-cache              run each time
    --resources KEY=AMOUNT  what it needs, as in gpu=1 memory=8GiB

A word is a variable, anything with a / or a . is a file: features, data/clean.parquet, plots/ (a folder), raw=data.csv
(a file whose path is bound to the name raw), features:parquet (a variable and its format).
"""


class _Loaded:
    """What ``%load_ext nbflow`` has put into one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.session = Session(shell)
        self.lines = StepLines(self.session)
        self.bodies = StepBodies(self.session)
        shell.input_transformer_manager.cleanup_transforms.append(self.lines)
        shell.ast_transformers.append(self.bodies)
        shell.magics_manager.register_function(_step_cell, "cell", "step")
        shell.magics_manager.register_function(_step_line(self.session), "line", "step")
        shell.magics_manager.register_function(_flow_line(self.session), "line", "flow")
        shell.events.register("pre_run_cell", self.session.ran)
        self.badges = Badges(self.session)
        shell.events.register("post_run_cell", self.badges)
        self.matcher = matcher(self.session)
        shell.Completer.custom_matchers.append(self.matcher)
        # Builtins of IPython's own making: the user's namespace stays as it is, and `%reset` takes nothing away.
        for name, function in self._helpers.items():
            shell.builtin_trap.auto_builtins[name] = function
            if shell.builtin_trap._nested_level:  # a cell is running, the one with `%load_ext`
                shell.builtin_trap.add_builtin(name, function)

    @property
    def _helpers(self) -> dict[str, object]:
        return {BEGIN: self.session.begin, END: self.session.end}

    def remove_from(self, shell: InteractiveShell) -> None:
        with suppress(ValueError):
            shell.input_transformer_manager.cleanup_transforms.remove(self.lines)
        with suppress(ValueError):
            shell.ast_transformers.remove(self.bodies)
        for kind in ("cell", "line"):
            shell.magics_manager.magics[kind].pop("step", None)
        shell.magics_manager.magics["line"].pop("flow", None)
        for event, told in (("pre_run_cell", self.session.ran), ("post_run_cell", self.badges)):
            with suppress(ValueError):
                shell.events.unregister(event, told)
        with suppress(ValueError):
            shell.Completer.custom_matchers.remove(self.matcher)
        for name in self._helpers:
            shell.builtin_trap.auto_builtins.pop(name, None)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Make ``%%step``, ``%step`` and ``%flow`` known to this shell. A second time changes nothing."""
    if _LOADED not in vars(ipython):
        vars(ipython)[_LOADED] = _Loaded(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take them away again."""
    loaded = vars(ipython).pop(_LOADED, None)
    if loaded is not None:
        loaded.remove_from(ipython)


def session_of(ipython: InteractiveShell) -> Session:
    """What nbflow knows of this live kernel. Raises ``KeyError`` where the extension is not loaded."""
    loaded: _Loaded = vars(ipython)[_LOADED]
    return loaded.session


def _step_cell(line: str, cell: str) -> None:  # noqa: ARG001 (what IPython passes to a cell magic)
    # The first line of a cell never comes here: it has been turned into Python. Help and completion ask for it.
    raise DeclareError(f"%%step {line} is not the first line of its cell.", "Move it to the top of a cell of its own.")


_step_cell.__doc__ = f"""This cell is a step of the pipeline, or a part of one.

{USAGE}
{OPTIONS}
The body runs as in any cell. An input that is not here is loaded from the newest stored result that is still fresh;
an output that is not bound when the body is done is an error. Only `nbflow run` stores results.
"""


def _step_line(session: Session) -> object:
    def step(line: str) -> None:
        session.declare_notebook(line)

    step.__doc__ = f"""This whole notebook is one step of a pipeline. In its first code cell:

{USAGE.replace("%%step", "%step")}
{OPTIONS}"""
    return no_var_expand(step)


FLOW = """The pipeline of this notebook.

%flow                 draw it
%flow run [STEPS]     run what is stale, each step in a clean kernel, and reuse the rest
%flow plan [STEPS]    what would run, and why
%flow status          where every step stands
%flow why STEP        why a step would run or be reused
%flow check           look for mistakes, without running anything
%flow load STEP       put what a step made into this kernel (--inputs: what it takes)
%flow report [RUN]    where the page is that tells all of a run
%flow use [NOTEBOOK]  which notebook this kernel belongs to
%flow help [VERB]     this text, or the options of a verb

STEPS: train, +train (it and all it needs), train+ (it and all that needs it), 'fit_*', state:stale.
What counts is the notebook as it is saved.
"""


def _flow_line(session: Session) -> object:
    def flow(line: str) -> None:
        from nbflow.ui.magic.flow import flow as ask

        ask(session, line)

    flow.__doc__ = FLOW
    return flow
