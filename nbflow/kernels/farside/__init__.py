"""What runs in processes of its own: the guard of a run, the fork server, and the kernels that it becomes.

The fork server has ipykernel and the installed modules of the steps loaded. It runs in the interpreter of a kernelspec,
which need not have nbflow, so this folder is loaded by its path: it imports nothing of nbflow, and nothing but the
standard library when loaded. Python 3.9 and later; Linux, but for the guard. None of it ever runs user code. ``guard``
starts all others and is their end; ``serve`` is the loop of the fork server, ``rehearsal`` finds out what a kernel
loads as it starts, ``preload`` imports modules under watch, ``standin`` is what they see in the place of the shell,
``child`` turns a fork into a kernel, ``processes`` kills what kernels leave behind, ``lines`` is how all talk. The near
sides are ``nbflow.kernels.guards`` and ``forks``. Start with ``serve``.
"""
