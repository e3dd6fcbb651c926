"""A CTS-compatible transcoding service that runs on this machine and really transcodes.

It stands in for the provider: the same signed API, the same buckets, the same callbacks; see docs/engine.md.
"""
