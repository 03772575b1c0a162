"""A forked kernel is as one started anew: the same long conversation with both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow.kernels.forks import ForkServer
from nbflow.kernels.kernel import Kernel
from tests.kernels.talking import a_kernel, a_server, conversation, said, start_of

pytestmark = pytest.mark.slow

MODULES = (
    "numpy", "pandas", "matplotlib.pyplot", "sklearn.ensemble.HistGradientBoostingRegressor", "joblib", "polars",
    "pyarrow", "pyarrow.parquet",
)  # fmt: skip

IMPORTS = """
import asyncio, atexit, gc, getpass, json, locale, logging, multiprocessing, os, random, resource, secrets, signal
import ssl, stat, subprocess, sys, tempfile, threading, time, uuid, warnings
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import HistGradientBoostingRegressor
import joblib
import polars as pl
import pyarrow as pa
import pyarrow.parquet
"""

WARMED_UP = "import re; print('here'); time.sleep(0.5)"
"""What is sent by the thread that sends opens a descriptor the first time: what lies there for a moment is."""

PROCESS = """
sys.argv, sys.orig_argv, sys.flags, sys.path, sys.executable, sys.prefix, sys.warnoptions
(os.getcwd(), os.getsid(0) == os.getpid() == os.getpgid(0), os.environ["JPY_PARENT_PID"] == str(os.getppid()))
sorted((k, v) for k, v in os.environ.items() if k not in ("JPY_PARENT_PID", "_NBFLOW_KERNEL"))
os.umask(0o22), os.nice(0), sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0)
{n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT")}
{s: str(signal.getsignal(s)) for s in signal.valid_signals()}
signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getitimer(signal.ITIMER_REAL)
(sys.__stdin__.read(), stat.S_ISFIFO(os.fstat(0).st_mode), sys.__stdout__.line_buffering, sys.__stderr__.line_buffering)
(sys.__stdout__.encoding, sys.__stdin__.encoding, sys.getfilesystemencoding(), locale.setlocale(locale.LC_ALL))
descriptors = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
sorted(re.sub(r"\\d{4,}", "N", os.readlink(d)) for d in descriptors if os.path.lexists(d))
sorted(t.name for t in threading.enumerate()), threading.main_thread() is threading.current_thread()
multiprocessing.active_children(), multiprocessing.current_process(), multiprocessing.get_start_method()
(gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), sys.getswitchinterval(), sys.getallocatedblocks() > 0)
(tempfile.gettempdir(), tempfile.gettempprefix(), getpass.getuser(), time.tzname)
os.get_terminal_size()
"""

INTERPRETER = """
import __main__; __name__, __main__.__dict__ is globals(), hasattr(__main__, "__file__")
__main__.__spec__, __main__.__doc__, __main__.__loader__
sorted(n for n in globals() if n.startswith("__")), sorted(n for n in dir(__builtins__))
warnings.filters
(warnings.showwarning.__module__, sys.excepthook, [type(getattr(sys, s)) for s in ("displayhook", "stdout", "stdin")])
[type(f) for f in sys.meta_path], [getattr(f, "__name__", type(f)) for f in sys.path_hooks]
loggers = [l for l in logging.root.manager.loggerDict.values() if isinstance(l, logging.Logger)]
sorted((l.name, l.level, [type(h) for h in l.handlers]) for l in [logging.root, *loggers] if l.handlers or l.level)
atexit._ncallbacks()
get_ipython().config, sorted(get_ipython().magics_manager.magics["line"]), type(get_ipython().kernel)
{e: [f"{c.__module__}.{c.__qualname__}" for c in cs] for e, cs in get_ipython().events.callbacks.items()}
sorted(get_ipython().display_formatter.formatters)
app = get_ipython().kernel.parent; [w for w in app.argv if "/" not in w], app.extra_args, sorted(vars(app))
{k: sorted(v) for k, v in app.cli_config.items()}, len(app.flatten_flags()[0]), app.connection_file in app.argv
hash("abc"), hash((1, "x")), list({"b", "a", "c"})
id(sys.modules["__main__"]) == id(__main__), sys.modules["__main__"] is __main__
import numpy.random; sorted(m for m in sys.modules if m.startswith(("nbflow", "_nbflow")))
1 / 0
warnings.warn("old", DeprecationWarning)
warnings.warn("now")
input()
"""

LIBRARIES = """
{k: pd.get_option(k) for k in pd._config.config._registered_options if not k.startswith("io.")}
pd.DataFrame({f"c{n}": range(70) for n in range(30)})
print(pd.DataFrame({f"c{n}": range(3) for n in range(30)}))
sorted((k, v) for k, v in plt.rcParams.items()), plt.get_backend(), plt.isinteractive()
plt.plot([1, 3, 2]); plt.show()
plt.bar([1, 2], [3, 4]);
np.get_printoptions(), np.geterr(), np.random.get_state()[0]
np.random.seed(5); random.seed(5); np.random.rand(3), random.random(), np.random.default_rng(5).random()
pl.thread_pool_size(), pl.DataFrame({"a": [1, 2, 1], "b": [1, 2, 3]}).group_by("a").agg(pl.col("b").sum()).sort("a")
pl.DataFrame({"a": range(100_000)}).lazy().filter(pl.col("a") % 3 == 0).select(pl.col("a").sum()).collect()
pa.cpu_count(), pa.io_thread_count(), pa.compute.sum(pa.array(range(1000)))
pa.parquet.write_table(pa.table({"a": list(range(1000))}), "t.parquet"); pa.parquet.read_table("t.parquet").num_rows
X, y = np.arange(4000).reshape(-1, 4), np.arange(1000.0)
HistGradientBoostingRegressor(random_state=0).fit(X, y).predict(X[:2])
np.linalg.norm(np.linalg.inv(np.eye(300) + np.ones((300, 300)) / 300)).round(6)
pd.DataFrame({"a": [1, 2]}).to_parquet("u.parquet"); pd.read_parquet("u.parquet")
"""

PARALLEL = """
import concurrent.futures as cf; list(cf.ThreadPoolExecutor(4).map(lambda x: x * x, range(9)))
import operator; multiprocessing.get_context("spawn").Pool(2).map(operator.neg, range(4))
def f(x): return x + 1
multiprocessing.get_context("fork").Pool(2).map(f, range(4))
multiprocessing.get_context("forkserver").Pool(2).map(operator.neg, range(4))
with cf.ProcessPoolExecutor(2) as pool: print(list(pool.map(f, range(4))))
joblib.Parallel(n_jobs=2)(joblib.delayed(lambda x: x * 2)(i) for i in range(5))
joblib.Parallel(n_jobs=2, prefer="threads")(joblib.delayed(f)(i) for i in range(5))
joblib.Parallel(n_jobs=2, backend="multiprocessing")(joblib.delayed(f)(i) for i in range(5))
await asyncio.gather(*(asyncio.sleep(0.01, result=n) for n in range(3)))
type(asyncio.get_event_loop_policy()), type(asyncio.get_running_loop())
await asyncio.to_thread(f, 1), await (await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)).communicate()
subprocess.getoutput("ulimit -a; umask; echo $PYTHONHASHSEED $MPLBACKEND; ls /proc/self/fd | wc -l")
os.system("exit 3"), subprocess.getoutput(f"{sys.executable} -c 'print(hash(1.5), hash(str(5)))'")
pid = os.fork() or os._exit(7)
os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
threading.Thread(target=print, args=("from a thread",)).start(); time.sleep(0.2)
!echo from a shell
%matplotlib inline
%pwd
%precision 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alike")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ForkServer]:
    with a_server(start_of(folder, *MODULES, random_counts=False)) as server:
        assert server.unfit == {}
        yield server


@pytest.fixture(scope="module")
def kernels(folder: Path, server: ForkServer) -> Iterator[tuple[Kernel, Kernel]]:
    with a_kernel(folder) as cold, a_kernel(folder, server) as forked:
        assert said(cold, IMPORTS) == said(forked, IMPORTS) == ""
        for kernel in (cold, forked):
            assert said(kernel, WARMED_UP) == "here\n"
        yield cold, forked


CELLS = {"process": PROCESS, "interpreter": INTERPRETER, "libraries": LIBRARIES, "parallel": PARALLEL}


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_a_forked_kernel_says_what_one_started_anew_says(kernels: tuple[Kernel, Kernel], cells: str) -> None:
    sources = cells.strip().splitlines()
    cold, forked = (_without_names(conversation(kernel, sources), kernel) for kernel in kernels)
    assert forked == cold


def _without_names(conversation: dict[str, str], kernel: Kernel) -> dict[str, str]:
    """Without what no two kernels share: folders, addresses."""

    def plain(text: str) -> str:
        return re.sub(r"0x[0-9a-f]+|ipykernel_\d+|nbflow-\w+", "…", text.replace(str(kernel.folder), "FOLDER"))

    return {source: plain(text) for source, text in conversation.items()}


def test_what_is_loaded_ahead_is_no_part_of_the_kernel_for_a_debugger_and_a_reset(
    kernels: tuple[Kernel, Kernel],
) -> None:
    seen = "print(sorted(get_ipython()._sys_modules_keys), sorted(get_ipython().kernel._kernel_modules), sep='\\n')"
    cold, forked = ([set(ast.literal_eval(line)) for line in said(each, seen).splitlines()] for each in kernels)
    assert [len(found) > 400 for found in forked] == [True, True]
    assert cold[0] ^ forked[0] <= {"runpy", "gc"}
    assert {Path(file).name for file in cold[1] ^ forked[1]} <= {"runpy.py", "ipykernel_launcher.py"}


def test_two_forks_draw_differently(folder: Path, server: ForkServer) -> None:
    draw = "import ssl; import numpy as np; print(np.random.random(3)); print(ssl.RAND_bytes(8))"
    with a_kernel(folder, server) as one, a_kernel(folder, server) as other:
        drawn = [said(each, draw).splitlines() for each in (one, other)]
    assert [one != other for one, other in zip(*drawn, strict=True)] == [True, True]
