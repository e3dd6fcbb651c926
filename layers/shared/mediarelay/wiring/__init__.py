"""The composition root: each module builds the use cases of functions that share an import budget.

A function loads what its wiring module names at the top and nothing else: `callbacks` and `relays` name no pydantic, no
requests, nothing that only other functions need. Everything is built from the environment, once per process.
"""
