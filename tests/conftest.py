"""What every test gets: nothing of the person's own Jupyter set-up, Hypothesis without a stopwatch, and Ctrl-C.
Fixtures that one test module alone needs live in that module."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Tests share their cores with kernels, so an example that takes long says nothing about the code.
settings.register_profile("nbflow", deadline=None, print_blob=True)
settings.load_profile("nbflow")

# A shell without job control starts what it leaves in the background deaf to Ctrl-C, and so would be what we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_FOLDERS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
_FIXED = {
    "NO_COLOR": "1", "COLUMNS": "120", "JUPYTER_PLATFORM_DIRS": "1",
    "OMP_WAIT_POLICY": "passive",  # threads that wait for each other take no core from the test beside this one
}  # fmt: skip
_REMOVED = ("FORCE_COLOR", "PYTHONHASHSEED", "PYTHONWARNINGS", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH")


@pytest.fixture(scope="session", autouse=True)
def own_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Jupyter and IPython folders of our own, for this process and the kernels it starts: a start-up file, a history
    or a kernelspec of the person who runs the tests changes nothing. Kernelspecs of the environment stay visible."""
    home = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name in _FOLDERS:
            folder = home / name.lower()
            folder.mkdir(mode=0o700)
            patch.setenv(name, str(folder))
        for name, value in _FIXED.items():
            patch.setenv(name, value)
        for name in [*_REMOVED, *(name for name in os.environ if name.startswith("NBFLOW_"))]:
            patch.delenv(name, raising=False)
        yield home
