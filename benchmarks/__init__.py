"""Measurements, each with both sides in one run: absolute times differ from machine to machine, ratios less so.

``python -m benchmarks`` (``make bench``) runs them all and prints what it measured. Nothing here is a test.
"""
