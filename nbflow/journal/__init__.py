"""What happened: runs, events, the newest result of each step, and which run is alive.

The run writes it as it goes, front ends attach and leave at any time. Read ``database`` first, then ``locks``.
"""

from __future__ import annotations

from nbflow.journal.database import Journal, OutboxRow, ResultRow, RunRow, journal_path
from nbflow.journal.locks import Owner, RunLock, is_alive, liveness, lock_owner, new_run_id

__all__ = [
    "Journal",
    "OutboxRow",
    "Owner",
    "ResultRow",
    "RunLock",
    "RunRow",
    "is_alive",
    "journal_path",
    "liveness",
    "lock_owner",
    "new_run_id",
]
