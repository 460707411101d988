"""Benchmarks: what the load, the rebuild and a tick cost, always beside something to compare with.

`python -m benchmarks` runs them and prints medians and ratios; nothing here is a test with a limit.
"""
