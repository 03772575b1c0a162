"""Two short pieces of code that every ipykernel runs silently, to be a good neighbour. They leave no name behind.

They touch public parts of ipykernel's streams only, and do nothing where a kernel lacks them. Python 3.9 and later.
"""

from __future__ import annotations

AFTER_START = """\
def _nbflow():
    import sys

    def bound(stream, size=1_000_000):
        def split(message):
            content = message["content"]
            text = content["text"]
            start = 0
            while len(text) - start > size:
                piece = dict(content, text=text[start : start + size])
                part = stream.session.msg("stream", piece, parent=message["parent_header"])
                stream.session.send(stream.pub_thread, part, ident=stream.topic)
                start += size
            content["text"] = text[start:]
            return message

        # Hooks belong to the thread that registers them, and the one that sends has to.
        stream.pub_thread.schedule(lambda: stream.register_hook(split))

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "register_hook") and hasattr(stream, "pub_thread"):
            bound(stream)
_nbflow()
del _nbflow
"""
"""What was printed within a moment goes out as one message, however large, and has to be held in memory at once by
whoever reads it: send it in pieces of a million characters."""

BEFORE_SHUTDOWN = (
    "import sys as _nbflow\n_nbflow.stdout.flush_timeout = _nbflow.stderr.flush_timeout = 0.1\ndel _nbflow"
)
"""At the very end a kernel may flush its streams to a thread that is gone by then, and would wait 10 seconds."""
