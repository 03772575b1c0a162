"""The fork server: a process that has ipykernel and the installed modules of the steps loaded, and becomes kernels.

It runs in the interpreter of a kernelspec, which need not have nbflow, so this folder is loaded by its path: it imports
nothing of nbflow, and nothing but the standard library when loaded. Python 3.9 and later, Linux. It never runs user
code. ``serve`` is the loop, ``rehearsal`` finds out what a kernel loads as it starts, ``preload`` imports modules under
watch, ``standin`` is what they see in the place of the shell, ``child`` turns a fork into a kernel, ``processes`` kills
what kernels leave behind. ``nbflow.kernels.forks`` is the other side. Start with ``serve``.
"""
