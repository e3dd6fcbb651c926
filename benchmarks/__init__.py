"""Benchmarks: ratios to what one would write without this project, measured in one run."""
