"""What happens around the body of a step cell: inputs that are missing are loaded, outputs that are missing are named.

A ``Session`` belongs to one live kernel. It binds only names that are not bound, stores nothing, and is quiet unless
it has loaded something. Its two calls stand in the user's cell (see ``cells``), so whatever they raise is a plain
message without a frame of ours. Read ``loading`` next for where values come from.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from nbflow.core.declare import parse
from nbflow.core.model import Declaration, Item
from nbflow.errors import DeclareError, NbflowError
from nbflow.runtime.failure import StepError
from nbflow.ui.magic.cells import transformed, written
from nbflow.ui.magic.unsaved import RanHere

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbflow.ui.magic.loading import Live
    from nbflow.ui.magic.panel import Panel

RUN = "__nbflow__"
"""Bound in the kernels of a run, where inputs and outputs are the run's business."""


class Session:
    """The step cells of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.declared: dict[str, Declaration | DeclareError] = {}
        """What each step line says, by its text, or what is wrong with it."""
        self.environ = dict(os.environ)
        """As the notebook found it: what its cells set up is not what a run starts with."""
        self.started_in = Path(str(shell.starting_dir))
        self.program: tuple[str, ...] = ()
        """What Python runs to make a run, in place of nbflow's command."""
        self.ran = RanHere()
        self.panels: dict[str, Panel] = {}
        """What stands below cells, by their ids."""
        self._said: Path | None = None
        self._left: dict[str, dict[str, Item]] = {}

    # --- the notebook --------------------------------------------------------------------------------------

    @property
    def notebook(self) -> Path | None:
        """The notebook's file, ``None`` where nobody says which it is."""
        from nbflow.ui.magic.where import find_executed, find_notebook

        if self._said is None:
            found = find_notebook(self.names, self.environ, self.started_in)
            if found is not None:
                return found
            self._said = find_executed(self._source())
        return self._said

    def use(self, notebook: Path) -> None:
        """Say which notebook this kernel belongs to."""
        self._said = notebook.absolute()

    @property
    def told(self) -> Path | None:
        """The file that a front end names though it is not there."""
        from nbflow.ui.magic.where import told

        return next(told(self.names, self.environ, self.started_in), None)

    @property
    def in_run(self) -> bool:
        """Whether this is the kernel of a run."""
        return RUN in self.names

    def live(self, notebook: Path, parameters: Mapping[str, Any]) -> Live:
        """What loading needs to know of this kernel."""
        from nbflow.ui.magic.loading import Live

        return Live(notebook, self.names, self.environ, parameters)

    @property
    def names(self) -> dict[str, Any]:
        """The user's namespace."""
        names: dict[str, Any] = self.shell.user_ns
        return names

    @property
    def interactivity(self) -> str:
        """What IPython shows of a cell."""
        return str(self.shell.ast_node_interactivity)

    # --- the calls -----------------------------------------------------------------------------------------

    def begin(self, text: str) -> None:
        """Stands where the ``%%step`` line stood. Raises ``NbflowError`` or ``StepError``."""
        __tracebackhide__ = True
        self._show_as_written(sys._getframe(1), text)
        plainly(lambda: self._begin(self._declaration(text)), "looked for what the step takes")

    def end(self, text: str, value: object = None) -> object:
        """Stands around the last expression of a step cell, or behind its last statement; gives back the value.
        Raises ``StepError``."""
        __tracebackhide__ = True
        try:
            plainly(lambda: self._end(self._declaration(text)), "looked at what the step made")
        except StepError:
            if self.interactivity != "none":
                sys.displayhook(value)
            raise
        return value

    def declare_notebook(self, line: str) -> None:
        """What ``%step`` does. Raises ``DeclareError``, ``NbflowError`` or ``StepError``."""
        __tracebackhide__ = True
        declaration = parse(line, whole_notebook=True)
        if any(isinstance(each, Declaration) for each in self.declared.values()):
            say("%step makes this whole notebook one step; for one cell write %%step")
        plainly(lambda: self._begin(declaration), "looked for what the step takes")

    def _declaration(self, text: str) -> Declaration:
        found = self.declared[text]
        if isinstance(found, DeclareError):
            raise DeclareError(found.message, found.fix)
        return found

    # --- before the body -----------------------------------------------------------------------------------

    def _begin(self, declaration: Declaration) -> None:
        if self.in_run:
            return
        missing = [str(i.name) for i in declaration.inputs if not i.is_file and i.name not in self.names]
        if missing:
            self._load(missing, declaration.name)
        for item in (*declaration.inputs, *declaration.outputs):
            if item.is_file and item.name:
                self.names[item.name] = Path(str(item.path))

    def _load(self, missing: list[str], step: str) -> None:
        notebook = self.notebook
        listed = " and ".join(f"'{name}'" for name in missing)
        what = f"{listed} {'is' if len(missing) == 1 else 'are'} not here"
        if notebook is None:
            raise StepError(
                f"{what}, and no stored result can be looked for: nbflow cannot tell which notebook this is.",
                f"Run the cell that makes {listed}, or name the notebook: %flow use NOTEBOOK.ipynb",
            )
        from nbflow.ui.magic import loading

        try:
            loaded = loading.missing_inputs(missing, step, self.live(notebook, {}))
        except NbflowError as error:
            raise StepError(f"{what}, and no stored result can be looked for. {error.message}", error.fix) from None
        for name, value in loaded.values.items():
            self.names.setdefault(name, value)
        for maker, names in loaded.makers.items():
            say(f"loaded {', '.join(names)} from step {maker}")

    # --- after the body ------------------------------------------------------------------------------------

    def _end(self, declaration: Declaration) -> None:
        """A step may span cells, and its outputs are there when the last one is done."""
        if self.in_run:
            return
        step = declaration.name
        outputs = {item.label: item for item in declaration.outputs} | self._left.pop(step, {})
        unmade = {label: item for label, item in outputs.items() if not self._is_made(item)}
        if not unmade:
            return
        if self._is_continued(step):
            self._left[step] = unmade
            return
        from nbflow.runtime.step import not_made

        unbound = [str(item.name) for item in unmade.values() if not item.is_file]
        if unbound:
            error = not_made(step, unbound, self.names)
            later = "" if self.notebook else " If a later cell of the step makes it, declare it there."
            raise StepError(error.message, error.fix + later)
        raise StepError(
            f"step `{step}` did not make its output `{next(iter(unmade))}`: no such file is there (looked in "
            f"{_working_folder()}).",
            "Write it in the step, or take it out of `-o`.",
        )

    def _is_made(self, item: Item) -> bool:
        if not item.is_file:
            return item.name in self.names
        from nbflow.runtime.files import ProjectFiles

        # A run looks beside the notebook; by hand the kernel may stand elsewhere, and code writes where it stands.
        notebook = self.notebook
        folders = dict.fromkeys([_working_folder(), self.started_in, *([notebook.parent] if notebook else [])])
        for folder in folders:
            with suppress(StepError):
                return bool(ProjectFiles(str(folder), str(folder)).matches(str(item.path)))
        return False

    def _is_continued(self, step: str) -> bool:
        notebook = self.notebook
        if notebook is None:
            return False
        from nbflow.ui.magic.where import is_continued

        return is_continued(notebook, step, self.cell_id, self._source())

    def _source(self) -> str:
        """The cell that runs, as it was written."""
        history = self.shell.history_manager
        return history.input_hist_raw[-1] if history and history.input_hist_raw else ""

    @property
    def cell_id(self) -> str | None:
        """The id of the cell that runs, where the front end tells it: those do at which a person sits."""
        parent = self.shell.get_parent() if hasattr(self.shell, "get_parent") else {}
        metadata = parent.get("metadata", {}) if isinstance(parent, Mapping) else {}
        cell_id = metadata.get("cellId") if isinstance(metadata, Mapping) else None
        return cell_id if isinstance(cell_id, str) else None

    # --- how the line looks --------------------------------------------------------------------------------

    def _show_as_written(self, frame: FrameType, text: str) -> None:
        """In tracebacks, in the debugger and in ``In`` the first line shows what the user wrote."""
        first, shown = transformed(text), written(text)
        entry = linecache.cache.get(frame.f_code.co_filename)
        if entry is not None and len(entry) == 4 and entry[2][:1] == [first]:
            size, time, lines, name = entry
            linecache.cache[frame.f_code.co_filename] = (size, time, [shown, *lines[1:]], name)
        history = self.shell.history_manager
        cells = history.input_hist_parsed if history else []
        if cells and cells[-1].startswith(first):
            cells[-1] = shown + cells[-1].removeprefix(first)


class Interrupted(KeyboardInterrupt):
    """An interrupt that met us, not the user's code: a line instead of our frames."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


Interrupted.__name__ = "KeyboardInterrupt"


def plainly(action: Callable[[], None], doing: str) -> None:
    """Run a part of ours, so that an interrupt and whatever fails show no frame of ours."""
    __tracebackhide__ = True
    try:
        action()
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted while nbflow {doing}") from None
    except (NbflowError, StepError) as error:
        raise error.with_traceback(None) from None
    except Exception as error:
        message = f"nbflow failed while it {doing}: {type(error).__name__}: {error}."
        raise NbflowError(message, "The code of the cell is not to blame.") from error


def say(text: str) -> None:
    """One quiet line below the cell."""
    sys.stdout.write(f"nbflow: {text}\n")


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed while the kernel stood in it
        return Path("/")
