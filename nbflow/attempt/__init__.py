"""How steps are made: what stands between the run's loop and the executor.

``Workshop`` is what the driver asks for an attempt. ``making`` is one attempt from its work order to its record,
``turns`` waits for other runs that work on the same, ``orders`` writes the work order, ``seen`` judges what the step
was seen to read. Start with ``workshop``.
"""

from nbflow.attempt.workshop import Workshop

__all__ = ["Workshop"]
