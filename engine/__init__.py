"""A transcoding service that is compatible with CTS and MPS, runs on this machine and really transcodes.

It stands in for both providers, with the same signed APIs, buckets, schedules and callbacks. See docs/engine.md.
"""
