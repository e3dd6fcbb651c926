"""The decoder of the table's stream, for the dispatch function. Functions reach adapters only through the wiring."""

from mediarelay.adapters.dynamodb.stream import changes_of

__all__ = ["changes_of"]
