"""Benchmarks: every figure with its baselines in the same run. `python -m benchmarks` runs them (`make bench`)."""
