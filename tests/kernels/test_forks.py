"""Forked kernels as processes: how they end, what they leave, and that nothing of them stays."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbflow.attempt.making import RUNTIME
from nbflow.executors.bootstrap import AHEAD, ENTRY, PACKAGE
from nbflow.kernels.forks import ForkServer, NoFork, Shadowed
from nbflow.kernels.kernel import Kernel
from tests.kernels.talking import GUARD, a_kernel, a_server, environment, gone, said, start_of, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with a_server(start_of(tmp_path_factory.mktemp("forks"))) as server:
        yield server


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("os._exit(3)", "the kernel exited with status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "the kernel was killed by SIGKILL (often: out of memory)"),
        ("import ctypes; ctypes.string_at(0)", "the kernel was killed by SIGSEGV (a fault in native code)"),
        ("os.abort()", "the kernel was killed by SIGABRT (native code gave up)"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "the kernel was killed by SIGTERM"),
    ],
)
def test_how_a_kernel_ended_is_known(tmp_path: Path, server: ForkServer, cell: str, cause: str) -> None:
    with a_kernel(tmp_path, server) as kernel:
        assert kernel.is_forked
        assert Path(f"/proc/{kernel.pid}/cwd").readlink() == tmp_path
        kernel.client.execute(f"import os, signal, faulthandler; faulthandler.disable(); {cell}")
        until(lambda: kernel.cause_of_death() != "the kernel stopped answering")
        assert kernel.cause_of_death() == cause


@pytest.mark.parametrize("again", ["", "importlib.reload(colorsys)", "del sys.modules['colorsys']; import colorsys"])
def test_of_what_a_fork_has_loaded_only_what_is_not_installed_or_came_later_is_looked_through(
    tmp_path: Path, again: str
) -> None:
    """Also where what was loaded ahead is loaded anew, which moves it behind all others."""
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "sitecustomize.py").write_text("")
    environ = {**environment(), "PYTHONPATH": str(tmp_path / "lib")}
    start = start_of(tmp_path, "colorsys", package=(PACKAGE, str(RUNTIME), ENTRY, AHEAD), environ=environ)
    cell = f"""import colorsys, helper, importlib, sys; {again}
print(sorted(sys.modules['{PACKAGE}.modules']._loaded()))"""
    with a_server(start) as server, a_kernel(tmp_path, server, environ) as kernel:
        assert kernel.is_forked
        loaded = set(ast.literal_eval(said(kernel, cell)))
    late = {"colorsys"} if again else set()
    assert loaded & {"helper", "sitecustomize", "colorsys", "json"} == {"helper", "sitecustomize"} | late


def test_a_kernel_may_be_started_before_its_server_is_up(tmp_path: Path) -> None:
    server = ForkServer(start_of(tmp_path), GUARD)
    kernel = Kernel("python3", environment(), GUARD, server)
    with ThreadPoolExecutor(1) as threads:
        try:
            started = threads.submit(kernel.start, tmp_path)
            until(lambda: kernel.client is not None)
            assert (kernel.pid, started.done()) == (0, False)
            server.prepare()
            started.result(30)
            assert said(kernel, "6 * 7") == "['text/plain'] 42\n"
        finally:
            kernel.end()
            server.close()


def test_who_waits_for_a_server_that_is_closed_waits_no_longer(tmp_path: Path) -> None:
    server = ForkServer(start_of(tmp_path), GUARD)
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(server.fork, [], str(tmp_path), {}, 1, 2)
        server.close()
        with pytest.raises(NoFork):
            waits.result(10)


def test_a_folder_whose_own_module_a_kernel_would_import_gets_no_forks(tmp_path: Path) -> None:
    with a_server(start_of(tmp_path, "colorsys")) as server:
        (tmp_path / "colorsys.py").touch()
        kernel = Kernel("python3", environment(), GUARD, server)
        with pytest.raises(RuntimeError, match="has a module of its own named colorsys") as failure:
            kernel.start(tmp_path)
        kernel.end()
        assert isinstance(failure.value.__cause__, Shadowed)
        assert server.is_up


def test_a_fork_calls_what_it_was_told_to_before_its_first_cell_and_is_none_where_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "begun.py").write_text("""
import os, threading
def ahead():
    assert threading.current_thread() is threading.main_thread()
    calls.append(os.getcwd())
    if os.path.exists("not-here"):
        raise RuntimeError("not here")
calls = []
""")
    with a_server(start_of(tmp_path, package=("_ours", str(folder), "begun", "ahead"))) as server:
        with a_kernel(tmp_path, server) as kernel:
            assert kernel.is_forked
            assert kernel.is_watched
            assert said(kernel, "import sys; print(sys.modules['_ours.begun'].calls)") == f"[{str(tmp_path)!r}]\n"
        (tmp_path / "not-here").touch()
        useless = Kernel("python3", environment(), GUARD, server)
        with pytest.raises(RuntimeError):
            useless.start(tmp_path)
        assert useless.last_words() == "RuntimeError: not here"
        useless.end()


AT_THE_END = """
import atexit, multiprocessing, pathlib, threading, time, weakref
atexit.register(lambda: pathlib.Path("handler").touch())
left_open = open("left-open.txt", "w"); left_open.write("all of it")
kept = [left_open]
class Thing:
    def __del__(self): pathlib.Path("deleted").touch()
thing = Thing()
def work(): time.sleep(0.3); pathlib.Path("thread").touch()
threading.Thread(target=work).start()
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True); child.start()
"""


@pytest.mark.parametrize("forked", [False, True])
def test_a_kernel_that_is_asked_to_go_does_what_was_to_be_done_at_its_end(
    tmp_path: Path, server: ForkServer, forked: bool
) -> None:
    with a_kernel(tmp_path, server if forked else None, politely=True) as kernel:
        assert said(kernel, AT_THE_END) == ""
        child = int(said(kernel, "print(child.pid)"))
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {"handler": "", "left-open.txt": "all of it", "deleted": "", "thread": ""}
    assert kernel.cause_of_death() == "the kernel exited with status 0"
    until(lambda: gone(child))


CHILDREN = """
import os, subprocess, sys, time
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open("daemon", "w").write(str(os.getpid()))
            time.sleep(1000)
        os._exit(0)
daemon()
plain = subprocess.Popen(["sleep", "1000"])
apart = subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 1000 & wait"], start_new_session=True)
while not os.path.exists("daemon") or not open("daemon").read(): time.sleep(0.01)
print(plain.pid, apart.pid, open("daemon").read())
"""


@pytest.mark.parametrize("politely", [False, True])
def test_no_child_of_a_kernel_outlives_it(tmp_path: Path, server: ForkServer, politely: bool) -> None:
    with a_kernel(tmp_path, server, politely=politely) as kernel:
        children = [int(word) for word in said(kernel, CHILDREN).split()]
        assert len(children) == 3
        assert not any(map(gone, children))
    until(lambda: all(map(gone, [*children, kernel.pid])))
    assert not kernel.folder.exists()


def test_kernels_draw_differently_and_know_nothing_of_each_other(tmp_path: Path, server: ForkServer) -> None:
    cell = (
        "import multiprocessing, os, random, secrets, ssl, tempfile, uuid; print(random.random(), uuid.uuid1(), "
        "uuid.uuid4(), ssl.RAND_bytes(8).hex(), tempfile.mktemp(), "
        "bytes(multiprocessing.current_process().authkey).hex(), sep='|')"
    )
    links = "print(*(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) < 100), sep='|')"
    with a_kernel(tmp_path, server) as one, a_kernel(tmp_path, server) as other:
        drawn = [said(kernel, cell).strip().split("|") for kernel in (one, other)]
        assert not any(mine == yours for mine, yours in zip(*drawn, strict=True))
        for kernel, sibling in ((one, other), (other, one)):
            assert said(kernel, "import os") == ""
            assert str(sibling.folder) not in said(kernel, links)
        assert one.pid != other.pid


@pytest.mark.parametrize("forked", [False, True])
def test_a_kernel_looks_to_its_own_parent_whatever_its_run_was_started_from(tmp_path: Path, forked: bool) -> None:
    """ipykernel ends with the process of that number; a run outlives the kernel and the server that asked for it."""
    environ = {**environment(), "JPY_PARENT_PID": "1"}
    with (
        a_server(start_of(tmp_path, environ=environ)) as server,
        a_kernel(tmp_path, server if forked else None, environ) as kernel,
    ):
        asked = said(kernel, "import os; os.environ['JPY_PARENT_PID'] == str(os.getppid()), os.getppid() > 1")
        assert asked == "['text/plain'] (True, True)\n"


def test_a_kernel_that_does_not_answer_in_time_is_ended(tmp_path: Path) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "slow.py").write_text("import time\ntime.sleep(60)")
    environ = {**environment(), "IPYTHONDIR": str(tmp_path / "ipython")}
    with a_server(start_of(tmp_path, environ=environ)) as server:
        kernel = Kernel("python3", environ, GUARD, server)
        with pytest.raises(RuntimeError, match=r"^it did not answer within 2 s$"):
            kernel.start(tmp_path, limit=2)
        pid = kernel.pid
        kernel.end()
        assert (kernel.is_forked, gone(pid)) == (True, True)


def test_a_server_that_is_lost_takes_its_kernels_along(tmp_path: Path) -> None:
    with a_server(start_of(tmp_path)) as server, a_kernel(tmp_path, server) as kernel:
        assert server._process is not None
        server._process.kill()
        until(lambda: kernel.cause_of_death() == "the kernel was killed by SIGKILL (often: out of memory)")
        until(lambda: gone(kernel.pid))
        assert not server.is_up
        with pytest.raises(NoFork):
            server.fork([], str(tmp_path), {}, 1, 2)


RUN = """
import json, sys, time
from pathlib import Path
from tests.kernels.talking import GUARD, a_kernel, a_server, said, start_of
from tests.kernels.test_forks import CHILDREN
folder = Path(sys.argv[1])
with a_server(start_of(folder)) as server, a_kernel(folder, server) as kernel:
    pids = [int(word) for word in said(kernel, CHILDREN).split()]
    kernel.client.execute("while True: pass")
    print(json.dumps([server._process.pid, kernel.pid, *pids]), flush=True)
    time.sleep(1000)
"""


def test_nothing_outlives_a_killed_run(tmp_path: Path) -> None:
    words = [sys.executable, "-c", RUN, str(tmp_path)]
    run = subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        pids = json.loads(run.stdout.readline())
        assert not any(map(gone, pids))
    finally:
        run.send_signal(signal.SIGKILL)
        run.communicate()
    until(lambda: all(map(gone, pids)), seconds=5)
