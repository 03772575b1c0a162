"""Bad input, as a person meets it: one message that says what, where and the fix, compared whole; the right exit code;
nothing on stdout; no traceback; and nothing has run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.commands import Given, nbflow

TWO = ("# parameters\nalpha = 0.1", "%%step load -o a\na = alpha", "%%step train -i a -o m\nm = a")

CASES: list[tuple[str, Given, int, str]] = [
    (
        "run -p alpa=2",
        Given(TWO),
        2,
        ("nbflow: No notebook of this pipeline has a parameter 'alpa'. Did you mean 'alpha'?\n  Parameters: alpha.\n"),
    ),
    (
        "run -p alpha",
        Given(TWO),
        2,
        ("nbflow: -p takes NAME=VALUE, not 'alpha'.\n  For example: -p alpha=0.1\n"),
    ),
    (
        "run -p 2x=1",
        Given(TWO),
        2,
        ("nbflow: -p takes NAME=VALUE, not '2x=1'.\n  For example: -p alpha=0.1\n"),
    ),
    (
        "run -y 'alpha: [1'",
        Given(TWO),
        2,
        ("nbflow: -y 'alpha: [1' is not valid YAML (line 1).\n  For example: alpha: 0.1\n"),
    ),
    (
        "run -y '- 1'",
        Given(TWO),
        2,
        ("nbflow: -y '- 1' does not hold names with values.\n  For example: alpha: 0.1\n"),
    ),
    (
        "run -y 'alpha: 2020-01-01'",
        Given(TWO),
        2,
        (
            "nbflow: -y 'alpha: 2020-01-01': 'alpha' is a date, which a notebook parameter cannot be.\n"
            "  Parameters are texts, numbers, true, false, null, lists and mappings; quote dates.\n"
        ),
    ),
    (
        "run -f gone.yaml",
        Given(TWO),
        2,
        "nbflow: The parameters file gone.yaml cannot be read: No such file or directory.\n",
    ),
    (
        "run -f .",
        Given(TWO),
        2,
        "nbflow: The parameters file . cannot be read: Is a directory.\n",
    ),
    (
        "run -f p.yaml",
        Given(TWO, files={"p.yaml": "alpha: b: c"}),
        2,
        ("nbflow: The parameters file p.yaml is not valid YAML (line 1).\n  For example: alpha: 0.1\n"),
    ),
    (
        "run",
        Given(TWO, kernel="pyton3"),
        2,
        (
            "nbflow: No kernel named 'pyton3' is installed. Did you mean 'python3'? Installed: KERNELS.\n"
            "  Install it with the Python of its environment (python -m ipykernel install --user --name pyton3), or "
            "choose another kernel for the notebook.\n"
        ),
    ),
    (
        "run",
        Given(TWO, kernel="conda-env-x"),
        2,
        (
            "nbflow: No kernel named 'conda-env-x' is installed. Installed: KERNELS.\n"
            "  Install it with the Python of its environment (python -m ipykernel install --user --name conda-env-x), "
            "or choose another kernel for the notebook.\n"
        ),
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b""}),
        2,
        ("nbflow: flow.ipynb is empty, so it is not a notebook.\n  Open it in Jupyter and save it, or remove it.\n"),
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b'{"cells": ['}),
        2,
        (
            "nbflow: flow.ipynb is not valid JSON: line 1, expecting value.\n"
            "  Correct it, or go back to an earlier version (an unfinished merge of git leaves such files).\n"
        ),
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b"\xff\xfe\x00"}),
        2,
        ("nbflow: flow.ipynb is not UTF-8 text (line 1).\n  Open it in Jupyter and save it again.\n"),
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b'{"metadata": {}}'}),
        2,
        "nbflow: flow.ipynb is not a notebook: it holds no cells.\n",
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b"[]"}),
        2,
        "nbflow: flow.ipynb is not a notebook: it holds no cells.\n",
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b'{"nbformat": 9, "cells": []}'}),
        2,
        (
            "nbflow: flow.ipynb is in notebook format 9; the newest that nbflow reads is 4.\n"
            "  Save it in format 4, or update nbflow.\n"
        ),
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b'{"nbformat": 3, "worksheets": 7}'}),
        2,
        (
            "nbflow: flow.ipynb is in notebook format 3, and it is damaged: it cannot be converted.\n"
            "  Open it in Jupyter and save it again.\n"
        ),
    ),
    (
        "run flow.ipynb",
        Given(files={"flow.ipynb": b'{"nbformat": 4, "metadata": {}, "cells": []}'}),
        2,
        (
            "nbflow: There are no steps in flow.ipynb.\n"
            "  Begin a cell with a line such as: %%step clean -i raw -o table\n"
        ),
    ),
    (
        "run",
        Given(files={"flow.ipynb": b'{"nbformat": 4, "metadata": {}, "cells": []}'}),
        2,
        (
            "nbflow: There are no steps in this folder.\n"
            "  Begin a cell with a line such as: %%step clean -i raw -o table\n"
        ),
    ),
    (
        "run",
        Given(),
        2,
        ("nbflow: There is no notebook in this folder.\n  Name a notebook (.ipynb), or a folder that holds some.\n"),
    ),
    (
        "run flw.ipynb",
        Given(TWO),
        2,
        "nbflow: flw.ipynb does not exist. Did you mean 'flow.ipynb'?\n",
    ),
    (
        "run experiments",
        Given(TWO),
        2,
        "nbflow: experiments does not exist.\n",
    ),
    (
        "run pyproject.toml",
        Given(TWO),
        2,
        ("nbflow: pyproject.toml is not a notebook.\n  Give notebooks (.ipynb) or folders that hold some.\n"),
    ),
    (
        "why tran",
        Given(TWO),
        2,
        ("nbflow: There is no step 'tran'. Did you mean 'train'?\n  Known steps: load, train.\n"),
    ),
    (
        "why '*'",
        Given(TWO),
        2,
        ("nbflow: '*' means several steps: load, train.\n  Name one of them.\n"),
    ),
    (
        "why",
        Given(TWO),
        2,
        (
            "Usage: nbflow why [OPTIONS] STEP [NOTEBOOK|FOLDER]...\n"
            "Try 'nbflow why --help' for help.\n"
            "\n"
            "Error: Missing argument 'STEP'.\n"
        ),
    ),
    (
        "why flow.ipynb",
        Given(TWO),
        2,
        ("nbflow: 'flow.ipynb' is a notebook, and the step comes first.\n  Write: nbflow why STEP flow.ipynb\n"),
    ),
    (
        "run -s tran",
        Given(TWO),
        2,
        ("nbflow: There is no step 'tran'. Did you mean 'train'?\n  Known steps: load, train.\n"),
    ),
    (
        "run -s 'fit_*'",
        Given(TWO),
        2,
        ("nbflow: No step matches 'fit_*'.\n  Known steps: load, train.\n"),
    ),
    (
        "run -s state:old",
        Given(TWO),
        2,
        ("nbflow: Selector 'state:old' asks for a state that nbflow does not know.\n  Use state:stale.\n"),
    ),
    (
        "run -s +",
        Given(TWO),
        2,
        ("nbflow: Selector '+' names no step.\n  Write it as +train, train+ or 2+train+1.\n"),
    ),
    (
        "run -s train",
        Given(TWO),
        2,
        (
            "nbflow: Step 'train' needs 'load', which has no fresh result and is not selected.\n"
            "  Select what it needs as well: -s +train\n"
        ),
    ),
    (
        "run --forse",
        Given(TWO),
        2,
        (
            "Usage: nbflow run [OPTIONS] [NOTEBOOK|FOLDER]...\n"
            "Try 'nbflow run --help' for help.\n"
            "\n"
            "Error: No such option '--forse'. (Did you mean one of: '--force', '--jobs'?)\n"
        ),
    ),
    (
        "rum",
        Given(TWO),
        2,
        (
            "Usage: nbflow [OPTIONS] COMMAND [ARGS]...\n"
            "Try 'nbflow --help' for help.\n"
            "\n"
            "Error: No such command 'rum'. Did you mean 'run'?\n"
        ),
    ),
    (
        "flow.ipynb",
        Given(TWO),
        2,
        (
            "Usage: nbflow [OPTIONS] COMMAND [ARGS]...\n"
            "Try 'nbflow --help' for help.\n"
            "\n"
            "Error: 'flow.ipynb' is not a command. To run that notebook: nbflow run flow.ipynb\n"
        ),
    ),
    (
        "run -j 0",
        Given(TWO),
        2,
        (
            "Usage: nbflow run [OPTIONS] [NOTEBOOK|FOLDER]...\n"
            "Try 'nbflow run --help' for help.\n"
            "\n"
            "Error: Invalid value for '-j' / '--jobs': '0' is not a whole number of 1 or more.\n"
        ),
    ),
    (
        "run -j x",
        Given(TWO),
        2,
        (
            "Usage: nbflow run [OPTIONS] [NOTEBOOK|FOLDER]...\n"
            "Try 'nbflow run --help' for help.\n"
            "\n"
            "Error: Invalid value for '-j' / '--jobs': 'x' is not a whole number of 1 or more.\n"
        ),
    ),
    (
        "run --force --no-cache",
        Given(TWO),
        2,
        ("nbflow: --force and --no-cache do not go together.\n  They mean the same: give one of them.\n"),
    ),
    (
        "run --executor papermil",
        Given(TWO),
        2,
        ("nbflow: There is no executor 'papermil'. Did you mean 'papermill'?\n  Executors: papermill.\n"),
    ),
    (
        "graph --format png",
        Given(TWO),
        2,
        (
            "Usage: nbflow graph [OPTIONS] [NOTEBOOK|FOLDER]...\n"
            "Try 'nbflow graph --help' for help.\n"
            "\n"
            "Error: Invalid value for '--format': 'png' is not one of 'text', 'svg', 'dot', 'mermaid', 'json'.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={"pyproject.toml": "[tool.nbflow]\njob = 2\n"}),
        2,
        (
            "nbflow: ROOT/pyproject.toml, [tool.nbflow]: 'job' is not a setting. Did you mean 'jobs'?\n"
            "  Known: notebooks, jobs, store, retries, retry_delay, crash_retries, timeout, fail_fast, keep_runs, "
            "store_limit, executor, kernels, resources, secrets, alerts.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={"pyproject.toml": "[tool.nbflow]\njobs = 'two'\n"}),
        2,
        (
            "nbflow: ROOT/pyproject.toml, [tool.nbflow], jobs: expected a whole number, 1 or more, got 'two'\n"
            "  Correct it, or leave it out for the default.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={"pyproject.toml": "[tool.nbflow\n"}),
        2,
        (
            "nbflow: ROOT/pyproject.toml, line 1, column 13: this is not TOML: Expected ']' at the end of a table "
            "declaration\n"
            "  Correct the file.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={"pyproject.toml": "[tool.nbflow]\nnotebooks = ['gone.ipynb']\n"}),
        2,
        "nbflow: The setting notebooks is wrong: gone.ipynb does not exist. Did you mean 'flow.ipynb'?\n",
    ),
    (
        "run",
        Given(TWO, files={"pyproject.toml": "[tool.nbflow]\nsecrets = ['A']\n"}),
        2,
        (
            "nbflow: ROOT/pyproject.toml, [tool.nbflow], secrets: expected a table, got ['A']\n"
            "  Write:\n"
            "  [tool.nbflow.secrets]\n"
            '  names = ["DB_PASSWORD"]\n'
        ),
    ),
    (
        "NBFLOW_JOBS=many run",
        Given(TWO),
        2,
        (
            "nbflow: environment variable NBFLOW_JOBS: expected a whole number, 1 or more, got 'many'\n"
            "  Correct it, or leave it out for the default.\n"
        ),
    ),
    (
        "NBFLOW_JOB=2 run",
        Given(TWO),
        2,
        (
            "nbflow: environment variable: 'NBFLOW_JOB' is not a setting. Did you mean 'NBFLOW_JOBS'?\n"
            "  Known: NBFLOW_NOTEBOOKS, NBFLOW_JOBS, NBFLOW_STORE, NBFLOW_RETRIES, NBFLOW_RETRY_DELAY, "
            "NBFLOW_CRASH_RETRIES, NBFLOW_TIMEOUT, NBFLOW_FAIL_FAST, NBFLOW_KEEP_RUNS, NBFLOW_STORE_LIMIT, "
            "NBFLOW_EXECUTOR, NBFLOW_KERNELS, NBFLOW_RESOURCES, NBFLOW_SECRETS, NBFLOW_ALERT_URLS, "
            "NBFLOW_ALERT_COMMAND, NBFLOW_ALERT_ON, NBFLOW_SLOW_FACTOR, NBFLOW_SLOW_SECONDS.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={"pyproject.toml": "[tool.nbflow]\nstore = 'x.txt'\n", "x.txt": ""}),
        4,
        (
            "nbflow: the store cannot be read: ROOT/x.txt/records/KEY (Not a directory)\n"
            "  Something that is not a folder is in the way. Move it away and run again.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={".nbflow": ""}),
        4,
        (
            "nbflow: the store cannot be read: ROOT/.nbflow/store/records/KEY (Not a directory)\n"
            "  Something that is not a folder is in the way. Move it away and run again.\n"
        ),
    ),
    (
        "run",
        Given(TWO, files={"nbflow_runs": ""}),
        4,
        ("nbflow: The run's folder cannot be made: ROOT/nbflow_runs is no folder.\n  Move it away and run again.\n"),
    ),
    (
        "run",
        Given(TWO, files={".nbflow/nbflow.db": "this is no database at all, not even close to one"}),
        4,
        (
            "nbflow: the journal ROOT/.nbflow/nbflow.db is damaged (file is not a database)\n"
            "  To go on, move it away (mv 'ROOT/.nbflow/nbflow.db' 'ROOT/.nbflow/nbflow.db.damaged'). The history of "
            "runs is lost, no result is.\n"
        ),
    ),
]
"""What is typed (variables of the environment first), the folder, the exit code, the whole of stderr."""


@pytest.mark.parametrize(("typed", "given", "code", "message"), CASES, ids=[c[0] + c[3][8:40] for c in CASES])
def test_bad_input_is_told(tmp_path: Path, typed: str, given: Given, code: int, message: str) -> None:
    given.write(tmp_path)
    words = shlex.split(typed)
    environ = dict(word.split("=") for word in words if word.startswith("NBFLOW_"))
    assert nbflow(tmp_path, *words[len(environ) :], environ=environ) == (code, "", message)
    assert not (tmp_path / "nbflow_runs").is_dir()
