"""Settings: three places, one value, and what is said about mistakes; and where a project begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nbflow.errors import UsageError
from nbflow.settings import Settings, cores_of_quota, find_root, origins, usable_cores

ALL_KEYS = (
    "notebooks, jobs, store, retries, retry_delay, crash_retries, timeout, fail_fast, keep_runs, store_limit, "
    "executor, kernels, resources"
)
TABLES = "secrets, alerts"
LEAVE_OUT = "Correct it, or leave it out for the default."

EVERYTHING = """
[tool.nbflow]
notebooks = ["a.ipynb", "more"]
jobs = 3
store = "../cache"
retries = 2
retry_delay = 5
crash_retries = 0
timeout = 90.5
fail_fast = true
keep_runs = 7
store_limit = "2GiB"
executor = "papermill"
kernels = "cold"

[tool.nbflow.resources]
gpu = 1
memory = "8GiB"

[tool.nbflow.secrets]
names = ["DB_PASSWORD"]

[tool.nbflow.alerts]
urls = ["$ALERT_URL", "json://127.0.0.1:8000"]
command = ["notify-send", "nbflow"]
on = ["failed", "slow"]
slow_factor = 2
slow_seconds = 5
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    return root


def load(root: Path, toml: str = "", environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    if toml:
        (root / "pyproject.toml").write_text(toml, encoding="utf-8")
    return Settings.load(root, environ or {}, **flags)


@pytest.mark.parametrize("toml", ["", "[project]\nname = 'x'", "[tool.ruff]\n", "[tool.nbflow]\n"])
def test_without_a_word_the_defaults_hold(root: Path, toml: str) -> None:
    assert load(root, toml) == Settings(
        root=root,
        store=root / ".nbflow" / "store",
        jobs=usable_cores(),
        notebooks=(),
        retries=0,
        retry_delay=1.0,
        timeout=None,
        fail_fast=False,
        keep_runs=20,
        store_limit=50e9,
        executor="papermill",
        kernels="warm",
        resources={},
        secrets=(),
    )
    assert [path.name for path in root.iterdir()] == (["pyproject.toml"] if toml else [])


def test_everything_can_be_said_in_the_project_file(root: Path) -> None:
    assert load(root, EVERYTHING) == Settings(
        root=root,
        store=root.parent / "cache",
        jobs=3,
        notebooks=("a.ipynb", "more"),
        retries=2,
        retry_delay=5.0,
        crash_retries=0,
        timeout=90.5,
        fail_fast=True,
        keep_runs=7,
        store_limit=2.0 * 2**30,
        executor="papermill",
        kernels="cold",
        resources={"gpu": 1.0, "memory": 8589934592.0},
        secrets=("DB_PASSWORD",),
        alert_urls=("$ALERT_URL", "json://127.0.0.1:8000"),
        alert_command=("notify-send", "nbflow"),
        alert_on=("failed", "slow"),
        slow_factor=2.0,
        slow_seconds=5.0,
    )


def test_everything_can_be_said_in_the_environment(root: Path) -> None:
    environ = {
        "NBFLOW_NOTEBOOKS": os.pathsep.join(["b.ipynb", "c d.ipynb"]),
        "NBFLOW_JOBS": " 5 ",
        "NBFLOW_STORE": str(root / "elsewhere"),
        "NBFLOW_RETRIES": "0",
        "NBFLOW_RETRY_DELAY": "0",
        "NBFLOW_CRASH_RETRIES": "3",
        "NBFLOW_TIMEOUT": "none",
        "NBFLOW_FAIL_FAST": "No",
        "NBFLOW_KEEP_RUNS": "1",
        "NBFLOW_STORE_LIMIT": "none",
        "NBFLOW_EXECUTOR": "other",
        "NBFLOW_KERNELS": "warm",
        "NBFLOW_RESOURCES": "gpu=0 memory=500M",
        "NBFLOW_SECRETS": "A, B_2 C",
        "NBFLOW_ALERT_URLS": "$HOOK mailto://a@example.org",
        "NBFLOW_ALERT_COMMAND": "tell me",
        "NBFLOW_ALERT_ON": "crashed, recovered",
        "NBFLOW_SLOW_FACTOR": "1.5",
        "NBFLOW_SLOW_SECONDS": "0",
        "PATH": "/bin",
    }
    assert load(root, EVERYTHING, environ) == Settings(
        root=root,
        store=root / "elsewhere",
        jobs=5,
        notebooks=("b.ipynb", "c d.ipynb"),
        retries=0,
        retry_delay=0.0,
        crash_retries=3,
        timeout=None,
        fail_fast=False,
        keep_runs=1,
        store_limit=None,
        executor="other",
        resources={"gpu": 0.0, "memory": 5e8},
        secrets=("A", "B_2", "C"),
        alert_urls=("$HOOK", "mailto://a@example.org"),
        alert_command=("tell", "me"),
        alert_on=("crashed", "recovered"),
        slow_factor=1.5,
        slow_seconds=0.0,
    )


@pytest.mark.parametrize(
    ("flags", "jobs", "timeout", "fail_fast"),
    [
        ({}, 4, 7.0, True),
        ({"jobs": None, "timeout": None, "fail_fast": None}, 4, 7.0, True),
        ({"jobs": 6, "timeout": 1.5, "fail_fast": False}, 6, 1.5, False),
        ({"jobs": "6", "timeout": "none", "fail_fast": "off"}, 6, None, False),
    ],
)
def test_flags_overrule_the_environment_and_this_the_file(
    root: Path, flags: dict[str, Any], jobs: int, timeout: float | None, fail_fast: bool
) -> None:
    toml = "[tool.nbflow]\njobs = 3\ntimeout = 7\nfail_fast = false"
    settings = load(root, toml, {"NBFLOW_JOBS": "4", "NBFLOW_FAIL_FAST": "1", "NBFLOW_RETRIES": ""}, **flags)
    assert (settings.jobs, settings.timeout, settings.fail_fast) == (jobs, timeout, fail_fast)


@pytest.mark.parametrize(("given", "store"), [("~/s", Path.home() / "s"), ("s/../t", "t"), (Path("u"), "u")])
def test_the_store_is_a_place_seen_from_the_root(root: Path, given: str | Path, store: str | Path) -> None:
    assert load(root, store=given).store == root / store


def test_a_secret_may_have_any_name_and_foreign_variables_are_left_alone(root: Path) -> None:
    environ = {
        "NBFLOW_JOB": "a secret",
        "NBFLOW_SERVICE_HOST": "10.0.0.1",
        "NBFLOW_PORT_80_TCP": "tcp://10.0.0.1:80",
        "NBFLOW_PORT": "80",
        "NBFLOW_VERSION": "1.0",
    }
    assert load(root, "[tool.nbflow.secrets]\nnames = ['NBFLOW_JOB']", environ).secrets == ("NBFLOW_JOB",)


FILE_MISTAKES = [
    ("job = 3", "'job' is not a setting. Did you mean 'jobs'?", f"Known: {ALL_KEYS}, {TABLES}."),
    ("fail-fast = true", "'fail-fast' is not a setting. Did you mean 'fail_fast'?", f"Known: {ALL_KEYS}, {TABLES}."),
    ("zebra = 1", "'zebra' is not a setting.", f"Known: {ALL_KEYS}, {TABLES}."),
    ("alert_on = []", "'alert_on' is not a setting. Did you mean 'alerts'?", f"Known: {ALL_KEYS}, {TABLES}."),
    ("jobs = 0", "jobs: expected a whole number, 1 or more, got 0", LEAVE_OUT),
    ("jobs = '4'", "jobs: expected a whole number, 1 or more, got '4'", LEAVE_OUT),
    ("jobs = true", "jobs: expected a whole number, 1 or more, got true", LEAVE_OUT),
    ("jobs = 1.5", "jobs: expected a whole number, 1 or more, got 1.5", LEAVE_OUT),
    (
        "notebooks = 'a.ipynb'",
        "notebooks: expected a list of paths, such as [\"train.ipynb\"], got 'a.ipynb'",
        LEAVE_OUT,
    ),
    ("notebooks = [1]", 'notebooks: expected a list of paths, such as ["train.ipynb"], got [1]', LEAVE_OUT),
    ("store = 3", "store: expected the path of a folder (no URL), got 3", LEAVE_OUT),
    ("store = ' '", "store: expected the path of a folder (no URL), got ' '", LEAVE_OUT),
    ("store = 's3://b/x'", "store: expected the path of a folder (no URL), got 's3://b/x'", LEAVE_OUT),
    ("retries = -1", "retries: expected a whole number, 0 or more, got -1", LEAVE_OUT),
    ("retry_delay = -0.5", "retry_delay: expected a number of seconds, 0 or more, got -0.5", LEAVE_OUT),
    ("retry_delay = 'none'", "retry_delay: expected a number of seconds, 0 or more, got 'none'", LEAVE_OUT),
    ("retry_delay = inf", "retry_delay: expected a number of seconds, 0 or more, got inf", LEAVE_OUT),
    ("timeout = 0", "timeout: expected a number of seconds, more than 0, or none, got 0", LEAVE_OUT),
    ("timeout = false", "timeout: expected a number of seconds, more than 0, or none, got false", LEAVE_OUT),
    ("fail_fast = 1", "fail_fast: expected true or false, got 1", LEAVE_OUT),
    ("keep_runs = 0", "keep_runs: expected a whole number, 1 or more, got 0", LEAVE_OUT),
    ("store_limit = -1", 'store_limit: expected a size such as "10GB", or none, got -1', LEAVE_OUT),
    (
        "store_limit = '10 gigs'",
        "store_limit: '10 gigs' is not an amount: the unit 'gigs' is not known.",
        "Write a number such as 2 or 0.5, or one with a unit: k, M, G, T (powers of 1000), KiB, MiB, GiB, TiB.",
    ),
    ("kernels = 'hot'", "kernels: expected warm or cold, got 'hot'", LEAVE_OUT),
    ("kernels = true", "kernels: expected warm or cold, got true", LEAVE_OUT),
    ("executor = []", "executor: expected the name of an executor, such as papermill, got []", LEAVE_OUT),
    (
        "resources = {gpu = -1}",
        "resources: expected names with amounts, such as gpu = 1, memory = \"8GiB\", got {'gpu': -1}",
        LEAVE_OUT,
    ),
    (
        "resources = {gpu = '1 dozen'}",
        "resources: '1 dozen' is not an amount: the unit 'dozen' is not known.",
        "Write a number such as 2 or 0.5, or one with a unit: k, M, G, T (powers of 1000), KiB, MiB, GiB, TiB.",
    ),
    (
        "resources = {'g p u' = 1}",
        "resources: expected names with amounts, such as gpu = 1, memory = \"8GiB\", got {'g p u': 1}",
        LEAVE_OUT,
    ),
    (
        "secrets = ['A']",
        "secrets: expected a table, got ['A']",
        'Write:\n[tool.nbflow.secrets]\nnames = ["DB_PASSWORD"]',
    ),
]


@pytest.mark.parametrize(("line", "said", "fix"), FILE_MISTAKES)
def test_a_mistake_in_the_project_file_is_named(root: Path, line: str, said: str, fix: str) -> None:
    with pytest.raises(UsageError) as error:
        load(root, f"[tool.nbflow]\n{line}\n")
    place = f"{root / 'pyproject.toml'}, [tool.nbflow]"
    joint = ": " if said.startswith("'") else ", "
    assert (error.value.message, error.value.fix) == (f"{place}{joint}{said}", fix)


@pytest.mark.parametrize(
    ("lines", "said", "fix"),
    [
        ("name = ['A']", ": 'name' is not a setting. Did you mean 'names'?", "Known: names."),
        (
            "names = 'A'",
            ", names: expected a list of environment variables, such as [\"DB_PASSWORD\"], got 'A'",
            LEAVE_OUT,
        ),
        (
            "names = ['A-B']",
            ", names: expected a list of environment variables, such as [\"DB_PASSWORD\"], got ['A-B']",
            LEAVE_OUT,
        ),
    ],
)
def test_a_mistake_in_the_table_of_secrets_is_named(root: Path, lines: str, said: str, fix: str) -> None:
    with pytest.raises(UsageError) as error:
        load(root, f"[tool.nbflow.secrets]\n{lines}\n")
    place = f"{root / 'pyproject.toml'}, [tool.nbflow.secrets]"
    assert (error.value.message, error.value.fix) == (f"{place}{said}", fix)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[tool.nbflow]\n\njobs = = 3\n", "line 3, column 8: this is not TOML: Invalid value"),
        (b"[tool.nbflow\n", "line 1, column 13: this is not TOML: Expected ']' at the end of a table declaration"),
        (b"[tool.nbflow]\nstore = '", 'end of document: this is not TOML: Expected "\'"'),
        (b"[tool.nbflow]\nstore = '\xff'\n", "line 2: this is not UTF-8"),
        (b"[tool]\nnbflow = 3\n", "tool.nbflow: expected a table, got 3"),
    ],
)
def test_a_file_that_is_not_toml_is_named_with_the_line(root: Path, content: bytes, said: str) -> None:
    (root / "pyproject.toml").write_bytes(content)
    with pytest.raises(UsageError) as error:
        load(root)
    assert error.value.message == f"{root / 'pyproject.toml'}, {said}"


@pytest.mark.parametrize(
    ("variable", "given", "said"),
    [
        ("NBFLOW_JOBS", "many", " NBFLOW_JOBS: expected a whole number, 1 or more, got 'many'"),
        ("NBFLOW_TIMEOUT", "nan", " NBFLOW_TIMEOUT: expected a number of seconds, more than 0, or none, got 'nan'"),
        ("NBFLOW_FAIL_FAST", "maybe", " NBFLOW_FAIL_FAST: expected true or false, got 'maybe'"),
        (
            "NBFLOW_SECRETS",
            "A;B",
            " NBFLOW_SECRETS: expected a list of environment variables, such as [\"DB_PASSWORD\"], got 'A;B'",
        ),
        (
            "NBFLOW_RESOURCES",
            "gpu",
            " NBFLOW_RESOURCES: expected names with amounts, such as gpu = 1, memory = \"8GiB\", got 'gpu'",
        ),
        ("NBFLOW_JOB", "2", ": 'NBFLOW_JOB' is not a setting. Did you mean 'NBFLOW_JOBS'?"),
        ("NBFLOW_RETRYDELAY", "2", ": 'NBFLOW_RETRYDELAY' is not a setting. Did you mean 'NBFLOW_RETRY_DELAY'?"),
    ],
)
def test_a_mistake_in_the_environment_is_named(root: Path, variable: str, given: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        load(root, "", {variable: given})
    assert error.value.message == f"environment variable{said}"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"jobs": 0}, "--jobs: expected a whole number, 1 or more, got 0"),
        ({"retry_delay": "soon"}, "--retry-delay: expected a number of seconds, 0 or more, got 'soon'"),
        ({"retry_delai": 1}, "flag: '--retry-delai' is not a setting. Did you mean '--retry-delay'?"),
    ],
)
def test_a_mistake_in_a_flag_is_named(root: Path, flags: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        load(root, **flags)
    assert error.value.message == said


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", None),
        ("150000 100000\n", 2),
        ("200000 100000\n", 2),
        ("10000 100000\n", 1),
        ("", None),
        ("1 0", None),
        ("a b", None),
    ],
)
def test_a_container_s_quota_counts_in_whole_cores(text: str, cores: int | None) -> None:
    assert cores_of_quota(text) == cores


# --- the project root ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marks", "start", "root"),
    [
        ({"a/pyproject.toml": "[tool.nbflow]\n"}, "a/b/c", "a"),
        ({"a/pyproject.toml": "[tool.nbflow.secrets]\nnames = []\n"}, "a/b/c", "a"),
        ({"a/.git/HEAD": ""}, "a/b/c", "a"),
        ({"a/.git": "gitdir: ../x"}, "a/b/c", "a"),
        ({"a/.nbflow/nbflow.db": ""}, "a/b/c", "a"),
        ({"a/b/c/.git/HEAD": ""}, "a/b/c", "a/b/c"),
        ({"a/.git/HEAD": "", "a/b/.nbflow/x": ""}, "a/b/c", "a/b"),
        ({"a/.git/HEAD": "", "a/b/pyproject.toml": "[project]\nname = 'x'"}, "a/b/c", "a"),
        ({"a/.git/HEAD": "", "a/b/pyproject.toml": "# nbflow\n[tool]\n"}, "a/b/c", "a"),
        ({"a/.git/HEAD": "", "a/b/pyproject.toml": "not toml at all"}, "a/b/c", "a"),
        ({"a/.git/HEAD": "", "a/b/.nbflow": "a file"}, "a/b/c", "a"),
        ({}, "a/b/c", "a/b"),
    ],
)
def test_the_root_is_the_nearest_folder_upwards_with_a_mark(
    tmp_path: Path, marks: dict[str, str], start: str, root: str
) -> None:
    sources = [tmp_path / "a/b/c/one.ipynb", tmp_path / "a/b/d"]
    for source in sources:
        source.mkdir(parents=True) if not source.suffix else source.parent.mkdir(parents=True)
    for path, content in marks.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    assert find_root(tmp_path / start, sources) == tmp_path / root


def test_without_mark_or_source_the_root_is_where_one_stands(tmp_path: Path) -> None:
    assert find_root(tmp_path) == tmp_path


def test_a_project_file_that_cannot_be_read_is_named_on_the_way_up(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nbflow]\njobs = = 1\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    with pytest.raises(UsageError) as error:
        find_root(tmp_path / "below")
    assert error.value.message == f"{tmp_path / 'pyproject.toml'}, line 2, column 8: this is not TOML: Invalid value"


def test_a_folder_of_another_user_is_passed_over(tmp_path: Path) -> None:
    notebook = tmp_path / "a" / "b" / "one.ipynb"
    notebook.parent.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a"):
        (folder / ".nbflow").mkdir()
        (folder / "pyproject.toml").write_text("[tool.nbflow]\njobs = = 1\n", encoding="utf-8")
    mine, somebody = os.geteuid(), os.geteuid() + 1
    found = [find_root(tmp_path / "a", [notebook], user) for user in (None, mine, somebody)]
    assert found == [tmp_path / "a", tmp_path / "a", tmp_path / "a" / "b"]


def test_each_setting_tells_where_it_comes_from(root: Path) -> None:
    load(root, "[tool.nbflow]\njobs = 3\nretries = 1\n[tool.nbflow.secrets]\nnames = ['A']\n")
    found = origins(root, {"NBFLOW_JOBS": "2", "NBFLOW_STORE": "/tmp/x", "PATH": "/bin"})
    assert list(found)[: len(ALL_KEYS.split(", "))] == ALL_KEYS.split(", ")
    assert list(found)[-6:] == ["secrets", "alert_urls", "alert_command", "alert_on", "slow_factor", "slow_seconds"]
    assert {name: place for name, place in found.items() if place != "default"} == {
        "jobs": "NBFLOW_JOBS",
        "store": "NBFLOW_STORE",
        "retries": "pyproject.toml",
        "secrets": "pyproject.toml",
    }


@pytest.mark.parametrize(
    ("given", "environ"),
    [
        ("[tool.nbflow]\nalerts = 'json://user:hunter2@host'", {}),
        ("[tool.nbflow.alerts]\nurls = 'json://user:hunter2@host'", {}),
        ("[tool.nbflow.alerts]\nurls = {a = 'json://user:hunter2@host'}", {}),
        ("[tool.nbflow.alerts]\nurls = ['hunter2']", {}),
        ("[tool.nbflow.alerts]\ncommand = 'curl -H hunter2'", {}),
        ("", {"NBFLOW_ALERT_URLS": "hunter2"}),
    ],
)
def test_an_address_of_alerts_is_never_quoted(tmp_path: Path, given: str, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError) as failure:
        load(tmp_path, given, environ)
    said = f"{failure.value.message} {failure.value.fix}"
    assert "hunter2" not in said
    assert "not shown" in said
