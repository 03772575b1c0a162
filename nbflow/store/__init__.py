"""What steps made: records by key, bytes by digest.

The two are separate, as in a build tool's action cache and blob store, so that equal bytes are kept once and a
record is a small file. Nothing here knows notebooks, and nothing here unpickles. Read ``local`` first; ``home``
says where things lie.
"""

from __future__ import annotations

from nbflow.store.home import home_of, make_private
from nbflow.store.local import Store
from nbflow.store.records import record_from_json, record_to_json

__all__ = ["Store", "home_of", "make_private", "record_from_json", "record_to_json"]
