"""papermill, made to run a slice the way an attempt needs: quietly, in a given kernel, within bounds, and to an end.

papermill fills in the parameters and keeps the notebook's state, its client (nbclient's) talks to the kernel. Changed
here: the kernel is there already, outputs are bounded as they are read, an attempt can be ended from outside, the
verdict is ours (papermill counts an error that ``raises-exception`` allows), and the kernel is gone afterwards in every
case. This module loads papermill; see ``loading`` for when.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import papermill
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.parameterize import parameterize_notebook

from nbflow.core.outline import PARAMETERS_TAG
from nbflow.executors import Job, Outcome, Tell
from nbflow.executors.papermill.attempt import Attempt
from nbflow.executors.papermill.outputs import KeptOutputs, OverflowLog
from nbflow.executors.papermill.tracebacks import own_frames, shortened
from nbflow.kernels.choosing import Want
from nbflow.kernels.kernel import Kernel, log
from nbflow.kernels.pool import Kernels, Stopped
from nbflow.masking import Masker
from nbflow.notebook.nodes import as_node, output_in
from nbflow.notebook.slices import is_internal, open_later, role_of

QUIET = 5.0
"""Seconds of silence after which a cell whose reply is in counts as done: the message that ends its outputs can be
lost when a kernel floods its socket."""

_LEAVES_WORK = re.compile(r"async|await|create_task|ensure_future|call_(soon|later|at)\b")

_UNSHOWN = "__import__('types').SimpleNamespace(_ipython_display_=().__len__)"
"""An object that shows itself, as nothing. A kernel has each of its formatters try all others, and makes them first."""

LARGE = 250_000_000
"""Bytes in a kernel that is ended at once, whatever else there is to do."""

logging.getLogger("papermill").addHandler(logging.NullHandler())


def perform(attempt: Attempt, tell: Tell, masker: Masker, kernels: Kernels) -> Outcome:
    """Run the slice of an attempt to its end, whatever that is, and leave no kernel behind."""
    job = attempt.job
    environment = os.environ if job.environment is None else job.environment
    want = Want(job.kernel, job.folder, tuple(sorted(environment.items())))
    try:
        kernel = kernels.take(want, attempt.meet, lambda: attempt.forced)
    except Stopped:
        return attempt.outcome(crashed=True)
    except NoSuchKernel:
        attempt.crash(f"there is no kernel named '{job.kernel}'")
        return attempt.outcome(crashed=True)
    except (RuntimeError, OSError) as error:
        attempt.crash(f"the kernel did not start: {str(error) or type(error).__name__}")
        return attempt.outcome(crashed=True)
    crashed = True
    try:
        crashed = kernel.loop.run(_run_slice, attempt, kernel, tell, masker)
    finally:
        attempt.close()
        settles = crashed or attempt.ending or job.settle
        can_wait = not settles and attempt.is_through and attempt.memory < LARGE
        gone = kernels.put_away(kernel, politely=not crashed and not attempt.forced, can_wait=can_wait)
        if settles:
            gone.result()
    return attempt.outcome(crashed=crashed)


def _run_slice(attempt: Attempt, kernel: Kernel, tell: Tell, masker: Masker) -> bool:
    """Have papermill run it; whether the kernel was lost on the way."""
    job = attempt.job
    try:
        SliceEngine.execute_notebook(
            _prepared(job), job.kernel, progress_bar=False, autosave_cell_every=0,
            attempt=attempt, kernel=kernel, tell=tell, masker=masker,
        )  # fmt: skip
    except DeadKernelError:
        attempt.crash(kernel.cause_of_death())
        return True
    return False


def _prepared(job: Job) -> Any:
    """The slice as papermill wants it, with its parameters. ``papermill.execute_notebook`` would do so too, and write
    and read it as JSON meanwhile."""
    notebook = as_node(job.notebook)
    notebook.metadata["papermill"] = as_node(
        {"default_parameters": {}, "parameters": {}, "environment_variables": {}, "version": papermill.__version__}
    )
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata["papermill"] = as_node({})
    if job.parameters and any(PARAMETERS_TAG in cell.metadata["tags"] for cell in notebook.cells):
        notebook = parameterize_notebook(notebook, dict(job.parameters), kernel_name=job.kernel)
        for cell in notebook.cells:
            cell.metadata.setdefault("papermill", as_node({}))
    return notebook


class SliceEngine(Engine):  # type: ignore[misc]  # papermill publishes no types
    """What papermill calls to run the notebook it has prepared."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        attempt: Attempt,
        kernel: Kernel,
        tell: Tell,
        masker: Masker,
        **_: Any,
    ) -> None:
        attempt.notebook = nb_man.nb
        SliceClient(nb_man, attempt, kernel, tell, masker, kernel_name=kernel_name).execute()


class SliceClient(PapermillNotebookClient):  # type: ignore[misc]  # as above
    """Talks to the kernel of one attempt."""

    def __init__(
        self, nb_man: Any, attempt: Attempt, kernel: Kernel, tell: Tell, masker: Masker, **options: Any
    ) -> None:
        self.attempt = attempt
        self.kernel = kernel
        self.tell = tell
        self.done = 0
        self.total = 0
        self.masker = masker
        self.displays: dict[str, list[weakref.ref[Any]]] = defaultdict(list)
        self.messages = 0
        self.clear_before_next_output = False
        self.reply: Mapping[str, Any] = {}
        self.answers: dict[str, Any] = {}
        """What the kernel says of our cells behind the one that it ran, by their numbers: none where it failed."""
        super().__init__(
            nb_man, km=kernel.manager, log=log, resources={"metadata": {"path": str(attempt.job.folder)}},
            on_cell_error=self.remember_error, **options,
        )  # fmt: skip
        self.kc = kernel.client

    def execute(self, **_: Any) -> Any:
        self.reset_execution_trackers()
        if self.kernel.is_watched:
            open_later(self.nb.cells)
        self.attempt.begin()
        self.total = sum(role_of(cell).get("role") == "step" for cell in self.nb.cells)
        self.tell(0, self.total, "")
        self.papermill_execute_cells()
        self.attempt.close()
        self.set_widgets_metadata()
        return self.nb

    # --- cells -------------------------------------------------------------------------------------

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if self.attempt.ending:
                return
            answer = self.answers.pop(str(index), {})
            if answer.get("status") == "ok":
                continue  # one of ours, done with the cell before
            self.attempt.cell_starts(role_of(cell).get("cell"))
            self.nb_man.cell_start(cell, index)
            try:
                self.run_cell(cell, index, answer)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                self.attempt.cell_fails(error.ename, error.evalue, list(self.reply.get("traceback", ())))
                return
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)
            if role_of(cell).get("role") == "step":
                self.done += 1
                self.tell(self.done, self.total, "")
        self.attempt.through()

    def run_cell(self, cell: Any, index: int, failed: Mapping[str, Any]) -> None:
        """Have the kernel run a cell, and those of ours behind it with the same request. ``failed``: what it says of
        one of ours that it ran so already. Raises ``CellExecutionError``."""
        if not failed:
            self.kc.behind = self.ours_behind(index)
            # Our cells do not count, so that In[1] is the first cell that a person sees.
            self.execute_cell(cell, index, store_history=not is_internal(cell))
            return
        self.reply = failed
        error = {
            "ename": failed["ename"],
            "evalue": shortened(failed["evalue"]),
            "traceback": own_frames(failed["traceback"]),
        }
        cell.outputs = [as_node({"output_type": "error", **error})]
        raise CellExecutionError.from_cell_and_msg(cell, error)

    def ours_behind(self, index: int) -> dict[str, str]:
        """What the kernel is to do behind a cell: number of a cell of ours → an expression. Nothing behind a cell that
        may leave work to the event loop, which has its turn between two requests."""
        if _LEAVES_WORK.search(self.nb.cells[index].source):
            return {}
        ours = takewhile(lambda other: is_internal(other[1]), enumerate(self.nb.cells[index + 1 :], index + 1))
        return {str(number): f"get_ipython().ex({other.source!r}) or {_UNSHOWN}" for number, other in ours}

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **options: Any) -> Any:
        self.attempt.loop = asyncio.get_running_loop()
        overflow = self.overflow_log(cell, cell_index)
        self.kept = KeptOutputs(overflow, self.masker)
        try:
            return await super().async_execute_cell(cell, cell_index, *args, **options)
        finally:
            self.attempt.cell_ends()
            if cell.cell_type == "code":
                # No copies: a later cell may still update what is displayed here.
                cell["outputs"] = [o if o["output_type"] != "stream" else as_node(o) for o in self.kept.finish()]
            if overflow.size:
                self.attempt.logs.append(overflow.path)

    execute_cell = run_sync(async_execute_cell)

    def overflow_log(self, cell: Any, cell_index: int) -> OverflowLog:
        job = self.attempt.job
        name = f"{job.log_name}.cell-{role_of(cell).get('cell', cell_index + 1)}.log"
        return OverflowLog(job.attempt_folder / name.rpartition("/")[2], name)

    def remember_error(self, execute_reply: Mapping[str, Any], **_: Any) -> None:
        self.reply = execute_reply["content"]

    async def _async_poll_for_reply(
        self, msg_id: str, _cell: Any, _timeout: Any, task_poll_output_msg: Any, task_poll_kernel_alive: Any
    ) -> Any:
        """As nbclient's, but a cell that still prints is waited for as long as it does, and a lost end is not fatal."""
        while True:
            message = await ensure_async(self.kc.shell_channel.get_msg(timeout=None))
            if message["parent_header"].get("msg_id") == msg_id:
                self.answers = message["content"].get("user_expressions") or {}
                break
        seen = -1
        while seen != self.messages and not task_poll_output_msg.done():
            seen = self.messages
            await asyncio.wait({task_poll_output_msg}, timeout=QUIET)
        task_poll_kernel_alive.cancel()
        if task_poll_output_msg.done():
            task_poll_output_msg.result()
        else:
            task_poll_output_msg.cancel()
        return message

    # --- what cells show ---------------------------------------------------------------------------

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.messages += 1
        if msg["msg_type"] == "execute_input":
            self.attempt.code_starts()
        for output in self.shown_before(msg):
            output["data"] = msg["content"]["data"]
            output["metadata"] = msg["content"]["metadata"]
        return super().process_message(msg, cell, cell_index)

    def shown_before(self, msg: Any) -> Iterator[Any]:
        """The outputs that a message updates: nbclient counts outputs, and ours are not all in the cell yet."""
        if msg["msg_type"] in ("display_data", "execute_result", "update_display_data"):
            display = (msg["content"].get("transient") or {}).get("display_id")
            for reference in self.displays.get(str(display), ()):
                if (output := reference()) is not None:
                    yield output

    def output(self, outs: Any, msg: Any, display_id: str | None, cell_index: int) -> Any:
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        output = output_in(msg)
        if output is None:
            return None
        if self.clear_before_next_output:
            self.kept.clear()
            self.clear_before_next_output = False
        if output["output_type"] == "stream":
            self.tell(self.done, self.total, self.kept.text(output["name"], output["text"]))
            return None
        if output["output_type"] == "error":
            output["traceback"] = own_frames(output["traceback"])
            output["evalue"] = shortened(output["evalue"])
        self.kept.rich(output)
        if display_id:
            self.displays[display_id].append(weakref.ref(output))
        return None

    def clear_output(self, outs: Any, msg: Any, cell_index: int) -> None:
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            super().clear_output(outs, msg, cell_index)
        elif msg["content"].get("wait"):
            self.clear_before_next_output = True
        else:
            self.kept.clear()
