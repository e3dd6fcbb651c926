"""Signatures of requests and callbacks. Pure functions: no I/O, no clock, no randomness."""
