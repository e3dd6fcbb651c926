"""The generator of the schemas in this folder; see `generate.py`."""
