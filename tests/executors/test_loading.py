"""papermill is loaded without what takes long and is of no use to a run."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ASKED = """
import sys{before}
from nbflow.executors.papermill.loading import load_client
client = load_client()
import jsonschema, papermill.iorw
useless = ("rfc3987_syntax", "isoduration", "rfc3986_validator", "pyarrow")
missing = [name for name in useless if name not in sys.modules]
import isoduration, pyarrow, rfc3986_validator  # they are not lost
print(*missing)
"""


@pytest.mark.parametrize(
    ("before", "missing"),
    [
        ("", "rfc3987_syntax"),
        (", nbflow.ui.cli", "rfc3987_syntax isoduration rfc3986_validator pyarrow"),
        (", nbflow.ui.cli, pyarrow", "rfc3987_syntax isoduration rfc3986_validator"),
        (", isoduration, nbflow.ui.cli", "rfc3987_syntax rfc3986_validator pyarrow"),
    ],
    ids=["another's process", "nbflow's own", "what is there stays", "and what is there alone"],
)
def test_what_is_not_loaded(before: str, missing: str) -> None:
    done = subprocess.run([sys.executable, "-c", ASKED.format(before=before)], capture_output=True, text=True)
    assert (done.stdout.split(), done.returncode) == (missing.split(), 0), done.stderr
