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

    def whole(value):
        if isinstance(value, str):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, dict):
            return {whole(name): whole(each) for name, each in value.items()}
        return [whole(each) for each in value] if isinstance(value, (list, tuple)) else value

    def sent_whole(pack):
        def packed(value):
            try:
                return pack(value)
            except UnicodeEncodeError:
                return pack(whole(value))

        return packed

    def end_in_order():
        for stream in streams:
            stream.flush_timeout = 0.1
        control = getattr(getattr(shell, "kernel", None), "control_thread", None)
        if control is not None:
            control.join(1)

    def alive():
        return [process for process in search() if process.is_running() and process.status() != "zombie"]

    shell = get_ipython()
    session = getattr(getattr(shell, "kernel", None), "session", None)
    if hasattr(session, "pack"):
        session.pack = sent_whole(session.pack)
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

Half a letter in what is said (a lone surrogate) goes into no message: the kernel would tell of that and not of the
error that was raised. A sign stands for it.

At the very end a kernel may flush its streams to a thread that is gone by then, and would wait 10 seconds; and the
thread that was told to shut down flushes too, and would wait for ever, with the kernel waiting for it. So that one goes
first. Before that it ends its children, and would wait half a minute for those that have ended and that the user's code
has not asked for.
"""
