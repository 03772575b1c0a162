"""Modules that are loaded ahead, and those that must not be: one fork server meets all of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.kernels.forks import ForkServer, NoFork
from tests.kernels.talking import GUARD, a_kernel, a_server, environment, said, start_of

pytestmark = pytest.mark.slow

THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True, name='t').start()"
RAW_THREAD = """
import _thread, time
is_new = _thread.allocate_lock()
is_new.acquire()
_thread.start_new_thread(lambda: (is_new.release(), time.sleep(60)), ())
is_new.acquire()
"""

UNFIT = {
    "a_thread": (THREAD, "it leaves a thread (t)"),
    "raw_thread": (RAW_THREAD, "it leaves a thread"),
    "process": ("import subprocess\nchild = subprocess.Popen(['sleep', '60'])", "it leaves a process"),
    "connection": ("import socket\nopened = socket.socket()", "it leaves a descriptor (socket)"),
    "pipes": ("import os\nends = os.pipe()", "it leaves a descriptor (pipe)"),
    "reads_on": ("import os\nkept = open(os.__file__)", f"it leaves a descriptor ({os.path.realpath(os.__file__)})"),
    "prints": ("print('hello')", "it prints as it is imported"),
    "prints_below": ("import os\nos.system('echo hello')", "it prints as it is imported"),
    "warns": ("import warnings\nwarnings.warn('soon gone')", "it warns as it is imported (UserWarning)"),
    "deprecated": (
        "import warnings\nwarnings.warn('gone', DeprecationWarning, stacklevel=2)",
        "it warns as it is imported (DeprecationWarning)",
    ),
    "captures": ("import logging\nlogging.captureWarnings(True)", "it changes how warnings are shown"),
    "draws": ("import random\nrandom.random()", "it draws from the random generator"),
    "variable": ("import os\nos.environ['A'] = '1'", "it sets the environment variable A"),
    "longer_path": ("import sys\nsys.path.append('/x')", "it changes sys.path"),
    "handler": ("import signal\nsignal.signal(signal.SIGUSR1, print)", "it changes a signal's handler"),
    "elsewhere": ("import os\nos.chdir('/usr')", "it changes the working folder"),
    "hook": ("import sys\nsys.excepthook = print", "it changes a hook of the interpreter"),
    "deeper": ("import sys\nsys.setrecursionlimit(5000)", "it changes how deep calls may go"),
    "stream": ("import sys\nsys.stdin = None", "it changes a stream of the interpreter"),
    "temporary": ("import tempfile\nfolder = tempfile.mkdtemp()", "it changes temporary files"),
    "mutes": ("import warnings\nwarnings.simplefilter('ignore')", "it filters warnings of others"),
    "asks": ("found = getattr(get_ipython(), 'user_ns', None)", "it asks the shell for user_ns"),
    "asks_the_kernel": (
        "found = getattr(get_ipython().kernel, 'comm_manager', None)", "it asks the shell for kernel.comm_manager",
    ),
    "formats": (
        "for_html = getattr(get_ipython().display_formatter.formatters, 'get', None)",
        "it asks the shell for display_formatter.formatters.get",
    ),
    "holds": ("from IPython import get_ipython\nshell = get_ipython()", "it holds on to the shell"),
    "fails": ("raise ValueError('no')", "ValueError as it is imported"),
    "leaves": ("raise SystemExit", "SystemExit as it is imported"),
    "heavy": ("import engine", "it loads engine, which does not bear a fork"),
    "depends": ("import edited", "it loads edited, which is no installed module"),
}  # fmt: skip

FIT = {
    "plain": "import decimal\nVALUE = decimal.Decimal(1)",
    "missing": "import nothing_of_this_name",
    "curious": "try:\n    IN_KERNEL = hasattr(get_ipython(), 'kernel')\nexcept NameError:\n    IN_KERNEL = None",
    "looks": (
        "import IPython\nip = IPython.get_ipython()\nNAME, APP = type(ip).__name__, 'IPKernelApp' in ip.config\ndel ip"
    ),
    "logs": (
        "import logging\nmine = logging.getLogger('mine')\nmine.addHandler(logging.StreamHandler())\nmine.setLevel(1)"
    ),
    "listens": "calls = []\nget_ipython().events.register('post_execute', lambda: calls.append(1))",
    "scoped": (
        "from warnings import filterwarnings\nfilterwarnings('ignore', module='scoped')\nfilterwarnings('error', 'x')"
    ),
    "styled": "import os, sys\nTERM, ENCODING = os.environ['TERM'], sys.stdout.encoding",
}
"""Modules that look around; what they find is what they would find in a kernel."""


def installed(folder: Path, modules: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Modules as if they were of a distribution, and ``edited`` beside them, which is not."""
    for name, source in {**modules, "engine": ""}.items():
        (folder / "site").mkdir(exist_ok=True)
        (folder / "site" / f"{name}.py").write_text(source)
    (folder / "project").mkdir(exist_ok=True)
    (folder / "project" / "edited.py").write_text("")
    path = os.pathsep.join(str(folder / name) for name in ("site", "project"))
    return f"{folder / 'site'}{os.sep}", {
        **environment(),
        "PYTHONPATH": f"{path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }


def server_for(folder: Path, modules: dict[str, str], silence: float = 60.0) -> tuple[ForkServer, dict[str, str]]:
    place, environ = installed(folder, modules)
    start = start_of(folder, *modules, environ=environ, denied=frozenset({"engine"}), also_installed=place)
    return ForkServer(start, GUARD, silence), environ


def test_a_module_that_a_fork_could_not_share_is_named_with_the_reason(tmp_path: Path) -> None:
    server, _ = server_for(tmp_path, {name: source for name, (source, _) in UNFIT.items()})
    try:
        server.prepare()
        assert server.unfit == {name: why for name, (_, why) in UNFIT.items()}
        assert server.loaded == set()
    finally:
        server.close()


def test_modules_that_look_around_find_what_they_would_find_in_a_kernel(tmp_path: Path) -> None:
    server, environ = server_for(tmp_path, FIT)
    try:
        server.prepare()
        assert (server.unfit, set(server.loaded)) == ({}, set(FIT) - {"missing"})
        cells = [
            "import sys; 'curious' in sys.modules",
            "import plain, curious, looks, logs, listens, scoped, styled",
            "curious.IN_KERNEL, looks.NAME, looks.APP, styled.TERM, styled.ENCODING, plain.VALUE",
            "import logging; logging.getLogger('mine').warning('careful')",
            "len(listens.calls) > 0",
            "import warnings; [f[:2] for f in warnings.filters][:2]",
        ]
        with a_kernel(tmp_path, None, environ) as cold, a_kernel(tmp_path, server, environ) as forked:
            said_by = [[said(kernel, cell) for cell in cells] for kernel in (cold, forked)]
        assert said_by[0][1:] == said_by[1][1:]
        assert [answers[0] for answers in said_by] == ["['text/plain'] False\n", "['text/plain'] True\n"]
        assert (
            said_by[1][2]
            == "['text/plain'] (True, 'ZMQInteractiveShell', True, 'xterm-color', 'UTF-8', Decimal('1'))\n"
        )
        assert said_by[1][3] == "careful\n"
    finally:
        server.close()


def test_a_module_that_ends_the_process_or_takes_too_long_is_left_out(tmp_path: Path) -> None:
    modules = {"plain": "", "ends": "import os\nos._exit(1)", "sleeps": "import time\ntime.sleep(60)"}
    server, environ = server_for(tmp_path, modules, silence=6.0)
    try:
        server.prepare()
        assert server.unfit == {"ends": "it ends the process", "sleeps": "it takes longer than 6 s"}
        assert server.loaded == {"plain"}
        with a_kernel(tmp_path, server, environ) as kernel:
            assert said(kernel, "import plain; 'ends' in __import__('sys').modules") == "['text/plain'] False\n"
    finally:
        server.close()


def test_nothing_is_loaded_ahead_of_code_that_a_person_has_kernels_run_first(tmp_path: Path) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "first.py").write_text("import os\nos.environ['FIRST'] = 'yes'")
    place, environ = installed(tmp_path, {"plain": "import os\nFIRST = os.environ.get('FIRST')"})
    environ["IPYTHONDIR"] = str(tmp_path / "ipython")
    with (
        a_server(start_of(tmp_path, "plain", environ=environ, also_installed=place)) as server,
        a_kernel(tmp_path, server, environ) as kernel,
    ):
        assert (server.unfit, set(server.loaded), kernel.is_forked) == ({}, set(), True)
        assert said(kernel, "import plain; plain.FIRST") == "['text/plain'] 'yes'\n"


@pytest.mark.parametrize(
    ("options", "site", "why"),
    [
        (("-S",), "", "a kernel does not come up in a fork"),
        ((), THREAD, "the interpreter has more to it from the start: it leaves a thread (t)"),
        ((), "raise SystemExit(3)", "the fork server does not come up"),
    ],
)  # fmt: skip
def test_an_interpreter_that_cannot_be_forked_is_no_server(
    tmp_path: Path, options: tuple[str, ...], site: str, why: str
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(site)
    start = start_of(tmp_path, environ={**environment(), "PYTHONPATH": str(tmp_path / "site")}, options=options)
    server = ForkServer(start, GUARD)
    with pytest.raises(NoFork) as failure:
        server.prepare()
    assert (str(failure.value), server.is_up) == (why, False)
