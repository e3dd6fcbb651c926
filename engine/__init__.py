"""A CTS-compatible transcoding service that runs on this machine and really transcodes.

It stands in for the provider, with the same signed API, buckets and callbacks. See docs/engine.md.
"""
