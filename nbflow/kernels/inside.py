"""A short piece of code that every ipykernel runs silently, to be a good neighbour. It leaves no name behind.

What it touches of ipykernel it looks for first, and does nothing where a kernel lacks it. Python 3.9 and later.
"""

from __future__ import annotations

AFTER_START = """\
def _nbflow():
    import atexit, sys

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

    def end_in_order():
        for stream in streams:
            stream.flush_timeout = 0.1
        control = getattr(getattr(shell, "kernel", None), "control_thread", None)
        if control is not None:
            control.join(1)

    def alive():
        return [process for process in search() if process.is_running() and process.status() != "zombie"]

    shell = get_ipython()
    search = getattr(getattr(shell, "kernel", None), "_process_children", None)
    if search is not None:
        shell.kernel._process_children = alive
    streams = [s for s in (sys.stdout, sys.stderr) if hasattr(s, "register_hook") and hasattr(s, "pub_thread")]
    for stream in streams:
        bound(stream)
    atexit.register(end_in_order)
_nbflow()
del _nbflow
"""
"""What was printed within a moment goes out as one message, however large, and has to be held in memory at once by
whoever reads it: send it in pieces of a million characters.

At the very end a kernel may flush its streams to a thread that is gone by then, and would wait 10 seconds; and the
thread that was told to shut down flushes too, and would wait for ever, with the kernel waiting for it. So that one goes
first. Before that it ends its children, and would wait half a minute for those that have ended and that the user's code
has not asked for.
"""
