"""What happened: runs, events, the newest result of each step, and which run is alive.

The run writes it as it goes, front ends attach and leave at any time. Read ``database`` first, then ``locks``.
"""

from __future__ import annotations

from nbflow.journal.database import Journal, OutboxRow, ResultRow, RunRow, journal_path
from nbflow.journal.failures import Failure, last_failures
from nbflow.journal.locks import Owner, RunLock, bury, dead_runs, liveness, lock_owner, new_run_id

__all__ = [
    "Failure",
    "Journal",
    "OutboxRow",
    "Owner",
    "ResultRow",
    "RunLock",
    "RunRow",
    "bury",
    "dead_runs",
    "journal_path",
    "last_failures",
    "liveness",
    "lock_owner",
    "new_run_id",
]
