"""Kernels: which are installed, and how one is started. The one home of ``jupyter_client``.

Read ``specs.py`` for the first. It runs no cell: that is what executors do.
"""
