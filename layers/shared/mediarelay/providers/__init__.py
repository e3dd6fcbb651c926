"""The providers: transcoding services that Mediarelay submits to, queries and receives callbacks from.

`port.py` says what Mediarelay must know of a provider. Each provider has a folder of its own, and nothing outside that
folder depends on which provider serves a task. `registry.py` lists them.
"""
