"""The pure core: plan and run state, values in and values out.

Nothing below this package reads a clock, a disk, a network or a log, or starts a thread. Start with
``model`` (the nouns), then ``names`` → ``slicing`` → ``graph`` (what a notebook means), ``fingerprint``
→ ``plan`` (what must run, and why), ``events`` → ``run`` → ``view`` (what happens).
"""
